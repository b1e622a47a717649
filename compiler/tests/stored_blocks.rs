//! GGUF's block types, MXFP4 and packed ternary weights kept on the chip as stored: every weight that the chip holds is the one that
//! PyPI gguf decodes.

use hardwire_compiler::{Options, chip_weights, compile};
use hardwire_models::Checkpoint;
use hardwire_netlist::chip::MatrixQuality;
use hardwire_netlist::unit::MatrixSpec;
use hardwire_netlist::{Chip, census};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

fn data(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/data").join(file)
}

fn chip(checkpoint: &Checkpoint) -> (Chip, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (compile(checkpoint, &Options::default(), &dir.path().join("chip"), &|_| {}).unwrap(), dir)
}

/// What `models/tests/data/stored.py` says of each matrix of `stored.gguf`.
fn golden() -> Map<String, Value> {
    let text = std::fs::read(data("stored.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// Path of a matrix on the chip, by its name in the file.
fn path(name: &str) -> String {
    let Some(rest) = name.strip_prefix("blk.") else { return if name == "output" { "lm_head" } else { "embed_tokens" }.into() };
    let (layer, part) = rest.split_once('.').unwrap();
    let part = match part {
        "attn_q" => "self_attn.q_proj",
        "attn_k" => "self_attn.k_proj",
        "attn_v" => "self_attn.v_proj",
        "attn_output" => "self_attn.o_proj",
        "ffn_gate" => "mlp.gate_proj",
        "ffn_up" => "mlp.up_proj",
        "ffn_down" => "mlp.down_proj",
        other => panic!("{other}"),
    };
    format!("layers.{layer}.{part}")
}

fn matrix<'a>(chip: &'a Chip, path: &str) -> (&'a MatrixSpec, &'a MatrixQuality) {
    let (_, spec) = chip.structure.matrices().find(|(p, _)| *p == path).unwrap();
    (spec, chip.structure.quality.iter().find(|q| q.tensor == spec.tensor).unwrap())
}

/// Bits of a code on the chip.
fn code_bits(kind: &str) -> u8 {
    match kind {
        "TQ1_0" | "TQ2_0" | "Q2_K" => 2,
        "Q3_K" => 3,
        "Q4_0" | "Q4_1" | "Q4_K" | "MXFP4" => 4,
        "Q5_0" | "Q5_1" | "Q5_K" | "Q6_K" => 6,
        "Q8_0" => 8,
        other => panic!("{other}"),
    }
}

#[test]
fn every_block_type_is_kept_exactly_or_says_why_not() {
    let checkpoint = Checkpoint::open(&data("stored.gguf")).unwrap();
    let (chip, _guard) = chip(&checkpoint);
    let golden = golden();
    assert_eq!(golden.len(), 16);
    for (name, entry) in &golden {
        let (path, kind) = (path(name), entry["type"].as_str().unwrap());
        let (spec, quality) = matrix(&chip, &path);
        assert_eq!(spec.code_bits, code_bits(kind), "{name}");
        let weights = chip_weights(&checkpoint, &chip, &path).unwrap();
        let theirs: Vec<f32> = entry["every_61st"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect();
        if name == "output" {
            // Its scales differ by more than the widest mantissa.
            assert!(!quality.lossless && quality.relative_square_error > 0.0 && quality.relative_square_error < 1e-12, "{quality:?}");
            assert!(
                quality.coding.starts_with("Q4_K as stored, scales of ") && quality.coding.ends_with(" bits rounded to 28"),
                "{quality:?}"
            );
            assert!(spec.scale_bits <= 28 && spec.offset_bits <= 28);
            continue;
        }
        assert!(quality.lossless && quality.relative_square_error == 0.0, "{quality:?}");
        assert_eq!(quality.coding, format!("{kind} as stored"));
        let every: Vec<f32> = weights.iter().step_by(61).copied().collect();
        assert_eq!(every, theirs, "{name}");
        assert_eq!(weights, checkpoint.tensor(&spec.tensor).unwrap().to_f32().unwrap(), "{name}");
    }
    let exact = chip.structure.quality.iter().filter(|q| q.lossless).count();
    assert_eq!(exact, golden.len() - 1);
    assert_eq!(census::total(chip.netlist()).weights, chip.structure.matrices().map(|(_, m)| m.weights()).sum::<u64>());
}

#[test]
fn weights_trained_on_few_values_take_few_bits() {
    for (name, part, bits, coding) in [
        ("bitnet_packed", "_proj", 2, "ternary as stored"),
        ("bitnet", "_proj", 2, "BF16 on its grid"),
        ("gpt_oss_mxfp4", "experts", 4, "MXFP4 as stored"),
    ] {
        let checkpoint = Checkpoint::open(&data("../goldens").join(name)).unwrap();
        let (chip, _guard) = chip(&checkpoint);
        let mut found = 0;
        for (path, spec) in chip.structure.matrices().filter(|(p, _)| p.contains(part) && (part != "_proj" || p.starts_with("layers"))) {
            let (_, quality) = matrix(&chip, path);
            assert!(quality.lossless && quality.coding == coding && spec.code_bits == bits, "{path}: {} bits, {quality:?}", spec.code_bits);
            assert_eq!(
                chip_weights(&checkpoint, &chip, path).unwrap(),
                checkpoint.tensor(&spec.tensor).unwrap().to_f32().unwrap(),
                "{path}"
            );
            if name == "bitnet_packed" {
                assert_eq!(
                    (spec.groups(), spec.fold().map(|f| f.lift)),
                    (1, Some(0)),
                    "{path}: one scale an output, no sums of activations"
                );
            }
            found += 1;
        }
        assert!(found >= 14, "{name}: {found} matrices");
    }
}

/// The file with bytes of one matrix changed.
fn edited(name: &str, dir: &Path, edit: impl FnOnce(&mut [u8])) -> PathBuf {
    let mut file = std::fs::read(data("stored.gguf")).unwrap();
    let at = golden()[name]["at"].as_u64().unwrap() as usize;
    edit(&mut file[at..]);
    let path = dir.join(format!("{name}.gguf"));
    std::fs::write(&path, file).unwrap();
    path
}

#[test]
fn zero_blocks_are_exact_and_scales_that_are_no_numbers_are_named() {
    let dir = tempfile::tempdir().unwrap();
    // Place of the scale in a block, and what is none.
    let scales = |kind: &str| -> (usize, &[u8]) {
        match kind {
            "Q2_K" => (80, &[0, 0x7E]),
            "Q3_K" => (108, &[0, 0x7C]),
            "Q6_K" => (208, &[0, 0xFC]),
            "TQ1_0" => (52, &[0, 0x7E]),
            "TQ2_0" => (64, &[0, 0x7E]),
            "MXFP4" => (0, &[255]),
            _ => (0, &[1, 0x7C]),
        }
    };
    for (name, entry) in &golden() {
        let (at, bytes) = scales(entry["type"].as_str().unwrap());
        let path = edited(name, dir.path(), |m| m[at..at + bytes.len()].copy_from_slice(bytes));
        let target = dir.path().join("chip");
        let error = compile(&Checkpoint::open(&path).unwrap(), &Options::default(), &target, &|_| {}).err().expect(name).to_string();
        let tensor = matrix_tensor(name);
        assert!(error.contains(&tensor) && error.contains("row 0") && error.contains("expected a finite weight"), "{name}: {error}");
        assert!(!target.exists(), "{name}");
    }
    // All that the file holds past its first norm is zero.
    let path = edited("token_embd", dir.path(), |rest| rest.fill(0));
    let (chip, _guard) = chip(&Checkpoint::open(&path).unwrap());
    for quality in &chip.structure.quality {
        assert!(quality.lossless && quality.relative_square_error == 0.0, "{quality:?}");
    }
}

/// Name of a matrix's tensor in errors.
fn matrix_tensor(name: &str) -> String {
    match path(name).as_str() {
        "lm_head" => "lm_head.weight".into(),
        path => format!("model.{path}.weight"),
    }
}
