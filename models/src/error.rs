//! What can be wrong with a model that comes from outside, in the words its owner needs.
//!
//! Every variant names the file and the field or tensor, says what was found and what was
//! expected. Nothing here ends the process: that is the command's choice.

use std::io;
use std::path::{Path, PathBuf};

/// The only error type of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("{}: cannot {doing}: {source}", path.display())]
    Io { path: PathBuf, doing: &'static str, source: io::Error },

    /// The path is neither a Hugging Face folder nor a GGUF file.
    #[error("{}: {found}; expected a Hugging Face folder (config.json and model.safetensors) or one .gguf file", path.display())]
    NotACheckpoint { path: PathBuf, found: String },

    /// A header or a field of it cannot be what it says.
    #[error("{}: {field}: found {found}; expected {expected}", path.display())]
    Field { path: PathBuf, field: String, found: String, expected: String },

    /// Well formed, but nothing here can compute it. Never approximated.
    #[error("{}: {field}: {found} is not supported; supported: {supported}", path.display())]
    Unsupported { path: PathBuf, field: String, found: String, supported: String },

    /// A weight that the architecture needs is not in the file.
    #[error("{}: tensor {tensor} is missing; {needed_by}", path.display())]
    MissingTensor { path: PathBuf, tensor: String, needed_by: String },

    /// A weight that the architecture does not use: it would be a different model.
    #[error("{}: tensor {tensor} has no place in the {architecture} architecture; hint: a variant of it that config.json does not declare cannot be compiled faithfully", path.display())]
    UnexpectedTensor { path: PathBuf, tensor: String, architecture: String },

    /// A weight whose shape contradicts the configuration.
    #[error("{}: tensor {tensor}: shape {found:?}; expected {expected:?} for {needed_by}", path.display())]
    TensorShape { path: PathBuf, tensor: String, found: Vec<usize>, expected: Vec<usize>, needed_by: String },

    /// A weight that is not a number one can compute with.
    #[error("{}: tensor {tensor}: row {row}, column {column} holds {value}; expected a finite weight", path.display())]
    NotFinite { path: PathBuf, tensor: String, row: usize, column: usize, value: f32 },

    /// A caller's buffer or row does not fit the tensor.
    #[error("tensor {tensor}: {what} is {found}; expected {expected}")]
    Access { tensor: String, what: &'static str, found: usize, expected: String },

    /// An operator graph that does not fit together.
    #[error("operator graph: node {node}: {problem}")]
    Graph { node: String, problem: String },

    /// A token the model has no row for.
    #[error("token {token} is not in the vocabulary; expected an id below {vocab}")]
    Token { token: u32, vocab: usize },

    /// More tokens than the model was made for.
    #[error("position {position} is past the context of {context} tokens; hint: shorten the prompt or generate less")]
    Context { position: usize, context: usize },

    /// A chat template that cannot be run, or refuses a conversation.
    #[error("{origin}: chat template: {problem}")]
    Chat { origin: String, problem: String },

    /// The tokenizer library's own complaint.
    #[error("{origin}: tokenizer: {problem}")]
    Tokenizer { origin: String, problem: String },
}

impl Error {
    pub(crate) fn io(path: &Path, doing: &'static str, source: io::Error) -> Error {
        Error::Io { path: path.to_owned(), doing, source }
    }

    pub(crate) fn field(path: &Path, field: impl Into<String>, found: impl ToString, expected: impl Into<String>) -> Error {
        Error::Field { path: path.to_owned(), field: field.into(), found: clip(found.to_string()), expected: expected.into() }
    }

    pub(crate) fn unsupported(path: &Path, field: impl Into<String>, found: impl ToString, supported: impl Into<String>) -> Error {
        Error::Unsupported { path: path.to_owned(), field: field.into(), found: clip(found.to_string()), supported: supported.into() }
    }
}

/// Text from a hostile file may be megabytes long; a message shows its beginning.
fn clip(text: String) -> String {
    const SHOWN: usize = 120;
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text,
    }
}
