//! A Hugging Face folder: `config.json`, safetensors (one file or an index of shards),
//! `tokenizer.json`.

mod config;
pub(crate) mod fields;
mod rope;
mod tokenizer;
mod weights;

pub(crate) use config::parse_config;
pub(crate) use tokenizer::{complete, tokenizer_json};
pub(crate) use weights::{index_shard, open_weights};
