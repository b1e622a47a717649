//! Tokens that programs outside this project chose, chosen again: HF transformers for the
//! bundled model, llama2.c for stories260K, two independent `f32` runs for SmolLM2.

use std::path::{Path, PathBuf};

use hardwire_models::{Checkpoint, FloatModel, Tokenizer, argmax};
use serde_json::Value;

/// Development files beside the workspace; `None`, said aloud, where they are absent.
fn shared(part: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(part);
    if !path.exists() {
        eprintln!("skipped: {} is absent", path.display());
        return None;
    }
    Some(path)
}

/// A GGUF file that an environment variable names.
fn named(variable: &str, model: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from);
    if path.is_none() {
        eprintln!("skipped: {variable} does not name the {model} GGUF");
    }
    path
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u32).collect()
}

/// Feed `prompt`, then choose the likeliest token `count` times.
fn greedy(model: &FloatModel, prompt: &[u32], count: usize) -> Vec<u32> {
    let mut state = model.start();
    let mut logits = vec![];
    for &token in prompt {
        logits = model.forward(&mut state, token).unwrap();
    }
    let mut text = vec![];
    while text.len() < count {
        let next = argmax(&logits);
        text.push(next);
        if text.len() < count {
            logits = model.forward(&mut state, next).unwrap();
        }
    }
    text
}

fn tokenizer(checkpoint: &Checkpoint) -> Tokenizer {
    checkpoint.tokenizer().unwrap().expect("a tokenizer")
}

/// Text that arrives token by token is the text decoded at once.
fn assert_streams(tokenizer: &Tokenizer, ids: &[u32]) {
    let mut stream = tokenizer.stream();
    let mut text: String = ids.iter().map(|&id| stream.push(id)).collect();
    text.push_str(&stream.finish());
    assert_eq!(text, tokenizer.decode(ids));
}

#[test]
fn tales_writes_what_transformers_wrote() {
    let golden = json(&Path::new(env!("CARGO_MANIFEST_DIR")).join("checkpoints/tales/golden.json"));
    let checkpoint = Checkpoint::bundled();
    let tokenizer = tokenizer(&checkpoint);
    let model = FloatModel::new(&checkpoint).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let prompt = tokenizer.encode(case["prompt"].as_str().unwrap()).unwrap();
        assert_eq!(prompt, ids(&case["prompt_ids"]), "{}", case["prompt"]);
        let expected = ids(&case["greedy_ids"]);
        assert_eq!(greedy(&model, &prompt, expected.len()), expected, "{}", case["prompt"]);
        assert_eq!(tokenizer.decode(&expected), case["text"].as_str().unwrap());
        assert_streams(&tokenizer, &expected);

        let mut state = model.start();
        let mut logits = vec![];
        for &token in &prompt {
            logits = model.forward(&mut state, token).unwrap();
        }
        for (ours, theirs) in logits.iter().zip(case["first_logits"].as_array().unwrap()) {
            let theirs = theirs.as_f64().unwrap() as f32;
            assert!((ours - theirs).abs() < 1e-3, "{ours} against {theirs}");
        }
    }
}

#[test]
fn stories260k_writes_what_llama2_c_wrote_from_either_form() {
    let Some(folder) = shared("checkpoints/stories260K") else { return };
    let golden = json(&folder.join("golden_ids.json"));
    let expected = ids(&golden["ids"]);
    assert_eq!(expected.len(), 199);
    let text = std::fs::read_to_string(folder.join("golden.txt")).unwrap();
    let start = golden["start_token"].as_u64().unwrap() as u32;
    for path in [folder.clone(), folder.join("stories260K-f32.gguf")] {
        let checkpoint = Checkpoint::open(&path).unwrap();
        let model = FloatModel::new(&checkpoint).unwrap();
        assert_eq!(greedy(&model, &[start], expected.len()), expected, "{}", path.display());
        let decoded = tokenizer(&checkpoint).decode(&expected);
        assert!(decoded.len() > 400, "{decoded}");
        assert!(text.starts_with(&decoded), "{decoded}");
        assert_streams(&tokenizer(&checkpoint), &expected);
    }
}

/// The tokenizer built from GGUF scores equals the one Hugging Face's converter built.
#[test]
fn stories260k_tokenizers_agree_on_real_text() {
    let Some(folder) = shared("checkpoints/stories260K") else { return };
    let Some(texts) = shared("text") else { return };
    let from_folder = tokenizer(&Checkpoint::open(&folder).unwrap());
    let from_gguf = tokenizer(&Checkpoint::open(&folder.join("stories260K-f32.gguf")).unwrap());
    let alice = std::fs::read_to_string(texts.join("alice.txt")).unwrap();
    let odd = ["", " ", "  two  spaces ", "é漢😀\u{0}\n\t", "<s>hi</s> there", "▁", "<0x0A>"];
    for line in alice.lines().take(2000).chain(odd) {
        assert_eq!(from_folder.encode(line).unwrap(), from_gguf.encode(line).unwrap(), "{line:?}");
    }
}

/// Prompts and greedy tokens of `golden/float32_greedy.json`.
fn writes_what_two_float_runs_wrote(path: &Path, name: &str, parameters: u64, cases: usize) {
    let Some(golden) = shared("golden/float32_greedy.json") else { return };
    let checkpoint = Checkpoint::open(path).unwrap();
    assert_eq!(checkpoint.config().parameters, parameters);
    let tokenizer = tokenizer(&checkpoint);
    let model = FloatModel::new(&checkpoint).unwrap();
    let golden = json(&golden);
    let golden = golden[name].as_array().unwrap();
    assert_eq!(golden.len(), cases);
    for case in golden {
        let prompt = tokenizer.encode(case["prompt"].as_str().unwrap()).unwrap();
        assert_eq!(prompt, ids(&case["prompt_ids"]), "{}", case["prompt"]);
        let expected = ids(&case["gen_ids"]);
        assert_eq!(greedy(&model, &prompt, expected.len()), expected, "{}", case["prompt"]);
        assert_streams(&tokenizer, &expected);
    }
}

#[test]
fn smollm2_writes_what_two_float_runs_wrote() {
    let Some(path) = named("HARDWIRE_SMOLLM2_GGUF", "SmolLM2-135M-Instruct") else { return };
    writes_what_two_float_runs_wrote(&path, "SmolLM2-135M-Instruct.Q4_1", 134_515_008, 3);
}

#[test]
fn gemma3_writes_what_two_float_runs_wrote() {
    let Some(path) = named("HARDWIRE_GEMMA3_GGUF", "gemma-3-270m Q4_K_M") else { return };
    writes_what_two_float_runs_wrote(&path, "gemma-3-270m-q4_k_m", 268_098_176, 2);
}
