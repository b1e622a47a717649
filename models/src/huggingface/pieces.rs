//! SentencePiece's `tokenizer.model`: a protocol buffer with the pieces, their scores and their kinds
//! (`sentencepiece_model.proto` of google/sentencepiece). Its BPE becomes the tokenizer that a GGUF file of the same pieces has.

use std::path::Path;

use serde_json::Value;

use crate::gguf::{Vocab, sentence_piece};
use crate::{Error, storage};

/// `TrainerSpec.model_type`.
const UNIGRAM: u64 = 1;
const BPE: u64 = 2;
/// `SentencePiece.Type`, whose numbers GGUF took over.
const NORMAL: u64 = 1;

/// The parts of a model that are read.
#[derive(Default)]
struct Model {
    tokens: Vec<String>,
    scores: Vec<f32>,
    types: Vec<i64>,
    kind: Option<u64>,
    unknown: Option<String>,
    prefix: Option<u64>,
    squeezes: Option<u64>,
    charsmap: usize,
}

/// As a `tokenizer.json` without begin and end tokens; `prefixed` overrides whether a text is begun with a space.
pub(super) fn build(path: &Path, prefixed: Option<bool>) -> Result<Value, Error> {
    let bytes = storage::read_small(path)?;
    let bad = |what: &str| Error::field(path, "file", what, "a SentencePiece model");
    let model = read(&bytes).ok_or_else(|| bad("something else, or its beginning"))?;
    let kind = model.kind.unwrap_or(UNIGRAM);
    if kind != BPE {
        return Err(Error::unsupported(
            path,
            "model_type",
            if kind == UNIGRAM { "unigram".into() } else { format!("number {kind}") },
            "BPE",
        ));
    }
    // Squeezing spaces and mapping characters happen before the pieces are looked up.
    if model.squeezes.unwrap_or(1) != 0 {
        return Err(Error::unsupported(path, "normalizer_spec.remove_extra_whitespaces", true, "false"));
    }
    if model.charsmap > 0 {
        return Err(Error::unsupported(path, "normalizer_spec.precompiled_charsmap", format!("{} bytes", model.charsmap), "none"));
    }
    let vocab = Vocab::new(model.tokens, model.types, true, false).map_err(|found| Error::field(path, "pieces", found, "unique pieces"))?;
    let unknown = model.unknown.unwrap_or_else(|| "<unk>".to_owned());
    let unknown = vocab.ids.contains_key(&unknown).then_some(unknown);
    let prefixed = prefixed.unwrap_or(model.prefix.unwrap_or(1) != 0);
    sentence_piece(&vocab, &model.scores, unknown.as_deref(), prefixed, Value::Null)
        .map_err(|lack| Error::field(path, lack.of, lack.found, lack.expected))
}

/// `None` if the bytes are no such message.
fn read(bytes: &[u8]) -> Option<Model> {
    let mut model = Model::default();
    for field in fields(bytes) {
        match field? {
            (1, Content::Bytes(piece)) => {
                let (mut text, mut score, mut kind) = (None, 0.0, NORMAL);
                for field in fields(piece) {
                    match field? {
                        (1, Content::Bytes(bytes)) => text = Some(str::from_utf8(bytes).ok()?),
                        (2, Content::Fixed(bits)) => score = f32::from_bits(bits),
                        (3, Content::Number(number)) => kind = number,
                        _ => {}
                    }
                }
                model.tokens.push(text?.to_owned());
                model.scores.push(score);
                model.types.push(i64::try_from(kind).ok()?);
            }
            (2, Content::Bytes(trainer)) => {
                for field in fields(trainer) {
                    match field? {
                        (3, Content::Number(number)) => model.kind = Some(number),
                        (45, Content::Bytes(bytes)) => model.unknown = Some(str::from_utf8(bytes).ok()?.to_owned()),
                        _ => {}
                    }
                }
            }
            (3, Content::Bytes(normalizer)) => {
                for field in fields(normalizer) {
                    match field? {
                        (2, Content::Bytes(bytes)) => model.charsmap = bytes.len(),
                        (3, Content::Number(number)) => model.prefix = Some(number),
                        (4, Content::Number(number)) => model.squeezes = Some(number),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    (!model.tokens.is_empty()).then_some(model)
}

/// What a field of a message holds.
enum Content<'a> {
    Number(u64),
    Fixed(u32),
    Bytes(&'a [u8]),
    Skipped,
}

/// The fields of a message by number; `None` in the place of what is none, after which nothing comes.
fn fields(mut bytes: &[u8]) -> impl Iterator<Item = Option<(u64, Content<'_>)>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let field = one(&mut bytes);
        if field.is_none() {
            bytes = &[];
        }
        Some(field)
    })
}

fn one<'a>(bytes: &mut &'a [u8]) -> Option<(u64, Content<'a>)> {
    let tag = varint(bytes)?;
    let content = match tag & 7 {
        0 => Content::Number(varint(bytes)?),
        1 => {
            bytes.split_off(..8)?;
            Content::Skipped
        }
        2 => {
            let length = usize::try_from(varint(bytes)?).ok()?;
            Content::Bytes(bytes.split_off(..length)?)
        }
        5 => Content::Fixed(u32::from_le_bytes(bytes.split_off(..4)?.try_into().ok()?)),
        _ => return None,
    };
    Some((tag >> 3, content))
}

/// Seven bits a byte, the lowest first.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.split_off_first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
