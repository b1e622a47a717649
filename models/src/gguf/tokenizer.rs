//! GGUF tokenizer metadata into the `tokenizer.json` that Hugging Face's library reads, so that
//! both give the same ids as llama.cpp (`llama-vocab.cpp`).
//!
//! Two kinds: `llama`, SentencePiece BPE, whose merges are implied by scores; and `gpt2`,
//! byte-level BPE, whose merges are listed and whose word splitting `tokenizer.ggml.pre` names.
//!
//! SentencePiece takes, among equal candidates, the leftmost; ranked merges take the lower rank.
//! The two differ only where one token can be made from overlapping neighbours in two ways
//! (`aa a aa`), as they do in Hugging Face's own conversion.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

use super::pretokenizer::Splitting;
use super::value::Metadata;
use super::vocab::{BOS, EOS, MERGES, MODEL, PRE, SCORES, TOKENS, UNKNOWN, Vocab};
use crate::Error;
use crate::chat::ChatTemplate;

/// SentencePiece's visible space.
const SPACE: &str = "\u{2581}";

/// The metadata's tokenizer as `tokenizer.json` bytes; `None` if the file has none.
pub(crate) fn tokenizer_json(metadata: &Metadata) -> Result<Option<Vec<u8>>, Error> {
    let Some(vocab) = Vocab::read(metadata)? else { return Ok(None) };
    let json = match metadata.required(MODEL, metadata.text(MODEL)?)? {
        "llama" => {
            let scores = metadata.required(SCORES, metadata.floats(SCORES)?)?;
            if scores.len() < vocab.tokens.len() {
                let expected = format!("{} of them, one a token", vocab.tokens.len());
                return Err(metadata.error(SCORES, format!("{} scores", scores.len()), &expected));
            }
            let prefixed = metadata.flag("tokenizer.ggml.add_space_prefix")?.unwrap_or(true);
            let unknown = vocab.special_token(metadata, UNKNOWN)?.map(|(token, _)| token);
            let post = vocab.template(metadata, true)?;
            sentence_piece(&vocab, &scores, unknown, prefixed, post).map_err(|Lack { of, found, expected }| {
                let key = if of == "scores" { SCORES } else { TOKENS };
                metadata.error(key, found, &expected)
            })?
        }
        "gpt2" => byte_level(metadata, &vocab)?,
        other => return Err(metadata.unsupported(MODEL, other, "llama, gpt2")),
    };
    Ok(Some(json.to_string().into_bytes()))
}

/// The metadata's chat template; `None` if the file has none.
pub(crate) fn chat_template(metadata: &Metadata) -> Result<Option<ChatTemplate>, Error> {
    const KEY: &str = "tokenizer.chat_template";
    let (Some(source), Some(vocab)) = (metadata.text(KEY)?, Vocab::read(metadata)?) else { return Ok(None) };
    let mut tokens = Vec::new();
    for (name, key) in [("bos_token", BOS), ("eos_token", EOS)] {
        tokens.extend(vocab.special_token(metadata, key)?.map(|(text, _)| (name.to_owned(), text.to_owned())));
    }
    let origin = format!("{}: metadata {KEY}", metadata.path.display());
    Ok(Some(ChatTemplate::new(source.to_owned(), origin, tokens)))
}

/// What a SentencePiece model lacks: `tokens` or `scores` that are otherwise.
pub(crate) struct Lack {
    pub of: &'static str,
    pub found: String,
    pub expected: String,
}

/// SentencePiece's BPE as a `tokenizer.json`; `post` puts the begin and end tokens.
pub(crate) fn sentence_piece(vocab: &Vocab, scores: &[f32], unknown: Option<&str>, prefixed: bool, post: Value) -> Result<Value, Lack> {
    for byte in 0..=255u8 {
        let token = format!("<0x{byte:02X}>");
        if vocab.ids.get(&token).is_none_or(|&id| !vocab.is_byte(id)) {
            let expected = format!("all 256 byte tokens; {token} is missing");
            return Err(Lack { of: "tokens", found: "a vocabulary without".into(), expected });
        }
    }
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
        "post_processor": post,
        "decoder": {"type": "Sequence", "decoders": decoders},
        "model": {
            "type": "BPE",
            "dropout": null,
            "unk_token": unknown,
            "continuing_subword_prefix": null,
            "end_of_word_suffix": null,
            "fuse_unk": true,
            "byte_fallback": true,
            "ignore_merges": false,
            "vocab": vocab.to_json(),
            "merges": merges_from_scores(vocab, scores)?,
        },
    }))
}

/// Every way to make a token from two others, best score first; llama.cpp makes tokens of every type.
fn merges_from_scores(vocab: &Vocab, scores: &[f32]) -> Result<Vec<[String; 2]>, Lack> {
    let mut merges = Vec::new();
    // One token of each score that merges make, by the score's bits.
    let mut scored: BTreeMap<u32, usize> = BTreeMap::new();
    for (id, token) in vocab.tokens.iter().enumerate() {
        // Found in the text before merges are made, which then see no such text. Merges see SPACE in place of every space, so a token with
        // one is not found there as it stands.
        if vocab.is_user_defined(id) && !token.contains(SPACE) {
            continue;
        }
        let before = merges.len();
        for (at, _) in token.char_indices().skip(1) {
            let (left, right) = token.split_at(at);
            if vocab.ids.contains_key(left) && vocab.ids.contains_key(right) {
                merges.push((id, left, right));
            }
        }
        if merges.len() == before {
            continue;
        }
        if scores[id].is_nan() {
            return Err(Lack { of: "scores", found: format!("NaN for token {id}"), expected: "numbers".into() });
        }
        // Adding zero makes -0 and +0, which compare equal, the same key.
        let score = (scores[id] + 0.0).to_bits();
        if let Some(other) = scored.insert(score, id)
            && !(is_run(token) && is_run(&vocab.tokens[other]))
        {
            let found = format!("{} for both token {other} {:?} and token {id} {token:?}", scores[id], vocab.tokens[other]);
            return Err(Lack { of: "scores", found, expected: "distinct scores, which order the merges".into() });
        }
    }
    // Runs of one character that share a score grow from the left, so the longer comes first.
    let length = |id: usize| vocab.tokens[id].len();
    merges.sort_by(|&(a, left_a, _), &(b, left_b, _)| {
        let rank = (scores[b] + 0.0).total_cmp(&(scores[a] + 0.0));
        rank.then(length(b).cmp(&length(a))).then(left_b.len().cmp(&left_a.len()))
    });
    Ok(merges.into_iter().map(|(_, left, right)| [left.to_owned(), right.to_owned()]).collect())
}

/// One character, over and over: a run of spaces, as converters add them with one score for all.
fn is_run(token: &str) -> bool {
    token.chars().all(|c| token.starts_with(c))
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
            [*left, *right, &whole].iter().all(|part| vocab.ids.contains_key(*part))
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
    let pre = metadata.text(PRE)?.unwrap_or_default();
    let split = Splitting::named(pre).ok_or_else(|| {
        let supported = "the names of llama.cpp's llama-vocab.cpp, such as default, gpt-2, llama-bpe, qwen2; hint: --ids needs none";
        metadata.unsupported(PRE, pre, supported)
    })?;
    Ok(json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": vocab.added(),
        "normalizer": null,
        "pre_tokenizer": split.to_json(),
        "post_processor": vocab.template(metadata, split.begins)?,
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
            "ignore_merges": split.whole_words,
            "vocab": vocab.to_json(),
            "merges": pairs,
        },
    }))
}
