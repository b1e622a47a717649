//! The tokens of a GGUF file, what kind each is, and which of them begin and end a text: the rules of llama.cpp (`llama-vocab.cpp`).
//!
//! Converters lie: a token whose text is that of a known control token is one, whatever type the file gives it; and a text ends at every
//! token that llama.cpp knows by name, not only at those that keys point at.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::value::Metadata;
use crate::Error;
use crate::tokenizer::template_processor;

pub(super) const MODEL: &str = "tokenizer.ggml.model";
pub(super) const PRE: &str = "tokenizer.ggml.pre";
pub(super) const TOKENS: &str = "tokenizer.ggml.tokens";
const TYPES: &str = "tokenizer.ggml.token_type";
pub(super) const SCORES: &str = "tokenizer.ggml.scores";
pub(super) const MERGES: &str = "tokenizer.ggml.merges";
pub(super) const BOS: &str = "tokenizer.ggml.bos_token_id";
pub(super) const EOS: &str = "tokenizer.ggml.eos_token_id";
pub(super) const UNKNOWN: &str = "tokenizer.ggml.unknown_token_id";

/// `llama_token_type` (`llama.h`).
const TYPE_NORMAL: i64 = 1;
const TYPE_UNKNOWN: i64 = 2;
const TYPE_CONTROL: i64 = 3;
const TYPE_USER_DEFINED: i64 = 4;
pub(super) const TYPE_BYTE: i64 = 6;

/// Tokens that end a turn or a text, by their text.
const ENDS: [&str; 22] = [
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<turn|>",
    "<|tool_response>",
    "<\u{FF5C}end\u{2581}of\u{2581}sentence\u{FF5C}>",
    "[e~[",
];

/// Tokens of infilling. A text ends at the first of each of the last three kinds: padding, repository, file.
const INFILL: [(&str, &[&str]); 6] = [
    (
        "fim_pre",
        &[
            "<|fim_prefix|>",
            "<fim-prefix>",
            "<fim_prefix>",
            "<\u{FF5C}fim\u{2581}begin\u{FF5C}>",
            "<PRE>",
            "\u{2581}<PRE>",
            "<|code_prefix|>",
            "<|prefix|>",
        ],
    ),
    (
        "fim_suf",
        &[
            "<|fim_suffix|>",
            "<fim-suffix>",
            "<fim_suffix>",
            "<\u{FF5C}fim\u{2581}hole\u{FF5C}>",
            "<SUF>",
            "\u{2581}<SUF>",
            "<|code_suffix|>",
            "<|suffix|>",
        ],
    ),
    (
        "fim_mid",
        &[
            "<|fim_middle|>",
            "<fim-middle>",
            "<fim_middle>",
            "<\u{FF5C}fim\u{2581}end\u{FF5C}>",
            "<MID>",
            "\u{2581}<MID>",
            "<|code_middle|>",
            "<|middle|>",
        ],
    ),
    ("fim_pad", &["<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"]),
    ("fim_rep", &["<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"]),
    ("fim_sep", &["<|file_sep|>"]),
];

/// Parts of a conversation in OpenAI's format, which are matched in texts and shown.
const HARMONY: [&str; 4] = ["<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"];

/// Token texts and types, checked against each other.
pub(crate) struct Vocab {
    pub tokens: Vec<String>,
    types: Vec<i64>,
    pub ids: HashMap<String, usize>,
    /// SentencePiece's, which has default ids for its special tokens.
    pieces: bool,
    /// Special tokens swallow the whitespace after them.
    swallow: bool,
}

impl Vocab {
    /// `None` if the file has no tokenizer.
    pub fn read(metadata: &Metadata) -> Result<Option<Vocab>, Error> {
        let kind = metadata.text(MODEL)?;
        let Some(kind) = kind.filter(|&kind| kind != "none" && kind != "no_vocab") else { return Ok(None) };
        let tokens = metadata.required(TOKENS, metadata.texts(TOKENS)?)?;
        let types = match metadata.ints(TYPES)? {
            None => vec![TYPE_NORMAL; tokens.len()],
            Some(types) if types.len() >= tokens.len() => types[..tokens.len()].to_vec(),
            Some(types) => {
                let expected = format!("{} of them, one a token", tokens.len());
                return Err(metadata.error(TYPES, format!("{} types", types.len()), &expected));
            }
        };
        let named = |(id, token): (usize, &String)| if token.is_empty() { format!("[EMPTY_{id}]") } else { token.clone() };
        let tokens: Vec<String> = tokens.iter().enumerate().map(named).collect();
        let name = metadata.text("general.name")?.unwrap_or_default().to_ascii_lowercase();
        let swallow = name.contains("phi-3") || name.contains("phi3");
        Vocab::new(tokens, types, kind == "llama", swallow).map(Some).map_err(|found| metadata.error(TOKENS, found, "unique tokens"))
    }

    /// # Errors
    /// A token that stands twice, in words.
    pub fn new(tokens: Vec<String>, types: Vec<i64>, pieces: bool, swallow: bool) -> Result<Vocab, String> {
        let mut ids = HashMap::with_capacity(tokens.len());
        for (id, token) in tokens.iter().enumerate() {
            if let Some(first) = ids.insert(token.clone(), id) {
                return Err(format!("{token:?} as both {first} and {id}"));
            }
        }
        let mut vocab = Vocab { tokens, types, ids, pieces, swallow };
        vocab.correct_types();
        Ok(vocab)
    }

    fn correct_types(&mut self) {
        let infill = INFILL.iter().flat_map(|(_, names)| names.iter());
        for name in ENDS.iter().chain(infill) {
            if let Some(&id) = self.ids.get(*name) {
                self.types[id] = TYPE_CONTROL;
            }
        }
        let thinks = self.thinks_aloud().then_some("<|end|>");
        for name in HARMONY.iter().copied().chain(thinks) {
            if let Some(&id) = self.ids.get(name) {
                self.types[id] = TYPE_USER_DEFINED;
            }
        }
    }

    /// In formats with channels, `<|end|>` ends a message among several, not a turn.
    fn thinks_aloud(&self) -> bool {
        let has = |name: &str| self.ids.contains_key(name);
        let calls = has("<|call|>") || has("<|calls|>");
        calls && (has("<|return|>") || has("<|flush|>"))
    }

    /// Whether the file asks for the token to be found in the text before merges are made.
    pub(super) fn is_user_defined(&self, id: usize) -> bool {
        self.types[id] == TYPE_USER_DEFINED
    }

    pub fn is_byte(&self, id: usize) -> bool {
        self.types[id] == TYPE_BYTE
    }

    pub fn to_json(&self) -> Value {
        self.tokens.iter().cloned().zip((0..).map(|id: u32| json!(id))).collect()
    }

    /// Tokens that are matched in the text before any splitting.
    pub fn added(&self) -> Vec<Value> {
        (self.tokens.iter().zip(&self.types).enumerate())
            .filter(|(_, (_, t))| matches!(**t, TYPE_UNKNOWN | TYPE_CONTROL | TYPE_USER_DEFINED))
            .map(|(id, (content, kind))| {
                let swallows = self.swallow && !matches!(content.as_str(), "<unk>" | "<s>" | "<|endoftext|>");
                json!({
                    "id": id, "content": content, "single_word": false, "lstrip": false,
                    "rstrip": swallows, "normalized": false, "special": *kind != TYPE_USER_DEFINED,
                })
            })
            .collect()
    }

    /// The token a key points at, or SentencePiece's own if the key is absent or points nowhere.
    fn special(&self, metadata: &Metadata, key: &str) -> Result<Option<u32>, Error> {
        let default = match key {
            _ if !self.pieces => None,
            BOS => Some(1),
            EOS => Some(2),
            UNKNOWN => Some(0),
            _ => None,
        };
        let within = |id: &u32| (*id as usize) < self.tokens.len();
        Ok(metadata.token(key)?.filter(within).or(default.filter(within)))
    }

    /// As text and id.
    pub fn special_token(&self, metadata: &Metadata, key: &str) -> Result<Option<(&str, u32)>, Error> {
        Ok(self.special(metadata, key)?.map(|id| (self.tokens[id as usize].as_str(), id)))
    }

    pub fn bos(&self, metadata: &Metadata) -> Result<Option<u32>, Error> {
        self.special(metadata, BOS)
    }

    /// Every token that a text ends at: that of the end first.
    pub fn ends(&self, metadata: &Metadata) -> Result<Vec<u32>, Error> {
        let mut ends = Vec::new();
        for key in [EOS, "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"] {
            ends.extend(self.special(metadata, key)?);
        }
        for (kind, names) in &INFILL[3..] {
            let named = || names.iter().find_map(|name| self.ids.get(*name)).map(|&id| id as u32);
            ends.extend(self.special(metadata, &format!("tokenizer.ggml.{kind}_token_id"))?.or_else(named));
        }
        let tool = self.ids.contains_key("<|tool_response>");
        let ending = |name: &&&str| !(**name == "<|end|>" && self.thinks_aloud() || **name == "</s>" && tool);
        ends.extend(ENDS.iter().filter(ending).filter_map(|name| self.ids.get(*name)).map(|&id| id as u32));
        let mut seen = std::collections::HashSet::new();
        ends.retain(|&id| seen.insert(id));
        Ok(ends)
    }

    /// The post-processor that puts begin and end tokens where the file says, or the tokenizer's kind does.
    pub fn template(&self, metadata: &Metadata, begins: bool) -> Result<Value, Error> {
        let wanted = |flag: &str, default: bool, key: &str| match metadata.flag(flag)?.unwrap_or(default) {
            true => self.special_token(metadata, key),
            false => Ok(None),
        };
        Ok(template_processor(wanted("tokenizer.ggml.add_bos_token", begins, BOS)?, wanted("tokenizer.ggml.add_eos_token", false, EOS)?))
    }
}
