//! GGUF metadata: typed values under text keys, and typed reads that name the key in errors.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::Error;

/// One metadata value. Integers of every width and sign meet in one variant, floats in another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Int(i128),
    Float(f64),
    Bool(bool),
    Text(String),
    Array(Array),
}

/// A metadata array; large ones (a tokenizer's) stay flat.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Array {
    /// Booleans are 0 and 1.
    Ints(Vec<i64>),
    Floats(Vec<f32>),
    Texts(Vec<String>),
    /// Arrays of f64, of u64 or of arrays: no field read here has such a type.
    Other {
        count: usize,
    },
}

impl Value {
    /// For error messages: what is there instead.
    pub fn describe(&self) -> String {
        match self {
            Value::Int(n) => n.to_string(),
            Value::Float(x) => x.to_string(),
            Value::Bool(b) => b.to_string(),
            Value::Text(t) => format!("{t:?}"),
            Value::Array(Array::Ints(v)) => format!("an array of {} integers", v.len()),
            Value::Array(Array::Floats(v)) => format!("an array of {} floats", v.len()),
            Value::Array(Array::Texts(v)) => format!("an array of {} strings", v.len()),
            Value::Array(Array::Other { count }) => format!("an array of {count} values"),
        }
    }
}

/// All key-value pairs of a file.
#[derive(Debug, Clone)]
pub(crate) struct Metadata {
    pub path: PathBuf,
    pub values: BTreeMap<String, Value>,
}

impl Metadata {
    /// The value at `key`, converted; `None` if absent.
    fn read<'a, T>(&'a self, key: &str, expected: &str, convert: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>, Error> {
        match self.values.get(key) {
            None => Ok(None),
            Some(value) => match convert(value) {
                Some(converted) => Ok(Some(converted)),
                None => Err(self.error(key, value.describe(), expected)),
            },
        }
    }

    /// As any read, where absence is an error too.
    pub fn required<T>(&self, key: &str, value: Option<T>) -> Result<T, Error> {
        value.ok_or_else(|| self.error(key, "nothing", "this key"))
    }

    pub fn error(&self, key: &str, found: impl ToString, expected: &str) -> Error {
        Error::field(&self.path, format!("metadata {key}"), found, expected)
    }

    pub fn unsupported(&self, key: &str, found: impl ToString, supported: &str) -> Error {
        Error::unsupported(&self.path, format!("metadata {key}"), found, supported)
    }

    /// One number, or one a layer that is the same for all.
    pub fn size(&self, key: &str) -> Result<Option<usize>, Error> {
        self.read(key, "a whole number", |v| match v {
            Value::Int(n) => usize::try_from(*n).ok(),
            Value::Array(Array::Ints(all)) => {
                let first = all.first()?;
                usize::try_from(*first).ok().filter(|_| all.iter().all(|n| n == first))
            }
            _ => None,
        })
    }

    /// A token id; a number that can be none, such as -1, points at no token.
    pub fn token(&self, key: &str) -> Result<Option<u32>, Error> {
        let found = self.read(key, "a token id", |v| match v {
            Value::Int(n) => Some(u32::try_from(*n).ok()),
            _ => None,
        })?;
        Ok(found.flatten())
    }

    pub fn number(&self, key: &str) -> Result<Option<f64>, Error> {
        self.read(key, "a number", |v| match v {
            Value::Float(x) => Some(*x),
            Value::Int(n) => Some(*n as f64),
            _ => None,
        })
    }

    pub fn flag(&self, key: &str) -> Result<Option<bool>, Error> {
        self.read(key, "true or false", |v| match v {
            Value::Bool(b) => Some(*b),
            _ => None,
        })
    }

    pub fn text(&self, key: &str) -> Result<Option<&str>, Error> {
        self.read(key, "a string", |v| match v {
            Value::Text(t) => Some(t.as_str()),
            _ => None,
        })
    }

    pub fn texts(&self, key: &str) -> Result<Option<&[String]>, Error> {
        self.read(key, "an array of strings", |v| match v {
            Value::Array(Array::Texts(t)) => Some(t.as_slice()),
            _ => None,
        })
    }

    /// Floats, or integers that mean some.
    pub fn floats(&self, key: &str) -> Result<Option<Cow<'_, [f32]>>, Error> {
        self.read(key, "an array of floats", |v| match v {
            Value::Array(Array::Floats(x)) => Some(Cow::Borrowed(x.as_slice())),
            Value::Array(Array::Ints(x)) => Some(x.iter().map(|&n| n as f32).collect()),
            _ => None,
        })
    }

    pub fn ints(&self, key: &str) -> Result<Option<&[i64]>, Error> {
        self.read(key, "an array of integers", |v| match v {
            Value::Array(Array::Ints(n)) => Some(n.as_slice()),
            _ => None,
        })
    }
}
