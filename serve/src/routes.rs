//! The paths: answers whole or as server-sent events, the models, the page.

use crate::api::{Body, Refusal, Request};
use crate::chip::{Event, Line, Refused, Taken, reason};
use crate::host::{Host, now};
use axum::extract::rejection::JsonRejection;
use axum::extract::{self, DefaultBodyLimit, FromRequest, Path, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::sse::{self, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream::{self, StreamExt};
use hardwire_study::answer::Token;
use serde_json::{Map, Value, json};
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

/// The page at `/`: whole in itself, it asks no other server for anything.
const PAGE: &str = include_str!("page.html");
const POLICY: &str =
    "default-src 'none'; connect-src 'self'; img-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/// Largest body of a request, bytes.
pub const MOST_BODY: usize = 1 << 20;
/// Longest that a body may take to come: a megabyte over a slow line, and an end to who holds a connection open for nothing.
const LONGEST_READ: Duration = Duration::from_secs(30);

#[derive(Clone)]
struct Desk {
    host: Arc<Host>,
    line: Line,
    asked: Arc<AtomicU64>,
}

/// `only_here`: the server listens on this machine's own address.
pub fn router(host: Arc<Host>, line: Line, only_here: bool) -> Router {
    let desk = Desk { host, line, asked: Arc::default() };
    let routes = Router::new()
        .route("/", get(async || ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(PAGE))))
        .route("/die.svg", get(die))
        .route("/health", get(async || Json(json!({"status": "ok"}))))
        .route("/v1/models", get(models))
        .route("/v1/models/{*name}", get(model))
        .route("/v1/chat/completions", post(chat))
        .route("/v1/completions", post(completion))
        .fallback(async || Refusal::new(StatusCode::NOT_FOUND, "no such path; see /v1/models, /v1/chat/completions, /v1/completions"))
        .method_not_allowed_fallback(async || {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "answers are asked for with POST, all else with GET")
        })
        .layer(DefaultBodyLimit::max(MOST_BODY))
        .with_state(desk);
    if only_here { routes.layer(middleware::from_fn(for_this_machine)) } else { routes }
}

/// A page elsewhere may point its own name at this machine's own address and have a browser ask here: such a name is not answered.
async fn for_this_machine(headers: HeaderMap, request: extract::Request, next: Next) -> Response {
    match headers.get(header::HOST) {
        Some(host) if !names_this_machine(host.as_bytes()) => {
            let refusal = Refusal::new(StatusCode::FORBIDDEN, "the host asked for is not this machine; ask for localhost, or see --host");
            refusal.into_response()
        }
        _ => next.run(request).await,
    }
}

fn names_this_machine(host: &[u8]) -> bool {
    let Ok(authority) = Authority::try_from(host) else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

async fn die(State(desk): State<Desk>) -> Response {
    ([(header::CONTENT_TYPE, "image/svg+xml")], desk.host.die_svg.clone()).into_response()
}

fn described(host: &Host) -> Value {
    let model = host.chip.model();
    json!({
        "id": model.name, "object": "model", "created": host.began, "owned_by": "hardwire",
        "context": model.context, "users": model.users, "chat": host.chat_template.is_some(), "chip": host.chip.digest,
    })
}

async fn models(State(desk): State<Desk>) -> Json<Value> {
    Json(json!({"object": "list", "data": [described(&desk.host)]}))
}

async fn model(State(desk): State<Desk>, Path(name): Path<String>) -> Result<Json<Value>, Refusal> {
    if name == desk.host.chip.model().name {
        return Ok(Json(described(&desk.host)));
    }
    Err(Refusal::new(StatusCode::NOT_FOUND, format!("the model `{name}` does not exist")))
}

/// A body that is a JSON object, and that comes in time.
async fn read(request: extract::Request) -> Result<Body, Refusal> {
    let read = Json::<Map<String, Value>>::from_request(request, &());
    match tokio::time::timeout(LONGEST_READ, read).await {
        Ok(Ok(Json(fields))) => Ok(Body(fields)),
        // JSON of another shape is one more bad request in this API.
        Ok(Err(JsonRejection::JsonDataError(e))) => Err(Refusal::new(StatusCode::BAD_REQUEST, e.body_text())),
        Ok(Err(e)) => Err(Refusal::new(e.status(), e.body_text())),
        Err(_) => Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "the request's body did not come in time")),
    }
}

async fn chat(State(desk): State<Desk>, request: extract::Request) -> Result<Response, Refusal> {
    let number = desk.asked.fetch_add(1, Ordering::Relaxed);
    let request = read(request).await?.conversation(&desk.host, number)?;
    desk.answer(Shape::Chat, number, request).await
}

async fn completion(State(desk): State<Desk>, request: extract::Request) -> Result<Response, Refusal> {
    let number = desk.asked.fetch_add(1, Ordering::Relaxed);
    let request = read(request).await?.completion(&desk.host, number)?;
    desk.answer(Shape::Text, number, request).await
}

impl Desk {
    async fn answer(self, shape: Shape, number: u64, request: Request) -> Result<Response, Refusal> {
        let heard = self.line.ask(request.ask.clone()).map_err(|refused| match refused {
            Refused::Full => Refusal::new(StatusCode::TOO_MANY_REQUESTS, "as many requests wait for the chip as may; try again later"),
            Refused::Closed => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping"),
        })?;
        let writer =
            Writer { shape, id: format!("{}-{number}", shape.prefix()), created: now(), logprobs: request.logprobs, host: self.host };
        if request.stream { Ok(writer.streamed(heard, request.include_usage)) } else { writer.whole(heard).await }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Chat,
    Text,
}

impl Shape {
    fn prefix(self) -> &'static str {
        match self {
            Shape::Chat => "chatcmpl",
            Shape::Text => "cmpl",
        }
    }

    fn object(self, streamed: bool) -> &'static str {
        match (self, streamed) {
            (Shape::Chat, true) => "chat.completion.chunk",
            (Shape::Chat, false) => "chat.completion",
            (Shape::Text, _) => "text_completion",
        }
    }
}

/// Writes one answer in the API's shape.
struct Writer {
    shape: Shape,
    id: String,
    created: u64,
    logprobs: Option<usize>,
    host: Arc<Host>,
}

impl Writer {
    fn body(&self, streamed: bool, choices: Value) -> Value {
        json!({
            "id": self.id, "object": self.shape.object(streamed), "created": self.created, "model": self.host.chip.model().name,
            "system_fingerprint": self.host.chip.digest, "choices": choices,
        })
    }

    /// Text of a token as the vocabulary writes it, and its bytes.
    fn told(&self, id: u32, logprob: f64) -> Value {
        let text = self.host.tokenizer.decode(&[id]);
        let text = if text.is_empty() { self.host.tokenizer.token(id).unwrap_or_default() } else { text };
        json!({"token": text, "logprob": logprob, "bytes": text.as_bytes()})
    }

    /// Log-probabilities of `tokens`; null where nobody asked.
    fn logprobs(&self, tokens: &[Token]) -> Value {
        let Some(most) = self.logprobs else { return Value::Null };
        let best = |t: &Token| -> Vec<Value> { t.best.iter().take(most).map(|&(id, logprob)| self.told(id, logprob)).collect() };
        match self.shape {
            Shape::Chat => {
                let content: Vec<Value> = (tokens.iter())
                    .map(|t| {
                        let mut told = self.told(t.id, t.logprob);
                        told["top_logprobs"] = best(t).into();
                        told
                    })
                    .collect();
                json!({"content": content, "refusal": null})
            }
            Shape::Text => {
                let told: Vec<Value> = tokens.iter().map(|t| self.told(t.id, t.logprob)).collect();
                let top = |t: &Token| -> Value {
                    best(t).into_iter().map(|b| (b["token"].as_str().unwrap_or_default().to_owned(), b["logprob"].clone())).collect()
                };
                let mut offset = 0;
                let offsets: Vec<usize> = (told.iter())
                    .map(|t| {
                        let at = offset;
                        offset += t["token"].as_str().unwrap_or_default().chars().count();
                        at
                    })
                    .collect();
                json!({
                    "tokens": told.iter().map(|t| t["token"].clone()).collect::<Vec<_>>(),
                    "token_logprobs": tokens.iter().map(|t| t.logprob).collect::<Vec<_>>(),
                    "top_logprobs": tokens.iter().map(top).collect::<Vec<_>>(),
                    "text_offset": offsets,
                })
            }
        }
    }

    fn usage(taken: &Taken) -> Value {
        let (prompt, completion) = (taken.prompt_tokens, taken.completion_tokens);
        json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion})
    }

    async fn whole(self, mut heard: UnboundedReceiver<Event>) -> Result<Response, Refusal> {
        let mut tokens = Vec::new();
        let taken = loop {
            match heard.recv().await {
                Some(Event::Token(token)) => tokens.push(token),
                Some(Event::Last(token, taken)) => {
                    tokens.push(token);
                    break taken;
                }
                Some(Event::Failed(why)) => return Err(Refusal::new(StatusCode::BAD_REQUEST, why)),
                None => return Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the chip's thread has ended")),
            }
        };
        let text: String = tokens.iter().map(|t| t.text.as_str()).collect();
        let finish = tokens.last().and_then(|t| t.finish).map(reason);
        let logprobs = self.logprobs(&tokens);
        let choice = match self.shape {
            Shape::Chat => {
                let message = json!({"role": "assistant", "content": text, "refusal": null});
                json!({"index": 0, "message": message, "logprobs": logprobs, "finish_reason": finish})
            }
            Shape::Text => json!({"index": 0, "text": text, "logprobs": logprobs, "finish_reason": finish}),
        };
        let mut body = self.body(false, json!([choice]));
        body["usage"] = Self::usage(&taken);
        body["chip"] = json!(taken);
        Ok(Json(body).into_response())
    }

    fn streamed(self, heard: UnboundedReceiver<Event>, include_usage: bool) -> Response {
        let role = (self.shape == Shape::Chat).then(|| self.chunk(json!({"role": "assistant", "content": ""}), Value::Null, Value::Null));
        let begin = stream::iter(role.map(|chunk| sse::Event::default().data(chunk.to_string())));
        let events = stream::unfold(heard, async |mut heard| heard.recv().await.map(|event| (event, heard)));
        let rest = events.flat_map(move |event| {
            let bodies = match event {
                Event::Token(token) => vec![self.told_chunk(&token).to_string()],
                Event::Last(token, taken) => {
                    let mut last = self.told_chunk(&token);
                    last["chip"] = json!(taken);
                    let usage = include_usage.then(|| {
                        let mut body = self.body(true, json!([]));
                        body["usage"] = Self::usage(&taken);
                        body.to_string()
                    });
                    [Some(last.to_string()), usage, Some("[DONE]".into())].into_iter().flatten().collect()
                }
                Event::Failed(why) => vec![json!({"error": {"message": why, "type": "invalid_request_error"}}).to_string()],
            };
            stream::iter(bodies.into_iter().map(|body| sse::Event::default().data(body)).collect::<Vec<_>>())
        });
        let events = begin.chain(rest).map(Ok::<_, Infallible>);
        Sse::new(events).keep_alive(sse::KeepAlive::default()).into_response()
    }

    fn told_chunk(&self, token: &Token) -> Value {
        let finish = token.finish.map_or(Value::Null, |f| reason(f).into());
        self.chunk(json!({"content": token.text}), self.logprobs(std::slice::from_ref(token)), finish)
    }

    fn chunk(&self, delta: Value, logprobs: Value, finish: Value) -> Value {
        let choice = match self.shape {
            Shape::Chat => json!({"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish}),
            Shape::Text => json!({"index": 0, "text": delta["content"], "logprobs": logprobs, "finish_reason": finish}),
        };
        self.body(true, json!([choice]))
    }
}
