//! The one error of this crate: what was asked cannot be answered, or a stage below refused.

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Compiler(#[from] hardwire_compiler::Error),
    #[error(transparent)]
    Checkpoint(#[from] hardwire_models::Error),
    #[error(transparent)]
    Chip(#[from] hardwire_netlist::Error),
    #[error(transparent)]
    Step(#[from] hardwire_sim::step::StepError),
    #[error(transparent)]
    Gpu(#[from] hardwire_baseline::gpu::GpuError),
    #[error(transparent)]
    Economics(#[from] hardwire_baseline::economics::EconomicsError),
    /// A prompt that the model cannot take.
    #[error("{0}")]
    Prompt(String),
    /// A file of the caller's that cannot be used.
    #[error("{path}: {what}")]
    File { path: String, what: String },
    /// A question that cannot be answered, with its name and what to do.
    #[error("{subject}: {what}")]
    Asked { subject: String, what: String },
}

impl Error {
    pub(crate) fn asked(subject: impl Into<String>, what: impl Into<String>) -> Self {
        Error::Asked { subject: subject.into(), what: what.into() }
    }

    pub(crate) fn file(path: &std::path::Path, what: impl ToString) -> Self {
        Error::File { path: path.display().to_string(), what: what.to_string() }
    }
}
