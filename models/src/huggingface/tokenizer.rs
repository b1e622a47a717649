//! A folder's `tokenizer.json`, completed so that the file alone says where a begin token goes.
//!
//! The convention, in the order in which it is looked for: the file's own post-processor;
//! `add_bos_token` or the tokenizer class in `tokenizer_config.json`; and, where a folder has
//! neither, a begin token if `config.json` names one (the bundled checkpoint's case).

use std::path::Path;

use serde_json::Value;

use crate::config::ModelConfig;
use crate::tokenizer::template_processor;
use crate::{Error, storage};

const FILE: &str = "tokenizer.json";
const SETTINGS: &str = "tokenizer_config.json";

/// `tokenizer.json` of a folder with its post-processor filled in; `None` if there is no file.
pub(crate) fn tokenizer_json(folder: &Path, config: &ModelConfig) -> Result<Option<Vec<u8>>, Error> {
    let path = folder.join(FILE);
    if !path.is_file() {
        return Ok(None);
    }
    let bytes = storage::read_small(&path)?;
    let settings = folder.join(SETTINGS);
    let settings = if settings.is_file() {
        let text = storage::read_small(&settings)?;
        let parsed: Value = serde_json::from_slice(&text).map_err(|e| Error::field(&settings, "JSON", e, "one JSON object"))?;
        Some(parsed)
    } else {
        None
    };
    complete(&path, bytes, settings.as_ref(), config).map(Some)
}

/// Fill in the post-processor of a `tokenizer.json` that has none.
pub(crate) fn complete(path: &Path, bytes: Vec<u8>, settings: Option<&Value>, config: &ModelConfig) -> Result<Vec<u8>, Error> {
    let mut tokenizer: Value = serde_json::from_slice(&bytes).map_err(|e| Error::field(path, "JSON", e, "one JSON object"))?;
    if !tokenizer.is_object() {
        return Err(Error::field(path, "JSON", "another value", "one JSON object"));
    }
    let silent = tokenizer.get("post_processor").is_none_or(Value::is_null);
    let wanted = match settings {
        None => true,
        Some(settings) => match settings.get("add_bos_token").and_then(Value::as_bool) {
            Some(flag) => flag,
            None => {
                let class = settings.get("tokenizer_class").and_then(Value::as_str);
                matches!(class, Some("LlamaTokenizer" | "LlamaTokenizerFast"))
            }
        },
    };
    let Some(bos) = config.bos.filter(|_| silent && wanted) else {
        return Ok(bytes);
    };
    let Some(token) = token_text(&tokenizer, bos) else {
        let expected = format!("a token with the begin-of-text id {bos} of config.json");
        return Err(Error::field(path, "vocabulary", "none", expected));
    };
    tokenizer["post_processor"] = template_processor(Some((&token, bos)), None);
    Ok(tokenizer.to_string().into_bytes())
}

fn token_text(tokenizer: &Value, id: u32) -> Option<String> {
    let added = tokenizer.get("added_tokens").and_then(Value::as_array);
    let added = added.into_iter().flatten().find(|token| token["id"] == id);
    if let Some(text) = added.and_then(|token| token["content"].as_str()) {
        return Some(text.to_owned());
    }
    let vocab = tokenizer.get("model")?.get("vocab")?.as_object()?;
    let (text, _) = vocab.iter().find(|(_, v)| **v == id)?;
    Some(text.clone())
}
