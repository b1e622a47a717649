//! The one error of this crate.

use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Folder(#[from] hardwire_netlist::Error),
    #[error("unit {unit}: {what}")]
    Unit { unit: String, what: String },
    #[error("option {option}: {what}")]
    Option { option: &'static str, what: String },
    #[error("template {template}: {what}")]
    Template { template: &'static str, what: String },
    #[error("{tool}: {what}")]
    Tool { tool: String, what: String },
    #[error("trace line {line}: {what}")]
    Trace { line: usize, what: String },
}

impl Error {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Error::Io { path: path.to_path_buf(), source }
    }

    pub(crate) fn unit(unit: &str, what: impl Into<String>) -> Self {
        Error::Unit { unit: unit.into(), what: what.into() }
    }
}
