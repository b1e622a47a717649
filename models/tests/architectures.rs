//! Every architecture against Hugging Face transformers: tiny random checkpoints that `goldens/make.py` made, their logits to 1e-4
//! and every greedy token, prompts longer than the sliding windows.

#[macro_use]
#[path = "goldens/architectures.rs"]
mod architectures;

use std::path::{Path, PathBuf};

use hardwire_models::{Checkpoint, FloatModel, argmax};
use serde_json::Value;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(name)
}

fn tokens(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u32).collect()
}

/// The folder, and the GGUF file in it if it has one, that `goldens/gguf_files.py` made of the same weights; as they are and rotated.
#[track_caller]
fn agrees(name: &str) {
    let mut files = vec![folder(name), folder(name).join("model.gguf")];
    files.retain(|f| f.exists());
    for file in files {
        opened(name, Checkpoint::open(&file).unwrap());
        let mut rotated = Checkpoint::open(&file).unwrap();
        let stands_out = match name {
            "gemma3" | "olmo2" | "olmo3" => Some("layers.0.post_attention_layernorm"),
            "gpt2" | "gpt2_erf" => Some("layers.0.input_layernorm"),
            _ => None,
        };
        match (rotated.rotate(), stands_out) {
            (Ok(()), None) => {
                assert_eq!(rotated.digest(), Checkpoint::open(&file).unwrap().digest());
                opened(name, rotated);
            }
            (Err(e), Some(node)) => assert!(e.to_string().contains(&format!("node {node}: it ")), "{e}"),
            (result, _) => panic!("{name}: {result:?}"),
        }
    }
}

#[track_caller]
fn opened(name: &str, mut checkpoint: Checkpoint) {
    let golden: Value = serde_json::from_slice(&std::fs::read(folder(name).join("golden.json")).unwrap()).unwrap();
    let path = PathBuf::from(checkpoint.source());
    let (prompt, greedy) = (tokens(&golden["prompt"]), tokens(&golden["greedy"]));
    checkpoint.lengthen(prompt.len() + greedy.len()).unwrap();
    let model = FloatModel::new(&checkpoint).unwrap();

    let mut state = model.start();
    let mut logits = model.forward_block(&mut state, &prompt).unwrap();
    let vocab = checkpoint.config().vocab;
    let mut text = prompt.clone();
    while text.len() < prompt.len() + greedy.len() {
        let next = argmax(&logits[logits.len() - vocab..]);
        text.push(next);
        logits.extend(model.forward(&mut state, next).unwrap());
    }
    assert_eq!(text[prompt.len()..], greedy, "{}", path.display());

    let rows = golden["logits"].as_object().unwrap();
    assert!(rows.len() > 3);
    for (position, theirs) in rows {
        let at = position.parse::<usize>().unwrap() * vocab;
        let theirs: Vec<f32> = theirs.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect();
        let most = theirs.iter().fold(0f32, |m, x| m.max(x.abs()));
        assert_eq!(theirs.len(), vocab);
        for (token, (ours, theirs)) in logits[at..at + vocab].iter().zip(&theirs).enumerate() {
            let near = (ours - theirs).abs() <= 1e-4 * most;
            assert!(near, "{}, position {position}, token {token}: {ours} against {theirs}", path.display());
        }
    }
}

architectures!(agrees);

/// Blocks of tokens and single tokens give the same bits where layers have windows, sinks, positions and experts too.
#[test]
fn blocks_change_no_bit_of_any_architecture() {
    for name in ["gemma3", "gpt2", "gpt_oss", "qwen3_moe", "qwen3_5", "qwen3_next"] {
        let model = FloatModel::new(&Checkpoint::open(&folder(name)).unwrap()).unwrap();
        let text: Vec<u32> = (0..40).map(|i| (i * i * 5 + 3 * i) % 96).collect();
        let mut state = model.start();
        let one: Vec<f32> = text.iter().flat_map(|&t| model.forward(&mut state, t).unwrap()).collect();
        let block = model.forward_block(&mut model.start(), &text).unwrap();
        assert!(one.iter().zip(&block).all(|(a, b)| a.to_bits() == b.to_bits()), "{name}");
    }
}
