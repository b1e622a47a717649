//! The one error of this crate.

use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{file}: {what}")]
    Process { file: String, what: String },
    #[error("{path}: byte {at}: {what}")]
    Layout { path: PathBuf, at: u64, what: String },
    #[error("--tiles {pattern}: {what}")]
    Tiles { pattern: String, what: String },
    #[error("{0}")]
    Differs(String),
    #[error(transparent)]
    Netlist(#[from] hardwire_netlist::Error),
}

impl Error {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Error::Io { path: path.to_path_buf(), source }
    }
}
