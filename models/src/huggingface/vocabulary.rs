//! Tokenizers of folders without a `tokenizer.json`: built as transformers builds them from `vocab.json` and `merges.txt`, or from
//! SentencePiece's `tokenizer.model`.

use std::path::Path;

use serde_json::{Value, json};

use super::tokenizer::Settings;
use super::{json as python, pieces};
use crate::{Error, storage};

const VOCAB: &str = "vocab.json";
const MERGES: &str = "merges.txt";
const PIECES: &str = "tokenizer.model";

/// Qwen2's words (`tokenization_qwen2.py`).
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Special tokens that a class has where the files name none.
pub(super) fn class_tokens(class: &str) -> &'static [(&'static str, &'static str)] {
    const END: &str = "<|endoftext|>";
    match class {
        "GPT2Tokenizer" => &[("bos_token", END), ("eos_token", END), ("unk_token", END)],
        "Qwen2Tokenizer" => &[("eos_token", END), ("pad_token", END), ("unk_token", END)],
        "LlamaTokenizer" => &[("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>")],
        _ => &[],
    }
}

/// `None` if the folder has neither.
pub(super) fn build(folder: &Path, settings: &Settings) -> Result<Option<Vec<u8>>, Error> {
    let (vocab, merges, model) = (folder.join(VOCAB), folder.join(MERGES), folder.join(PIECES));
    if storage::is_there(&vocab)? && storage::is_there(&merges)? {
        return byte_level(&vocab, &merges, settings).map(|json| Some(json.to_string().into_bytes()));
    }
    if storage::is_there(&model)? {
        let prefixed = settings.flag("add_prefix_space");
        return pieces::build(&model, prefixed).map(|json| Some(json.to_string().into_bytes()));
    }
    Ok(None)
}

fn byte_level(vocab: &Path, merges: &Path, settings: &Settings) -> Result<Value, Error> {
    let tokens = python::parse(&storage::read_small(vocab)?, vocab)?;
    let text = storage::read_small(merges)?;
    let text = str::from_utf8(&text).map_err(|e| Error::field(merges, "file", e, "UTF-8 text"))?;
    let mut pairs = Vec::new();
    for (line, pair) in text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with("#version")) {
        match pair.split_once(' ') {
            Some((left, right)) if !right.contains(' ') => pairs.push([left, right]),
            _ => {
                return Err(Error::field(merges, format!("line {}", line + 1), format!("{pair:?}"), "two tokens and a space between them"));
            }
        }
    }
    let spaced = settings.flag("add_prefix_space").unwrap_or(false);
    let bytes = |regex: bool| json!({"type": "ByteLevel", "add_prefix_space": spaced, "trim_offsets": true, "use_regex": regex});
    let (normalizer, words) = match settings.class.as_str() {
        "GPT2Tokenizer" => (Value::Null, bytes(true)),
        "Qwen2Tokenizer" => {
            let split = json!({"type": "Split", "pattern": {"Regex": QWEN2}, "behavior": "Isolated", "invert": false});
            (json!({"type": "NFC"}), json!({"type": "Sequence", "pretokenizers": [split, bytes(false)]}))
        }
        other => {
            let path = vocab.with_file_name("tokenizer_config.json");
            return Err(Error::unsupported(&path, "tokenizer_class", other, "GPT2Tokenizer, Qwen2Tokenizer; hint: or give tokenizer.json"));
        }
    };
    Ok(json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": normalizer, "pre_tokenizer": words, "post_processor": null,
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null, "end_of_word_suffix": null,
            "fuse_unk": false, "byte_fallback": false, "ignore_merges": false, "vocab": tokens, "merges": pairs,
        },
    }))
}
