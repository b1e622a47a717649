//! What is tried with hostile bytes: a body a reader, and one for the chip folder. `fuzz_targets` gives them to libFuzzer for hours,
//! `tests/fuzz_readers.rs` for some seconds to a mutator of its own. A reader may refuse; it may not panic, hang, or take memory without bound.

use hardwire_baseline::{economics::Assumptions, gpu};
use hardwire_models::{Checkpoint, Shape, Tokenizer};
use hardwire_netlist::{Chip, Netlist};
use hardwire_sim::{engine::Engine, reference::Reference};
use std::fs;
use std::path::Path;

/// A target: its name, a body, and where its seeds lie: files, or folders of files, from the checkout's root.
pub struct Target {
    pub name: &'static str,
    pub body: fn(&[u8]),
    pub seeds: &'static [&'static str],
}

pub const TARGETS: &[Target] = &[
    Target { name: "config", body: config, seeds: &["models/tests/goldens/llama/config.json", "models/tests/goldens/gpt_oss/config.json"] },
    Target { name: "safetensors", body: safetensors, seeds: &["models/tests/goldens/llama/model.safetensors"] },
    Target { name: "gguf", body: gguf, seeds: &["models/tests/goldens/gpt2/model.gguf", "models/tests/goldens/granite/model.gguf"] },
    Target { name: "tokenizer", body: tokenizer, seeds: &["fuzz/seeds/tokenizer"] },
    Target { name: "netlist_text", body: netlist_text, seeds: &["netlist/tests/chips"] },
    Target { name: "devices", body: devices, seeds: &["baseline/data/gpus.csv", "fuzz/seeds/devices"] },
    Target { name: "measured", body: measured, seeds: &["fuzz/seeds/measured"] },
    Target { name: "assumptions", body: assumptions, seeds: &["fuzz/seeds/assumptions"] },
    Target { name: "sweep", body: sweep, seeds: &["fuzz/seeds/sweep"] },
    Target { name: "trace", body: trace, seeds: &["fuzz/seeds/trace"] },
    Target { name: "manifest", body: manifest, seeds: &["fuzz/seeds/manifest"] },
];

fn in_folder(files: &[(&str, &[u8])], body: impl FnOnce(&Path)) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (name, bytes) in files {
        fs::write(dir.path().join(name), bytes).expect("a temporary file");
    }
    body(dir.path());
}

fn config(data: &[u8]) {
    if let Ok(shape) = Shape::from_json(data, "fuzzed", Path::new("config.json")) {
        let _ = shape.graph.weights();
    }
}

/// Weights beside a configuration that fits the seed.
fn safetensors(data: &[u8]) {
    let config = include_bytes!("../models/tests/goldens/llama/config.json");
    in_folder(&[("config.json", config), ("model.safetensors", data)], read_checkpoint);
}

fn gguf(data: &[u8]) {
    in_folder(&[("model.gguf", data)], |dir| read_checkpoint(&dir.join("model.gguf")));
}

fn read_checkpoint(path: &Path) {
    let Ok(checkpoint) = Checkpoint::open(path) else { return };
    for name in checkpoint.tensor_names() {
        if let Ok(tensor) = checkpoint.tensor(&name) {
            let mut row = vec![0.0; tensor.cols()];
            let _ = tensor.row_f32(0, &mut row);
        }
    }
    if let Ok(Some(tokenizer)) = checkpoint.tokenizer() {
        let _ = tokenizer.encode("a b");
    }
    let _ = checkpoint.chat_template();
}

fn tokenizer(data: &[u8]) {
    if let Ok(tokenizer) = Tokenizer::from_json(data)
        && let Ok(ids) = tokenizer.encode("Once upon a time \u{1b}")
    {
        tokenizer.decode(&ids);
    }
}

fn text(data: &[u8], body: impl FnOnce(&str)) {
    if let Ok(text) = std::str::from_utf8(data) {
        body(text);
    }
}

fn netlist_text(data: &[u8]) {
    text(data, |text| {
        if let Ok(netlist) = Netlist::from_text(text) {
            let _ = netlist.to_text();
        }
    });
}

fn devices(data: &[u8]) {
    in_folder(&[("devices.csv", data), ("devices.toml", data)], |dir| {
        let _ = gpu::devices_from_file(&dir.join("devices.csv"));
        let _ = gpu::devices_from_file(&dir.join("devices.toml"));
    });
}

fn measured(data: &[u8]) {
    text(data, |text| {
        if let Ok(rows) = gpu::parse_measured(text, "fuzzed.csv") {
            let _ = gpu::validate_rows(rows);
        }
        let _ = gpu::parse_measured_energy(text, "fuzzed.csv");
        let _ = gpu::fit_measured(text, "fuzzed.json", None, None);
    });
}

fn assumptions(data: &[u8]) {
    text(data, |text| _ = Assumptions::parse(text, "fuzzed.toml"));
}

fn sweep(data: &[u8]) {
    text(data, |text| _ = hardwire_study::explore::target::parse(text, 2048));
}

fn trace(data: &[u8]) {
    text(data, |text| _ = hardwire_rtl_gen::harness::parse(text));
}

fn manifest(data: &[u8]) {
    in_folder(&[("manifest.json", data)], |dir| _ = Chip::open(dir));
}

/// A chip folder with digests that fit. It is refused, or both simulators run it alike and its Verilog can be written.
/// Gives what was emitted, if it was.
pub fn chip(structure: &[u8], program: &[u8], verilog: Option<&Path>) -> bool {
    let digest = |bytes: &[u8]| blake3::hash(bytes).to_hex().to_string();
    let manifest = serde_json::json!({"format": hardwire_netlist::chip::FORMAT, "hardwire": "fuzz",
        "files": {"chip.json": digest(structure), "program.bin": digest(program)}});
    let mut opened = false;
    in_folder(&[("chip.json", structure), ("program.bin", program), ("manifest.json", manifest.to_string().as_bytes())], |dir| {
        let Ok(chip) = Chip::open(dir) else { return };
        opened = true;
        let (engine, reference) = (Engine::new(&chip), Reference::new(&chip));
        let (mut fast, mut plain) = (engine.start(), reference.start());
        for token in [0, chip.model().vocab - 1, 1] {
            assert_eq!(engine.step(&mut fast, 0, token), reference.step(&mut plain, 0, token), "engine and reference, token {token}");
        }
        if let Some(folder) = verilog {
            let _ = hardwire_rtl_gen::emit(&chip, folder, &hardwire_rtl_gen::Options::default());
        }
    });
    opened
}

/// Input of the target `chip`: the structure's length in four bytes, the structure, the program.
pub fn chip_of(data: &[u8]) {
    let Some((length, rest)) = data.split_first_chunk::<4>() else { return };
    let at = (u32::from_le_bytes(*length) as usize).min(rest.len());
    chip(&rest[..at], &rest[at..], None);
}
