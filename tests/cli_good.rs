//! The built command as a user runs it: what it prints where, what it leaves behind, and that its results do not vary.

mod cli;

use cli::*;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn compiling_is_the_same_at_any_thread_count_and_again() {
    let dir = tempfile::tempdir().unwrap();
    let chips: Vec<_> = [("1", "one"), ("2", "two"), ("2", "again")]
        .map(|(threads, name)| {
            let chip = dir.path().join(name);
            let run = hardwire(&["compile", "tales", "--threads", threads, "-q", "-o"], &[&chip]);
            assert!(run.ok(), "{run:?}");
            assert_eq!(run.stdout.trim(), chip.display().to_string());
            assert_eq!(run.stderr, "", "--quiet");
            folder(&chip)
        })
        .into();
    assert_eq!(chips[0].keys().collect::<Vec<_>>(), ["chip.json", "manifest.json", "program.bin", "tokenizer.json"]);
    assert!(chips[0] == chips[1] && chips[1] == chips[2], "the same bytes");
    assert_eq!(names(dir.path()), ["again", "one", "two"], "nothing beside the chips");
}

#[test]
fn simulate_writes_text_json_and_ids() {
    let dir = tempfile::tempdir().unwrap();
    let chip = compiled(dir.path());
    let text = hardwire(&["simulate", "--prompt", "Once upon a time", "-n", "12"], &[&chip]);
    assert!(text.ok() && text.stdout.starts_with("Once upon a time") && text.stdout.ends_with('\n'), "{text:?}");
    assert!(text.stderr.contains("positions"), "{text:?}");

    let quiet = hardwire(&["simulate", "--prompt", "Once upon a time", "-n", "12", "--quiet"], &[&chip]);
    assert!(quiet.ok() && quiet.stderr.is_empty(), "{quiet:?}");
    assert_eq!(quiet.stdout, text.stdout);

    let json = |extra: &[&str]| -> Value {
        let run = hardwire(&[&["simulate", "-n", "6", "--json"], extra].concat(), &[&chip]);
        assert!(run.ok(), "{run:?}");
        serde_json::from_str(&run.stdout).unwrap()
    };
    let by_text = json(&["--prompt", "Once upon a time"]);
    let ids: Vec<String> = by_text["prompt_ids"].as_array().unwrap().iter().map(|v| v.to_string()).collect();
    let by_ids = json(&["--ids", &ids.join(",")]);
    let scalar = json(&["--ids", &ids.join(","), "--scalar"]);
    assert_eq!(by_text["token_ids"].as_array().unwrap().len(), 6);
    for other in [&by_ids, &scalar] {
        assert_eq!(by_text["token_ids"], other["token_ids"]);
        assert_eq!(by_text["text"], other["text"]);
    }
    // Seeds decide, threads do not.
    let sampled = |seed: &str, threads: &str| json(&["--temperature", "1.0", "--seed", seed, "--threads", threads])["token_ids"].clone();
    assert_eq!(sampled("7", "1"), sampled("7", "2"));
}

#[test]
fn a_checkpoint_without_a_tokenizer_runs_by_ids() {
    let dir = tempfile::tempdir().unwrap();
    let folder = tales(dir.path());
    fs::remove_file(folder.join("tokenizer.json")).unwrap();
    for float in [&[][..], &["--float"]] {
        let run = hardwire(&[&["simulate", "--ids", "5,17", "-n", "3", "--json"], float].concat(), &[&folder]);
        assert!(run.ok(), "{run:?}");
        let value: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(value["token_ids"].as_array().unwrap().len(), 3);
    }
    let run = hardwire(&["simulate", "--ids", "5,17", "-n", "3", "-q"], &[&folder]);
    assert!(run.ok() && run.stdout.split_whitespace().count() == 5 && run.stdout.starts_with("5 17 "), "{run:?}");
    let refused = hardwire(&["simulate", "--prompt", "Once"], &[&folder]);
    refused.refuses(&["no tokenizer", "--ids"]);
}

#[test]
fn json_of_every_command_parses() {
    let dir = tempfile::tempdir().unwrap();
    let chip = compiled(dir.path());
    let out = dir.path().join("report").display().to_string();
    for args in [&["inspect", "--json"][..], &["compare", "--json"], &["report", "--json", "-o", &out], &["inspect", "--json", "-q"]] {
        let run = hardwire(args, &[&chip]);
        assert!(run.ok(), "{run:?}");
        let value: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|e| panic!("{args:?}: {e}"));
        assert!(value.is_object() || value.is_array());
    }
    let run = hardwire(&["inspect", "--json"], &[&tales(dir.path())]);
    let value: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(value["config"]["vocab"], 1024);
    assert!(!value["tensors"].as_array().unwrap().is_empty());
}

/// A weight by its name in the checkpoint is the bits of the emitted image, whose line and bit `inspect` says.
#[test]
fn inspect_names_the_bits_of_a_weight() {
    let dir = tempfile::tempdir().unwrap();
    let chip = compiled(dir.path());
    let rtl = dir.path().join("rtl");
    assert!(hardwire(&["rtl", "-q"], &[&chip, Path::new("-o"), &rtl]).ok());
    let at = |weight: &str, json: bool| hardwire(&["inspect", "--at", weight, if json { "--json" } else { "-q" }], &[&chip]);
    for weight in [
        "layers.1.mlp.down_proj[7,30]",
        "model.layers.1.mlp.down_proj.weight[7, 30]",
        "layers.0.self_attn.q_proj[9,1]",
        "embed_tokens[17,5]",
    ] {
        let run = at(weight, true);
        assert!(run.ok(), "{run:?}");
        let v: Value = serde_json::from_str(&run.stdout).unwrap();
        let image = fs::read_to_string(rtl.join(v["rom_file"].as_str().unwrap())).unwrap();
        let word = image.lines().nth(v["rom_line"].as_u64().unwrap() as usize).unwrap();
        let bits: String = word.chars().flat_map(|d| format!("{:04b}", d.to_digit(16).unwrap()).into_bytes()).map(char::from).collect();
        let (stored, bit) = (v["stored_bits"].as_str().unwrap(), v["rom_bit"].as_u64().unwrap() as usize);
        let end = bits.len() - bit;
        assert_eq!(&bits[end - stored.len()..end], stored, "{weight}: {v}");
        let text = at(weight, false);
        assert!(text.ok() && text.stdout.contains(stored) && text.stdout.contains(v["rom_file"].as_str().unwrap()), "{text:?}");
    }
    let v: Value = serde_json::from_str(&at("layers.1.mlp.down_proj[7,30]", true).stdout).unwrap();
    assert_eq!((v["stored_bits"].as_str(), v["code"].as_u64()), (Some("1010"), Some(5)), "{v}");
    assert_eq!(
        (v["row"].as_u64(), v["column"].as_u64(), v["tensor"].as_str()),
        (Some(7), Some(30), Some("model.layers.1.mlp.down_proj.weight"))
    );
    at("layers.1.mlp.down_proj[128,0]", false).refuses(&["layers.1.mlp.down_proj[128,0]", "[128, 384]"]);
    at("layers.1.mlp.down[0,0]", false).refuses(&["no such unit", "layers.1.mlp.down_proj"]);
    at("layers.1.mlp.down_proj", false).refuses(&["an index", "[7,30]"]);
    at("norm[0,0]", false).refuses(&["holds no weights"]);
    at("model.embed_tokens.weight[0,0]", false).refuses(&["embed_tokens and lm_head", "name one"]);
    hardwire(&["inspect", "--at", "x[0,0]"], &[&tales(dir.path())]).refuses(&["--at", "compile it first"]);
}

#[test]
fn demo_leaves_a_chip_and_a_report() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("demo");
    let run = hardwire(&["demo", "-n", "8", "-o"], &[&out]);
    assert!(run.ok(), "{run:?}");
    assert!(run.stdout.contains("Once upon a time") && run.stdout.contains("tokens/s"), "{}", run.stdout);
    assert_eq!(names(&out), ["report", "tales.chip"]);
    let report: Value = serde_json::from_slice(&fs::read(out.join("report/report.json")).unwrap()).unwrap();
    assert_eq!(report["model"]["vocab"], 1024);
    let html = fs::read_to_string(out.join("report/report.html")).unwrap();
    assert!(html.contains("<svg") && html.trim_end().ends_with("</html>"));
    assert!(!html.contains("src=\"http") && !html.contains("href=\"http"), "self-contained");
    let quiet = hardwire(&["demo", "-n", "4", "--json", "-q", "-o"], &[&out]);
    assert!(quiet.ok() && quiet.stderr.is_empty(), "{quiet:?}");
    serde_json::from_str::<Value>(&quiet.stdout).unwrap();
}

#[test]
fn completions_help_and_version() {
    for shell in ["bash", "zsh", "fish"] {
        let run = hardwire(&["completions", shell], &[]);
        assert!(run.ok() && run.stdout.contains("hardwire") && run.stdout.contains("simulate"), "{run:?}");
    }
    for args in [&["--help"][..], &["--version"], &["compile", "--help"]] {
        assert!(hardwire(args, &[]).ok());
    }
}

#[test]
fn wrong_usage_exits_2() {
    for args in [
        &[][..],
        &["fly"],
        &["compile"],
        &["compile", "tales"],
        &["simulate", "tales", "-n", "many"],
        &["demo", "--threads", "x"],
        &["simulate", "tales", "--prompt", "a", "--ids", "1"],
        &["completions", "tea"],
    ] {
        let run = hardwire(args, &[]);
        assert_eq!(run.code, Some(2), "{args:?}: {run:?}");
        assert_eq!(run.stdout, "", "{args:?}");
    }
}

/// Kills a compilation again and again, at times spread over its length: no attempt leaves anything that looks like a chip, and the
/// next one succeeds.
#[test]
fn a_killed_compilation_leaves_no_chip() {
    let dir = tempfile::tempdir().unwrap();
    let source = std::env::var_os("HARDWIRE_SMOLLM2_GGUF").filter(|p| std::path::Path::new(p).exists()).unwrap_or_else(|| "tales".into());
    let chip = dir.path().join("chip");
    let start = || {
        Command::new(env!("CARGO_BIN_EXE_hardwire"))
            .arg("compile")
            .arg(&source)
            .arg("-q")
            .arg("-o")
            .arg(&chip)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let began = Instant::now();
    assert!(start().wait().unwrap().success());
    let whole = began.elapsed();
    let finished = folder(&chip);
    fs::remove_dir_all(&chip).unwrap();
    let mut killed = 0;
    for part in [2, 5, 8] {
        let mut child = start();
        std::thread::sleep(whole * part / 10);
        let alive = child.try_wait().unwrap().is_none();
        let _ = child.kill();
        child.wait().unwrap();
        if !alive {
            fs::remove_dir_all(&chip).unwrap();
            continue;
        }
        killed += 1;
        if chip.exists() {
            // Killed after the last rename: then the chip is whole.
            assert!(folder(&chip) == finished);
            fs::remove_dir_all(&chip).unwrap();
        }
    }
    eprintln!("{killed} of 3 compilations killed on the way, each of {:.2} s", whole.as_secs_f64());
    assert!(killed > 0 || whole < Duration::from_millis(50));
    assert!(start().wait().unwrap().success());
    assert!(folder(&chip) == finished, "the same chip after the interruptions");
    assert_eq!(names(dir.path()), ["chip"], "the next run clears what killed ones left");
}

/// What is shown of one unit is what is emitted of it.
#[test]
fn the_verilog_of_one_unit_is_that_of_the_chip() {
    let dir = tempfile::tempdir().unwrap();
    let chip = compiled(dir.path());
    let out = dir.path().join("verilog");
    assert!(hardwire(&["rtl", "-q", "-o"], &[&out, &chip]).ok());
    let text = |name: &str| fs::read_to_string(out.join("rtl").join(name)).unwrap();
    let station = text("station_layers_1_mlp.v");
    for (path, file) in [
        ("layers.1.mlp.down_proj", "mvm_layers_1_mlp_down_proj.v"),
        ("layers.1.mlp.act", "hw_gated_act.v"),
        ("layers.1.post_attention_layernorm", "hw_rms_norm.v"),
        ("layers.1.mlp.add", "hw_add.v"),
    ] {
        let run = hardwire(&["rtl", "--module", path], &[&chip]);
        assert!(run.ok() && run.stdout.contains(&text(file)), "{path}: {run:?}");
        // The instance too, wired as in its station.
        let instance = run.stdout.split("\n\n").nth(1).unwrap();
        assert!(instance.contains(" (\n") && station.contains(instance.trim_end()), "{path}: {instance}");
    }
    for path in ["embed_tokens", "layers.0.self_attn.attention", "layers.0.self_attn.q_rope", "lm_head", "argmax"] {
        let run = hardwire(&["rtl", "--module", path], &[&chip]);
        assert!(run.ok() && run.stdout.contains("endmodule"), "{path}: {run:?}");
    }
    hardwire(&["rtl", "--module", "layers.9.mlp"], &[&chip]).refuses(&["layers.9.mlp", "no unit has this path"]);
    assert_eq!(hardwire(&["rtl"], &[&chip]).code, Some(2), "a folder or a unit");
}

#[test]
fn view_takes_a_picture_without_a_window() {
    let viewer = Path::new(env!("CARGO_BIN_EXE_hardwire")).with_file_name(format!("hardwire-viewer{}", std::env::consts::EXE_SUFFIX));
    if !viewer.exists() {
        eprintln!("skipped: no hardwire-viewer beside the command: build the workspace");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (chip, picture) = (compiled(dir.path()), dir.path().join("weight.png"));
    let place = ["--goto", "layers.1.mlp.down_proj[7,30]", "--size", "640x400", "--light", "--screenshot"];
    let run = hardwire(&[&["view"], &place[..]].concat(), &[&picture, &chip]);
    assert!(run.ok(), "{run:?}");
    assert!(fs::read(&picture).unwrap().starts_with(b"\x89PNG"));
    let wrong = hardwire(&["view", "--goto", "layers.9", "--screenshot"], &[&picture, &chip]);
    assert!(wrong.code == Some(1) && wrong.stderr.contains("layers.9: no such unit"), "{wrong:?}");
}

#[test]
fn a_gpu_is_predicted_for_any_shape_by_name_or_by_configuration() {
    let predict = |model: &str| -> Value {
        let run = hardwire(&["baseline", "predict", "--gpu", "L40S", "--bits", "4.5", "--gpu-count", "2", "--json", "--model", model], &[]);
        assert!(run.ok(), "{run:?}");
        serde_json::from_str(&run.stdout).unwrap()
    };
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config.json");
    std::fs::write(&config, hardwire_models::KnownShape::find("Llama-3.1-8B").unwrap().json).unwrap();
    let (by_name, by_file) = (predict("Llama-3.1-8B"), predict(config.to_str().unwrap()));
    let speed = |p: &Value| p["decode"]["tokens_per_s"]["value"].as_f64().unwrap();
    // Norm gains are counted in the configuration alone.
    assert!((speed(&by_name) / speed(&by_file) - 1.0).abs() < 1e-3, "{} and {}", speed(&by_name), speed(&by_file));
    assert!(speed(&predict("Qwen3.5-27B")) < speed(&by_name));
    hardwire(&["baseline", "predict", "--gpu", "L40S", "--model", "nothing.json"], &[]).refuses(&["nothing.json"]);
}

/// Words of a line, its numbers apart.
fn words_and_numbers(line: &str) -> (Vec<&str>, Vec<f64>) {
    let number = |word: &&str| word.trim_matches(['(', ';', ',']).replace(',', "").parse::<f64>().ok();
    let words: Vec<&str> = line.split_whitespace().collect();
    (words.iter().copied().filter(|w| number(w).is_none()).collect(), words.iter().filter_map(number).collect())
}

/// What the README shows of a run is what the run shows: its words, and its figures to a twentieth.
#[test]
fn the_readme_shows_the_demo_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let run = hardwire(&["demo", "-q", "-o"], &[&dir.path().join("demo")]);
    assert!(run.ok(), "{run:?}");
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let shown = readme.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    let (text, figures) = shown.split_once("\n\n").unwrap();
    assert!(run.stdout.starts_with(text.strip_suffix(" ...").unwrap()), "{text}");
    assert!(figures.lines().count() > 8);
    for line in figures.lines() {
        let (words, numbers) = words_and_numbers(line);
        let near = |told: &str| {
            let (w, n) = words_and_numbers(told);
            w == words && n.len() == numbers.len() && n.iter().zip(&numbers).all(|(a, b)| (a - b).abs() <= 0.05 * b.abs())
        };
        assert!(run.stdout.lines().any(near), "not in the demo's output: {line}\n{}", run.stdout);
    }
}
