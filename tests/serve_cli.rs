//! `hardwire serve` over the wire: many clients at once get what `simulate` gives, streams and errors have the API's shape, limits hold,
//! and it stops when told. Then the same by other people's programs: OpenAI's own client, and a browser that uses the page.

mod cli;
mod peer;

#[path = "serve_cli/http.rs"]
mod http;

use cli::{hardwire, talk, talker};
use hardwire_models::Tokenizer;
use hardwire_netlist::Chip;
use hardwire_sim::sample::Sampling;
use hardwire_study::generate::{Implementation, on_chip};
use hardwire_study::load;
use http::{Answer, Served};
use serde_json::{Value, json};
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// One chip for all tests: three users, 128 positions.
fn chip() -> &'static Path {
    static CHIP: OnceLock<(tempfile::TempDir, std::path::PathBuf)> = OnceLock::new();
    let made = || {
        let dir = tempfile::tempdir().unwrap();
        let chip = talker(dir.path(), &["--users", "3", "--context", "128"]);
        (dir, chip)
    };
    &CHIP.get_or_init(made).1
}

const MODEL: &str = "tales-copy";

fn completion(more: Value) -> String {
    let mut body = json!({"model": MODEL, "prompt": "Once upon a time", "temperature": 0, "max_tokens": 8});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body.to_string()
}

/// Every figure of `run` is in `told`. Written as text and read back, a number may move by its last bit.
fn assert_near(told: &Value, run: &Value, at: &str) {
    if let Some(figures) = run.as_object() {
        figures.iter().for_each(|(figure, value)| assert_near(&told[figure], value, figure));
    } else if let (Some(told), Some(value)) = (told.as_f64(), run.as_f64()) {
        assert!((told - value).abs() <= 1e-14 * value, "{at}: {told} and {value}");
    } else {
        assert_eq!(told, run, "{at}");
    }
}

#[test]
fn sixty_four_clients_at_once_get_what_simulate_gives() {
    let served = Served::start(chip(), &[]);
    let words = ["The king", "A little bird", "Alice", "The old fox", "One morning", "My dear child", "In the wood", "The mole"];
    let ask = |i: usize| {
        let sampling =
            Sampling { temperature: [0.0, 0.7, 1.0, 1.3][i % 4], top_k: [0, 40][i / 4 % 2], top_p: [1.0, 0.9, 0.5][i % 3], seed: i as u64 };
        (format!("{} {}", words[i % 8], words[i / 8]), sampling, 4 + i % 13)
    };
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let served = &served;
        let client = |i| {
            move || {
                let (prompt, s, most) = ask(i);
                let sampling = json!({"temperature": s.temperature, "top_k": s.top_k, "top_p": s.top_p, "seed": s.seed});
                let mut body = json!({"model": MODEL, "prompt": prompt, "max_tokens": most, "logprobs": 1});
                body.as_object_mut().unwrap().extend(sampling.as_object().unwrap().clone());
                served.post("/v1/completions", &body.to_string())
            }
        };
        let clients: Vec<_> = (0..64).map(|i| scope.spawn(client(i))).collect();
        clients.into_iter().map(|c| c.join().unwrap()).collect()
    });
    let chip = Chip::open(chip()).unwrap();
    let tokenizer = Tokenizer::from_json(&chip.tokenizer_json().unwrap().unwrap()).unwrap();
    let mut most_in_flight = 0;
    for (i, answer) in answers.iter().enumerate() {
        assert_eq!(answer.status, 200, "{answer:?}");
        let (prompt, sampling, most) = ask(i);
        let ids = tokenizer.encode(&prompt).unwrap();
        let expected = on_chip(&chip, Implementation::Engine, Some(&tokenizer), &ids, most, sampling, &mut |_| {}).unwrap();
        let told = answer.json();
        assert_eq!(told["choices"][0]["text"], expected.text, "{prompt}");
        let tokens = expected.token_ids.len();
        assert_eq!(told["usage"], json!({"prompt_tokens": ids.len(), "completion_tokens": tokens, "total_tokens": ids.len() + tokens}));
        assert_eq!(told["choices"][0]["logprobs"]["tokens"].as_array().unwrap().len(), tokens);
        // The chip's time and energy are those that every other command tells of this run.
        let run = serde_json::to_value(load::run(&chip, 0, ids.len() as u32, tokens as u32)).unwrap();
        assert_near(&told["chip"], &run, "chip");
        most_in_flight = most_in_flight.max(told["chip"]["users_in_flight"].as_u64().unwrap());
    }
    assert_eq!(most_in_flight, 3, "the chip's cache holds three users, and 64 asked");
}

#[test]
fn a_conversation_is_simulates_whole_or_streamed() {
    let served = Served::start(chip(), &[]);
    let run = hardwire(&["simulate", "--chat", "--prompt", "The king", "-n", "10", "--json"], &[chip()]);
    let expected: Value = serde_json::from_str(&run.stdout).unwrap();
    let messages = json!([{"role": "user", "content": [{"type": "text", "text": "The king"}]}]);
    let body = |more: Value| {
        let mut body = json!({"model": MODEL, "messages": messages, "temperature": 0, "max_completion_tokens": 10});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body.to_string()
    };
    let whole = served.post("/v1/chat/completions", &body(json!({"logprobs": true, "top_logprobs": 2}))).json();
    let choice = &whole["choices"][0];
    assert_eq!(choice["message"], json!({"role": "assistant", "content": expected["text"], "refusal": null}));
    assert_eq!([&whole["object"], &choice["finish_reason"]], ["chat.completion", "length"]);
    for figure in ["first_token_us", "total_us", "tokens_per_s", "joules"] {
        assert_eq!(whole["chip"][figure], expected["chip"][figure], "{figure}");
    }
    // Greedy: the chosen token is the best one, and all probabilities are at most one together.
    for token in choice["logprobs"]["content"].as_array().unwrap() {
        let best = token["top_logprobs"].as_array().unwrap();
        assert!(best.len() == 2 && best[0]["token"] == token["token"] && best[0]["logprob"] == token["logprob"], "{token}");
        let sum: f64 = best.iter().map(|b| b["logprob"].as_f64().unwrap().exp()).sum();
        assert!(sum > 0.0 && sum <= 1.0, "{token}");
    }

    let streamed = served.post("/v1/chat/completions", &body(json!({"stream": true, "stream_options": {"include_usage": true}})));
    let events = streamed.events();
    assert_eq!(events.last(), Some(&"[DONE]"));
    let chunks: Vec<Value> = events[..events.len() - 1].iter().map(|e| serde_json::from_str(e).unwrap()).collect();
    assert!(chunks.iter().all(|c| c["object"] == "chat.completion.chunk" && c["id"] == chunks[0]["id"]));
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let text: String = chunks.iter().filter_map(|c| c["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(expected["text"], text);
    let [.., last, usage] = &chunks[..] else { panic!("{events:?}") };
    assert_eq!([&last["choices"][0]["finish_reason"], &last["chip"]["total_us"]], [&json!("length"), &whole["chip"]["total_us"]]);
    assert_eq!([&usage["choices"], &usage["usage"]], [&json!([]), &whole["usage"]]);
    // Who did not ask for the usage has a choice in every chunk.
    let plain = served.post("/v1/chat/completions", &body(json!({"stream": true})));
    let plain: Vec<Value> = plain.events().iter().filter_map(|e| serde_json::from_str(e).ok()).collect();
    assert!(plain.len() == chunks.len() - 1 && plain.iter().all(|c| c["choices"].as_array().unwrap().len() == 1));

    // A stop text ends the answer and is not in it; a full cache ends one too.
    let text = expected["text"].as_str().unwrap();
    let stop = &text[text.len() / 2..text.len() / 2 + 3];
    let stopped = served.post("/v1/chat/completions", &body(json!({"stop": [stop, "never"]}))).json();
    assert_eq!(stopped["choices"][0]["message"]["content"], text[..text.find(stop).unwrap()]);
    assert_eq!(stopped["choices"][0]["finish_reason"], "stop");
    let full = served.post("/v1/chat/completions", &body(json!({"max_completion_tokens": 1000}))).json();
    let run = hardwire(&["simulate", "--chat", "--prompt", "The king", "-n", "1000", "--json"], &[chip()]);
    let expected: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(full["choices"][0]["message"]["content"], expected["text"]);
    let prompt_tokens = full["usage"]["prompt_tokens"].as_u64().unwrap();
    assert!(talk(&[("user", "The king")]).len() as u64 > prompt_tokens && full["usage"]["total_tokens"].as_u64().unwrap() <= 129);
}

#[test]
fn what_is_refused_has_the_apis_shape_and_names_the_field() {
    let served = Served::start(chip(), &[]);
    let say = |status: u16, answer: &Answer, field: Option<&str>, part: &str| {
        assert_eq!(answer.status, status, "{answer:?}");
        let error = &answer.json()["error"];
        assert_eq!(error["param"].as_str(), field, "{error}");
        assert!(error["message"].as_str().unwrap().contains(part) && error["type"].is_string(), "{part:?} in {error}");
    };
    for (more, status, field, part) in [
        (json!({"model": "gpt-4"}), 404, "model", "gpt-4"),
        (json!({"model": null}), 400, "model", MODEL),
        (json!({"prompt": null}), 400, "prompt", "missing"),
        (json!({"prompt": ["a", "b"]}), 400, "prompt", "one prompt"),
        (json!({"prompt": {"a": 1}}), 400, "prompt", "a list of token ids"),
        (json!({"prompt": [4_000_000]}), 400, "prompt", "vocabulary"),
        (json!({"prompt": ""}), 400, "prompt", "no token"),
        (json!({"prompt": "word ".repeat(200)}), 400, "prompt", "context is 128"),
        (json!({"temperature": -1}), 400, "temperature", "0 to 2"),
        (json!({"temperature": "hot"}), 400, "temperature", "hot"),
        (json!({"top_p": 0}), 400, "top_p", "at most 1"),
        (json!({"max_tokens": 0}), 400, "max_tokens", "at least 1"),
        (json!({"n": 2}), 400, "n", "one answer"),
        (json!({"logprobs": 99}), 400, "logprobs", "greatest logits"),
        (json!({"stop": ["1", "2", "3", "4", "5"]}), 400, "stop", "at most 4"),
        (json!({"frequency_penalty": 0.5}), 400, "frequency_penalty", "leave it out"),
        (json!({"tools": [{"type": "function"}]}), 400, "tools", "leave it out"),
        (json!({"messages": [{"role": "user", "content": "x"}]}), 400, "messages", "leave it out"),
    ] {
        say(status, &served.post("/v1/completions", &completion(more)), Some(field), part);
    }
    let chat = |messages: Value| served.post("/v1/chat/completions", &json!({"model": MODEL, "messages": messages}).to_string());
    say(400, &chat(json!([{"role": "user"}])), Some("messages"), "without content");
    say(400, &chat(json!([{"role": "user", "content": [{"type": "image_url"}]}])), Some("messages"), "image_url");
    say(400, &chat(json!("Hi")), Some("messages"), "sequence");
    say(400, &served.post("/v1/completions", "{"), None, "JSON");
    say(400, &served.post("/v1/completions", "[]"), None, "map");
    say(413, &served.post("/v1/completions", &completion(json!({"prompt": "x".repeat(2 << 20)}))), None, "limit");
    say(
        415,
        &served.raw(b"POST /v1/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}"),
        None,
        "Content-Type",
    );
    say(405, &served.get("/v1/completions"), None, "POST");
    say(404, &served.get("/v1/embeddings"), None, "/v1/models");
    say(404, &served.get("/v1/models/other"), None, "other");
    // A name elsewhere that leads here is no way in for a page from there.
    say(403, &served.raw(b"GET /v1/models HTTP/1.1\r\nhost: evil.example:80\r\nconnection: close\r\n\r\n"), None, "not this machine");
    assert_eq!(served.get(&format!("/v1/models/{MODEL}")).json()["context"], 128);
    // What asks for nothing, or only labels a request, is no error.
    let idle = json!({"user": "me", "frequency_penalty": 0, "tools": [], "echo": false, "best_of": 1, "logit_bias": {}, "suffix": null});
    assert_eq!(served.post("/v1/completions", &completion(idle)).status, 200);
    // A chip whose model was not trained for conversation still goes on with texts; one without room for a queue is no server.
    hardwire(&["serve", "--queue", "0"], &[chip()]).refuses(&["--queue 0", "at least 1"]);
    hardwire(&["serve", "--port", served.address.rsplit(':').next().unwrap()], &[chip()]).refuses(&["cannot listen", "another --port"]);
}

#[test]
fn a_full_queue_refuses_and_whoever_leaves_makes_room() {
    let dir = tempfile::tempdir().unwrap();
    let one = talker(dir.path(), &["--users", "1", "--context", "512"]);
    let served = Served::start(&one, &["--queue", "1"]);
    // The model's own end token would end an answer early; some seeds write on.
    let long = |seed: u64| completion(json!({"max_tokens": 500, "stream": true, "temperature": 1, "seed": seed}));
    let mut streams: Vec<_> = (0..8).map(|i| served.sent("/v1/completions", &long(i))).collect();
    let mut first = [0; 64];
    streams[0].read_exact(&mut first).unwrap();
    let refused: Vec<Answer> = streams
        .drain(1..)
        .filter_map(|mut stream| {
            let mut status = [0; 12];
            stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            stream.read_exact(&mut status).ok().filter(|()| &status[9..] == b"429")?;
            let mut rest = String::new();
            stream.read_to_string(&mut rest).unwrap();
            let (head, body) = rest.split_once("\r\n\r\n").unwrap();
            Some(Answer { status: 429, head: head.to_lowercase(), body: body.to_owned() })
        })
        .collect();
    assert!(!refused.is_empty(), "eight at once, one in flight, one waiting");
    for answer in &refused {
        assert!(answer.head.contains("retry-after: 1") && answer.json()["error"]["code"] == "queue_full", "{answer:?}");
    }
    // All have left: the next has the chip.
    drop(streams);
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = served.post("/v1/completions", &completion(json!({})));
        if answer.status == 200 {
            break;
        }
        assert!(answer.status == 429 && Instant::now() < deadline, "{answer:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(unix)]
#[test]
fn told_to_end_it_finishes_what_is_in_flight() {
    let mut served = Served::start(chip(), &[]);
    let body = completion(json!({"max_tokens": 100, "stream": true}));
    let mut stream = served.sent("/v1/completions", &body);
    let mut first = [0; 200];
    stream.read_exact(&mut first).unwrap();
    let idle = std::net::TcpStream::connect(&served.address).unwrap();
    assert!(Command::new("kill").args(["-TERM", &served.child.id().to_string()]).status().unwrap().success());
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("data: [DONE]"), "{rest}");
    let asked = Instant::now();
    assert_eq!(served.child.wait().unwrap().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    drop(idle);
    assert!(std::net::TcpStream::connect(&served.address).is_err());
}

#[test]
fn the_page_is_whole_in_itself() {
    let served = Served::start(chip(), &[]);
    let page = served.get("/");
    assert!(page.status == 200 && page.head.contains("content-security-policy: default-src 'none'"), "{}", page.head);
    assert!(!page.body.contains("http://") && !page.body.contains("https://"));
    let die = served.get("/die.svg");
    assert!(die.head.contains("content-type: image/svg+xml") && die.body.starts_with("<svg "), "{}", die.head);
}

#[test]
fn openais_own_client_speaks_with_it() {
    let served = Served::start(chip(), &[]);
    let run = hardwire(&["simulate", "--chat", "--prompt", "The king", "-n", "10", "--json"], &[chip()]);
    let expected: Value = serde_json::from_str(&run.stdout).unwrap();
    peer::runs("openai_client.py", &[&served.address, MODEL, expected["text"].as_str().unwrap()]);
}

#[test]
fn a_browser_chats_through_the_page() {
    let served = Served::start(chip(), &[]);
    let screenshots = std::env::var("HARDWIRE_SCREENSHOTS").unwrap_or_default();
    peer::runs("page_in_chromium.py", &[&served.address, MODEL, &screenshots]);
}
