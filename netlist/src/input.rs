//! Files that are read, with this crate's errors; `hardwire-input` says which ones may be.

use crate::error::Error;
use hardwire_input::Refusal;
use std::fs::File;
use std::path::Path;

/// Bytes of a text that a user gives to be read whole.
pub const MOST_TEXT: u64 = 1 << 30;

fn named(path: &Path) -> impl Fn(Refusal) -> Error {
    move |refusal| match refusal {
        Refusal::Io(e) => Error::io(path, e),
        Refusal::Kind(_) => Error::format(path, "file", refusal.to_string()),
        Refusal::Size(_) => Error::format(path, "size", refusal.to_string()),
        Refusal::Text => Error::format(path, "text", refusal.to_string()),
    }
}

/// Opens a regular file, or a link to one.
pub fn open(path: &Path) -> Result<File, Error> {
    hardwire_input::open(path).map_err(named(path))
}

/// Reads a whole file of at most `most` bytes.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, Error> {
    hardwire_input::read(path, most).map_err(named(path))
}

/// Reads a whole text of at most `most` bytes.
pub fn text(path: &Path, most: u64) -> Result<String, Error> {
    hardwire_input::text(path, most).map_err(named(path))
}
