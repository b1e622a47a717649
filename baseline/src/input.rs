//! Files that a user names: regular ones only, of a bounded size.

use std::fs::{File, metadata};
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;

/// A thousand times the largest bundled table.
const MOST_BYTES: u64 = 64 << 20;

pub(crate) fn text(path: &Path) -> Result<String> {
    if !metadata(path)?.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut text = String::new();
    File::open(path)?.take(MOST_BYTES).read_to_string(&mut text)?;
    if text.len() as u64 == MOST_BYTES {
        return Err(Error::new(ErrorKind::FileTooLarge, format!("expected less than {MOST_BYTES} bytes")));
    }
    Ok(text)
}
