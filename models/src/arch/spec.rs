//! What an architecture's file says of it: the seam between one architecture and the readers of files.

use super::joined::Stored;
use crate::Error;
use crate::config::{ModelConfig, RowOrder};
use crate::gguf::config::Keys;
use crate::huggingface::fields::Fields;

/// What an architecture's file says of it.
pub(crate) struct Spec {
    /// `model_type` of a `config.json`.
    pub model_type: &'static str,
    /// The class name in its `architectures`.
    pub class: &'static str,
    /// Other types and classes that it reads: relatives, and multimodal models whose text part it is.
    pub also: &'static [(&'static str, &'static str)],
    /// Reads a `config.json`.
    pub config: fn(&Fields) -> Result<ModelConfig, Error>,
    /// What a stored tensor is, if not one of the graph's by its own name.
    pub stored: fn(&str, &ModelConfig) -> Option<Stored>,
    pub gguf: Option<GgufSpec>,
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

/// An architecture that stores every tensor under the graph's name.
pub(super) fn as_is(_: &str, _: &ModelConfig) -> Option<Stored> {
    None
}
