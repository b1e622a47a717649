//! `hardwire chat` as typed: a conversation through the model's template, the cache kept between turns, and what it refuses.

mod cli;
mod common;

use cli::{hardwire, talk, talker};
use hardwire_models::{ChatTemplate, Checkpoint, Message, Tokenizer};
use hardwire_netlist::Chip;
use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Types `lines` into a conversation.
fn chat(args: &[&str], chip: &Path, lines: &str) -> cli::Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hardwire"))
        .arg("chat")
        .args(args)
        .arg(chip)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who refuses at once does not read.
    let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    cli::Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// What a fresh chip writes after `text`.
fn simulated(chip: &Path, text: &str, args: &[&str]) -> Value {
    let tokenizer = Tokenizer::from_json(&Chip::open(chip).unwrap().tokenizer_json().unwrap().unwrap()).unwrap();
    let ids: Vec<String> = tokenizer.encode_bare(text).unwrap().iter().map(u32::to_string).collect();
    let run = hardwire(&[&["simulate", "--json", "--ids", &ids.join(",")], args].concat(), &[chip]);
    assert!(run.ok(), "{run:?}");
    serde_json::from_str(&run.stdout).unwrap()
}

fn text(simulated: &Value) -> &str {
    simulated["text"].as_str().unwrap()
}

#[test]
fn each_answer_is_what_a_fresh_chip_writes_after_the_whole_conversation() {
    let dir = tempfile::tempdir().unwrap();
    let chip = talker(dir.path(), &["--context", "96"]);
    let (one, two) = ("Once upon a time the king", "Then the queen");
    let run =
        chat(&["-n", "9"], &chip, &format!("{one}\n\n/context\n{two}\n/retry\n/reset\n/context\n{one}\n/system Hear.\n{one}\n/quit\nno\n"));
    assert!(run.ok(), "{run:?}");

    let first = simulated(&chip, &talk(&[("user", one)]), &["-n", "9"]);
    let both = talk(&[("user", one), ("assistant", text(&first)), ("user", two)]);
    let second = simulated(&chip, &both, &["-n", "9"]);
    let told = simulated(&chip, &talk(&[("system", "Hear."), ("user", one)]), &["-n", "9"]);
    let expected = [text(&first), text(&second), text(&second), text(&first), text(&told)].join("\n") + "\n";
    assert_eq!(run.stdout, expected);

    // Beside each answer what the chip took: the first turn's time is that of the same run of `simulate`.
    let lines: Vec<&str> = run.stderr.lines().collect();
    let answers: Vec<&&str> = lines.iter().filter(|l| l.starts_with("[9 tokens in ")).collect();
    assert_eq!(answers.len(), 5, "{run:?}");
    let plain = hardwire(&["simulate", "--chat", "--prompt", one, "-n", "9"], &[&chip]);
    let total = plain.stderr.split("the chip takes ").nth(1).unwrap().split(" for it").next().unwrap();
    assert!(answers[0].contains(&format!("in {total} on the chip")), "{total}: {}", answers[0]);
    let held = first["prompt_ids"].as_array().unwrap().len() + 9 - 1;
    assert!(answers[0].contains(&format!("{held} of 96 positions")), "{}", answers[0]);
    assert!(lines.contains(&format!("{held} of 96 positions hold the conversation").as_str()), "{run:?}");
    assert!(lines.contains(&"0 of 96 positions hold the conversation"), "{run:?}");
    // A turn that goes on where the cache ends has less to read than the same turn in a fresh cache.
    let first_token =
        |line: &str| line.split("tokens/s, ").nth(1).unwrap().split(" µs to the first").next().unwrap().parse::<f64>().unwrap();
    assert!(first_token(answers[1]) < first_token(answers[2]), "{run:?}");
}

#[test]
fn sampling_is_simulates_and_changes_on_the_way() {
    let dir = tempfile::tempdir().unwrap();
    let chip = talker(dir.path(), &["--context", "96"]);
    let one = "Once upon a time the king";
    let options = ["--temperature", "0.9", "--top-k", "40", "--top-p", "0.8", "--seed", "5", "-n", "12"];
    let run = chat(&[&options[..], &["-q"]].concat(), &chip, &format!("{one}\n/reset\n/seed 6\n{one}\n/temperature 0\n/retry\n"));
    assert!(run.ok() && run.stderr.is_empty(), "{run:?}");
    let five = simulated(&chip, &talk(&[("user", one)]), &options);
    let six = simulated(&chip, &talk(&[("user", one)]), &[&options[..6], &["--seed", "6", "-n", "12"]].concat());
    let greedy = simulated(&chip, &talk(&[("user", one)]), &["-n", "12"]);
    assert_ne!(text(&five), text(&six));
    assert_eq!(run.stdout, [text(&five), text(&six), text(&greedy)].join("\n") + "\n");
}

#[test]
fn what_cannot_be_said_is_refused_in_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let chip = talker(dir.path(), &["--context", "24"]);
    chat(&["--json"], &chip, "").refuses(&["--json", "hardwire serve"]);
    chat(&["--top-p", "0"], &chip, "").refuses(&["--top-p 0", "at most 1"]);
    chat(&["--bits", "3"], &chip, "").refuses(&["--bits", "compile it again"]);
    for (line, parts) in [
        ("/fly", &["/fly", "no such command", "/quit"][..]),
        ("/top-p 2", &["/top-p 2", "at most 1"]),
        ("/seed", &["/seed", "a whole number"]),
        ("/retry", &["no message yet"]),
    ] {
        chat(&[], &chip, &format!("{line}\n")).refuses(parts);
    }
    chat(&[], &chip, &"word ".repeat(40)).refuses(&["context is 24"]);
    // A model without a template has no conversations, and one whose template is broken says which file has it.
    chat(&[], Path::new("tales"), "").refuses(&["no chat template"]);
    let broken = dir.path().join("tales-copy");
    std::fs::write(broken.join("tokenizer_config.json"), r#"{"chat_template": "{% if %}"}"#).unwrap();
    chat(&[], &broken, "Hi\n").refuses(&["tokenizer_config.json", "line 1"]);
    // A chip's template is under its seal.
    std::fs::write(chip.join("chat_template.json"), "{}").unwrap();
    chat(&[], &chip, "Hi\n").refuses(&["chat_template.json"]);
}

/// The template of a real model, from its file to a chip's folder and back.
#[test]
fn smollm2_is_spoken_to_as_it_was_trained() {
    let Some(path) = common::smollm2() else { return };
    let template = Checkpoint::open(&path).unwrap().chat_template().unwrap().unwrap();
    let carried = ChatTemplate::from_json(&template.to_json(), Path::new("chat_template.json")).unwrap();
    let messages = [Message::new("user", "Hi"), Message::new("assistant", "Hello."), Message::new("user", "Who are you?")];
    let system = "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n";
    let said = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>user\nWho are you?<|im_end|>\n";
    assert_eq!(carried.render(&messages).unwrap(), format!("{system}{said}<|im_start|>assistant\n"));
}
