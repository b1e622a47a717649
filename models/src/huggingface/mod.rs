//! A Hugging Face folder: `config.json`, safetensors (one file or an index of shards),
//! `tokenizer.json` or what it is made of.

mod config;
mod defaults;
mod ends;
pub(crate) mod fields;
mod json;
mod pieces;
mod rope;
mod tokenizer;
mod vocabulary;
mod weights;

pub(crate) use config::parse_config;
pub(crate) use ends::ends_of_text;
pub(crate) use tokenizer::{begun, chat_template, tokenizer_json};
pub(crate) use weights::{has_weights, index_shard, open_weights};
