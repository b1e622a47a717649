//! The one error of this crate: a chip folder that cannot be read or written, or a structure that is inconsistent.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{path}: {field}: {what}")]
    Format { path: PathBuf, field: String, what: String },
    #[error("{path}: holds something that is not a Hardwire chip; choose another output folder")]
    Occupied { path: PathBuf },
    #[error("unit {unit}: {what}")]
    Structure { unit: String, what: String },
}

impl Error {
    pub(crate) fn io(path: &std::path::Path, source: std::io::Error) -> Self {
        Error::Io { path: path.to_path_buf(), source }
    }

    pub(crate) fn format(path: &std::path::Path, field: impl Into<String>, what: impl Into<String>) -> Self {
        Error::Format { path: path.to_path_buf(), field: field.into(), what: what.into() }
    }
}
