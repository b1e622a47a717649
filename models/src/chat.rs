//! A model's own chat template: how turns of a conversation become the text that it was trained on.
//!
//! Templates are Jinja programs as transformers runs them (`chat_template_utils.py`): blocks are trimmed, `tojson`, `raise_exception` and Python's
//! methods of strings, lists and dictionaries are there. `strftime_now` is not: a template that asks for it and can do without (Llama 3) takes
//! the date it was trained with, so that the same conversation gives the same tokens on any day.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use minijinja::value::{Kwargs, Value as Jinja};
use minijinja::{Environment, ErrorKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use crate::Error;

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// `system`, `user` or `assistant`; some templates know more.
    pub role: String,
    pub content: String,
}

impl Message {
    pub fn new(role: &str, content: &str) -> Message {
        Message { role: role.to_owned(), content: content.to_owned() }
    }
}

/// A template and the special tokens that it may write.
#[derive(Debug, Clone)]
pub struct ChatTemplate {
    source: String,
    /// Where it comes from, for errors.
    origin: String,
    /// `bos_token`, `eos_token` and the like with their texts.
    tokens: Vec<(String, String)>,
}

impl ChatTemplate {
    pub(crate) fn new(source: String, origin: String, tokens: Vec<(String, String)>) -> ChatTemplate {
        ChatTemplate { source, origin, tokens }
    }

    /// As a chip carries it: `{"template": TEXT, "tokens": {NAME: TEXT}}`.
    pub fn to_json(&self) -> Vec<u8> {
        let tokens = self.tokens.iter().map(|(name, text)| (name.as_str().into(), text.as_str().into())).collect();
        serde_json::to_vec(&Stored { template: self.source.as_str().into(), tokens }).expect("texts serialise")
    }

    /// What [`ChatTemplate::to_json`] wrote; `origin` is named in errors.
    ///
    /// # Errors
    /// [`Error::Field`]: bytes that it did not write.
    pub fn from_json(bytes: &[u8], origin: &Path) -> Result<ChatTemplate, Error> {
        let stored: Stored<'_> =
            serde_json::from_slice(bytes).map_err(|e| Error::field(origin, "chat template", e, "a template and its tokens"))?;
        let tokens = stored.tokens.into_iter().map(|(name, text)| (name.into_owned(), text.into_owned())).collect();
        Ok(ChatTemplate::new(stored.template.into_owned(), origin.display().to_string(), tokens))
    }

    /// The text of a conversation, up to where the assistant's answer begins. Special tokens stand in it by their texts, the begin token too
    /// where the template writes one: [`crate::Tokenizer::encode_bare`] gives the ids.
    ///
    /// # Errors
    /// [`Error::Chat`]: the template is no Jinja, uses what is not there, or refuses the conversation in its own words.
    pub fn render(&self, messages: &[Message]) -> Result<String, Error> {
        let mut environment = Environment::new();
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.set_fuel(Some(FUEL));
        environment.add_filter("tojson", to_json);
        environment.add_function("raise_exception", |message: String| -> Result<Jinja, minijinja::Error> {
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, format!("{REFUSED}{message}")))
        });
        let source = without_marks(&self.source);
        let template = environment.template_from_str(&source).map_err(|e| self.problem(&e))?;
        let mut context: BTreeMap<&str, Jinja> =
            self.tokens.iter().map(|(name, text)| (name.as_str(), Jinja::from(text.as_str()))).collect();
        context.insert("messages", Jinja::from_serialize(messages));
        context.insert("add_generation_prompt", Jinja::from(true));
        template.render(context).map_err(|e| self.problem(&e))
    }

    fn problem(&self, error: &minijinja::Error) -> Error {
        let detail = error.detail().unwrap_or_default();
        let problem = match detail.strip_prefix(REFUSED) {
            Some(words) => format!("it refuses this conversation: {words}"),
            None => error.to_string(),
        };
        let line = error.line().map(|line| format!(", line {line}")).unwrap_or_default();
        Error::Chat { origin: format!("{}{line}", self.origin), problem }
    }
}

/// A template in a chip's folder.
#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    template: Cow<'a, str>,
    tokens: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
}

/// Steps a template may take: far above what a long conversation needs, and an end to one that runs for ever.
const FUEL: u64 = 50_000_000;

/// Python's `json.dumps(value, ensure_ascii=False)`, with the `indent` asked for.
fn to_json(value: Jinja, options: Kwargs) -> Result<String, minijinja::Error> {
    let indent: Option<usize> = options.get("indent")?;
    let mut out = Vec::new();
    let written = match indent {
        Some(width) => {
            let blanks = " ".repeat(width);
            value.serialize(&mut Serializer::with_formatter(&mut out, PrettyFormatter::with_indent(blanks.as_bytes())))
        }
        None => value.serialize(&mut Serializer::with_formatter(&mut out, Spaced)),
    };
    let bad = |e: String| minijinja::Error::new(ErrorKind::InvalidOperation, e);
    written.map_err(|e| bad(e.to_string()))?;
    String::from_utf8(out).map_err(|e| bad(e.to_string()))
}

/// A space after every comma and colon.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

/// Before a template's own words in an error.
const REFUSED: &str = "refused by the template: ";

/// `{% generation %}` marks what an assistant wrote, for training; rendering passes through it.
fn without_marks(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("{%") {
        let Some(end) = rest[at..].find("%}").map(|end| at + end) else { break };
        let tag = &rest[at + 2..end];
        let word = tag.trim_matches(['-', '+', ' ', '\n', '\t']);
        let plain = match word {
            "generation" => Some("if true"),
            "endgeneration" => Some("endif"),
            _ => None,
        };
        out.push_str(&rest[..at + 2]);
        out.push_str(&plain.map_or_else(|| tag.to_owned(), |plain| tag.replacen(word, plain, 1)));
        out.push_str("%}");
        rest = &rest[end + 2..];
    }
    out + rest
}

/// The template of a `chat_template` field: its text, or of several by name the one called `default`.
pub(crate) fn chosen(field: &Value, path: &Path) -> Result<Option<String>, Error> {
    match field {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Array(named) => {
            let default = named.iter().find(|one| one["name"] == "default").and_then(|one| one["template"].as_str());
            match default {
                Some(text) => Ok(Some(text.to_owned())),
                None => Err(Error::field(path, "chat_template", "a list without \"default\"", "a template of that name")),
            }
        }
        other => Err(Error::field(path, "chat_template", other, "a template, or a list of them by name")),
    }
}
