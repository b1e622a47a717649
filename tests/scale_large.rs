//! The command on models known by shape, on targets that cannot be met, and killed in the middle of a compilation.

use std::path::Path;
use std::process::{Command, Output, Stdio};

const SMALL: &str = r#"{"model_type": "llama", "hidden_size": 512, "intermediate_size": 1536, "num_hidden_layers": 6,
    "num_attention_heads": 8, "num_key_value_heads": 4, "vocab_size": 8000, "max_position_embeddings": 2048}"#;

fn hardwire(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hardwire")).current_dir(dir).args(args).output().unwrap()
}

fn ok(dir: &Path, args: &[&str]) -> String {
    let out = hardwire(dir, args);
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

fn with_config(text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("config.json"), text).unwrap();
    dir
}

#[test]
fn a_bare_config_becomes_figures_with_low_and_high() {
    let dir = with_config(SMALL);
    let all: serde_json::Value = serde_json::from_str(&ok(dir.path(), &["plan", "config.json", "--json", "-o", "plan.json"])).unwrap();
    assert_eq!(all["parameters"], 2 * 8000 * 512 + 6 * (512 * 512 * 2 + 512 * 256 * 2 + 3 * 512 * 1536 + 2 * 512) + 512);
    assert_eq!(all["floorplan_conflict"], serde_json::Value::Null);
    for at in all["at"].as_array().unwrap() {
        let f = &at["figures"];
        let area = |corner: &str| f[corner]["area_mm2"].as_f64().unwrap();
        assert!(area("low") < area("middle") && area("middle") < area("high"));
        let speed = |name: &str| f["middle"][name].as_f64().unwrap();
        assert!(speed("tokens_per_s_aggregate") >= speed("tokens_per_s_single_user") * 0.999);
    }
    let plan = std::fs::read(dir.path().join("plan.json")).unwrap();
    ok(dir.path(), &["compile", "config.json", "--shape-only", "-o", "same.json"]);
    let (a, b): (serde_json::Value, serde_json::Value) =
        (serde_json::from_slice(&plan).unwrap(), serde_json::from_slice(&std::fs::read(dir.path().join("same.json")).unwrap()).unwrap());
    assert_eq!(a["structure"], b["structure"]);
}

#[test]
fn published_chips_are_compared_with_every_miss_shown() {
    let dir = tempfile::tempdir().unwrap();
    let all: serde_json::Value = serde_json::from_str(&ok(dir.path(), &["validate", "--json"])).unwrap();
    let chips = all.as_array().unwrap();
    assert_eq!(chips.len(), 4);
    for row in chips.iter().flat_map(|c| c["rows"].as_array().unwrap()) {
        let of = |name: &str| row[name].as_f64().unwrap();
        assert!(of("low") <= of("ours") && of("ours") <= of("high"), "{row}");
        assert!((of("ours") / of("published") - 1.0 - of("error")).abs() < 1e-12);
        assert!(!row["reason"].as_str().unwrap().is_empty());
    }
    let text = ok(dir.path(), &["validate"]);
    assert!(text.contains("Taalas HC1") && text.contains("HNLPU") && text.contains("ROMA"));
}

#[test]
fn a_sweep_has_a_front_a_plot_and_a_refusal_names_what_binds() {
    let dir = with_config(SMALL);
    std::fs::write(dir.path().join("t.toml"), "bits = [2, 4]\nusers = [1, 4]\nnode = [\"N6\", \"N5\"]").unwrap();
    let all: serde_json::Value =
        serde_json::from_str(&ok(dir.path(), &["explore", "config.json", "-t", "t.toml", "--json", "-q", "--plot", "p.svg"])).unwrap();
    assert_eq!(all["points"].as_array().unwrap().len(), 8);
    assert!(!all["front"].as_array().unwrap().is_empty());
    let svg = std::fs::read_to_string(dir.path().join("p.svg")).unwrap();
    assert_eq!(svg.matches("<circle").count(), 8);
    std::fs::write(dir.path().join("t.toml"), "die_limit_mm2 = 0.5").unwrap();
    let out = hardwire(dir.path(), &["explore", "config.json", "-t", "t.toml"]);
    let error = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(1));
    assert!(error.contains("die area") && error.contains("would meet it: die_limit_mm2"), "{error}");
}

/// With the heights left open, a limit between the uniform plans' areas is met by a mix, faster than the uniform plan that fits; `plan`
/// builds the mix that was named.
#[test]
fn a_mix_of_fabrics_is_faster_than_one_height_and_can_be_built() {
    let dir = with_config(SMALL);
    let json = |args: &[&str]| -> serde_json::Value { serde_json::from_str(&ok(dir.path(), args)).unwrap() };
    let explore = |target: &str| {
        std::fs::write(dir.path().join("t.toml"), target).unwrap();
        json(&["explore", "config.json", "-t", "t.toml", "--json", "-q"])["points"].clone()
    };
    let figure = |point: &serde_json::Value, name: &str| point["figures"][name].as_f64().unwrap();
    let uniform = explore("tile_rows = [128, 1024]");
    let (fast, small) = (figure(&uniform[0], "area_mm2"), figure(&uniform[1], "area_mm2"));
    assert!(small < fast);
    let mixed = &explore(&format!("dies = 1\ndie_limit_mm2 = {}", (fast + small) / 2.0))[0];
    let fabric = mixed["fabric"].as_str().unwrap();
    assert!(fabric.contains("mlp.down_proj="), "{fabric}");
    assert!(figure(mixed, "tokens_per_s_single_user") > figure(&uniform[1], "tokens_per_s_single_user"));
    let built = json(&["plan", "config.json", "--fabric", fabric, "--bits", "4", "--context", "2048", "--json"]);
    let at = built["at"].as_array().unwrap().last().unwrap();
    assert_eq!(at["figures"]["middle"]["area_mm2"], mixed["figures"]["area_mm2"]);
    // Matrices on one feed, and names of nothing, are refused by name.
    for (rule, says) in [("q_proj=64", "read the same vector"), ("wombat=64", "names no matrix"), ("lm_head=3", "8 to 8192")] {
        let out = hardwire(dir.path(), &["plan", "config.json", "--fabric", rule]);
        assert!(!out.status.success());
        let error = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(error.contains(says), "{error}");
    }
}

const EXPERTS: &str = r#"{"model_type": "qwen3_moe", "hidden_size": 256, "intermediate_size": 512, "moe_intermediate_size": 512,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64, "vocab_size": 1000, "num_experts": 4,
    "num_experts_per_tok": 2, "mlp_only_layers": [1], "max_position_embeddings": 2048}"#;

/// Of experts too: what `explore` names is what `compile` takes, and the planned and the built chip have the same array for every matrix.
#[test]
fn a_mix_that_explore_prints_is_one_that_compile_takes() {
    let dir = with_config(EXPERTS);
    let json = |args: &[&str]| -> serde_json::Value { serde_json::from_str(&ok(dir.path(), args)).unwrap() };
    let explore = |target: &str| {
        std::fs::write(dir.path().join("t.toml"), target).unwrap();
        json(&["explore", "config.json", "-t", "t.toml", "--json", "-q"])["points"].clone()
    };
    let uniform = explore("tile_rows = [128, 1024]");
    let area = |i: usize| uniform[i]["figures"]["area_mm2"].as_f64().unwrap();
    let mixed = explore(&format!("dies = 1\ndie_limit_mm2 = {}", (2.0 * area(0) + area(1)) / 3.0));
    let fabric = mixed[0]["fabric"].as_str().unwrap();
    assert!(fabric.contains("mlp.experts.*.down_proj=") && fabric.contains("mlp.gate="), "{fabric}");
    ok(dir.path(), &["synth", "-q", "config.json", "-o", "model"]);
    let with = ["--fabric", fabric, "--bits", "4", "--context", "2048"];
    ok(dir.path(), &[&["compile", "-q", "model", "-o", "chip"][..], &with].concat());
    ok(dir.path(), &[&["plan", "config.json", "-o", "plan.json"][..], &with].concat());
    let fabrics = |file: &str| -> Vec<[serde_json::Value; 2]> {
        let structure: serde_json::Value = serde_json::from_slice(&std::fs::read(dir.path().join(file)).unwrap()).unwrap();
        // A plan's file has figures beside it.
        let structure = structure.get("structure").unwrap_or(&structure);
        let units = structure["netlist"]["graph"]["nodes"].as_array().unwrap();
        units.iter().map(|u| [u["path"].clone(), u["kind"]["fabric"].clone()]).collect()
    };
    let built = fabrics("chip/chip.json");
    assert!(built.iter().filter(|f| !f[1].is_null()).count() > 20);
    assert_eq!(built, fabrics("plan.json"));
}

/// A layer that no reticle holds is cut within, and refused where whole layers are asked for, with what would help; the help is true.
#[test]
fn a_layer_over_the_reticle_is_refused_with_what_would_meet_it() {
    let wide = SMALL.replace("1536", "900000").replace("512", "4096");
    let dir = with_config(&wide);
    ok(dir.path(), &["plan", "config.json"]);
    let out = hardwire(dir.path(), &["plan", "config.json", "--cut", "pipeline"]);
    assert_eq!(out.status.code(), Some(1));
    let error = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(error.contains("die area") && error.contains("--cut tensor"), "{error}");
    ok(dir.path(), &["plan", "config.json", "--cut", "tensor"]);
    let out = hardwire(dir.path(), &["plan", "config.json", "--cut", "tensor", "--dies", "1"]);
    let error = String::from_utf8_lossy(&out.stderr).into_owned();
    let dies = error.split("--dies ").nth(1).unwrap().split(' ').next().unwrap().to_string();
    ok(dir.path(), &["plan", "config.json", "--cut", "tensor", "--dies", &dies]);
}

#[test]
fn hybrid_models_are_planned_and_compiled_like_any() {
    let hybrid = r#"{"model_type": "qwen3_5", "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 100, "max_position_embeddings": 512, "full_attention_interval": 4,
        "linear_conv_kernel_dim": 4, "linear_key_head_dim": 16, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
        "linear_value_head_dim": 16, "rms_norm_eps": 1e-6}"#;
    let dir = with_config(hybrid);
    assert!(!ok(dir.path(), &["plan", "config.json"]).contains("without Verilog"));
    ok(dir.path(), &["synth", "config.json", "-o", "model"]);
    ok(dir.path(), &["compile", "-q", "model", "-o", "chip"]);
}

#[test]
fn killed_in_the_middle_nothing_looks_whole_and_a_rerun_succeeds() {
    let dir = with_config(SMALL);
    ok(dir.path(), &["synth", "-q", "config.json", "-o", "model"]);
    let mut interrupted = 0;
    for wait_ms in [0, 5, 20, 60, 150] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_hardwire"))
            .current_dir(dir.path())
            .args(["compile", "-q", "model", "-o", "chip"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(wait_ms));
        // SIGKILL; a child that has finished is left as it is.
        let _ = child.kill();
        if !child.wait().unwrap().success() {
            interrupted += 1;
            assert!(!dir.path().join("chip").exists(), "after {wait_ms} ms");
        } else {
            ok(dir.path(), &["inspect", "chip"]);
            std::fs::remove_dir_all(dir.path().join("chip")).unwrap();
        }
    }
    assert!(interrupted > 0, "every run finished before it was killed");
    ok(dir.path(), &["compile", "-q", "model", "-o", "chip"]);
    ok(dir.path(), &["inspect", "chip"]);
}
