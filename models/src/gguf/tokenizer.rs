//! GGUF tokenizer metadata into the `tokenizer.json` that Hugging Face's library reads, so that
//! both give the same ids as llama.cpp (`llama-vocab.cpp`).
//!
//! Two kinds: `llama`, SentencePiece BPE, whose merges are implied by scores; and `gpt2`,
//! byte-level BPE, whose merges are listed and whose word splitting `tokenizer.ggml.pre` names.
//!
//! SentencePiece takes, among equal candidates, the leftmost; ranked merges take the lower rank.
//! The two differ only where one token can be made from overlapping neighbours in two ways
//! (`aa a aa`), as they do in Hugging Face's own conversion.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::value::Metadata;
use crate::Error;
use crate::tokenizer::template_processor;

const MODEL: &str = "tokenizer.ggml.model";
const PRE: &str = "tokenizer.ggml.pre";
const TOKENS: &str = "tokenizer.ggml.tokens";
const TYPES: &str = "tokenizer.ggml.token_type";
const SCORES: &str = "tokenizer.ggml.scores";
const MERGES: &str = "tokenizer.ggml.merges";

/// `llama_token_type` (`llama.h`).
const TYPE_NORMAL: i64 = 1;
const TYPE_UNKNOWN: i64 = 2;
const TYPE_CONTROL: i64 = 3;
const TYPE_USER_DEFINED: i64 = 4;
const TYPE_UNUSED: i64 = 5;
const TYPE_BYTE: i64 = 6;

/// SentencePiece's visible space.
const SPACE: &str = "\u{2581}";

/// The metadata's tokenizer as `tokenizer.json` bytes; `None` if the file has none.
pub(crate) fn tokenizer_json(metadata: &Metadata) -> Result<Option<Vec<u8>>, Error> {
    let Some(kind) = metadata.text(MODEL)? else {
        return Ok(None);
    };
    if kind == "none" || kind == "no_vocab" {
        return Ok(None);
    }
    let vocab = Vocab::read(metadata)?;
    let json = match kind {
        "llama" => sentence_piece(metadata, &vocab)?,
        "gpt2" => byte_level(metadata, &vocab)?,
        other => return Err(metadata.unsupported(MODEL, other, "llama, gpt2")),
    };
    Ok(Some(json.to_string().into_bytes()))
}

/// Token texts and types, checked against each other.
struct Vocab<'a> {
    tokens: &'a [String],
    types: &'a [i64],
    ids: HashMap<&'a str, usize>,
}

impl<'a> Vocab<'a> {
    fn read(metadata: &'a Metadata) -> Result<Vocab<'a>, Error> {
        let tokens = metadata.required(TOKENS, metadata.texts(TOKENS)?)?;
        let types = metadata.required(TYPES, metadata.ints(TYPES)?)?;
        if types.len() != tokens.len() {
            let expected = format!("{} of them, one a token", tokens.len());
            return Err(metadata.error(TYPES, format!("{} types", types.len()), &expected));
        }
        if let Some(kind) = types.iter().find(|t| !(TYPE_NORMAL..=TYPE_BYTE).contains(*t)) {
            return Err(metadata.error(TYPES, kind, "token types from 1 to 6"));
        }
        let mut ids = HashMap::with_capacity(tokens.len());
        for (id, token) in tokens.iter().enumerate() {
            if let Some(first) = ids.insert(token.as_str(), id) {
                let found = format!("{token:?} as both {first} and {id}");
                return Err(metadata.error(TOKENS, found, "unique tokens"));
            }
        }
        Ok(Vocab { tokens, types, ids })
    }

    fn to_json(&self) -> Value {
        self.tokens.iter().cloned().zip((0..).map(|id: u32| json!(id))).collect()
    }

    /// Tokens that are matched in the text before any splitting.
    fn added(&self) -> Vec<Value> {
        (self.tokens.iter().zip(self.types).enumerate())
            .filter(|(_, (_, t))| matches!(**t, TYPE_UNKNOWN | TYPE_CONTROL | TYPE_USER_DEFINED))
            .map(|(id, (content, kind))| {
                json!({
                    "id": id, "content": content, "single_word": false, "lstrip": false,
                    "rstrip": false, "normalized": false, "special": *kind != TYPE_USER_DEFINED,
                })
            })
            .collect()
    }

    /// The token a metadata key points at.
    fn special(&self, metadata: &Metadata, key: &str) -> Result<Option<(&'a str, u32)>, Error> {
        match metadata.token(key)? {
            None => Ok(None),
            Some(id) => match self.tokens.get(id as usize) {
                Some(token) => Ok(Some((token, id))),
                None => {
                    let expected = format!("an id below {}", self.tokens.len());
                    Err(metadata.error(key, id, &expected))
                }
            },
        }
    }

    /// The post-processor that puts begin and end tokens where the file says.
    fn template(&self, metadata: &Metadata, add_bos_default: bool) -> Result<Value, Error> {
        let wanted = |flag: &str, default: bool, id: &str| {
            if !metadata.flag(flag)?.unwrap_or(default) {
                return Ok(None);
            }
            metadata.required(id, self.special(metadata, id)?).map(Some)
        };
        let bos = "tokenizer.ggml.bos_token_id";
        let eos = "tokenizer.ggml.eos_token_id";
        Ok(template_processor(
            wanted("tokenizer.ggml.add_bos_token", add_bos_default, bos)?,
            wanted("tokenizer.ggml.add_eos_token", false, eos)?,
        ))
    }
}

fn sentence_piece(metadata: &Metadata, vocab: &Vocab) -> Result<Value, Error> {
    let scores = metadata.required(SCORES, metadata.floats(SCORES)?)?;
    if scores.len() != vocab.tokens.len() {
        let expected = format!("{} of them, one a token", vocab.tokens.len());
        return Err(metadata.error(SCORES, format!("{} scores", scores.len()), &expected));
    }
    for byte in 0..=255u8 {
        let token = format!("<0x{byte:02X}>");
        let id = vocab.ids.get(token.as_str());
        if id.is_none_or(|&id| vocab.types[id] != TYPE_BYTE) {
            let expected = format!("all 256 byte tokens; {token} is missing");
            return Err(metadata.error(TOKENS, "a vocabulary without", &expected));
        }
    }
    let unknown = vocab.special(metadata, "tokenizer.ggml.unknown_token_id")?;
    let prefixed = metadata.flag("tokenizer.ggml.add_space_prefix")?.unwrap_or(true);

    let mut normalizers = vec![];
    let mut decoders = vec![
        json!({"type": "Replace", "pattern": {"String": SPACE}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if prefixed {
        normalizers.push(json!({"type": "Prepend", "prepend": SPACE}));
        decoders.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    normalizers.push(json!({"type": "Replace", "pattern": {"String": " "}, "content": SPACE}));
    Ok(json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": vocab.added(),
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "pre_tokenizer": null,
        "post_processor": vocab.template(metadata, true)?,
        "decoder": {"type": "Sequence", "decoders": decoders},
        "model": {
            "type": "BPE",
            "dropout": null,
            "unk_token": unknown.map(|(token, _)| token),
            "continuing_subword_prefix": null,
            "end_of_word_suffix": null,
            "fuse_unk": true,
            "byte_fallback": true,
            "ignore_merges": false,
            "vocab": vocab.to_json(),
            "merges": merges_from_scores(metadata, vocab, scores)?,
        },
    }))
}

/// Every way to make a token from two others, best score first.
fn merges_from_scores(metadata: &Metadata, vocab: &Vocab, scores: &[f32]) -> Result<Vec<[String; 2]>, Error> {
    let plain = |text: &str| {
        let id = vocab.ids.get(text)?;
        matches!(vocab.types[*id], TYPE_NORMAL | TYPE_UNUSED).then_some(*id)
    };
    let mut merges = Vec::new();
    let mut scored: HashMap<u32, usize> = HashMap::new();
    for (id, token) in vocab.tokens.iter().enumerate() {
        if plain(token).is_none() {
            continue;
        }
        if scores[id].is_nan() {
            let found = format!("NaN for token {id}");
            return Err(metadata.error(SCORES, found, "numbers"));
        }
        let before = merges.len();
        for (at, _) in token.char_indices().skip(1) {
            let (left, right) = token.split_at(at);
            if plain(left).is_some() && plain(right).is_some() {
                merges.push((id, left, right));
            }
        }
        // Adding zero makes -0 and +0, which compare equal, the same key.
        let score = (scores[id] + 0.0).to_bits();
        if merges.len() > before
            && let Some(other) = scored.insert(score, id)
        {
            let found = format!("{} for both token {other} {:?} and token {id} {token:?}", scores[id], vocab.tokens[other]);
            return Err(metadata.error(SCORES, found, "distinct scores, which order the merges"));
        }
    }
    merges.sort_by(|(a, left_a, _), (b, left_b, _)| scores[*b].total_cmp(&scores[*a]).then(left_b.len().cmp(&left_a.len())));
    Ok(merges.into_iter().map(|(_, left, right)| [left.to_owned(), right.to_owned()]).collect())
}

fn byte_level(metadata: &Metadata, vocab: &Vocab) -> Result<Value, Error> {
    let merges = metadata.required(MERGES, metadata.texts(MERGES)?)?;
    let mut pairs = Vec::with_capacity(merges.len());
    let mut seen = HashSet::with_capacity(merges.len());
    for merge in merges {
        // The left part is never empty, so the separating space is not the first character.
        let at = merge.char_indices().skip(1).find(|(_, c)| *c == ' ').map(|(at, _)| at);
        let pair = at.map(|at| (&merge[..at], &merge[at + 1..]));
        let known = pair.filter(|(left, right)| {
            let whole = format!("{left}{right}");
            [*left, *right, &whole].iter().all(|part| vocab.ids.contains_key(part))
        });
        let Some((left, right)) = known else {
            let found = format!("{merge:?}");
            return Err(metadata.error(MERGES, found, "two tokens whose joining is a token"));
        };
        if !seen.insert((left, right)) {
            return Err(metadata.error(MERGES, format!("{merge:?} twice"), "unique merges"));
        }
        pairs.push([left, right]);
    }
    let pre = metadata.required(PRE, metadata.text(PRE)?)?;
    let split = Splitting::named(pre).ok_or_else(|| {
        let supported = "default, gpt-2, smollm, starcoder, llama-bpe, llama-v3, llama3, qwen2";
        metadata.unsupported(PRE, pre, supported)
    })?;
    Ok(json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": vocab.added(),
        "normalizer": null,
        "pre_tokenizer": split.to_json(),
        "post_processor": vocab.template(metadata, split.llama3)?,
        "decoder": {
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
            "use_regex": true,
        },
        "model": {
            "type": "BPE",
            "dropout": null,
            "unk_token": null,
            "continuing_subword_prefix": null,
            "end_of_word_suffix": null,
            "fuse_unk": false,
            "byte_fallback": false,
            "ignore_merges": split.llama3,
            "vocab": vocab.to_json(),
            "merges": pairs,
        },
    }))
}

/// How a byte-level tokenizer cuts text into words before merging.
struct Splitting {
    /// Applied one after the other; matches and the text between them both become words.
    patterns: &'static [&'static str],
    /// Llama 3's conventions: a word that is a token is not built from merges, and a text
    /// begins with the begin token.
    llama3: bool,
}

const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

impl Splitting {
    /// By `tokenizer.ggml.pre`, as in `llama-vocab.cpp`.
    fn named(pre: &str) -> Option<Splitting> {
        let (patterns, llama3): (&[&str], bool) = match pre {
            "default" => (&[r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"], false),
            "gpt-2" => (&[GPT2], false),
            "smollm" | "starcoder" => (&[r"\p{N}", GPT2], false),
            "llama-bpe" | "llama-v3" | "llama3" => (&[LLAMA3], true),
            "qwen2" => (&[QWEN2], false),
            _ => return None,
        };
        Some(Splitting { patterns, llama3 })
    }

    fn to_json(&self) -> Value {
        let mut steps: Vec<Value> = self
            .patterns
            .iter()
            .map(|regex| {
                json!({
                    "type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated",
                    "invert": false,
                })
            })
            .collect();
        steps.push(json!({
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
            "use_regex": false,
        }));
        json!({"type": "Sequence", "pretokenizers": steps})
    }
}
