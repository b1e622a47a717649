//! The baseline against published measurements, and against a llama-bench file.

use hardwire_baseline::gpu::{self, Calibration, Class, GpuError, Half};

#[test]
fn held_out_rows_are_predicted_within_the_aims() {
    let validation = gpu::validate().unwrap();
    for summary in &validation.summaries {
        assert!(summary.held_out_rows > 0, "{:?}", summary.class);
        assert!(summary.held_out_mape_percent < summary.aim_percent, "{summary:?}");
    }
}

#[test]
fn every_row_is_shown_and_every_miss_says_why() {
    let validation = gpu::validate().unwrap();
    assert_eq!(validation.outcomes.len(), gpu::measured().unwrap().len());
    for outcome in &validation.outcomes {
        let missed = outcome
            .error
            .is_none_or(|error| error.abs() * 100.0 > gpu::validate::aim_percent(outcome.row.class) || outcome.half == Half::SetAside);
        assert_eq!(missed, outcome.flag.is_some(), "{outcome:?}");
        assert_eq!(outcome.predicted_tokens_per_s.is_none(), outcome.row.class == Class::Service, "{outcome:?}");
    }
}

#[test]
fn the_halves_are_halves() {
    let validation = gpu::validate().unwrap();
    let count = |half| validation.outcomes.iter().filter(|o| o.half == half).count();
    assert!(count(Half::Fit).abs_diff(count(Half::HeldOut)) <= 4);
    // Set aside: one speed of unpublished format, three services, two rows of a mixture of experts.
    assert_eq!(count(Half::SetAside), 6);
}

/// The bundled calibration is what the fit finds, not what someone would have liked.
#[test]
fn bundled_calibration_is_the_fit() {
    let bundled = Calibration::bundled().unwrap();
    for (knob, fitted) in gpu::validate().unwrap().fitted {
        let value = bundled.value(knob);
        assert!((value / fitted - 1.0).abs() < 1e-3, "{knob:?}: file {value}, fit {fitted}");
    }
}

/// A made-up card of 800 GB/s that loses 2 ms a token, measured with two models.
const BENCH: &str = r#"[
  {"gpu_info":"NVIDIA L40S","model_type":"llama 8B Q8_0","model_size":8000000000,"model_n_params":8030000000,
   "n_prompt":0,"n_gen":128,"avg_ts":83.3333333333,"build_number":1},
  {"gpu_info":"NVIDIA L40S","model_type":"llama 8B F16","model_size":16000000000,"model_n_params":8030000000,
   "n_prompt":0,"n_gen":128,"avg_ts":45.4545454545},
  {"gpu_info":"NVIDIA L40S","model_type":"llama 8B F16","model_size":16000000000,"model_n_params":8030000000,
   "n_prompt":512,"n_gen":0,"avg_ts":10000.0}]"#;

#[test]
fn llama_bench_rows_give_back_the_card_that_made_them() {
    let fit = gpu::fit_measured(BENCH, "bench.json", None, None).unwrap();
    assert_eq!(fit.device.name, "L40S");
    assert!((fit.bandwidth_gb_per_s.value - 800.0).abs() < 1e-3, "{:?}", fit.bandwidth_gb_per_s);
    assert!((fit.fixed_us_per_token.value - 2000.0).abs() < 1e-3, "{:?}", fit.fixed_us_per_token);
    assert!((fit.prompt_tflops.unwrap().value - 160.6).abs() < 1e-6);
    assert!(fit.mape_percent < 1e-6);
}

#[test]
fn bad_llama_bench_files_are_refused_by_name() {
    let refusal = |json: &str| gpu::fit_measured(json, "bench.json", None, None).unwrap_err().to_string();
    assert!(refusal("{").starts_with("bench.json: "));
    assert!(refusal("[]").contains("0 usable rows"));
    assert!(refusal(&BENCH.replace("83.3333333333", "0.0")).contains("row 1: field `avg_ts` is `0`"));
    let unknown = gpu::fit_measured(&BENCH.replace("NVIDIA L40S", "Voodoo 2"), "bench.json", None, None);
    assert!(matches!(unknown, Err(GpuError::UnknownDevice { .. })));
}

/// `docs/baseline.md` shows the validation as it is: every row and every summary, in these words.
#[test]
fn the_page_shows_this_validation() {
    const PAGE: &str = include_str!("../../docs/baseline.md");
    let validation = gpu::validate().unwrap();
    let rows = validation.outcomes.iter().map(|outcome| {
        let row = &outcome.row;
        let half = match outcome.half {
            Half::Fit => "fit",
            Half::HeldOut => "held out",
            Half::SetAside => "set aside",
        };
        let devices = if row.devices == 1 { String::new() } else { format!("{} x ", row.devices) };
        let batch = row.batch.map_or("full".into(), |batch| batch.to_string());
        let predicted = outcome.predicted_tokens_per_s.map_or("-".into(), |tokens| format!("{tokens:.0}"));
        let error = outcome.error.map_or("-".into(), |error| format!("{:+.1} %", error * 100.0));
        format!(
            "| {half} | {devices}{} | {} {} | {batch} | {}/{} | {} | {predicted} | {error} | {} |",
            row.device,
            row.model,
            row.quant,
            row.prompt_tokens,
            row.output_tokens,
            row.tokens_per_s,
            outcome.flag.as_deref().unwrap_or("")
        )
    });
    let summaries = validation.summaries.iter().map(|s| {
        format!(
            "| {:?} | {:.0} % | {:.1} % ({}) | {:.1} % ({}) | {:.1} % ({}) |",
            s.class,
            s.aim_percent,
            s.fit_mape_percent,
            s.fit_rows,
            s.held_out_mape_percent,
            s.held_out_rows,
            s.all_mape_percent,
            s.all_rows
        )
    });
    let missing: Vec<String> = rows.chain(summaries).filter(|line| !PAGE.contains(line)).collect();
    assert!(missing.is_empty(), "docs/baseline.md lacks:\n{}", missing.join("\n"));
}
