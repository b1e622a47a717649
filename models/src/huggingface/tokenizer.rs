//! A folder's tokenizer as one `tokenizer.json`.
//!
//! The file itself says where a begin token goes, as in transformers 5: its post-processor counts, `add_bos_token` beside it does not. What
//! `tokenizer_config.json` and its relatives know beyond it are tokens: those of `added_tokens_decoder`, special ones by name
//! (`bos_token` and the like) and `additional_special_tokens` are added where the file has none of their text, as transformers adds them.
//! Without the file the tokenizer is built from `vocab.json` and `merges.txt` or from `tokenizer.model`, and `add_bos_token` counts.

use std::collections::HashSet;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{json as python, vocabulary};
use crate::chat::{self, ChatTemplate};
use crate::config::Architecture;
use crate::tokenizer::{self, template_processor};
use crate::{Error, storage};

const FILE: &str = "tokenizer.json";

/// A folder's tokenizer; `None` if it has none.
pub(crate) fn tokenizer_json(folder: &Path, architecture: Architecture) -> Result<Option<Vec<u8>>, Error> {
    let settings = Settings::read(folder, architecture)?;
    let path = folder.join(FILE);
    let whole = storage::is_there(&path)?;
    let bytes = if whole {
        storage::read_small(&path)?
    } else {
        match vocabulary::build(folder, &settings)? {
            Some(bytes) => bytes,
            None => return Ok(None),
        }
    };
    let parsed: Value = serde_json::from_slice(&bytes).map_err(|e| Error::field(&path, "JSON", e, "one JSON object"))?;
    let missing = settings.missing(&parsed);
    let bytes = if missing.is_empty() { bytes } else { tokenizer::with_tokens(&path, &bytes, &missing)? };
    if !whole && settings.flag("add_bos_token").unwrap_or(settings.class == "LlamaTokenizer") {
        let bos = settings.named("bos_token").and_then(|text| tokenizer::id_of(&bytes, &text));
        return begun(&path, &bytes, bos).map(Some);
    }
    Ok(Some(bytes))
}

/// The chat template: `chat_template.jinja`, else the field of `tokenizer_config.json`, else that of the `chat_template.json` of processors.
pub(crate) fn chat_template(folder: &Path, architecture: Architecture) -> Result<Option<ChatTemplate>, Error> {
    let settings = Settings::read(folder, architecture)?;
    let (beside, config, old) =
        (folder.join("chat_template.jinja"), folder.join("tokenizer_config.json"), folder.join("chat_template.json"));
    let field = |object: &Map<String, Value>, path: &Path| chat::chosen(object.get("chat_template").unwrap_or(&Value::Null), path);
    let (source, path) = if storage::is_there(&beside)? {
        let text = String::from_utf8(storage::read_small(&beside)?).map_err(|e| Error::field(&beside, "file", e, "UTF-8 text"))?;
        (Some(text), beside)
    } else if let Some(source) = field(&settings.object, &config)? {
        (Some(source), config)
    } else {
        let object = python::read(&old)?.unwrap_or_default();
        (field(&object, &old)?, old)
    };
    let tokens = settings.object.keys().filter(|key| key.ends_with("_token")).filter_map(|key| Some((key.clone(), settings.named(key)?)));
    Ok(source.map(|source| ChatTemplate::new(source, path.display().to_string(), tokens.collect())))
}

/// A `tokenizer.json` whose texts begin with a token.
pub(crate) fn begun(path: &Path, bytes: &[u8], bos: Option<u32>) -> Result<Vec<u8>, Error> {
    let mut tokenizer: Value = serde_json::from_slice(bytes).map_err(|e| Error::field(path, "JSON", e, "one JSON object"))?;
    let Some(bos) = bos else { return Ok(bytes.to_vec()) };
    let Some(token) = token_text(&tokenizer, bos) else {
        let expected = format!("a token with the begin-of-text id {bos}");
        return Err(Error::field(path, "vocabulary", "none", expected));
    };
    tokenizer["post_processor"] = template_processor(Some((&token, bos)), None);
    Ok(tokenizer.to_string().into_bytes())
}

/// What a folder says of its tokenizer beside the vocabulary.
pub(super) struct Settings {
    /// `tokenizer_config.json`, with what older files keep apart in `special_tokens_map.json` and `added_tokens.json`.
    object: Map<String, Value>,
    /// The tokenizer's class, without the `Fast` of before transformers 5.
    pub class: String,
}

impl Settings {
    pub fn read(folder: &Path, architecture: Architecture) -> Result<Settings, Error> {
        let mut object = python::read(&folder.join("tokenizer_config.json"))?.unwrap_or_default();
        // Files that list their added tokens keep everything in one place; the others are merged, as transformers does.
        if !object.contains_key("added_tokens_decoder") {
            if let Some(named) = python::read(&folder.join("special_tokens_map.json"))? {
                object.extend(named);
            }
            if let Some(added) = python::read(&folder.join("added_tokens.json"))? {
                let special: HashSet<String> = special_texts(&object).collect();
                let token = |(text, id): (String, Value)| {
                    let is_special = special.contains(&text);
                    (id.to_string(), json!({"content": text, "special": is_special, "normalized": !is_special}))
                };
                object.insert("added_tokens_decoder".into(), Value::Object(added.into_iter().map(token).collect()));
            }
        }
        let class = object.get("tokenizer_class").and_then(Value::as_str).map(str::to_owned);
        let class = class.unwrap_or_else(|| {
            let class = match architecture {
                Architecture::Qwen2 | Architecture::Qwen3 | Architecture::Qwen3Moe => "Qwen2Tokenizer",
                _ if folder.join("tokenizer.model").is_file() => "LlamaTokenizer",
                _ => "GPT2Tokenizer",
            };
            class.to_owned()
        });
        let class = class.strip_suffix("Fast").unwrap_or(&class).to_owned();
        if !folder.join(FILE).is_file() {
            // A vocabulary alone names no special token; its class does.
            for (key, text) in vocabulary::class_tokens(&class) {
                object.entry(*key).or_insert_with(|| json!(text));
            }
        }
        Ok(Settings { object, class })
    }

    pub fn flag(&self, field: &str) -> Option<bool> {
        self.object.get(field).and_then(Value::as_bool)
    }

    /// The text of a special token by its name, `eos_token` and the like.
    pub fn named(&self, key: &str) -> Option<String> {
        text_of(self.object.get(key)?)
    }

    /// The id of a token's text, where the files tell; what cannot be read tells nothing.
    pub fn id_of(&self, folder: &Path, text: &str) -> Option<u32> {
        let decoder = self.object.get("added_tokens_decoder").and_then(Value::as_object);
        let added = decoder.into_iter().flatten().find(|(_, token)| token["content"] == text);
        if let Some(id) = added.and_then(|(id, _)| id.parse().ok()) {
            return Some(id);
        }
        let bytes = storage::read_small(&folder.join(FILE)).or_else(|_| storage::read_small(&folder.join("vocab.json"))).ok()?;
        tokenizer::id_of(&bytes, text)
    }

    /// Tokens that a `tokenizer.json` does not have among its added ones, in the order in which transformers adds them.
    fn missing(&self, tokenizer: &Value) -> Vec<Value> {
        let added = tokenizer["added_tokens"].as_array().into_iter().flatten();
        let mut known: HashSet<String> = added.filter_map(|token| text_of(&token["content"])).collect();
        let mut missing = Vec::new();
        let mut add = |token: Value| {
            if let Some(text) = text_of(&token)
                && !text.is_empty()
                && known.insert(text)
            {
                missing.push(token);
            }
        };
        let named: HashSet<String> = special_texts(&self.object).collect();
        let decoder = self.object.get("added_tokens_decoder").and_then(Value::as_object);
        let mut listed: Vec<(u32, &Value)> = decoder.into_iter().flatten().filter_map(|(id, t)| Some((id.parse().ok()?, t))).collect();
        listed.sort_by_key(|(id, _)| *id);
        for (_, token) in listed {
            let special = token["special"] == true || text_of(token).is_some_and(|text| named.contains(&text));
            add(as_added(token, special));
        }
        let special = |(_, value): (&String, &Value)| as_added(value, true);
        self.object.iter().filter(|(key, _)| key.ends_with("_token")).map(special).for_each(&mut add);
        for list in ["additional_special_tokens", "extra_special_tokens"] {
            match self.object.get(list) {
                Some(Value::Array(tokens)) => tokens.iter().map(|token| as_added(token, true)).for_each(&mut add),
                Some(Value::Object(tokens)) => tokens.values().map(|token| as_added(token, true)).for_each(&mut add),
                _ => {}
            }
        }
        missing
    }
}

/// The texts of the special tokens that have names.
fn special_texts(object: &Map<String, Value>) -> impl Iterator<Item = String> {
    let listed = object.get("additional_special_tokens").and_then(Value::as_array).into_iter().flatten();
    object.iter().filter(|(key, _)| key.ends_with("_token")).map(|(_, value)| value).chain(listed).filter_map(text_of)
}

/// A token's text: itself, or its `content`.
fn text_of(token: &Value) -> Option<String> {
    token.as_str().or_else(|| token.get("content").and_then(Value::as_str)).map(str::to_owned)
}

/// A token as `tokenizer.json` lists it.
fn as_added(token: &Value, special: bool) -> Value {
    let Some(content) = text_of(token) else { return Value::Null };
    let flag = |name: &str, default: bool| token.get(name).and_then(Value::as_bool).unwrap_or(default);
    json!({
        "content": content, "special": special, "single_word": flag("single_word", false), "lstrip": flag("lstrip", false),
        "rstrip": flag("rstrip", false), "normalized": flag("normalized", !special),
    })
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
