//! What the comparing commands say: both sides always, JSON and CSV that parse, bad inputs named with file and field.

mod cli;

use cli::hardwire;
use serde_json::Value;
use std::fs;
use std::path::Path;

#[track_caller]
fn good(args: &[&str]) -> String {
    let run = hardwire(args, &[]);
    assert!(run.ok(), "{args:?}: {}", run.stderr);
    run.stdout
}

#[track_caller]
fn json(args: &[&str]) -> Value {
    serde_json::from_str(&good(&[args, &["--json"]].concat())).unwrap_or_else(|e| panic!("{args:?}: {e}"))
}

/// A chip of the bundled model that holds four users, under `dir`.
fn chip(dir: &Path) -> String {
    let chip = dir.join("chip").display().to_string();
    good(&["compile", "tales", "-q", "--context", "64", "--users", "4", "-o", &chip]);
    chip
}

/// Writes a file and gives its path as an argument.
fn write(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// A llama-bench file of a 4090 on Llama-3-8B Q4_K_M.
const BENCH: &str = r#"[{"gpu_info":"NVIDIA GeForce RTX 4090","model_type":"llama 8B","model_size":4912000000,"model_n_params":8030261248,
  "n_prompt":512,"n_gen":0,"avg_ts":6900.0},{"gpu_info":"NVIDIA GeForce RTX 4090","model_type":"llama 8B","model_size":4912000000,
  "model_n_params":8030261248,"n_prompt":0,"n_gen":128,"avg_ts":130.0}]"#;

const DEVICE: &str = "[[device]]\ndevice = \"Mine\"\nmemory_gb = 32.0\nmemory_type = \"GDDR7\"\nbandwidth_gb_per_s = 1500.0\ntdp_w = 400.0\n\
  bf16_dense_tflops = 200.0\nvector_fp32_tflops = 100.0\nidle_w = 40.0\nlink = \"PCIe 5 x16\"\nlink_class = \"pcie\"\nlink_gb_per_s = 64.0\n\
  node = \"N4\"\ndie_mm2 = \"700\"\nprice_low_usd = 1000.0\nprice_high_usd = 2000.0\nprice_note = \"\"\nsource = \"my invoice\"\nsource_added = \"\"\n";

#[test]
fn compare_never_shows_one_side_without_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let chip = chip(dir.path());
    let bench = write(dir.path(), "bench.json", BENCH);
    let mine = write(dir.path(), "mine.toml", DEVICE);
    for extra in [&[][..], &["--device", "H100"], &["--measured", &bench], &["--devices", &mine]] {
        let args = [&["compare", &chip], extra].concat();
        let text = good(&args);
        for part in [
            "one user each",
            "a full queue each",
            "this chip as built",
            "this chip, all busy",
            "One user: the chip",
            "Full queue: a saturated",
        ] {
            assert!(text.contains(part), "{args:?}: {part:?} in {text}");
        }
        let value = json(&args);
        let gpus = value["gpus"].as_array().unwrap();
        assert!(!gpus.is_empty());
        for gpu in gpus {
            for (side, figure) in
                [("single", "tokens_per_s"), ("single", "j_per_token"), ("saturated", "tokens_per_s"), ("saturated", "j_per_token")]
            {
                assert!(gpu[side][figure]["value"].as_f64().unwrap() > 0.0, "{gpu}");
            }
            assert!(gpu["single"]["tokens_per_s"]["value"].as_f64() <= gpu["single"]["ceiling_tokens_per_s"]["value"].as_f64(), "{gpu}");
        }
        let csv = good(&[&args[..], &["--csv"]].concat());
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines[0], "path,value,unit,provenance,source,low,high");
        assert!(lines.iter().any(|l| l.contains("single.tokens_per_s")) && lines.iter().any(|l| l.contains("saturated.tokens_per_s")));
    }
}

/// The tiny model keeps every GPU waiting for itself; the page and the terminal say so.
#[test]
fn compare_says_that_a_tiny_model_says_little_of_a_gpu() {
    let dir = tempfile::tempdir().unwrap();
    assert!(good(&["compare", &chip(dir.path())]).contains("too small to judge a GPU by"));
}

#[test]
fn a_users_own_gpu_stands_beside() {
    let dir = tempfile::tempdir().unwrap();
    let chip = chip(dir.path());
    let bench = write(dir.path(), "bench.json", BENCH);
    let mine = write(dir.path(), "mine.toml", DEVICE);
    let value = json(&["compare", &chip, "--measured", &bench, "--devices", &mine, "--device", "L40S"]);
    let names: Vec<&str> = value["gpus"].as_array().unwrap().iter().map(|g| g["device"].as_str().unwrap()).collect();
    assert_eq!(names, ["RTX 4090 (measured)", "Mine", "L40S"]);
    assert_eq!(value["measured"]["bandwidth_gb_per_s"]["provenance"], "measured");
    // One model size: the bundled time a layer stands, so the measured speed comes back from the fit.
    assert!(value["measured"]["mape_percent"].as_f64().unwrap() < 1.0);
    assert!(good(&["compare", &chip, "--measured", &bench]).contains("measured: NVIDIA GeForce RTX 4090 at"));
}

#[test]
fn books_have_every_line_in_text_json_and_csv() {
    let dir = tempfile::tempdir().unwrap();
    let chip = chip(dir.path());
    let text = good(&["books", &chip]);
    for part in
        ["USD a million tokens", "J/token, meter", "g CO2e", "Against H100 SXM", "Price of being wrong", "chip cost / GPU cost", "the US"]
    {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    let value = json(&[
        "books",
        &chip,
        "--preset",
        "france",
        "--gpu",
        "L40S",
        "--prompt",
        "10",
        "--output",
        "20",
        "--served",
        "4",
        "--latency-ms",
        "50",
    ]);
    let books = &value["books"];
    assert_eq!(books["assumptions"]["preset"], "france");
    assert_eq!(books["demand"]["output_tokens"], 20);
    assert_eq!(books["gpus"][0]["unit"]["name"], "L40S");
    assert_eq!(books["chip"]["unit"]["users_at_once"], 4);
    assert!(!value["tornado"]["bars"].as_array().unwrap().is_empty());
    let csv = good(&["books", &chip, "--csv"]);
    assert!(csv.lines().any(|l| l.starts_with("books.chip.usd_per_mtoken,") && l.contains("USD/Mtoken,estimated")), "{csv}");
}

/// A planned chip of a model that many sell: prices with their dates, and a fleet for a country.
#[test]
fn books_tell_a_countrys_fleet_and_what_tokens_sell_for() {
    let dir = tempfile::tempdir().unwrap();
    let day = write(dir.path(), "day.csv", &format!("share_of_peak\n{}", "3\n1\n".repeat(12)));
    let asked = ["books", "Llama-3.1-8B", "--bits", "3", "--preset", "italy", "--gpu", "H100 SXM", "--prompt", "500", "--output", "500"];
    let args: Vec<&str> =
        asked.into_iter().chain(["--citizens", "59", "--questions", "8", "--day", &day, "--respin-months", "6"]).collect();
    let value = json(&args);
    let number = |path: &str| value.pointer(path).and_then(serde_json::Value::as_f64).unwrap_or_else(|| panic!("no {path}"));
    // 59 million times 8 times 500 tokens over a day; the busiest hour is 1.5 times the mean.
    assert!((number("/fleet/mean_tokens_per_s") - 59e6 * 8.0 * 500.0 / 86_400.0).abs() < 1e-3);
    assert!((number("/fleet/peak_tokens_per_s") / number("/fleet/mean_tokens_per_s") - 1.5).abs() < 1e-9);
    assert!((number("/books/assumptions/inputs/utilisation/value") - 2.0 / 3.0).abs() < 1e-9);
    assert_eq!(number("/books/assumptions/inputs/model_changes_per_year/value"), 2.0);
    for side in ["/fleet/chip", "/fleet/gpus/0"] {
        let at = |field: &str| number(&format!("{side}/{field}"));
        assert!(at("peak_mw") > at("mean_mw") && at("mean_mw") > at("least_mw") && at("least_mw") > 0.0, "{side}");
        assert!(at("capital_at_list_eur") >= at("capital_eur") && at("capital_eur") > at("capital_at_volume_eur"), "{side}");
        assert!((at("eur_per_year") / 59e6 / at("eur_per_citizen_year") - 1.0).abs() < 1e-9, "{side}");
    }
    assert_eq!(value["market"].as_array().unwrap().len(), 7);
    assert_eq!(value["market"][0]["margins"][0]["margin"]["unit"], "fraction");
    let text = good(&args);
    for part in [
        "59 M people of Italy, 8 questions a day",
        "EUR a citizen a year",
        "Regolo (Italy; currency as listed)",
        "2026-07-02",
        "racks",
        "no Italian tariff",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    // A chip whose name nobody sells under, at the price of another; nothing is printed of a market or a country that nobody asked for.
    let chip = chip(dir.path());
    let other = json(&["books", &chip, "--sold-as", "Qwen3-32B"]);
    assert_eq!(other["market"].as_array().unwrap().len(), 4);
    let plain = good(&["books", &chip]);
    assert!(!plain.contains("sold by") && !plain.contains("citizen"), "{plain}");
}

#[test]
fn a_users_assumptions_outlast_a_preset() {
    let dir = tempfile::tempdir().unwrap();
    let chip = chip(dir.path());
    let file = write(dir.path(), "site.toml", "electricity_usd_per_kwh = 0.3\nutilisation = 0.9\n");
    let value = json(&["books", &chip, "--assumptions", &file, "--preset", "germany"]);
    let inputs = &value["books"]["assumptions"]["inputs"];
    assert_eq!(inputs["electricity_usd_per_kwh"]["value"], 0.3);
    assert_eq!(inputs["grid_g_per_kwh"]["value"], 344.0);
    assert_eq!(inputs["utilisation"]["value"], 0.9);
}

#[test]
fn baseline_devices_can_be_edited_and_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let devices = json(&["baseline", "devices"]);
    let devices = devices.as_array().unwrap();
    assert!(devices.iter().all(|d| !d["source"].as_str().unwrap().is_empty()));
    let csv = write(dir.path(), "devices.csv", &good(&["baseline", "devices", "--csv"]).replace("L40S", "My L40S"));
    let chip = chip(dir.path());
    let value = json(&["compare", &chip, "--devices", &csv, "--device", "no bundled one"]);
    assert_eq!(value["gpus"].as_array().unwrap().len(), devices.len());
    assert!(good(&["baseline", "devices"]).contains("Cerebras"));
}

#[test]
fn baseline_validate_shows_every_row() {
    let value = json(&["baseline", "validate"]);
    let rows = value["outcomes"].as_array().unwrap().len();
    assert_eq!(good(&["baseline", "validate", "--csv"]).lines().count(), rows + 1);
    let text = good(&["baseline", "validate"]);
    assert!(text.lines().filter(|l| l.contains("set aside")).count() >= 3 && text.contains("mean absolute error"), "{text}");
    // The aims of the project, on rows that were not fitted to.
    for (class, most) in [("single", 10.0), ("batched", 15.0), ("serving", 20.0)] {
        let summary = value["summaries"].as_array().unwrap().iter().find(|s| s["class"] == class).unwrap();
        assert!(summary["held_out_mape_percent"].as_f64().unwrap() < most, "{summary}");
    }
}

#[test]
fn baseline_validate_judges_rows_of_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let head = "device,model,quant,batch,context,tok_s,weight_bytes,implied_MBU_b1,source,provenance,note\n";
    let rows = "8x B200 SXM,Llama-3.1-8B,FP4,max (saturated),MLPerf v5.1 Offline,146960,,,mlcommons,read,\n\
                RTX 4090,Llama-3.1-8B,Q4_K_M,1,512+128,150,,,,,\n";
    let file = write(dir.path(), "rows.csv", &format!("{head}{rows}"));
    let value = json(&["baseline", "validate", "--measured", &file]);
    assert!(value["mean_absolute_error_percent"].as_f64().unwrap() < 25.0 && value["set_aside"].as_array().unwrap().is_empty());
    let text = good(&["baseline", "validate", "--measured", &file]);
    assert!(text.contains("8x B200 SXM") && text.contains("mean absolute error of 2 judged rows"), "{text}");
    let energy = "device,model,quant,batch,workload,tok_s,J_per_token,power_boundary\n\
                  8x B200 SXM,Llama-3.1-8B,FP4,max,MLPerf Offline,146960,0.06421,whole server at the wall\n";
    let file = write(dir.path(), "energy.csv", energy);
    assert!(json(&["baseline", "validate", "--measured-energy", &file])["mean_absolute_error_percent"].as_f64().unwrap() < 20.0);
    let bad = write(dir.path(), "bad.csv", &format!("{head}B200 SXM,Llama-3.1-8B,FP8,8,512+128,NaN,,,,,\n"));
    hardwire(&["baseline", "validate", "--measured", &bad], &[]).refuses(&["bad.csv", "line 2", "tok_s", "NaN"]);
}

/// Thirteen claims, each with what others measured and a source; the anchors of the queues beside them.
#[test]
fn the_essay_is_answered_claim_by_claim() {
    let value = json(&["essay"]);
    let claims = value["claims"].as_array().unwrap();
    assert_eq!(claims.len(), 13);
    for (index, claim) in claims.iter().enumerate() {
        assert_eq!(claim["number"].as_u64(), Some(index as u64 + 1));
        for field in ["claimed", "ours", "measured_elsewhere", "because", "source"] {
            let text = claim[field].as_str().unwrap();
            assert!(!text.is_empty() && !text.contains("NaN"), "{claim}");
        }
    }
    // 864 GB/s over 14 GB.
    assert!(claims[1]["ours"].as_str().unwrap().contains("ceiling 61.7 tokens/s"));
    let text = good(&["essay"]);
    assert!(text.contains("8704 positions asked, HC1 holds 6144") && text.contains("64.2 mJ published"), "{text}");
}

/// Hand-checkable: 864 GB/s over 14 GB; Llama-3.1-8B keeps 64 KiB a token at 8 bits; one saturated H100 makes some 15,220 tokens/s.
#[test]
fn baseline_predictions_hold_their_anchors() {
    let h100 = json(&["baseline", "predict", "--device", "H100 SXM", "--model", "Llama-3.1-8B"]);
    let queue = h100["serve"]["tokens_per_s"]["value"].as_f64().unwrap();
    assert!((queue / 15_220.0 - 1.0).abs() < 0.2, "{queue}");
    assert!((h100["decode"]["capacity"]["cache_gb_per_sequence"].as_f64().unwrap() - 1000.0 * 65_536e-9).abs() < 1e-9);
    // 14 GB of the weights that are read: 7.0 G multiplied weights at 16 bits and a little.
    let l40s =
        json(&["baseline", "predict", "--device", "L40S", "--model", "Llama-2-7B", "--bits", "16", "--context", "1", "--output", "1"]);
    let ceiling = l40s["decode"]["ceiling_tokens_per_s_per_user"]["value"].as_f64().unwrap();
    let bytes = l40s["decode"]["work"]["weight_bytes"].as_f64().unwrap() + l40s["decode"]["work"]["cache_bytes"].as_f64().unwrap();
    assert!((ceiling * bytes / 864e9 - 1.0).abs() < 1e-9 && (60.0..70.0).contains(&ceiling), "{ceiling}");
    let dir = tempfile::tempdir().unwrap();
    assert!(good(&["baseline", "predict", "--device", "RTX 4090", "--model", &chip(dir.path())]).contains("full queue"));
}

#[test]
fn bad_inputs_name_file_and_field() {
    let dir = tempfile::tempdir().unwrap();
    let chip = chip(dir.path());
    let file = |name: &str, text: &str| write(dir.path(), name, text);
    let cases: Vec<(Vec<&str>, String, Vec<&str>)> = vec![
        (vec!["compare", "--measured"], file("a.json", "not json"), vec!["a.json", "llama-bench"]),
        (vec!["compare", "--measured"], file("b.json", &BENCH.replace("130.0", "-1.0")), vec!["b.json", "avg_ts", "-1"]),
        (vec!["compare", "--measured"], file("c.json", "[]"), vec!["c.json", "rows"]),
        (vec!["compare", "--measured"], dir.path().join("absent.json").display().to_string(), vec!["absent.json"]),
        (vec!["compare", "--devices"], file("d.toml", &DEVICE.replace("1500.0", "0.0")), vec!["Mine", "bandwidth_gb_per_s"]),
        (vec!["compare", "--devices"], file("e.toml", &DEVICE.replace("GDDR7", "tape")), vec!["e.toml", "memory_type", "tape"]),
        (vec!["compare", "--devices"], file("f.csv", "device,memory_gb\nx,1\n"), vec!["f.csv", "row 2"]),
        (vec!["report", "--devices"], file("g.toml", "device = 3"), vec!["g.toml", "line 1", "sequence"]),
        (vec!["books", "--assumptions"], file("h.toml", "electricity_usd_per_kwh = -1.0"), vec!["electricity_usd_per_kwh", "-1"]),
        (vec!["books", "--assumptions"], file("i.toml", "elektricity = 1.0"), vec!["i.toml", "elektricity"]),
        (vec!["books", "--assumptions"], file("j.toml", "utilisation = 1.5"), vec!["utilisation", "1.5"]),
        (vec!["books", "--preset"], "mars".into(), vec!["mars", "france"]),
        (vec!["books", "--gpu"], "H900".into(), vec!["H900"]),
        (vec!["books", "--gpu"], "V100 SXM2".into(), vec!["V100 SXM2", "price_low_usd"]),
        (vec!["books", "--prompt"], "4000".into(), vec!["--prompt", "4000", "64 positions"]),
        (vec!["books", "--output"], "0".into(), vec!["output_tokens"]),
        (vec!["books", "--latency-ms"], "0".into(), vec!["max_token_latency_ms"]),
        (vec!["books", "--respin-months"], "0".into(), vec!["--respin-months 0"]),
        (vec!["books", "--respin-months"], "0.1".into(), vec!["model_changes_per_year", "120"]),
        (vec!["books", "--sold-as"], "Llama-9".into(), vec!["--sold-as Llama-9", "Qwen3-32B"]),
        (vec!["books", "--citizens"], "nan".into(), vec!["citizens", "NaN"]),
        (vec!["books", "--citizens", "1", "--questions"], "0".into(), vec!["questions_per_day"]),
        (vec!["books", "--day"], dir.path().join("absent.csv").display().to_string(), vec!["absent.csv"]),
        (vec!["books", "--day"], file("k.csv", "share_of_peak\n1\n"), vec!["k.csv", "1 hours, expected 24"]),
        (vec!["compare", "--gpu"], "abacus".into(), vec!["--gpu", "abacus"]),
    ];
    for (args, value, parts) in &cases {
        let args: Vec<&str> = args.iter().copied().chain([value.as_str(), chip.as_str()]).collect();
        hardwire(&args, &[]).refuses(parts);
    }
    hardwire(&["baseline", "predict", "--device", "H100 SXM", "--model", "Llama-9"], &[]).refuses(&["Llama-9"]);
    hardwire(&["baseline", "predict", "--device", "abacus", "--model", "Llama-3-8B"], &[]).refuses(&["abacus"]);
    hardwire(&["baseline", "predict", "--device", "L40S", "--model", "Llama-3.3-70B"], &[]).refuses(&["L40S", "devices would hold it"]);
    hardwire(&["baseline", "predict", "--device", "L40S", "--model", "Llama-3-8B", "--bits=-4"], &[]).refuses(&["--bits", "-4"]);
    hardwire(&["baseline", "predict", "--device", "L40S", "--model", "Llama-3-8B", "--context", "9000"], &[]).refuses(&["8192"]);
    hardwire(&["baseline", "predict", "--device", "L40S", "--model", "Llama-3-8B", "--batch", "0"], &[]).refuses(&["batch"]);
}
