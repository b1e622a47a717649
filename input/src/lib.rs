//! Files from outside: regular ones only, and no more of them than is allowed for. A pipe or a device would have no end, or none to wait for.
//!
//! The one place that says so, for checkpoints (`models`), chips (`netlist`) and tables (`baseline`). Errors say what was found and what was
//! expected; which file it was is known to the caller, whose own error names it.
//!
//! ```
//! use hardwire_input::{Refusal, text};
//!
//! let folder = std::env::temp_dir();
//! assert!(matches!(text(&folder, 1 << 20), Err(Refusal::Kind("a folder"))));
//! assert!(matches!(text(&folder.join("not there"), 1 << 20), Err(Refusal::Io(_))));
//! ```

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("{0}")]
    Io(#[from] io::Error),
    /// What stands there instead of a file.
    #[error("{0}, expected a regular file")]
    Kind(&'static str),
    /// The most bytes that it may have.
    #[error("more than {0} bytes")]
    Size(u64),
    #[error("not UTF-8")]
    Text,
}

/// Opens a regular file, or a link to one.
///
/// # Errors
/// What cannot be opened, and what is no regular file.
pub fn open(path: &Path) -> Result<File, Refusal> {
    let kind = fs::metadata(path)?;
    if !kind.is_file() {
        return Err(Refusal::Kind(if kind.is_dir() { "a folder" } else { "a pipe, a device or the like" }));
    }
    Ok(File::open(path)?)
}

/// Reads a whole file of at most `most` bytes.
///
/// # Errors
/// As [`open`]; a file of more bytes.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(Refusal::Size(most));
    }
    Ok(bytes)
}

/// Reads a whole text of at most `most` bytes.
///
/// # Errors
/// As [`read`]; bytes that are no UTF-8.
pub fn text(path: &Path, most: u64) -> Result<String, Refusal> {
    String::from_utf8(read(path, most)?).map_err(|_| Refusal::Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_bound_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, b"abc").unwrap();
        assert_eq!(text(&file, 3).unwrap(), "abc");
        assert!(matches!(read(&file, 2), Err(Refusal::Size(2))));
        fs::write(&file, b"\xff").unwrap();
        assert!(matches!(text(&file, 3), Err(Refusal::Text)));
        assert!(matches!(open(dir.path()), Err(Refusal::Kind("a folder"))));
        #[cfg(unix)]
        assert!(matches!(read("/dev/zero".as_ref(), 3), Err(Refusal::Kind(kind)) if kind.contains("device")));
    }
}
