//! The architectures this crate knows, one small file each: how its configuration reads, and what its files call and join
//! otherwise than [`decoder`] does. A new one adds a file, a variant and a line of [`ALL`].

mod bitnet;
mod decoder;
mod gemma3;
mod gpt2;
mod gpt_oss;
mod joined;
mod llama;
mod mistral;
mod olmo2;
mod phi3;
mod qwen2;
mod qwen3;
mod qwen3_5;
mod qwen3_moe;
mod smollm3;

use std::fmt;

use serde::{Deserialize, Serialize};

pub(crate) use decoder::{EMBEDDING, HEAD, POSITIONS};
pub(crate) use joined::{Joined, Part, Stored};

use crate::Error;
use crate::config::ModelConfig;
use crate::gguf::Keys;
use crate::graph::{Node, Op, OpGraph, Port, RowOrder};
use crate::huggingface::Fields;

/// A family of models with one operator graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Architecture {
    BitNet,
    Gemma3,
    Gpt2,
    GptOss,
    Llama,
    Mistral,
    Olmo2,
    Phi3,
    Qwen2,
    Qwen3,
    Qwen35,
    Qwen3Moe,
    SmolLm3,
}

/// What an architecture's file says of it.
pub(crate) struct Spec {
    /// `model_type` of a `config.json`.
    model_type: &'static str,
    /// The class name in its `architectures`.
    pub class: &'static str,
    /// `model_type` and class of the multimodal model whose text part it is, where such files are read too.
    pub whole: Option<(&'static str, &'static str)>,
    /// Reads a `config.json`.
    pub config: fn(&Fields) -> Result<ModelConfig, Error>,
    /// What a stored tensor is, if not one of the graph's by its own name.
    stored: fn(&str, &ModelConfig) -> Option<Stored>,
    gguf: Option<GgufSpec>,
}

/// How GGUF files of an architecture differ from what [`crate::gguf`] reads of them all.
pub(crate) struct GgufSpec {
    /// `general.architecture`.
    pub name: &'static str,
    /// Row order of the query and key matrices.
    pub order: RowOrder,
    /// Completes the configuration that all files have.
    pub config: fn(&Keys, ModelConfig) -> Result<ModelConfig, Error>,
    /// Layer tensors: GGUF's name and Hugging Face's, where they differ from the common ones.
    pub names: &'static [(&'static str, &'static str)],
}

const ALL: [(Architecture, &Spec); 13] = [
    (Architecture::BitNet, &bitnet::SPEC),
    (Architecture::Gemma3, &gemma3::SPEC),
    (Architecture::Gpt2, &gpt2::SPEC),
    (Architecture::GptOss, &gpt_oss::SPEC),
    (Architecture::Llama, &llama::SPEC),
    (Architecture::Mistral, &mistral::SPEC),
    (Architecture::Olmo2, &olmo2::SPEC),
    (Architecture::Phi3, &phi3::SPEC),
    (Architecture::Qwen2, &qwen2::SPEC),
    (Architecture::Qwen3, &qwen3::SPEC),
    (Architecture::Qwen35, &qwen3_5::SPEC),
    (Architecture::Qwen3Moe, &qwen3_moe::SPEC),
    (Architecture::SmolLm3, &smollm3::SPEC),
];

impl Architecture {
    /// By `model_type` of a `config.json`.
    pub fn from_name(name: &str) -> Option<Architecture> {
        let has = |spec: &Spec| spec.model_type == name || spec.whole.is_some_and(|(whole, _)| whole == name);
        ALL.iter().find(|(_, spec)| has(spec)).map(|(a, _)| *a)
    }

    /// By `general.architecture` of a GGUF file.
    pub(crate) fn from_gguf_name(name: &str) -> Option<(Architecture, &'static GgufSpec)> {
        ALL.iter().find_map(|(a, spec)| spec.gguf.as_ref().filter(|g| g.name == name).map(|g| (*a, g)))
    }

    pub(crate) fn spec(self) -> &'static Spec {
        let (_, spec) = ALL.iter().find(|(a, _)| *a == self).expect("every variant is listed");
        spec
    }

    /// What a stored tensor is to the graph; `None` if it is one of the graph's, by its own name.
    pub(crate) fn stored(self, tensor: &str, config: &ModelConfig) -> Option<Stored> {
        (self.spec().stored)(tensor, config).or_else(|| joined::common(tensor, config))
    }
}

/// What to read instead, for errors about any other architecture.
pub(crate) fn supported() -> String {
    ALL.map(|(_, spec)| spec.model_type).join(", ")
}

/// As [`supported`], of GGUF files.
pub(crate) fn supported_gguf() -> String {
    let names: Vec<&str> = ALL.iter().filter_map(|(_, spec)| spec.gguf.as_ref().map(|g| g.name)).collect();
    names.join(", ")
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.spec().model_type)
    }
}

/// The operator graph of a configuration, not yet validated.
pub(crate) fn build(config: &ModelConfig, order: RowOrder) -> OpGraph {
    decoder::build(config, order)
}

/// An architecture that stores every tensor under the graph's name.
fn as_is(_: &str, _: &ModelConfig) -> Option<Stored> {
    None
}

/// Grows a graph one operator at a time.
struct Builder {
    graph: petgraph::graph::DiGraph<Node, Port>,
    /// The expert that nodes added now are part of.
    expert: Option<u32>,
}

type Id = petgraph::graph::NodeIndex;

impl Builder {
    fn new() -> Builder {
        Builder { graph: Default::default(), expert: None }
    }

    /// Add a node fed by `inputs`, in port order.
    fn add(&mut self, path: impl Into<String>, op: Op, width: usize, inputs: &[Id]) -> Id {
        let node = self.graph.add_node(Node { path: path.into(), op, width, expert: self.expert });
        for (port, &source) in (0..).zip(inputs) {
            self.graph.add_edge(source, node, Port(port));
        }
        node
    }

    fn width(&self, node: Id) -> usize {
        self.graph[node].width
    }

    fn finish(self, output: Id) -> OpGraph {
        OpGraph { graph: self.graph, output }
    }
}
