//! The architectures this crate knows, one small file each: how its configuration reads, and what its files call and join
//! otherwise than [`decoder`] does. A new one adds a file, a variant of
//! [`Architecture`] and a line of [`ALL`].

mod arcee;
mod bitnet;
mod decoder;
mod ernie4_5;
mod gemma3;
mod gpt2;
mod gpt_oss;
mod granite;
mod joined;
mod llama;
mod mistral;
mod olmo2;
mod phi3;
mod qwen2;
mod qwen3;
mod qwen3_5;
mod qwen3_moe;
mod qwen3_next;
mod seed_oss;
mod smollm3;

pub(crate) mod missing;
pub(crate) mod spec;

use std::fmt;
use std::path::Path;

pub(crate) use joined::{Joined, Part, Stored};
pub(crate) use spec::{GgufSpec, Spec};

use crate::Error;
use crate::config::{Architecture, ModelConfig, RowOrder};
use crate::graph::OpGraph;

const ALL: [(Architecture, &Spec); 19] = [
    (Architecture::Arcee, &arcee::SPEC),
    (Architecture::BitNet, &bitnet::SPEC),
    (Architecture::Ernie45, &ernie4_5::SPEC),
    (Architecture::Gemma3, &gemma3::SPEC),
    (Architecture::Gpt2, &gpt2::SPEC),
    (Architecture::GptOss, &gpt_oss::SPEC),
    (Architecture::Granite, &granite::SPEC),
    (Architecture::Llama, &llama::SPEC),
    (Architecture::Mistral, &mistral::SPEC),
    (Architecture::Olmo2, &olmo2::SPEC),
    (Architecture::Phi3, &phi3::SPEC),
    (Architecture::Qwen2, &qwen2::SPEC),
    (Architecture::Qwen3, &qwen3::SPEC),
    (Architecture::Qwen35, &qwen3_5::SPEC),
    (Architecture::Qwen35Moe, &qwen3_5::MOE),
    (Architecture::Qwen3Moe, &qwen3_moe::SPEC),
    (Architecture::Qwen3Next, &qwen3_next::SPEC),
    (Architecture::SeedOss, &seed_oss::SPEC),
    (Architecture::SmolLm3, &smollm3::SPEC),
];

/// What the names of tensors begin with that see, in files of multimodal models as transformers saves them and saved them.
const SIGHT: [&str; 6] =
    ["model.visual.", "visual.", "model.vision_tower.", "vision_tower.", "model.multi_modal_projector.", "multi_modal_projector."];

impl Architecture {
    /// By `model_type` of a `config.json`.
    pub fn from_name(name: &str) -> Option<Architecture> {
        let has = |spec: &Spec| spec.model_type == name || spec.also.iter().any(|(also, _)| *also == name);
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

    /// Whether its files may hold layers that predict further tokens, which its class leaves unread.
    pub(crate) fn predicts_further(self) -> bool {
        matches!(self, Architecture::Qwen35 | Architecture::Qwen35Moe | Architecture::Qwen3Next)
    }

    /// Whether its files may hold this tensor and a text leaves it unread.
    pub(crate) fn leaves_unread(self, tensor: &str) -> bool {
        let sees = !self.spec().also.is_empty() && SIGHT.iter().any(|prefix| tensor.starts_with(prefix));
        sees || self.predicts_further() && tensor.starts_with(qwen3_5::FURTHER)
    }

    /// Which two rows of a head a Hugging Face folder rotates together.
    pub(crate) fn folder_order(self) -> RowOrder {
        if self == Architecture::Ernie45 { RowOrder::Interleaved } else { RowOrder::Half }
    }

    /// Whether it may rotate a part of each head.
    pub(crate) fn rotates_parts(self) -> bool {
        matches!(self, Architecture::Phi3 | Architecture::Qwen35 | Architecture::Qwen35Moe | Architecture::Qwen3Next)
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

impl OpGraph {
    /// Build the graph of a configuration; no weights needed.
    ///
    /// # Errors
    /// [`Error::Graph`] if the configuration's widths do not fit together.
    pub fn from_config(config: &ModelConfig, order: RowOrder) -> Result<OpGraph, Error> {
        let graph = decoder::build(config, order);
        graph.validate()?;
        Ok(graph)
    }
}

impl ModelConfig {
    /// Check every field against the others, then count the parameters from the graph.
    pub(crate) fn checked(mut self, source: &Path) -> Result<ModelConfig, Error> {
        self.check(source)?;
        let graph = OpGraph::from_config(&self, RowOrder::Half)?;
        self.parameters = graph.weights().iter().map(|w| w.elements()).sum();
        Ok(self)
    }
}
