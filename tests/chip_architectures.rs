//! Every architecture on the chip with 8-bit codes against the float tokens of Hugging Face transformers, from the folder and from GGUF: the
//! tiny random checkpoints have close calls among their logits, so 3 of 16 tokens may differ.

#[macro_use]
#[path = "../models/tests/goldens/architectures.rs"]
mod architectures;
mod common;

use common::Golden;
use hardwire_compiler::{Options, compile};
use hardwire_models::Checkpoint;
use hardwire_netlist::Chip;
use hardwire_sim::engine::Engine;
use hardwire_study::chip::{model_shape, shape_of_config};
use hardwire_study::compare::ModelShape;

fn check(name: &str) {
    let (checkpoint, golden) = common::golden(name);
    generates(name, &checkpoint, &golden);
    if let Some(checkpoint) = common::golden_gguf(name, &golden) {
        generates(&format!("{name}, GGUF"), &checkpoint, &golden);
    }
}

/// A GPU is asked for the model that the chip is: experts, windows and all, as its configuration has them.
fn compared_as(name: &str, checkpoint: &Checkpoint, chip: &Chip) {
    let chip = model_shape(&chip.structure);
    let told = shape_of_config(&chip.name, checkpoint.config());
    let same_bits = ModelShape { weight_bits: chip.weight_bits, weight_format: chip.weight_format, ..told };
    assert_eq!(format!("{chip:?}"), format!("{same_bits:?}"), "{name}");
}

fn generates(name: &str, checkpoint: &Checkpoint, golden: &Golden) {
    let (chip, _guard) = common::chip(checkpoint, &Options { bits: Some(8), kv_bits: Some(12), ..Options::default() });
    compared_as(name, checkpoint, &chip);
    let engine = Engine::new(&chip);
    let mut state = engine.start();
    let text: Vec<u32> = golden.prompt.iter().chain(&golden.greedy).copied().collect();
    let mut same = 0;
    for (i, &token) in text[..text.len() - 1].iter().enumerate() {
        let step = engine.step(&mut state, 0, token).unwrap();
        same += usize::from(i + 1 >= golden.prompt.len() && step.top == text[i + 1]);
    }
    println!("{name}: {same} of {} tokens", golden.greedy.len());
    assert!(16 * same >= 13 * golden.greedy.len(), "{name}: {same} of {} tokens as in float", golden.greedy.len());
}

architectures!(check);

/// The two files of a hybrid store heads, projections and decays otherwise, and become the same chip, bit by bit.
#[test]
fn the_gguf_of_a_hybrid_is_the_chip_of_its_folder() {
    for name in ["qwen3_5", "qwen3_5_moe", "qwen3_next"] {
        let (folder, golden) = common::golden(name);
        let file = common::golden_gguf(name, &golden).unwrap();
        let options = Options { bits: Some(4), ..Options::default() };
        let ((one, dir), (other, of_file)) = (common::chip(&folder, &options), common::chip(&file, &options));
        assert_eq!(one.netlist().to_text(), other.netlist().to_text(), "{name}");
        let program = |dir: &tempfile::TempDir| std::fs::read(dir.path().join("chip/program.bin")).unwrap();
        assert!(program(&dir) == program(&of_file), "{name}");
    }
}

#[test]
fn an_activation_that_no_table_holds_is_refused() {
    let folder = common::golden_folder("gpt_oss_alpha");
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(folder.join("model.safetensors"), dir.path().join("model.safetensors")).unwrap();
    let mut config: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.join("config.json")).unwrap()).unwrap();
    for alpha in [0.5, 3.0] {
        config["swiglu_alpha"] = alpha.into();
        std::fs::write(dir.path().join("config.json"), config.to_string()).unwrap();
        let checkpoint = Checkpoint::open(dir.path()).unwrap();
        let error = compile(&checkpoint, &Options::default(), &dir.path().join("chip"), &|_| {}).err().expect("a refusal").to_string();
        assert!(error.contains("mlp") && error.contains(&format!("alpha {alpha}, only from 1 to 2")), "{error}");
        assert!(!dir.path().join("chip").exists());
    }
}
