//! JSON as Python writes and reads it, for the files that transformers reads with its `json` module: `NaN` and the infinities are values,
//! and of a key that stands twice the last counts.

use std::path::Path;

use serde_json::{Map, Value};

use crate::{Error, storage};

/// What Python writes for floats that JSON has no number for.
const NO_NUMBERS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];

/// One JSON object. A number that is none is the text of its name: no field that reads a number takes it.
pub(crate) fn parse(text: &[u8], source: &Path) -> Result<Map<String, Value>, Error> {
    let bad = |found: String| Error::field(source, "JSON", found, "one JSON object");
    if text.starts_with("\u{FEFF}".as_bytes()) {
        return Err(bad("a byte order mark before the text; hint: save the file as UTF-8 without one".to_owned()));
    }
    let text = quoted(text);
    match serde_json::from_slice(&text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(bad("another value".to_owned())),
        Err(e) => Err(bad(e.to_string())),
    }
}

/// The object in a file, or `None` if there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<Map<String, Value>>, Error> {
    if !storage::is_there(path)? {
        return Ok(None);
    }
    parse(&storage::read_small(path)?, path).map(Some)
}

/// Puts [`NO_NUMBERS`] outside of strings between quotes.
fn quoted(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let (mut at, mut inside) = (0, false);
    while at < text.len() {
        let rest = &text[at..];
        let name = NO_NUMBERS.iter().find(|name| !inside && rest.starts_with(name.as_bytes()));
        if let Some(name) = name {
            out.extend([b"\"", name.as_bytes(), b"\""].concat());
            at += name.len();
            continue;
        }
        let taken = match rest[0] {
            b'\\' if inside => rest.len().min(2),
            byte => {
                inside ^= byte == b'"';
                1
            }
        };
        out.extend(&rest[..taken]);
        at += taken;
    }
    out
}
