//! `hardwire evaluate` as typed: a checkpoint, a chip beside its checkpoint, a sweep, the error by cause.

mod cli;

use cli::hardwire;
use serde_json::Value;

#[test]
fn a_text_is_judged_swept_and_traced() {
    let dir = tempfile::tempdir().unwrap();
    let (text, chip) = (dir.path().join("text.txt"), dir.path().join("chip"));
    std::fs::write(&text, "Once upon a time there was a king who had a daughter. ".repeat(4)).unwrap();
    let json = |args: &[&str]| -> Value {
        let run = hardwire(&[&["evaluate", "-q", "--json", "--tokens", "40"], args, &["--text"]].concat(), &[&text]);
        assert!(run.ok(), "{run:?}");
        serde_json::from_str(&run.stdout).unwrap()
    };
    let stored = json(&["tales"]);
    assert_eq!((stored["tokens"].as_u64(), stored["provenance"].as_str()), (Some(40), Some("simulated")));
    assert_eq!(stored["lossless_matrices"], stored["matrices"]);
    assert!(stored["against_float"]["kl_divergence_nats"].as_f64().unwrap() < 0.01, "{stored}");
    // A run of one is one position; longer runs are accepted less often, and sampled ones of nearly equal models nearly always.
    let runs = |how: &str| -> Vec<f64> {
        let runs = stored["against_float"]["acceptance"][how].as_array().unwrap();
        runs.iter().map(|s| s.as_f64().unwrap()).collect()
    };
    assert_eq!(runs("greedy")[0], stored["against_float"]["top1_agreement"].as_f64().unwrap());
    assert!(runs("sampling").is_sorted_by(|a, b| a >= b) && runs("sampling")[0] > 0.95 && runs("sampling").len() == 32, "{stored}");

    assert!(hardwire(&["compile", "tales", "-q", "-o"], &[&chip]).ok());
    let path = chip.to_str().unwrap();
    let alone = json(&[path]);
    assert_eq!(alone["perplexity_chip"], stored["perplexity_chip"]);
    assert!(alone["against_float"].is_null());
    assert_eq!(json(&[path, "--checkpoint", "tales"])["against_float"], stored["against_float"]);

    let sweep = json(&["tales", "--sweep", "3,4.2"]);
    let bits: Vec<f64> = sweep.as_array().unwrap().iter().map(|s| s["bits_per_weight"].as_f64().unwrap()).collect();
    assert!(bits[0] <= 3.0 && bits[1] <= 4.2 && bits[0] < bits[1], "{bits:?}");

    let layers = json(&["tales", "--trace-error"]);
    let last = layers.as_array().unwrap().last().unwrap();
    let part = |name: &str| last[name].as_f64().unwrap();
    assert_eq!(part("weights"), 0.0, "its weights are lossless");
    assert!(part("total") > 0.0 && part("total") < 1e-3 && part("tables") < part("total"), "{last}");

    // Rotated it keeps no stored grid, and is traced in its own basis.
    let rotated = dir.path().join("rotated");
    assert!(hardwire(&["compile", "tales", "--rotate", "--bits", "8", "-q", "-o"], &[&rotated]).ok());
    let beside = [rotated.to_str().unwrap(), "--checkpoint", "tales"];
    let judged = json(&beside);
    assert_eq!(judged["lossless_matrices"], 0);
    assert!(judged["against_float"]["kl_divergence_nats"].as_f64().unwrap() < 0.01, "{judged}");
    let layers = json(&[&beside[..], &["--trace-error"]].concat());
    let last = layers.as_array().unwrap().last().unwrap();
    assert!(last["total"].as_f64().unwrap() < 2e-3 && last["weights"].as_f64().unwrap() > 0.0, "{last}");

    hardwire(&["evaluate", "-q", path, "--sweep", "3", "--text"], &[&text]).refuses(&["--sweep"]);
    hardwire(&["evaluate", "-q", path, "--trace-error", "--text"], &[&text]).refuses(&["--checkpoint"]);
}
