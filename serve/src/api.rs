//! What a request may say. Fields that would change the answer and that a chip cannot honour are refused by name; what only labels a request
//! (`user`, `metadata`) is passed over.

use crate::host::Host;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hardwire_models::Message;
use hardwire_sim::sample::Sampling;
use hardwire_sim::timing::TOP;
use hardwire_study::answer::Ask;
use hardwire_study::generate::check_prompt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// Tokens of a text completion unless asked, as OpenAI's API has it.
const COMPLETION_TOKENS: usize = 16;
/// Most texts at which an answer may end, as OpenAI's API has it, and the longest.
const MOST_STOPS: usize = 4;
const LONGEST_STOP: usize = 256;

/// A request that is not answered: its status, what is wrong, and the field.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: StatusCode,
    pub message: String,
    pub field: Option<String>,
}

impl Refusal {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Refusal {
        Refusal { status, message: message.into(), field: None }
    }

    fn field(field: &str, message: impl std::fmt::Display) -> Refusal {
        let message = format!("{field}: {message}");
        Refusal { status: StatusCode::BAD_REQUEST, message, field: Some(field.into()) }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let kind = if self.status.is_server_error() { "server_error" } else { "invalid_request_error" };
        let code = match self.status {
            StatusCode::NOT_FOUND => Value::from("not_found"),
            StatusCode::TOO_MANY_REQUESTS => Value::from("queue_full"),
            _ => Value::Null,
        };
        let body = json!({"error": {"message": self.message, "type": kind, "param": self.field, "code": code}});
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert("retry-after", axum::http::HeaderValue::from_static("1"));
        }
        response
    }
}

/// Text, or several.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
enum Texts {
    One(String),
    Many(Vec<String>),
}

/// A prompt: text, token ids, or a list of one of either.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text, a list of token ids, or a list of one of either")]
enum Prompt {
    Text(String),
    Ids(Vec<u32>),
    Texts(Vec<String>),
    Lists(Vec<Vec<u32>>),
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

/// A message's content: text, or parts that are all text.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of parts as `content`")]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    role: String,
    content: Option<Content>,
}

/// Fields that only label a request.
const LABELS: [&str; 8] =
    ["user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "parallel_tool_calls", "prompt_cache_retention"];

/// A request that can be answered.
#[derive(Debug)]
pub struct Request {
    pub ask: Ask,
    pub stream: bool,
    /// A last chunk with the usage ends the stream.
    pub include_usage: bool,
    /// Log-probabilities are told, of this many best tokens beside the chosen one.
    pub logprobs: Option<usize>,
}

/// A request as sent. Each field is taken out once; what is left in the end nobody here knows.
pub struct Body(pub Map<String, Value>);

impl Body {
    fn take<T: DeserializeOwned>(&mut self, field: &str) -> Result<Option<T>, Refusal> {
        match self.0.remove(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => serde_json::from_value(value).map(Some).map_err(|e| Refusal::field(field, e)),
        }
    }

    /// A number in a range.
    fn within(&mut self, field: &str, default: f64, expected: &str, holds: impl Fn(f64) -> bool) -> Result<f64, Refusal> {
        let value = self.take(field)?.unwrap_or(default);
        if holds(value) { Ok(value) } else { Err(Refusal::field(field, format!("{value}, expected {expected}"))) }
    }

    fn model(&mut self, host: &Host) -> Result<(), Refusal> {
        let name = &host.chip.model().name;
        let asked: String = self.take("model")?.ok_or_else(|| Refusal::field("model", format!("missing; this chip is `{name}`")))?;
        if asked == *name {
            return Ok(());
        }
        let message = format!("the model `{asked}` does not exist: this chip is `{name}`");
        Err(Refusal { field: Some("model".into()), ..Refusal::new(StatusCode::NOT_FOUND, message) })
    }

    /// Refuses what is left, unless it asks for nothing.
    fn nothing_else(&self) -> Result<(), Refusal> {
        for (name, value) in &self.0 {
            let asks_nothing = match value {
                Value::Null | Value::Bool(false) => true,
                Value::Number(n) => n.as_f64() == Some(0.0) || (name == "best_of" && n.as_u64() == Some(1)),
                Value::String(text) => text.is_empty() || (name == "tool_choice" && matches!(text.as_str(), "none" | "auto")),
                Value::Array(list) => list.is_empty(),
                Value::Object(map) => map.is_empty() || (name == "response_format" && map.get("type") == Some(&Value::from("text"))),
                Value::Bool(true) => false,
            };
            if !asks_nothing && !LABELS.contains(&name.as_str()) {
                return Err(Refusal::field(name, "this server cannot do that; leave it out"));
            }
        }
        Ok(())
    }

    fn request(mut self, host: &Host, prompt: Vec<u32>, most: usize, logprobs: Option<usize>, number: u64) -> Result<Request, Refusal> {
        let model = host.chip.model();
        if prompt.is_empty() {
            return Err(Refusal::field("prompt", "it has no token"));
        }
        check_prompt(&prompt, model.vocab, model.context).map_err(|e| Refusal::field("prompt", e))?;
        let mut most = most;
        for field in ["max_tokens", "max_completion_tokens"] {
            if let Some(asked) = self.take::<u64>(field)? {
                if asked == 0 {
                    return Err(Refusal::field(field, "0, expected at least 1"));
                }
                most = usize::try_from(asked).unwrap_or(usize::MAX);
            }
        }
        let temperature = self.within("temperature", 1.0, "0 to 2", |t| (0.0..=2.0).contains(&t))?;
        let top_p = self.within("top_p", 1.0, "more than 0, at most 1", Sampling::is_top_p)?;
        let top_k = self.take("top_k")?.unwrap_or(0);
        // Whoever gives no seed wants another answer each time.
        let seed = self.take::<i64>("seed")?.map_or(number, i64::cast_unsigned);
        let stop = match self.take("stop")? {
            None => Vec::new(),
            Some(Texts::One(text)) => vec![text],
            Some(Texts::Many(texts)) => texts,
        };
        if stop.len() > MOST_STOPS || stop.iter().any(|s| s.len() > LONGEST_STOP) {
            return Err(Refusal::field("stop", format!("at most {MOST_STOPS} texts of at most {LONGEST_STOP} bytes")));
        }
        if self.take::<u32>("n")?.is_some_and(|n| n != 1) {
            return Err(Refusal::field("n", "one answer a request; ask several times, with other seeds"));
        }
        let stream = self.take("stream")?.unwrap_or(false);
        let include_usage = self.take::<StreamOptions>("stream_options")?.is_some_and(|o| o.include_usage);
        self.nothing_else()?;
        let sampling = Sampling { temperature, top_k, top_p, seed };
        Ok(Request { ask: Ask { prompt, most, sampling, stop }, stream, include_usage, logprobs })
    }

    /// As a conversation. `number` counts requests.
    pub fn conversation(mut self, host: &Host, number: u64) -> Result<Request, Refusal> {
        self.model(host)?;
        let said: Vec<Said> = self.take("messages")?.ok_or_else(|| Refusal::field("messages", "missing"))?;
        let template = host.chat_template.as_ref().ok_or_else(|| {
            Refusal::field("messages", "this model has no chat template: it was not trained for conversation; use /v1/completions")
        })?;
        let messages: Vec<Message> = said.into_iter().map(message).collect::<Result<_, _>>()?;
        let told = self.take("logprobs")?.unwrap_or(false);
        let logprobs = match (told, self.take("top_logprobs")?) {
            (true, most) => Some(best(most.unwrap_or(0), "top_logprobs")?),
            (false, None | Some(0)) => None,
            (false, Some(_)) => return Err(Refusal::field("top_logprobs", "needs `logprobs`: true")),
        };
        let refused = |e: hardwire_models::Error| Refusal::field("messages", e);
        let text = template.render(&messages).map_err(refused)?;
        let prompt = host.tokenizer.encode_bare(&text).map_err(refused)?;
        self.request(host, prompt, usize::MAX, logprobs, number)
    }

    /// As a text to go on with.
    pub fn completion(mut self, host: &Host, number: u64) -> Result<Request, Refusal> {
        self.model(host)?;
        let text = |text: &str| host.tokenizer.encode(text).map_err(|e| Refusal::field("prompt", e));
        let prompt = match self.take("prompt")?.ok_or_else(|| Refusal::field("prompt", "missing"))? {
            Prompt::Text(t) => text(&t)?,
            Prompt::Ids(ids) => ids,
            Prompt::Texts(texts) if texts.len() == 1 => text(&texts[0])?,
            Prompt::Lists(mut lists) if lists.len() == 1 => lists.remove(0),
            Prompt::Texts(_) | Prompt::Lists(_) => return Err(Refusal::field("prompt", "one prompt a request")),
        };
        let logprobs = self.take("logprobs")?.map(|most| best(most, "logprobs")).transpose()?;
        self.request(host, prompt, COMPLETION_TOKENS, logprobs, number)
    }
}

/// How many best tokens are told.
fn best(most: u32, field: &str) -> Result<usize, Refusal> {
    if most > TOP {
        return Err(Refusal::field(field, format!("{most}, but the chip's top port gives the {TOP} greatest logits")));
    }
    Ok(most as usize)
}

fn message(said: Said) -> Result<Message, Refusal> {
    let content = match said.content {
        Some(Content::Text(text)) => text,
        Some(Content::Parts(parts)) => parts
            .into_iter()
            .map(|p| match (p.kind.as_str(), p.text) {
                ("text", Some(text)) => Ok(text),
                (kind, _) => Err(Refusal::field("messages", format!("a part of type `{kind}`; this model reads text"))),
            })
            .collect::<Result<String, _>>()?,
        None => return Err(Refusal::field("messages", format!("a message of role `{}` without content", said.role))),
    };
    Ok(Message::new(&said.role, &content))
}
