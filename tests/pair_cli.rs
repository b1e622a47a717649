//! A GPU beside the chip in `compare` and `books`: prompts read elsewhere, drafts verified elsewhere, acceptance measured or refused.

mod cli;

use cli::hardwire;
use serde_json::Value;

#[track_caller]
fn json(args: &[&str]) -> Value {
    let run = hardwire(&[args, &["--json", "-q"]].concat(), &[]);
    assert!(run.ok(), "{args:?}: {}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}

#[track_caller]
fn number(of: &Value, pointer: &str) -> f64 {
    let value = of.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}"));
    value.as_f64().or_else(|| value["value"].as_f64()).unwrap_or_else(|| panic!("{pointer} is {value}"))
}

#[track_caller]
fn same(a: f64, b: f64) {
    assert!((a / b - 1.0).abs() < 1e-9, "{a} and {b}");
}

/// A shape is enough; each side alone is what the books and the comparison say of it, and figures follow by hand.
#[test]
fn prompts_read_by_a_gpu_cost_what_both_cost() {
    let request = ["--prompt", "1000", "--output", "1000"];
    let asked =
        ["books", "Llama-3.1-8B", "--bits", "3", "--users", "8", "--gpu", "H100 SXM", "--prefill-on", "H100 SXM", "--link", "100 GbE"];
    let told = json(&[&asked[..], &request].concat());
    let d = &told["disaggregated"];
    for (side, account) in [("chip_alone", "/books/chip"), ("gpu_alone", "/books/gpus/0")] {
        same(number(d, &format!("/{side}/usd_per_mtoken")), number(&told, &format!("{account}/usd_per_mtoken")));
        same(number(d, &format!("/{side}/site_j_per_token")), number(&told, &format!("{account}/site_j_per_token")));
        same(number(d, &format!("/{side}/tokens_per_s")), number(&told, &format!("{account}/unit/tokens_per_s")));
    }
    // 2 x 32 layers x 8 heads x 128 elements of 8 bits for each of 1,000 tokens, over 12.5 GB/s.
    same(number(d, "/kv_mb"), 65.536);
    assert!((number(d, "/transfer_ms") - 65.536 / 12.5).abs() < 0.1, "{d}");
    // The longer of the two and a layer of the other.
    let (prefill, transfer) = (number(d, "/prefill_ms"), number(d, "/transfer_ms"));
    same(number(d, "/together/first_token_ms"), prefill.max(transfer) + prefill.min(transfer) / 32.0);
    // One GPU reads a prompt of a thousand answers in that time.
    same(number(d, "/chips_per_gpu"), 1000.0 / (prefill * 1e-3) / number(d, "/together/tokens_per_s"));
    let text = hardwire(&[&asked[..], &request].concat(), &[]).stdout;
    assert!(text.contains("H100 SXM reads, the chip writes") && text.contains("over 100 GbE"), "{text}");
}

#[test]
fn drafts_are_judged_by_an_acceptance_that_has_a_source() {
    let asked = ["compare", "Llama-3.1-8B", "--bits", "3", "--device", "H100", "--verify-on", "H100 SXM"];
    let never = json(&[&asked[..], &["--acceptance", "0=nobody"]].concat());
    let s = &never["speculative"];
    assert_eq!((&s["best_for_one_user"], &s["best_for_a_queue"]), (&Value::from(0), &Value::from(0)), "{s}");
    let always = json(&[&asked[..], &["--acceptance", "1=nobody"]].concat());
    let s = &always["speculative"];
    assert_eq!(s["acceptance"]["provenance"], "cited");
    let drafts = s["drafts"].as_array().unwrap();
    let eight = drafts.iter().find(|d| d["length"] == 8).unwrap();
    assert_eq!(eight["tokens_per_round"], 9.0);
    // The chip's tokens come in some 70 µs, the GPU's step takes 5 ms and hides eight of them.
    let gain = number(eight, "/one_user/tokens_per_s_per_user") / number(&drafts[0], "/one_user/tokens_per_s_per_user");
    assert!((6.0..9.0).contains(&gain), "{gain}");
    // Without drafts the pair is the GPU at 16 bits, as the baseline has it.
    let args = ["baseline", "predict", "--device", "H100 SXM", "--model", "Llama-3.1-8B", "--bits", "16"];
    let alone = json(&args);
    let ours = number(&drafts[0], "/queue/tokens_per_s");
    assert!((ours / number(&alone, "/serve/tokens_per_s") - 1.0).abs() < 0.01, "{ours} {}", alone["serve"]["tokens_per_s"]);

    let refused = |extra: &[&str], parts: &[&str]| hardwire(&[&asked[..], extra].concat(), &[]).refuses(parts);
    refused(&[], &["--verify-on", "--acceptance", "--checkpoint"]);
    refused(&["--acceptance", "0.8"], &["--acceptance 0.8", "no source"]);
    refused(&["--acceptance", "1.2=me"], &["--acceptance 1.2", "between 0 and 1"]);
    refused(&["--acceptance", "0.8=me", "--link", "string"], &["string", "PCIe 5 x16"]);
    let recurrent = ["compare", "Qwen3.5-27B", "--bits", "3", "--device", "H100 SXM", "--verify-on", "H100 SXM", "--acceptance", "0.8=me"];
    hardwire(&recurrent, &[]).refuses(&["Qwen3.5-27B", "recurrent state"]);
}

/// A chip that is compiled says of itself what it cannot take back, as a planned one does.
#[test]
fn a_compiled_recurrent_chip_drafts_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let hybrid = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models/tests/goldens/qwen3_5_whole");
    let chip = dir.path().join("hybrid.chip");
    let compiled = hardwire(&["compile", "-q", "--context", "32", "-o"], &[&chip, &hybrid]);
    assert!(compiled.ok(), "{compiled:?}");
    let asked = ["compare", "--device", "H100 SXM", "--verify-on", "H100 SXM", "--acceptance", "0.8=me"];
    hardwire(&asked, &[&chip]).refuses(&["recurrent state"]);
}

#[test]
fn acceptance_is_measured_beside_the_float_model() {
    let dir = tempfile::tempdir().unwrap();
    let (chip, text, judged) = (dir.path().join("chip"), dir.path().join("text.txt"), dir.path().join("judged.json"));
    std::fs::write(&text, "Once upon a time there was a king who had a daughter. ".repeat(4)).unwrap();
    assert!(hardwire(&["compile", "tales", "-q", "--context", "64", "-o"], &[&chip]).ok());
    let (chip, text) = (chip.to_str().unwrap(), text.to_str().unwrap());
    let beside = json(&["evaluate", chip, "--checkpoint", "tales", "--text", text]);
    std::fs::write(&judged, beside.to_string()).unwrap();
    let asked = |extra: &[&str]| json(&[&["compare", chip, "--device", "H100 SXM", "--verify-on", "H100 SXM"], extra].concat());
    let measured = asked(&["--checkpoint", "tales", "--text", text]);
    let given = asked(&["--acceptance", judged.to_str().unwrap()]);
    let sampled = asked(&["--acceptance", judged.to_str().unwrap(), "--sampling"]);
    let runs = |of: &Value| of["speculative"]["acceptance"]["runs"].clone();
    assert_eq!(runs(&measured), beside["against_float"]["acceptance"]["greedy"]);
    assert_eq!(runs(&measured), runs(&given));
    assert_eq!(runs(&sampled), beside["against_float"]["acceptance"]["sampling"]);
    assert_eq!(measured["speculative"]["acceptance"]["provenance"], "simulated");
    hardwire(&["compare", chip, "--verify-on", "H100 SXM"], &[]).refuses(&["--checkpoint"]);
}
