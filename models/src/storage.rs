//! Where bytes lie and which of them are which tensor. Knows nothing of any model.
//!
//! Files are memory-mapped and never copied. As with every mapping, a file that another process
//! truncates while it is open can end this one; checkpoints are not edited in place.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};

use crate::tensor::Layout;
use crate::{Dtype, Error, Tensor};
use hardwire_input::Refusal;

/// How the text file begins that stands for one kept elsewhere (`git-lfs/docs/spec.md`).
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";
/// Largest JSON side file read into memory: the largest known `tokenizer.json` are about 35 MB.
const MAX_SIDE_FILE: u64 = 256 << 20;

/// The bytes of one file.
pub(crate) enum Bytes {
    Mapped(memmap2::Mmap),
    /// Compiled into the binary.
    Static(&'static [u8]),
}

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Mapped(map) => map,
            Bytes::Static(bytes) => bytes,
        }
    }
}

fn named(path: &Path, operation: &'static str) -> impl Fn(Refusal) -> Error {
    move |refusal| match refusal {
        Refusal::Io(e) => Error::io(path, operation, e),
        Refusal::Kind(found) => Error::field(path, "file", found, "a regular file"),
        Refusal::Size(most) => Error::field(path, "file size", "more", format!("at most {most}")),
        Refusal::Text => Error::field(path, "file", "bytes that are no UTF-8", "a text"),
    }
}

fn open(path: &Path) -> Result<File, Error> {
    hardwire_input::open(path).map_err(named(path, "open"))
}

/// Whether a folder has a file of this name. What has it and is no file is refused, not passed over.
pub(crate) fn is_there(path: &Path) -> Result<bool, Error> {
    match std::fs::metadata(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
        _ => open(path).map(|_| true),
    }
}

/// Map a whole file for reading.
pub(crate) fn map_file(path: &Path) -> Result<Bytes, Error> {
    let file = open(path)?;
    let metadata = file.metadata().map_err(|e| Error::io(path, "inspect", e))?;
    if metadata.len() == 0 {
        return Err(Error::field(path, "file", "0 bytes", "a checkpoint"));
    }
    // SAFETY: the mapping is private and read-only; the module comment states the one assumption.
    let map = unsafe { memmap2::Mmap::map(&file) }.map_err(|e| Error::io(path, "map", e))?;
    refuse_pointer(path, &map)?;
    Ok(Bytes::Mapped(map))
}

/// Whether a file begins so; one that cannot be read does not.
pub(crate) fn begins_with(path: &Path, magic: &[u8]) -> bool {
    let mut start = Vec::new();
    let read = open(path).map(|file| file.take(magic.len() as u64).read_to_end(&mut start));
    matches!(read, Ok(Ok(_))) && start == magic
}

fn refuse_pointer(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if bytes.starts_with(LFS_POINTER) {
        let expected = "the file that it points to; hint: git lfs pull";
        return Err(Error::field(path, "file", "a pointer of Git LFS", expected));
    }
    Ok(())
}

/// Read a side file (JSON) into memory, up to a bound.
pub(crate) fn read_small(path: &Path) -> Result<Vec<u8>, Error> {
    let bytes = hardwire_input::read(path, MAX_SIDE_FILE).map_err(named(path, "read"))?;
    refuse_pointer(path, &bytes)?;
    Ok(bytes)
}

/// One file of weights.
pub(crate) struct Shard {
    pub path: PathBuf,
    pub bytes: Bytes,
}

/// Where a tensor lies. `range` has been checked against the shard's length.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub shard: usize,
    pub dtype: Dtype,
    /// Row-major, outermost first.
    pub shape: Vec<usize>,
    pub range: Range<usize>,
    /// Where in the range the elements lie.
    pub layout: Layout,
    /// MXFP4's scales, where they lie apart.
    pub scales: Option<Place>,
}

impl Entry {
    /// A tensor as files store it: row after row.
    pub fn stored(shard: usize, dtype: Dtype, shape: Vec<usize>, range: Range<usize>) -> Entry {
        let layout = Layout::rows_of(shape.last().copied().unwrap_or_default());
        Entry { shard, dtype, shape, range, layout, scales: None }
    }
}

/// Bytes of a shard.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub shard: usize,
    pub range: Range<usize>,
}

/// All tensors of a checkpoint under their Hugging Face names, in name order.
#[derive(Default)]
pub(crate) struct TensorTable {
    pub shards: Vec<Shard>,
    pub entries: BTreeMap<String, Entry>,
    /// Tensors that are no weights by themselves: of types without a reading, which may mean something together, and single numbers.
    pub raw: BTreeMap<String, Raw>,
}

/// A stored tensor without a reading of its own.
#[derive(Debug, Clone)]
pub(crate) struct Raw {
    /// As its file names it.
    pub dtype: String,
    pub shape: Vec<usize>,
    pub place: Place,
}

impl TensorTable {
    /// Add an entry whose range lies in its shard and whose bytes fit its shape.
    pub fn insert(&mut self, name: String, entry: Entry) -> Result<(), Error> {
        let shard = &self.shards[entry.shard];
        let needed = entry.dtype.bytes_for(&entry.shape);
        if needed != Some(entry.range.len()) || entry.range.end > shard.bytes.len() {
            let expected = match needed {
                Some(n) => format!("{n} bytes for {:?} of {}", entry.shape, entry.dtype),
                None => format!("a shape that fits {} blocks", entry.dtype),
            };
            let found = format!("bytes {:?}, shape {:?}", entry.range, entry.shape);
            return Err(Error::field(&shard.path, format!("tensor {name}"), found, expected));
        }
        if self.entries.contains_key(&name) {
            let field = format!("tensor {name}");
            return Err(Error::field(&shard.path, field, "a second one", "unique tensor names"));
        }
        self.entries.insert(name, entry);
        Ok(())
    }

    pub fn view<'a>(&'a self, name: &'a str, entry: &'a Entry) -> Tensor<'a> {
        let shard = &self.shards[entry.shard];
        let bytes = &shard.bytes[entry.range.clone()];
        let map = match &shard.bytes {
            Bytes::Mapped(map) => Some(map),
            Bytes::Static(_) => None,
        };
        let scales = entry.scales.as_ref().map(|place| &self.shards[place.shard].bytes[place.range.clone()]);
        Tensor::trusted(&shard.path, name, entry.shape.clone(), entry.dtype, bytes, entry.layout).within(map, scales)
    }
}
