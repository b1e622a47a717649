//! What can be wrong with a compilation: the checkpoint, the plan, or the folder.

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Checkpoint(#[from] hardwire_models::Error),
    #[error(transparent)]
    Chip(#[from] hardwire_netlist::Error),
    #[error("option {option}: {what}")]
    Option { option: &'static str, what: String },
    #[error("{path}: {what}")]
    Model { path: String, what: String },
}

impl Error {
    pub(crate) fn option(option: &'static str, what: impl Into<String>) -> Self {
        Error::Option { option, what: what.into() }
    }

    pub(crate) fn model(path: &str, what: impl Into<String>) -> Self {
        Error::Model { path: path.into(), what: what.into() }
    }
}
