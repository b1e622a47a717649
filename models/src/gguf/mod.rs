//! One GGUF file: header, metadata, tensors, tokenizer.
//!
//! Format: `docs/gguf.md` of the ggml repository, version 3, little-endian.

pub(crate) mod config;
mod header;
mod known;
mod pretokenizer;
mod tokenizer;
mod value;
mod vocab;

use std::path::Path;

pub(crate) use tokenizer::{chat_template, sentence_piece, tokenizer_json};
pub(crate) use value::Metadata;
pub(crate) use vocab::Vocab;

use config::RopeFactors;

use crate::arch::{self, GgufSpec};
use crate::config::{Architecture, ModelConfig, RowOrder};
use crate::storage::{self, Entry, Shard, TensorTable};
use crate::{Error, Tensor};

/// Per-pair divisors of RoPE's frequencies, part of the configuration rather than weights.
const ROPE_FREQS: &str = "rope_freqs.weight";
const ROPE_SHORT: &str = "rope_factors_short.weight";
const ROPE_LONG: &str = "rope_factors_long.weight";

/// What one GGUF file says.
pub(crate) struct Gguf {
    pub metadata: Metadata,
    pub config: ModelConfig,
    pub order: RowOrder,
    pub table: TensorTable,
    /// What was passed over.
    pub warnings: Vec<String>,
}

/// Whether a file begins as GGUF files do.
pub(crate) fn is_gguf(path: &Path) -> bool {
    storage::begins_with(path, &header::MAGIC)
}

/// Map and parse a file; tensors come out under their Hugging Face names.
pub(crate) fn open(path: &Path) -> Result<Gguf, Error> {
    let bytes = storage::map_file(path)?;
    let header::Header { metadata, tensors } = header::parse(path, &bytes)?;
    let (architecture, spec) = architecture(path, &metadata)?;

    let mut table = TensorTable { shards: vec![Shard { path: path.to_owned(), bytes }], ..Default::default() };
    let mut factors = RopeFactors::default();
    let trunk = config::trunk(&metadata, architecture, spec)?;
    for tensor in tensors {
        let entry = Entry::stored(0, tensor.dtype, tensor.shape, tensor.range);
        let factors = match tensor.name.as_str() {
            ROPE_FREQS => Some(&mut factors.all),
            ROPE_SHORT => Some(&mut factors.short),
            ROPE_LONG => Some(&mut factors.long),
            _ => None,
        };
        if let Some(factors) = factors {
            let bytes = &table.shards[0].bytes[entry.range];
            let values = Tensor::new(path, &tensor.name, entry.shape, entry.dtype, bytes)?.to_f32()?;
            *factors = Some(values.into_iter().map(f64::from).collect());
            continue;
        }
        let layer = tensor.name.strip_prefix("blk.").and_then(|rest| rest.split_once('.')?.0.parse::<usize>().ok());
        if architecture.predicts_further() && layer.is_some_and(|layer| trunk.is_some_and(|trunk| layer >= trunk)) {
            continue;
        }
        let name = config::hf_name(spec, &tensor.name).ok_or_else(|| Error::UnexpectedTensor {
            path: path.to_owned(),
            tensor: tensor.name.clone(),
            architecture: architecture.to_string(),
        })?;
        table.insert(name, entry)?;
    }
    let config = config::from_metadata(path, (architecture, spec), &metadata, factors, &table)?;
    let warnings = config::passed_over(&metadata, &config);
    Ok(Gguf { metadata, config, order: spec.order, table, warnings })
}

/// `general.architecture`, and that this file is a whole model of it.
fn architecture(path: &Path, metadata: &Metadata) -> Result<(Architecture, &'static GgufSpec), Error> {
    const KEY: &str = "general.architecture";
    let name = metadata.required(KEY, metadata.text(KEY)?)?;
    if let Some(parts) = metadata.size("split.count")?
        && parts > 1
    {
        let supported = "one file; hint: join the parts with llama-gguf-split --merge";
        return Err(metadata.unsupported("split.count", parts, supported));
    }
    Architecture::from_gguf_name(name)
        .ok_or_else(|| Error::unsupported(path, format!("metadata {KEY}"), name, arch::missing::instead(name, arch::supported_gguf())))
}
