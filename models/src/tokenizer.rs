//! Text to tokens and back, on Hugging Face's `tokenizers` library.
//!
//! One `tokenizer.json` holds the whole convention, begin token included, so a chip folder needs
//! to carry no second file.

mod vetting;

use std::fmt;
use std::path::Path;

use serde_json::{Value, json};

use tokenizers::AddedToken;

use crate::Error;

/// A model's tokenizer.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
}

impl Tokenizer {
    /// Read `tokenizer.json` bytes. Truncation and padding in it are ignored: a prompt is
    /// encoded whole.
    ///
    /// # Errors
    /// The library cannot read them, or they hold something other than a plain BPE tokenizer.
    pub fn from_json(bytes: &[u8]) -> Result<Tokenizer, Error> {
        let file = vetting::vetted(bytes).map_err(|e| problem("tokenizer.json", e))?;
        let inner = tokenizers::Tokenizer::from_bytes(file.to_string()).map_err(|e| problem("tokenizer.json", e))?;
        Ok(Tokenizer { inner })
    }

    /// Token ids of `text`, with the begin token where the model's convention has one.
    /// Special tokens written out in the text become their ids.
    ///
    /// # Errors
    /// The text contains something the vocabulary cannot express.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        let encoding = self.inner.encode(text, true).map_err(|e| problem("prompt", e))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// As [`Tokenizer::encode`] without the begin token, for text that has its own: what a chat template writes.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`].
    pub fn encode_bare(&self, text: &str) -> Result<Vec<u32>, Error> {
        let encoding = self.inner.encode(text, false).map_err(|e| problem("prompt", e))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Text of `ids`, special tokens left out, broken UTF-8 replaced by U+FFFD.
    pub fn decode(&self, ids: &[u32]) -> String {
        // The library's decoders here are total; unknown ids have no text.
        self.inner.decode(ids, true).unwrap_or_default()
    }

    /// Incremental decoding: the text grows token by token.
    pub fn stream(&self) -> TextStream<'_> {
        TextStream { tokenizer: self, context: None, pending: Vec::new() }
    }

    /// One more than the greatest id.
    pub fn vocab_size(&self) -> usize {
        let vocab = self.inner.get_vocab(true);
        vocab.values().max().map_or(0, |id| *id as usize + 1)
    }

    /// The text of one token as the vocabulary writes it.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokenizer({} tokens)", self.vocab_size())
    }
}

/// Text that becomes readable as tokens arrive. A character spread over several tokens comes
/// with its last one, so no piece ever holds half of one.
#[derive(Debug)]
pub struct TextStream<'a> {
    tokenizer: &'a Tokenizer,
    /// The last token that has text of its own. Decoding after it is decoding inside a text,
    /// where a leading space stays.
    context: Option<u32>,
    /// Tokens after the text handed out.
    pending: Vec<u32>,
}

/// Tokens after which text that still ends in a replacement character is handed out: it is a
/// real one, or bytes that were never UTF-8. A character has at most four bytes.
const MAX_PENDING: usize = 8;

impl TextStream<'_> {
    /// Add a token; returns the text that it completes, which may be empty.
    pub fn push(&mut self, id: u32) -> String {
        self.pending.push(id);
        let text = self.pending_text();
        let whole = !text.is_empty() && !text.ends_with('\u{FFFD}');
        if !whole && self.pending.len() < MAX_PENDING {
            return String::new();
        }
        let has_text = |id: &u32| {
            let alone = self.tokenizer.decode(&[*id]);
            !alone.is_empty() && !alone.contains('\u{FFFD}')
        };
        self.context = self.pending.iter().copied().rfind(has_text).or(self.context);
        self.pending.clear();
        text
    }

    /// What is left when no more tokens come.
    pub fn finish(mut self) -> String {
        self.rest()
    }

    /// As [`TextStream::finish`], for who keeps the stream.
    pub fn rest(&mut self) -> String {
        let text = self.pending_text();
        self.pending.clear();
        text
    }

    fn pending_text(&self) -> String {
        let Some(context) = self.context else {
            return self.tokenizer.decode(&self.pending);
        };
        let before = self.tokenizer.decode(&[context]);
        let with = self.tokenizer.decode(&[&[context], self.pending.as_slice()].concat());
        with.strip_prefix(&before).unwrap_or(&with).to_owned()
    }
}

/// The post-processor that puts a begin and an end token around a text.
pub(crate) fn template_processor(bos: Option<(&str, u32)>, eos: Option<(&str, u32)>) -> Value {
    let special = |(token, _): (&str, u32), part: u8| json!({"SpecialToken": {"id": token, "type_id": part}});
    let text = |name: &str, part: u8| json!({"Sequence": {"id": name, "type_id": part}});
    let single = |name: &str, part: u8| {
        let mut pieces = Vec::new();
        pieces.extend(bos.map(|t| special(t, part)));
        pieces.push(text(name, part));
        pieces.extend(eos.map(|t| special(t, part)));
        pieces
    };
    let mut pair = single("A", 0);
    pair.extend(single("B", 1));
    let specials: serde_json::Map<String, Value> = [bos, eos]
        .into_iter()
        .flatten()
        .map(|(token, id)| {
            let entry = json!({"id": token, "ids": [id], "tokens": [token]});
            (token.to_owned(), entry)
        })
        .collect();
    json!({
        "type": "TemplateProcessing",
        "single": single("A", 0),
        "pair": pair,
        "special_tokens": specials,
    })
}

/// A `tokenizer.json` with further tokens, each an object as its `added_tokens` has; a token whose text the model knows keeps its id, others
/// get the ids after all.
pub(crate) fn with_tokens(path: &Path, bytes: &[u8], tokens: &[Value]) -> Result<Vec<u8>, Error> {
    let origin = path.display().to_string();
    let added = |token: &Value| {
        let flag = |name: &str| token[name] == true;
        AddedToken::from(token["content"].as_str().unwrap_or_default(), flag("special"))
            .single_word(flag("single_word"))
            .lstrip(flag("lstrip"))
            .rstrip(flag("rstrip"))
            .normalized(flag("normalized"))
    };
    let mut tokenizer = Tokenizer::from_json(bytes)?;
    tokenizer.inner.add_tokens(&tokens.iter().map(added).collect::<Vec<_>>());
    tokenizer.inner.to_string(false).map(String::into_bytes).map_err(|e| problem(&origin, e))
}

/// The id of a token's text in a `tokenizer.json`, or in a bare `vocab.json`; a file that is neither has none.
pub(crate) fn id_of(bytes: &[u8], text: &str) -> Option<u32> {
    let file: Value = serde_json::from_slice(bytes).ok()?;
    let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    let added = file["added_tokens"].as_array().into_iter().flatten().find(|token| token["content"] == text);
    if let Some(token) = added {
        return id(&token["id"]);
    }
    match &file["model"]["vocab"] {
        // Unigram's: the place in the list is the id.
        Value::Array(pieces) => pieces.iter().position(|piece| piece[0] == text).map(|at| at as u32),
        Value::Object(vocab) => id(vocab.get(text)?),
        _ => id(file.get(text)?),
    }
}

fn problem(origin: &str, error: impl fmt::Display) -> Error {
    Error::Tokenizer { origin: origin.to_owned(), problem: error.to_string() }
}
