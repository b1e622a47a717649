//! The one error of this crate: a chip folder that cannot be read or written, or a structure that is inconsistent.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{path}: {field}: {what}")]
    Format { path: PathBuf, field: String, what: String },
    #[error("{path}: holds {found}, not {kind} and nothing else; choose another output folder or file")]
    Occupied { path: PathBuf, found: String, kind: &'static str },
    #[error("unit {unit}: {what}")]
    Structure { unit: String, what: String },
    #[error("{path}: {what}")]
    Place { path: String, what: String },
}

impl Error {
    pub(crate) fn io(path: &std::path::Path, source: std::io::Error) -> Self {
        Error::Io { path: path.to_path_buf(), source }
    }

    pub(crate) fn format(path: &std::path::Path, field: impl Into<String>, what: impl Into<String>) -> Self {
        Error::Format { path: path.to_path_buf(), field: one_line(&field.into()), what: one_line(&what.into()) }
    }

    pub(crate) fn occupied(path: &std::path::Path, found: &str, kind: &'static str) -> Self {
        Error::Occupied { path: path.to_path_buf(), found: one_line(found), kind }
    }

    /// `path` names nothing on the chip.
    pub(crate) fn place(path: &str, what: String) -> Self {
        Error::Place { path: one_line(path), what: one_line(&what) }
    }

    /// Whether it says that a file is not there.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    }

    /// The same error of a structure that was read from `path`.
    pub(crate) fn in_file(self, path: &std::path::Path) -> Self {
        match self {
            Error::Structure { unit, what } => Error::format(path, unit, what),
            other => other,
        }
    }
}

/// Text that may quote a hostile file, as one line of bounded length.
fn one_line(text: &str) -> String {
    const SHOWN: usize = 300;
    let mut out: String = text.chars().take(SHOWN).map(|c| if c.is_control() { '?' } else { c }).collect();
    if text.chars().nth(SHOWN).is_some() {
        out.push_str("...");
    }
    out
}
