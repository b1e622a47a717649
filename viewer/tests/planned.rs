//! A chip that was planned from a shape: everything is there but weights, and what would need them says so.

use hardwire_compiler::shape::{self, Shape};
use hardwire_compiler::{Options, technology};
use hardwire_netlist::Chip;
use hardwire_viewer::{Options as Look, screenshot};
use std::path::{Path, PathBuf};
use std::process::Command;

const MOE: &str = r#"{"model_type": "qwen3_moe", "hidden_size": 128, "intermediate_size": 256, "moe_intermediate_size": 64, "num_experts": 4,
    "num_experts_per_tok": 2, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32, "vocab_size": 512,
    "max_position_embeddings": 128}"#;

fn planned(dir: &Path) -> PathBuf {
    let shape = Shape::from_json(MOE.as_bytes(), "moe", "config.json".as_ref()).unwrap();
    let structure = shape::plan(&shape, &Options::default()).unwrap().structure(technology::node("N6").unwrap());
    let file = dir.join("plan.json");
    std::fs::write(&file, serde_json::json!({"hardwire": "test", "structure": structure}).to_string()).unwrap();
    file
}

#[test]
fn it_is_drawn_at_every_depth_and_no_prompt_runs_on_it() {
    let dir = tempfile::tempdir().unwrap();
    let (file, picture) = (planned(dir.path()), dir.path().join("picture.png"));
    for (goto, heat) in [(None, None), (Some("layers.0.mlp"), Some("power")), (None, Some("sparsity")), (Some("lm_head[7,30]"), None)] {
        let look = Look { goto: goto.map(Into::into), heat: heat.map(Into::into), ..Look::default() };
        screenshot(&file, look, (640, 400), &picture).unwrap();
        assert!(std::fs::metadata(&picture).unwrap().len() > 1000, "{goto:?} {heat:?}");
    }
    let prompt = Look { prompt: Some("Once".into()), ..Look::default() };
    let refused = screenshot(&file, prompt, (640, 400), &picture).unwrap_err().to_string();
    assert!(refused.contains("no weights"), "{refused}");
}

#[test]
fn a_plans_file_is_checked_as_a_chips_is() {
    let dir = tempfile::tempdir().unwrap();
    let file = planned(dir.path());
    let good: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let refusal = |broken: &serde_json::Value| {
        std::fs::write(&file, broken.to_string()).unwrap();
        Chip::open_plan(&file).err().expect("a refusal").to_string()
    };
    let mut broken = good.clone();
    broken["structure"]["model"]["hidden"] = 0.into();
    assert!(refusal(&broken).contains("hidden"));
    let mut broken = good.clone();
    broken["structure"]["programs"] = serde_json::json!([{"Gain": {"name": "x", "values": {"offset": 0, "bytes": 4}}}]);
    let said = refusal(&broken);
    assert!(said.contains("plan.json"), "{said}");
    assert!(refusal(&serde_json::json!({"hardwire": "test"})).contains("structure"));
}

#[test]
fn the_program_says_what_it_takes_and_what_to_do_without_a_display() {
    let run = |args: &[&str]| {
        let mut viewer = Command::new(env!("CARGO_BIN_EXE_hardwire-viewer"));
        viewer.args(args).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").output().unwrap()
    };
    let help = run(&["--help"]);
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(help.status.success() && text.contains("--screenshot") && text.contains("quantization error"), "{text}");
    assert!(String::from_utf8(run(&["--version"]).stdout).unwrap().contains(env!("CARGO_PKG_VERSION")));
    let dir = tempfile::tempdir().unwrap();
    let refused = run(&[planned(dir.path()).to_str().unwrap()]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.trim_end().lines().count() == 1 && said.contains("--screenshot FILE"), "{said}");
}
