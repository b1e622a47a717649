//! Every case of the shared folder of checkpoints made after public reports (`field_cases`, each with its source): what is right, or refused.

use std::path::{Path, PathBuf};

use hardwire_models::{Checkpoint, FloatModel, argmax};
use serde_json::Value;

/// The GGUF file of a case, or its folder.
fn model_of(folder: &Path) -> PathBuf {
    let gguf = folder.join("model.gguf");
    if gguf.is_file() { gguf } else { folder.to_owned() }
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

/// Greedy tokens after a prompt, up to where the text ends.
fn greedy(checkpoint: &Checkpoint, prompt: &[u32], count: usize) -> Vec<u32> {
    let model = FloatModel::new(checkpoint).unwrap();
    let mut state = model.start();
    let mut next = 0;
    for &token in prompt {
        next = argmax(&model.forward(&mut state, token).unwrap());
    }
    let mut out = vec![next];
    while out.len() < count && !checkpoint.config().eos.contains(&next) {
        next = argmax(&model.forward(&mut state, next).unwrap());
        out.push(next);
    }
    out
}

/// What is wrong with a case, if something is.
fn wrong(folder: &Path, case: &Value) -> Option<String> {
    let opened = Checkpoint::open(&model_of(folder));
    if case["kind"].as_str().unwrap().starts_with("refused") {
        return opened.is_ok().then(|| "accepted".to_owned());
    }
    let checkpoint = match opened {
        Ok(checkpoint) => checkpoint,
        Err(error) => return Some(error.to_string()),
    };
    if case["kind"] == "tokens" {
        let (count, want) = (case["n"].as_u64().unwrap() as usize, ids(&case["greedy"]));
        let got = greedy(&checkpoint, &ids(&case["prompt_ids"]), count);
        // An end token may or may not be listed.
        let ended = want.len() < count && got.split_last().is_some_and(|(_, rest)| rest == want);
        return (got != want && !ended).then(|| format!("{got:?} for {want:?}"));
    }
    let tokenizer = checkpoint.tokenizer().unwrap().unwrap();
    case["encode"].as_object().unwrap().iter().find_map(|(text, want)| {
        let got = tokenizer.encode(text).unwrap();
        (got != ids(want)).then(|| format!("{text:?}: {got:?} for {want}"))
    })
}

#[test]
fn every_field_case_is_right() {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/field_cases");
    let Ok(entries) = std::fs::read_dir(&all) else {
        eprintln!("skipped: {} is absent", all.display());
        return;
    };
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.join("case.json").is_file()).collect();
    folders.sort();
    assert!(!folders.is_empty(), "no case in {}", all.display());
    let mut bad = Vec::new();
    for folder in &folders {
        let case: Value = serde_json::from_slice(&std::fs::read(folder.join("case.json")).unwrap()).unwrap();
        if let Some(problem) = wrong(folder, &case) {
            bad.push(format!("{}: {problem} ({})", folder.file_name().unwrap().to_string_lossy(), case["tried"]));
        }
    }
    assert!(bad.is_empty(), "{} of {} wrong:\n{}", bad.len(), folders.len(), bad.join("\n"));
}
