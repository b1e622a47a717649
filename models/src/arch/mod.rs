//! The architectures this crate knows, one file each. A new one adds a variant here and a file.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::config::ModelConfig;
use crate::graph::{Node, Op, OpGraph, Port, RowOrder};

mod llama;

/// A family of models with one operator graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Architecture {
    /// RMSNorm, grouped-query attention, RoPE, SwiGLU: `LlamaForCausalLM`.
    Llama,
}

/// What to read instead, for errors about any other architecture.
pub(crate) const SUPPORTED: &str = "llama";

impl Architecture {
    /// By `model_type` of a `config.json`, which is also `general.architecture` of a GGUF file.
    pub fn from_name(name: &str) -> Option<Architecture> {
        match name {
            "llama" => Some(Architecture::Llama),
            _ => None,
        }
    }

    /// The class name in `architectures` of a `config.json`.
    pub fn hf_class(self) -> &'static str {
        match self {
            Architecture::Llama => "LlamaForCausalLM",
        }
    }

    /// Row order of the query and key matrices in a GGUF file of this architecture.
    pub(crate) fn gguf_row_order(self) -> RowOrder {
        match self {
            Architecture::Llama => RowOrder::Interleaved,
        }
    }

    /// Tensors that checkpoints carry and no operator reads.
    pub(crate) fn ignores(self, tensor: &str, config: &ModelConfig) -> bool {
        match self {
            Architecture::Llama => llama::ignores(tensor, config),
        }
    }

    /// Hugging Face's name for a GGUF tensor.
    pub(crate) fn hf_name_of_gguf(self, name: &str) -> Option<String> {
        match self {
            Architecture::Llama => llama::hf_name_of_gguf(name),
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Architecture::Llama => "llama",
        })
    }
}

/// The operator graph of a configuration, not yet validated.
pub(crate) fn build(config: &ModelConfig, order: RowOrder) -> OpGraph {
    match config.architecture {
        Architecture::Llama => llama::build(config, order),
    }
}

/// Grows a graph one operator at a time.
pub(crate) struct Builder {
    graph: petgraph::graph::DiGraph<Node, Port>,
}

type Id = petgraph::graph::NodeIndex;

impl Builder {
    fn new() -> Builder {
        Builder { graph: Default::default() }
    }

    /// Add a node fed by `inputs`, in port order.
    fn add(&mut self, path: impl Into<String>, op: Op, width: usize, inputs: &[Id]) -> Id {
        let node = self.graph.add_node(Node { path: path.into(), op, width });
        for (port, &source) in (0..).zip(inputs) {
            self.graph.add_edge(source, node, Port(port));
        }
        node
    }

    fn finish(self, output: Id) -> OpGraph {
        OpGraph { graph: self.graph, output }
    }
}
