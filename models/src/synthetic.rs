//! A checkpoint of any size that nobody trained: from a bare `config.json`, a Hugging Face folder of sharded BF16
//! safetensors whose weights look like trained ones to a quantizer. For measuring what a compiler does with models of
//! real size; the text such a model writes is noise.
//!
//! Every value follows from the seed, the tensor's name and its place, so the bytes are the same at any thread count.
//! Distributions are in [`draw`].

mod draw;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::graph::WeightSpec;
use crate::{Error, Shape, storage};
use draw::Source;

/// Bytes drawn at once; two such buffers are all the memory it takes.
const BUFFER_BYTES: usize = 32 << 20;
/// Bytes of a BF16.
const VALUE_BYTES: u64 = 2;
/// Weights in one shard unless told: what `save_pretrained` of transformers writes.
pub const DEFAULT_SHARD_BYTES: u64 = 5_000_000_000;

/// What to write.
#[derive(Clone, Copy, Debug)]
pub struct Synthetic {
    pub seed: u64,
    /// Most bytes of weights in one file; a single larger tensor gets a file of its own.
    pub shard_bytes: u64,
}

impl Default for Synthetic {
    fn default() -> Self {
        Synthetic { seed: 1, shard_bytes: DEFAULT_SHARD_BYTES }
    }
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    pub parameters: u64,
    pub bytes: u64,
    pub shards: usize,
}

impl Synthetic {
    /// Writes a checkpoint of the shape of the `config.json` at `config` into the folder `target`, which must be absent or
    /// empty. `progress` is told bytes done and in all.
    ///
    /// # Errors
    /// A configuration that cannot be compiled with weights, an occupied target: then nothing is written. A disk that
    /// refuses: what was written is there, without an index.
    pub fn write(&self, config: &Path, target: &Path, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<Written, Error> {
        let text = storage::read_small(config)?;
        let shape = Shape::from_json(&text, "synthetic", config)?;
        let weights = shape.graph.weights();
        let total: u64 = weights.iter().map(bytes_of).sum();
        let shards = self.shards(&weights);
        let free = match fs::read_dir(target) {
            Ok(mut entries) => entries.next().is_none(),
            Err(_) => !target.exists(),
        };
        if !free {
            return Err(Error::field(target, "output folder", "something else", "an absent or empty folder"));
        }
        fs::create_dir_all(target).map_err(|e| Error::io(target, "create", e))?;
        let put = |name: &str, bytes: &[u8]| {
            let path = target.join(name);
            fs::write(&path, bytes).map_err(|e| Error::io(&path, "write", e))
        };
        let name = |i: usize| format!("model-{:05}-of-{:05}.safetensors", i + 1, shards.len());
        let (mut map, mut done) = (Map::new(), 0);
        for (i, shard) in shards.iter().enumerate() {
            self.shard(&target.join(name(i)), shard, &mut |bytes| {
                done += bytes;
                progress(done, total);
            })?;
            map.extend(shard.iter().map(|w| (w.name.clone(), Value::from(name(i)))));
        }
        let index = json!({"metadata": {"total_size": total}, "weight_map": map});
        put("config.json", &text)?;
        put("model.safetensors.index.json", index.to_string().as_bytes())?;
        Ok(Written { parameters: total / VALUE_BYTES, bytes: total, shards: shards.len() })
    }

    /// Weights in graph order, cut where the next would not fit.
    fn shards<'a>(&self, weights: &'a [WeightSpec]) -> Vec<&'a [WeightSpec]> {
        let (mut shards, mut from, mut bytes) = (Vec::new(), 0, 0);
        for (i, w) in weights.iter().enumerate() {
            if i > from && bytes + bytes_of(w) > self.shard_bytes {
                shards.push(&weights[from..i]);
                (from, bytes) = (i, 0);
            }
            bytes += bytes_of(w);
        }
        shards.push(&weights[from..]);
        shards
    }

    /// One safetensors file: eight bytes of header length, the header, the tensors back to back.
    fn shard(&self, path: &Path, weights: &[WeightSpec], written: &mut (dyn FnMut(u64) + Send)) -> Result<(), Error> {
        let (mut header, mut at) = (Map::new(), 0);
        for w in weights {
            let end = at + bytes_of(w);
            header.insert(w.name.clone(), json!({"dtype": "BF16", "shape": w.shape, "data_offsets": [at, end]}));
            at = end;
        }
        let mut header = Value::from(header).to_string().into_bytes();
        header.resize(header.len().next_multiple_of(8), b' ');
        let fail = |e| Error::io(path, "write", e);
        let mut file = File::create(path).map_err(fail)?;
        file.write_all(&(header.len() as u64).to_le_bytes()).map_err(fail)?;
        file.write_all(&header).map_err(fail)?;
        // While one buffer goes to the disk, the next is drawn.
        let (mut full, mut next): (Vec<u8>, Vec<u8>) = (Vec::new(), Vec::new());
        for w in weights {
            let source = Source::new(self.seed, w);
            let mut row = 0;
            while row < source.rows() {
                let rows = source.rows_within(BUFFER_BYTES).min(source.rows() - row);
                let (wrote, ()) = rayon::join(|| file.write_all(&full), || source.fill(row, rows, &mut next));
                wrote.map_err(fail)?;
                written(full.len() as u64);
                std::mem::swap(&mut full, &mut next);
                row += rows;
            }
        }
        file.write_all(&full).map_err(fail)?;
        written(full.len() as u64);
        Ok(())
    }
}

/// Rows of a matrix of `inputs` columns, as [`Synthetic::write`] would write them.
pub fn rows(seed: u64, inputs: usize, rows: usize) -> Vec<Vec<f32>> {
    let spec = WeightSpec { name: "rows".into(), shape: vec![rows, inputs], needed_by: String::new() };
    let mut bytes = Vec::new();
    Source::new(seed, &spec).fill(0, rows, &mut bytes);
    let value = |b: &[u8; 2]| half::bf16::from_le_bytes(*b).to_f32();
    bytes.chunks(2 * inputs).map(|row| row.as_chunks::<2>().0.iter().map(value).collect()).collect()
}

fn bytes_of(w: &WeightSpec) -> u64 {
    w.elements() * VALUE_BYTES
}
