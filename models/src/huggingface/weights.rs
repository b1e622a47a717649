//! safetensors files into a [`TensorTable`]: one file, or every shard an index names.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use safetensors::{SafeTensorError, SafeTensors};

use crate::storage::{self, Bytes, Entry, Place, Raw, Shard, TensorTable};
use crate::{Dtype, Error};

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
const DTYPES: &str = "F32, F16, BF16, F64";

/// Whether a folder has the files that [`open_weights`] reads.
pub(crate) fn has_weights(folder: &Path) -> bool {
    [SINGLE, INDEX].iter().any(|name| folder.join(name).is_file())
}

/// All tensors of a folder. The single file wins over an index, as in transformers.
pub(crate) fn open_weights(folder: &Path) -> Result<TensorTable, Error> {
    let mut table = TensorTable::default();
    let single = folder.join(SINGLE);
    let index = folder.join(INDEX);
    if storage::is_there(&single)? {
        let bytes = storage::map_file(&single)?;
        index_shard(&mut table, &single, bytes)?;
    } else if storage::is_there(&index)? {
        let map = read_index(&index)?;
        let mut files: Vec<&str> = map.values().map(String::as_str).collect();
        files.sort_unstable();
        files.dedup();
        for file in files {
            let path = folder.join(file);
            let bytes = storage::map_file(&path)?;
            index_shard(&mut table, &path, bytes)?;
        }
        for (tensor, file) in &map {
            let shard = table.entries.get(tensor).map(|e| e.shard).or(table.raw.get(tensor).map(|raw| raw.place.shard));
            let at = shard.map(|shard| &table.shards[shard].path);
            if at != Some(&folder.join(file)) {
                return Err(Error::MissingTensor {
                    path: folder.join(file),
                    tensor: tensor.clone(),
                    needed_by: format!("{INDEX} says it is there"),
                });
            }
        }
    } else {
        let expected = format!("{SINGLE} or {INDEX}; hint: convert other weights to safetensors");
        return Err(Error::field(folder, "weights", "neither", expected));
    }
    Ok(table)
}

/// `weight_map` of an index: tensor name to shard file, each a plain name in the folder.
fn read_index(path: &Path) -> Result<BTreeMap<String, String>, Error> {
    #[derive(serde::Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let text = storage::read_small(path)?;
    let index: Index = serde_json::from_slice(&text).map_err(|e| Error::field(path, "JSON", e, "an object with weight_map"))?;
    for (tensor, file) in &index.weight_map {
        let mut parts = Path::new(file).components();
        let plain = matches!(parts.next(), Some(Component::Normal(name)) if name == file.as_str());
        if !plain || parts.next().is_some() {
            let field = format!("weight_map entry {tensor}");
            return Err(Error::field(path, field, file, "a file name in the same folder"));
        }
    }
    Ok(index.weight_map)
}

/// Parse one file's header and add its tensors.
pub(crate) fn index_shard(table: &mut TensorTable, path: &Path, bytes: Bytes) -> Result<(), Error> {
    let (header, metadata) = SafeTensors::read_metadata(&bytes).map_err(|e| header_error(path, &bytes, e))?;
    // The eight bytes of the header's length come first.
    let data = header + 8;
    let (mut entries, mut raw) = (Vec::new(), Vec::new());
    for (name, info) in metadata.tensors() {
        let dtype = match info.dtype {
            safetensors::Dtype::F32 => Some(Dtype::F32),
            safetensors::Dtype::F16 => Some(Dtype::F16),
            safetensors::Dtype::BF16 => Some(Dtype::BF16),
            safetensors::Dtype::F64 => Some(Dtype::F64),
            _ => None,
        };
        let (start, end) = info.data_offsets;
        let range = data.saturating_add(start)..data.saturating_add(end);
        // What of these a model reads is known with its graph; a mask or a counter of any type is none of its weights.
        match dtype.filter(|_| !info.shape.is_empty()) {
            Some(dtype) => entries.push((name, dtype, info.shape.clone(), range)),
            None => {
                let place = Place { shard: table.shards.len(), range };
                raw.push((name, Raw { dtype: format!("{:?}", info.dtype), shape: info.shape.clone(), place }));
            }
        }
    }
    // The metadata's map has no order; sorted, the first error is always the same one.
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    let shard = table.shards.len();
    table.shards.push(Shard { path: path.to_owned(), bytes });
    for (name, dtype, shape, range) in entries {
        table.insert(name, Entry::stored(shard, dtype, shape, range))?;
    }
    for (name, tensor) in raw {
        if table.raw.insert(name.clone(), tensor).is_some() {
            return Err(Error::field(path, format!("tensor {name}"), "a second one", "unique tensor names"));
        }
    }
    Ok(())
}

/// The safetensors crate's error in terms of the file.
fn header_error(path: &Path, bytes: &[u8], error: SafeTensorError) -> Error {
    let length = bytes.first_chunk::<8>().map(|b| u64::from_le_bytes(*b).to_string()).unwrap_or_default();
    let (field, found, expected) = match error {
        SafeTensorError::HeaderTooSmall => ("header", format!("{} bytes", bytes.len()), "at least 8; the file is truncated".to_owned()),
        SafeTensorError::HeaderTooLarge => ("header length", length, "at most 100000000; this is no safetensors file".to_owned()),
        SafeTensorError::InvalidHeaderLength => {
            ("header length", length, format!("at most the {} bytes that follow", bytes.len().saturating_sub(8)))
        }
        SafeTensorError::InvalidHeader(e) => ("header", e.to_string(), "UTF-8".to_owned()),
        SafeTensorError::InvalidHeaderDeserialization(e) => {
            ("header", e.to_string(), format!("JSON of tensors with dtype ({DTYPES}), shape, data_offsets"))
        }
        SafeTensorError::MetadataIncompleteBuffer => (
            "data",
            format!("{} bytes in the file", bytes.len()),
            "exactly the header's data_offsets; the file is truncated or has a tail".to_owned(),
        ),
        SafeTensorError::InvalidOffset(name) => {
            ("data_offsets", format!("a gap or overlap at tensor {name}"), "tensors back to back".to_owned())
        }
        SafeTensorError::TensorInvalidInfo => {
            ("data_offsets", "a length other than the shape's".to_owned(), "shape and dtype that give the tensor's bytes".to_owned())
        }
        other => ("header", other.to_string(), "valid safetensors".to_owned()),
    };
    Error::field(path, field, found, expected)
}
