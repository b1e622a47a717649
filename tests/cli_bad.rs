//! Bad input through the built command: one line of error that names file and field, exit code 1, nothing on stdout, nothing left.

mod cli;

use cli::*;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// Compiles the checkpoint that `breakage` broke; checks the refusal and that nothing was left behind.
#[track_caller]
fn refused(breakage: impl FnOnce(&Path), parts: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let folder = tales(dir.path());
    breakage(&folder);
    let out = tempfile::tempdir().unwrap();
    hardwire(&["compile", "-o"], &[&out.path().join("chip"), &folder]).refuses(parts);
    assert!(names(out.path()).is_empty(), "left behind: {:?}", names(out.path()));
}

/// The safetensors file as header and data.
fn weights(folder: &Path, edit: impl FnOnce(&mut Value, &mut Vec<u8>)) {
    let path = folder.join("model.safetensors");
    let bytes = fs::read(&path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let mut data = bytes[8 + length..].to_vec();
    edit(&mut header, &mut data);
    let header = header.to_string().into_bytes();
    let out = [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat();
    fs::write(path, out).unwrap();
}

fn bytes(folder: &Path, edit: impl FnOnce(&mut Vec<u8>)) {
    let path = folder.join("model.safetensors");
    let mut b = fs::read(&path).unwrap();
    edit(&mut b);
    fs::write(path, b).unwrap();
}

fn config(folder: &Path, field: &str, value: Value) {
    let path = folder.join("config.json");
    let mut c: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    c[field] = value;
    fs::write(path, c.to_string()).unwrap();
}

const Q_PROJ: &str = "model.layers.0.self_attn.q_proj.weight";

#[test]
fn broken_safetensors() {
    refused(|f| bytes(f, |b| b.truncate(b.len() / 2)), &["model.safetensors", "truncated"]);
    refused(|f| bytes(f, |b| b.truncate(5)), &["model.safetensors", "header"]);
    refused(|f| bytes(f, Vec::clear), &["model.safetensors", "0 bytes"]);
    refused(|f| bytes(f, |b| b[..4].copy_from_slice(b"PK\x03\x04")), &["model.safetensors", "header length"]);
    refused(|f| bytes(f, |b| b[..8].copy_from_slice(&(1u64 << 40).to_le_bytes())), &["model.safetensors", "header length"]);
    refused(|f| weights(f, |h, _| h[Q_PROJ]["shape"] = json!([64, 256])), &["model.safetensors", Q_PROJ, "[64, 256]"]);
    refused(|f| weights(f, |h, _| h[Q_PROJ]["dtype"] = json!("Q9_9")), &["model.safetensors", "Q9_9"]);
    refused(|f| weights(f, |h, _| h[Q_PROJ]["dtype"] = json!("I64")), &["model.safetensors", "dtype"]);
    refused(
        |f| weights(f, |h, _| h.as_object_mut().unwrap().get_mut(Q_PROJ).map(|t| t["data_offsets"] = json!([0, u64::MAX])).unwrap()),
        &["model.safetensors"],
    );
    refused(
        |f| {
            weights(f, |h, _| {
                let t = h.as_object_mut().unwrap().remove(Q_PROJ).unwrap();
                h["model.layers.0.self_attn.w_proj.weight"] = t;
            })
        },
        &["tales-copy", Q_PROJ, "missing"],
    );
    refused(
        |f| {
            weights(f, |h, data| {
                let at = h[Q_PROJ]["data_offsets"][0].as_u64().unwrap() as usize;
                // A not-a-number in 16-bit and in 32-bit floats alike.
                data[at..at + 4].fill(0xff);
            })
        },
        &["model.safetensors", Q_PROJ, "NaN", "row 0, column 0"],
    );
}

#[test]
fn tensor_missing_and_configurations_that_cannot_be() {
    refused(
        |f| {
            // Its bytes go too, so that the file is well formed.
            weights(f, |h, data| {
                let t = h.as_object_mut().unwrap().remove(Q_PROJ).unwrap();
                let (from, to) = (t["data_offsets"][0].as_u64().unwrap(), t["data_offsets"][1].as_u64().unwrap());
                data.drain(from as usize..to as usize);
                for (_, other) in h.as_object_mut().unwrap().iter_mut().filter(|(k, _)| *k != "__metadata__") {
                    for end in other["data_offsets"].as_array_mut().unwrap() {
                        let v = end.as_u64().unwrap();
                        *end = json!(if v >= to { v - (to - from) } else { v });
                    }
                }
            })
        },
        &["tales-copy", Q_PROJ, "missing"],
    );
    refused(|f| config(f, "architectures", json!(["MambaForCausalLM"])), &["config.json", "Mamba"]);
    refused(
        |f| {
            config(f, "model_type", json!("t5"));
            config(f, "architectures", json!(["T5Model"]))
        },
        &["config.json", "model_type", "t5"],
    );
    refused(|f| config(f, "hidden_size", json!(0)), &["config.json", "hidden size"]);
    refused(|f| config(f, "num_attention_heads", json!(-4)), &["config.json", "head"]);
    refused(|f| config(f, "num_hidden_layers", json!(1u64 << 40)), &["config.json", "layer"]);
    refused(|f| config(f, "hidden_act", json!("tanh")), &["config.json", "tanh"]);
    refused(|f| fs::write(f.join("config.json"), "{").unwrap(), &["config.json"]);
    refused(|f| fs::remove_file(f.join("config.json")).unwrap(), &["tales-copy", "config.json"]);
    refused(|f| fs::remove_file(f.join("model.safetensors")).unwrap(), &["tales-copy", "safetensors"]);
    refused(|f| fs::write(f.join("tokenizer.json"), "not json").unwrap(), &["tokenizer"]);
}

#[test]
fn broken_gguf() {
    let Some(path) = std::env::var_os("HARDWIRE_SMOLLM2_GGUF").filter(|p| Path::new(p).exists()) else {
        eprintln!("no GGUF named by HARDWIRE_SMOLLM2_GGUF: a header alone is tried");
        return gguf_cases(b"GGUF\x03\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec());
    };
    // The header and a part of the weights: a truncated file as a download leaves it.
    gguf_cases(fs::read(path).unwrap()[..4 << 20].to_vec());
}

fn gguf_cases(whole: Vec<u8>) {
    let mut wrong_magic = whole.clone();
    wrong_magic[..4].copy_from_slice(b"GGML");
    let mut version = whole.clone();
    version[4] = 99;
    let mut counts = whole.clone();
    counts[8..16].fill(0xff);
    for (bytes, parts) in [
        (whole.clone(), &["model.gguf"][..]),
        (whole[..20].to_vec(), &["model.gguf"]),
        (Vec::new(), &["model.gguf"]),
        (wrong_magic, &["model.gguf", "magic"]),
        (version, &["model.gguf", "version", "99"]),
        (counts, &["model.gguf"]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.gguf");
        fs::write(&path, bytes).unwrap();
        hardwire(&["compile", "-o"], &[&dir.path().join("chip"), &path]).refuses(parts);
        assert_eq!(names(dir.path()), ["model.gguf"]);
    }
}

#[test]
fn prompts_that_cannot_be() {
    let dir = tempfile::tempdir().unwrap();
    let chip = compiled(dir.path());
    let simulate = |args: &[&str]| hardwire(&[&["simulate"], args].concat(), &[&chip]);
    simulate(&["--prompt", ""]).refuses(&["prompt is empty"]);
    simulate(&["--ids", "1024"]).refuses(&["1024", "vocabulary of 1024"]);
    simulate(&["--ids", &["5"; 33].join(",")]).refuses(&["33 tokens", "context is 32"]);
    simulate(&["--prompt", &"a long tale ".repeat(40)]).refuses(&["context is 32"]);
    simulate(&["--prompt", "a", "--temperature", "NaN"]).refuses(&["--temperature NaN"]);
    simulate(&["--float", "--ids", "1"]).refuses(&["--float needs the checkpoint"]);
    let checkpoint = tales(dir.path());
    hardwire(&["simulate", "--float", "--ids", "1024"], &[&checkpoint]).refuses(&["1024", "vocabulary of 1024"]);
    hardwire(&["simulate", "--float", "--prompt", ""], &[&checkpoint]).refuses(&["prompt is empty"]);
    // Nothing is compiled for a prompt that cannot run.
    hardwire(&["simulate", "--ids", "1024"], &[&checkpoint]).refuses(&["1024", "vocabulary of 1024"]);
}

#[test]
fn options_that_cannot_be() {
    for (option, value) in [
        ("--bits", "5"),
        ("--context", "0"),
        ("--context", "513"),
        ("--users", "0"),
        ("--lanes", "7"),
        ("--group", "0"),
        ("--act-bits", "1"),
        ("--kv-bits", "99"),
        ("--tile-rows", "0"),
        ("--tile-cols", "0"),
        ("--pos-lanes", "0"),
        ("--node", "N1"),
    ] {
        let out = tempfile::tempdir().unwrap();
        let run = hardwire(&["compile", "tales", option, value, "-o"], &[&out.path().join("chip")]);
        run.refuses(&[option.trim_start_matches("--").split('-').next().unwrap(), value]);
        assert!(names(out.path()).is_empty(), "{option}: {:?}", names(out.path()));
    }
    let out = tempfile::tempdir().unwrap();
    hardwire(&["compile", "tales", "--users", "65536", "--kv-bits", "12", "-o"], &[&out.path().join("chip")]);
    assert!(names(out.path()).iter().all(|n| n == "chip"), "a plan too large leaves nothing half done");
}

#[test]
fn folders_that_cannot_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "mine").unwrap();
    for command in [&["compile", "tales", "-o"][..], &["demo", "-n", "1", "-q", "-o"], &["report", "tales", "-q", "-o"]] {
        hardwire(command, &[&file.join("chip")]).refuses(&[&file.display().to_string()]);
    }
    hardwire(&["compile", "tales", "-o"], &[&file]).refuses(&[&file.display().to_string(), "not a Hardwire chip"]);
    hardwire(&["report", "tales", "-q", "-o"], &[&file]).refuses(&[&file.display().to_string()]);
    let occupied = dir.path().join("occupied");
    fs::create_dir(&occupied).unwrap();
    fs::write(occupied.join("thesis.txt"), "years of work").unwrap();
    hardwire(&["compile", "tales", "-o"], &[&occupied]).refuses(&["occupied", "holds thesis.txt", "not a Hardwire chip"]);
    assert_eq!(fs::read_to_string(occupied.join("thesis.txt")).unwrap(), "years of work");
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(names(dir.path()), ["file", "occupied"]);
    for bad in ["/", ".."] {
        hardwire(&["compile", "tales", "-o", bad], &[]).refuses(&[bad]);
    }
}

#[test]
fn a_chip_is_replaced_but_not_what_stands_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let chip = compiled(dir.path());
    assert!(hardwire(&["compile", "tales", "-q", "--context", "16", "-o"], &[&chip]).ok());
    let value: Value = serde_json::from_slice(&fs::read(chip.join("chip.json")).unwrap()).unwrap();
    assert_eq!(value["model"]["context"], 16);
    fs::write(chip.join("notes.txt"), "mine").unwrap();
    hardwire(&["compile", "tales", "-q", "-o"], &[&chip]).refuses(&["small", "holds notes.txt"]);
    assert_eq!(fs::read_to_string(chip.join("notes.txt")).unwrap(), "mine");
}

#[test]
fn chips_that_are_damaged_or_foreign() {
    let dir = tempfile::tempdir().unwrap();
    let chip = compiled(dir.path());
    let damaged = |name: &str, edit: &dyn Fn(&mut Vec<u8>), parts: &[&str]| {
        let path = chip.join(name);
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        edit(&mut bad);
        fs::write(&path, bad).unwrap();
        for command in ["simulate", "inspect", "compare", "report"] {
            hardwire(&[command], &[&chip]).refuses(parts);
        }
        fs::write(&path, good).unwrap();
    };
    damaged("program.bin", &|b| b.truncate(b.len() - 1000), &["program.bin", "ends past the file's"]);
    damaged("program.bin", &Vec::clear, &["program.bin", "ends past the file's"]);
    damaged("program.bin", &|b| b[100] ^= 1, &["program.bin", "digest"]);
    damaged("chip.json", &|b| b.truncate(b.len() / 2), &["chip.json", "digest"]);
    damaged("tokenizer.json", &|b| b.truncate(b.len() / 2), &["tokenizer.json", "digest"]);
    damaged("manifest.json", &|b| b.truncate(b.len() / 2), &["manifest.json"]);
    damaged(
        "manifest.json",
        &|b| *b = br#"{"format": 99, "other": 1}"#.to_vec(),
        &["manifest.json", "format", "99", &format!("expected {}", hardwire_netlist::chip::FORMAT)],
    );
    for name in ["program.bin", "chip.json", "tokenizer.json", "manifest.json"] {
        let aside = dir.path().join("aside");
        fs::rename(chip.join(name), &aside).unwrap();
        hardwire(&["simulate", "--ids", "1"], &[&chip]).refuses(&[name]);
        fs::rename(&aside, chip.join(name)).unwrap();
    }
    assert!(hardwire(&["simulate", "--ids", "1", "-n", "1"], &[&chip]).ok());
    assert_eq!(names(dir.path()), ["small"]);
}

#[test]
fn sources_that_are_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let absent = dir.path().join("absent");
    let out = dir.path().join("chip");
    for command in ["simulate", "inspect", "compare", "report"] {
        hardwire(&[command], &[&absent]).refuses(&["absent"]);
        hardwire(&[command], &[dir.path()]).refuses(&["config.json"]);
    }
    hardwire(&["compile", "-o"], &[&out, &absent]).refuses(&["absent"]);
    assert!(names(dir.path()).is_empty());
    assert!(!Path::new("report.html").exists());
}

#[test]
fn models_that_cannot_be_rotated() {
    let dir = tempfile::tempdir().unwrap();
    for (name, node) in [("gpt2", "layers.0.input_layernorm"), ("gemma3", "layers.0.post_attention_layernorm")] {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/tests/goldens").join(name);
        hardwire(&["compile", "--rotate", "-o"], &[&dir.path().join("chip"), &golden]).refuses(&["--rotate", node]);
    }
    assert!(names(dir.path()).is_empty());
}
