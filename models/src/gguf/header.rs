//! The bytes before the tensors: magic, counts, metadata, tensor infos. All of it is hostile:
//! every count is held against the bytes that are left before anything is allocated for it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use super::value::{Array, Metadata, Value};
use crate::{Dtype, Error};

pub(super) const MAGIC: [u8; 4] = *b"GGUF";
const VERSION: u32 = 3;
const DEFAULT_ALIGNMENT: usize = 32;
/// ggml's own limit (`GGML_MAX_DIMS`).
const MAX_DIMENSIONS: u32 = 4;
/// Arrays of arrays deeper than this are no real file's.
const MAX_DEPTH: usize = 4;
/// Key length and dimension count and so on: the least a pair or a tensor info can take.
const LEAST_PAIR: usize = 8 + 4 + 1;
const LEAST_TENSOR: usize = 8 + 4 + 8 + 4 + 8;

pub(super) struct Header {
    pub metadata: Metadata,
    pub tensors: Vec<TensorInfo>,
}

pub(super) struct TensorInfo {
    /// GGUF's name.
    pub name: String,
    /// Row-major, outermost first: the reverse of the file's order.
    pub shape: Vec<usize>,
    pub dtype: Dtype,
    /// In the file; checked to lie in it and to overlap no other tensor.
    pub range: Range<usize>,
}

pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Header, Error> {
    let mut c = Cursor { path, bytes, at: 0 };
    let magic: [u8; 4] = c.array("magic")?;
    if magic != MAGIC {
        let found = format!("{:?}", String::from_utf8_lossy(&magic));
        return Err(Error::field(path, "magic", found, "\"GGUF\""));
    }
    let version = c.u32("version")?;
    if version != VERSION {
        let supported = "version 3, little-endian; hint: convert the model again";
        return Err(Error::unsupported(path, "version", version, supported));
    }
    let tensor_count = c.count("tensor count", LEAST_TENSOR)?;
    let pair_count = c.count("metadata count", LEAST_PAIR)?;

    let mut values = BTreeMap::new();
    for _ in 0..pair_count {
        let key = c.text("metadata key")?;
        let field = format!("metadata {key}");
        let kind = c.u32(&field)?;
        let value = c.value(&field, kind)?;
        if values.contains_key(&key) {
            return Err(Error::field(path, field, "a second one", "unique keys"));
        }
        values.insert(key, value);
    }
    let metadata = Metadata { path: path.to_owned(), values };

    let mut raw = Vec::new();
    for _ in 0..tensor_count {
        raw.push(c.tensor_info()?);
    }
    let alignment = alignment(&metadata)?;
    let data_start = c.at.next_multiple_of(alignment);
    let mut tensors = Vec::with_capacity(raw.len());
    for info in raw {
        tensors.push(info.placed(path, bytes.len(), data_start, alignment)?);
    }
    refuse_overlaps(path, &tensors)?;
    Ok(Header { metadata, tensors })
}

fn alignment(metadata: &Metadata) -> Result<usize, Error> {
    const KEY: &str = "general.alignment";
    let alignment = metadata.size(KEY)?.unwrap_or(DEFAULT_ALIGNMENT);
    if !alignment.is_power_of_two() || alignment > 1 << 20 {
        return Err(metadata.error(KEY, alignment, "a power of two up to 2^20"));
    }
    Ok(alignment)
}

fn refuse_overlaps(path: &Path, tensors: &[TensorInfo]) -> Result<(), Error> {
    let mut by_start: Vec<&TensorInfo> = tensors.iter().collect();
    by_start.sort_by_key(|t| (t.range.start, t.range.end));
    for pair in by_start.windows(2) {
        if pair[1].range.start < pair[0].range.end {
            let field = format!("tensor {}: offset", pair[1].name);
            let found = format!("bytes {:?}", pair[1].range);
            let expected = format!("no overlap with tensor {}", pair[0].name);
            return Err(Error::field(path, field, found, expected));
        }
    }
    Ok(())
}

/// A tensor info as read, its offset still relative to the data section.
struct RawTensor {
    name: String,
    shape: Vec<usize>,
    kind: u32,
    offset: usize,
}

impl RawTensor {
    fn placed(self, path: &Path, file: usize, data_start: usize, alignment: usize) -> Result<TensorInfo, Error> {
        let field = |part: &str| format!("tensor {}: {part}", self.name);
        let dtype = dtype(self.kind).ok_or_else(|| {
            let found = type_name(self.kind);
            let supported = "F32, F16, BF16, F64, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q2_K to Q6_K, MXFP4, TQ1_0, TQ2_0";
            Error::unsupported(path, field("dtype"), found, supported)
        })?;
        let Some(size) = dtype.bytes_for(&self.shape) else {
            let expected = format!("rows of whole {}-value {dtype} blocks", dtype.block().0);
            let found = format!("{:?}", self.shape);
            return Err(Error::field(path, field("shape"), found, expected));
        };
        if !self.offset.is_multiple_of(alignment) {
            let expected = format!("a multiple of the alignment {alignment}");
            return Err(Error::field(path, field("offset"), self.offset, expected));
        }
        let range =
            data_start.checked_add(self.offset).and_then(|start| Some(start..start.checked_add(size)?)).filter(|range| range.end <= file);
        let Some(range) = range else {
            let found = format!("{size} bytes at data offset {}", self.offset);
            let expected = format!("an end within the file's {file} bytes; it is truncated");
            return Err(Error::field(path, field("data"), found, expected));
        };
        Ok(TensorInfo { name: self.name, shape: self.shape, dtype, range })
    }
}

/// `ggml_type` numbers (`ggml.h`).
fn dtype(kind: u32) -> Option<Dtype> {
    Some(match kind {
        0 => Dtype::F32,
        1 => Dtype::F16,
        2 => Dtype::Q4_0,
        3 => Dtype::Q4_1,
        6 => Dtype::Q5_0,
        7 => Dtype::Q5_1,
        8 => Dtype::Q8_0,
        10 => Dtype::Q2K,
        11 => Dtype::Q3K,
        12 => Dtype::Q4K,
        13 => Dtype::Q5K,
        14 => Dtype::Q6K,
        28 => Dtype::F64,
        30 => Dtype::BF16,
        34 => Dtype::TQ1_0,
        35 => Dtype::TQ2_0,
        39 => Dtype::MxFp4,
        _ => return None,
    })
}

/// Names of the types that exist and are not read here; a number otherwise.
fn type_name(kind: u32) -> String {
    let name = match kind {
        9 => "Q8_1",
        15 => "Q8_K",
        16..=23 | 29 => "an IQ type",
        24 => "I8",
        25 => "I16",
        26 => "I32",
        27 => "I64",
        _ => return format!("type number {kind}"),
    };
    format!("{name} (type number {kind})")
}

/// Reads little-endian values off the front; never past the end.
struct Cursor<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn take(&mut self, field: &str, length: usize) -> Result<&'a [u8], Error> {
        if length > self.left() {
            let found = format!("the end of the file, {} bytes on", self.left());
            let expected = format!("{length} more bytes; the file is truncated or corrupt");
            return Err(Error::field(self.path, field, found, expected));
        }
        let taken = &self.bytes[self.at..self.at + length];
        self.at += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, field: &str) -> Result<[u8; N], Error> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(field, N)?);
        Ok(out)
    }

    fn u32(&mut self, field: &str) -> Result<u32, Error> {
        Ok(u32::from_le_bytes(self.array(field)?))
    }

    /// A 64-bit count of things of at least `least` bytes each, which must fit what is left.
    fn count(&mut self, field: &str, least: usize) -> Result<usize, Error> {
        let count = u64::from_le_bytes(self.array(field)?);
        let most = self.left() / least;
        match usize::try_from(count) {
            Ok(n) if n <= most => Ok(n),
            _ => {
                let expected = format!("at most the {most} that the rest of the file can hold");
                Err(Error::field(self.path, field, count, expected))
            }
        }
    }

    fn text(&mut self, field: &str) -> Result<String, Error> {
        let length = self.count(&format!("{field}: string length"), 1)?;
        let bytes = self.take(field, length)?;
        match str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(e) => Err(Error::field(self.path, field, e, "a UTF-8 string")),
        }
    }

    /// `gguf_metadata_value_type` numbers (`docs/gguf.md`).
    fn value(&mut self, field: &str, kind: u32) -> Result<Value, Error> {
        Ok(match kind {
            0..=5 | 10 | 11 => Value::Int(self.integer(field, kind)?),
            6 => Value::Float(f32::from_le_bytes(self.array(field)?).into()),
            7 => Value::Bool(self.boolean(field)?),
            8 => Value::Text(self.text(field)?),
            9 => Value::Array(self.values(field, MAX_DEPTH)?),
            12 => Value::Float(f64::from_le_bytes(self.array(field)?)),
            _ => return Err(self.bad_kind(field, kind)),
        })
    }

    fn integer(&mut self, field: &str, kind: u32) -> Result<i128, Error> {
        Ok(match kind {
            0 => u8::from_le_bytes(self.array(field)?).into(),
            1 => i8::from_le_bytes(self.array(field)?).into(),
            2 => u16::from_le_bytes(self.array(field)?).into(),
            3 => i16::from_le_bytes(self.array(field)?).into(),
            4 => u32::from_le_bytes(self.array(field)?).into(),
            5 => i32::from_le_bytes(self.array(field)?).into(),
            10 => u64::from_le_bytes(self.array(field)?).into(),
            11 => i64::from_le_bytes(self.array(field)?).into(),
            _ => return Err(self.bad_kind(field, kind)),
        })
    }

    fn boolean(&mut self, field: &str) -> Result<bool, Error> {
        match self.array(field)? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(Error::field(self.path, field, other, "a boolean, 0 or 1")),
        }
    }

    fn values(&mut self, field: &str, depth: usize) -> Result<Array, Error> {
        let kind = self.u32(field)?;
        let least = match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            8 | 10..=12 => 8,
            9 => 12,
            _ => return Err(self.bad_kind(field, kind)),
        };
        let count = self.count(&format!("{field}: array length"), least)?;
        match kind {
            0..=5 | 11 => {
                let mut out = Vec::with_capacity(count);
                for _ in 0..count {
                    // Every kind of this arm fits.
                    out.push(self.integer(field, kind)? as i64);
                }
                Ok(Array::Ints(out))
            }
            7 => {
                let mut out = Vec::with_capacity(count);
                for _ in 0..count {
                    out.push(self.boolean(field)?.into());
                }
                Ok(Array::Ints(out))
            }
            6 => {
                let (floats, _) = self.take(field, count * 4)?.as_chunks::<4>();
                Ok(Array::Floats(floats.iter().map(|b| f32::from_le_bytes(*b)).collect()))
            }
            8 => {
                let mut out = Vec::with_capacity(count);
                for _ in 0..count {
                    out.push(self.text(field)?);
                }
                Ok(Array::Texts(out))
            }
            9 if depth == 0 => Err(Error::field(self.path, field, "deeper nesting", format!("arrays nested at most {MAX_DEPTH} deep"))),
            9 => {
                for _ in 0..count {
                    self.values(field, depth - 1)?;
                }
                Ok(Array::Other { count })
            }
            _ => {
                self.take(field, count * least)?;
                Ok(Array::Other { count })
            }
        }
    }

    fn bad_kind(&self, field: &str, kind: u32) -> Error {
        let found = format!("value type {kind}");
        Error::field(self.path, field, found, "a value type from 0 to 12")
    }

    fn tensor_info(&mut self) -> Result<RawTensor, Error> {
        let name = self.text("tensor name")?;
        let field = format!("tensor {name}: shape");
        let dimensions = self.u32(&field)?;
        if dimensions == 0 || dimensions > MAX_DIMENSIONS {
            let found = format!("{dimensions} dimensions");
            return Err(Error::field(self.path, field, found, "1 to 4"));
        }
        let mut shape = Vec::new();
        for _ in 0..dimensions {
            let extent = u64::from_le_bytes(self.array(&field)?);
            match usize::try_from(extent) {
                Ok(n) if n > 0 => shape.push(n),
                _ => return Err(Error::field(self.path, field, extent, "a positive extent")),
            }
        }
        shape.reverse();
        let kind = self.u32(&format!("tensor {name}: dtype"))?;
        let offset = u64::from_le_bytes(self.array(&format!("tensor {name}: offset"))?);
        let offset = usize::try_from(offset).map_err(|_| {
            let field = format!("tensor {name}: offset");
            Error::field(self.path, field, offset, "an offset within the file")
        })?;
        Ok(RawTensor { name, shape, kind, offset })
    }
}
