//! `docs/chip-format.md` suffices to read a chip: a reader written from it in Python's standard library recovers the checkpoint's values.

mod cli;

use std::path::Path;
use std::process::{Command, Output};

/// Matrices of every form: tiles of several bands, outputs reordered, the embedding, a tied head.
const UNITS: [&str; 4] = ["layers.0.mlp.down_proj", "layers.1.self_attn.q_proj", "embed_tokens", "lm_head"];

fn read(chip: &Path) -> Option<Output> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reader = root.join("tests/peers/read_chip.py");
    let checkpoint = root.join("models/checkpoints/tales/model.safetensors");
    match Command::new("python3").arg(reader).arg(chip).arg(checkpoint).args(UNITS).output() {
        Ok(out) => Some(out),
        Err(e) => {
            eprintln!("skipped: no python3 here ({e})");
            None
        }
    }
}

#[test]
fn an_independent_reader_recovers_every_value() {
    let dir = tempfile::tempdir().unwrap();
    let chip = cli::compiled(dir.path());
    let Some(out) = read(&chip) else { return };
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(text.lines().count(), UNITS.len(), "{text}");
    assert!(text.contains("layers.0.mlp.down_proj: 49152 of 49152"), "{text}");
    // It does look: a changed code is a changed weight.
    let program = chip.join("program.bin");
    let mut bytes = std::fs::read(&program).unwrap();
    bytes[0] ^= 0xff;
    std::fs::write(&program, bytes).unwrap();
    let out = read(&chip).unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(!out.status.success() && text.contains("embed_tokens: 131070 of 131072"), "{text}");
}
