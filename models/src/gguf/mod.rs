//! One GGUF file: header, metadata, tensors, tokenizer.
//!
//! Format: `docs/gguf.md` of the ggml repository, version 3, little-endian.

mod config;
mod header;
mod tokenizer;
mod value;

use std::path::Path;

pub(crate) use tokenizer::tokenizer_json;
pub(crate) use value::Metadata;

use crate::config::ModelConfig;
use crate::graph::RowOrder;
use crate::storage::{self, Entry, Shard, TensorTable};
use crate::{Error, Tensor};

/// The per-pair divisors of RoPE's frequencies, part of the configuration rather than a weight.
const ROPE_FREQS: &str = "rope_freqs.weight";

/// What one GGUF file says.
pub(crate) struct Gguf {
    pub metadata: Metadata,
    pub config: ModelConfig,
    pub order: RowOrder,
    pub table: TensorTable,
}

/// Map and parse a file; tensors come out under their Hugging Face names.
pub(crate) fn open(path: &Path) -> Result<Gguf, Error> {
    let bytes = storage::map_file(path)?;
    let header::Header { metadata, tensors } = header::parse(path, &bytes)?;
    let architecture = config::architecture(path, &metadata)?;

    let mut table = TensorTable { shards: vec![Shard { path: path.to_owned(), bytes }], ..Default::default() };
    let mut rope_divisors = None;
    for tensor in tensors {
        let entry = Entry { shard: 0, dtype: tensor.dtype, shape: tensor.shape, range: tensor.range };
        if tensor.name == ROPE_FREQS {
            let bytes = &table.shards[0].bytes[entry.range];
            let freqs = Tensor::new(path, ROPE_FREQS, entry.shape, entry.dtype, bytes)?;
            rope_divisors = Some(freqs.to_f32()?);
            continue;
        }
        let name = architecture.hf_name_of_gguf(&tensor.name).ok_or_else(|| Error::UnexpectedTensor {
            path: path.to_owned(),
            tensor: tensor.name.clone(),
            architecture: architecture.to_string(),
        })?;
        table.insert(name, entry)?;
    }
    let config = config::from_metadata(path, architecture, &metadata, rope_divisors, &table)?;
    Ok(Gguf { metadata, config, order: architecture.gguf_row_order(), table })
}
