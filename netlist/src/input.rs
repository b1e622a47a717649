//! Files that are read: regular ones only, and no more of them than is allowed for. A pipe or a device would have no end, or none to wait for.

use crate::error::Error;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// Bytes of a text that a user gives to be read whole.
pub const MOST_TEXT: u64 = 1 << 30;

/// Opens a regular file, or a link to one.
pub fn open(path: &Path) -> Result<File, Error> {
    let kind = fs::metadata(path).map_err(|e| Error::io(path, e))?;
    if !kind.is_file() {
        let found = if kind.is_dir() { "a folder" } else { "a pipe, a device or the like" };
        return Err(Error::format(path, "file", format!("{found}, expected a regular file")));
    }
    File::open(path).map_err(|e| Error::io(path, e))
}

/// Reads a whole file of at most `most` bytes.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    open(path)?.take(most + 1).read_to_end(&mut bytes).map_err(|e| Error::io(path, e))?;
    if bytes.len() as u64 > most {
        return Err(Error::format(path, "size", format!("more than {most} bytes")));
    }
    Ok(bytes)
}

/// Reads a whole text of at most `most` bytes.
pub fn text(path: &Path, most: u64) -> Result<String, Error> {
    String::from_utf8(read(path, most)?).map_err(|_| Error::format(path, "text", "not UTF-8"))
}
