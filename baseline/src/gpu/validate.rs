//! The baseline against published measurements: fitted on half of the rows, judged on the other half.
//!
//! The split is fixed: in the table's order, every second row of a family (class, stack and memory class, or unnamed
//! device) is held out. Rows set aside are predicted and shown, and count in no error.

use std::collections::BTreeMap;

use serde::Serialize;

use super::calibration::{Calibration, Knob};
use super::decode::decode_with;
use super::device::{Device, Link, LinkClass, MemoryClass, devices, find_in};
use super::error::GpuError;
use super::measured::{Class, Measured, measured};
use super::search::minimise;
use super::serve::serve;
use super::shape::{ModelShape, Parallel, Workload};

/// What a row was used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Half {
    Fit,
    HeldOut,
    /// Shown, used for nothing.
    SetAside,
}

/// One row, predicted.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    pub row: Measured,
    pub half: Half,
    /// Absent where nothing is known to predict from.
    pub predicted_tokens_per_s: Option<f64>,
    /// `predicted / measured − 1`.
    pub error: Option<f64>,
    /// Why the row is set aside or, for a judged row past its class's aim, the likeliest reason.
    pub flag: Option<String>,
}

/// Mean absolute percentage errors of one class. The first two count judged rows; the last also set-aside ones.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    pub class: Class,
    pub aim_percent: f64,
    pub fit_rows: usize,
    pub fit_mape_percent: f64,
    pub held_out_rows: usize,
    pub held_out_mape_percent: f64,
    pub all_rows: usize,
    pub all_mape_percent: f64,
}

/// What the fit found for a device that its source does not name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inferred {
    pub device: String,
    pub assumed_memory_class: MemoryClass,
    pub bandwidth_gb_per_s: f64,
    pub rate_tflops: f64,
}

/// The whole validation.
#[derive(Clone, Debug, Serialize)]
pub struct Validation {
    pub outcomes: Vec<Outcome>,
    pub summaries: Vec<Summary>,
    pub fitted: BTreeMap<Knob, f64>,
    pub inferred: Vec<Inferred>,
}

/// Error a class aims to stay under, percent.
pub fn aim_percent(class: Class) -> f64 {
    if class == Class::Single { 10.0 } else { 20.0 }
}

/// Refits the calibration on the fit half and predicts every row with it.
pub fn validate() -> Result<Validation, GpuError> {
    let rows = measured()?;
    let halves = halves(&rows)?;
    let start = Calibration::bundled()?;
    let knobs: Vec<Knob> = start.settings().iter().filter(|(_, s)| s.fitted).map(|(knob, _)| *knob).collect();
    let cases = cases(&rows)?;
    let unnamed = unnamed_devices();

    // Neutral starts, so that the outcome is a finding and not what the file already says.
    let mut values: Vec<f64> = knobs.iter().map(|knob| neutral(*knob)).collect();
    let mut caps: Vec<f64> = knobs.iter().map(|knob| if knob.is_fraction() { 1.0 } else { f64::MAX }).collect();
    for device in &unnamed {
        values.extend([device.bandwidth_gb_per_s, device.vector_fp32_tflops]);
        caps.extend([f64::MAX, f64::MAX]);
    }
    let loss = |values: &[f64]| -> f64 {
        let (calibration, table) = at(&start, &knobs, &unnamed, values);
        (rows.iter().zip(&cases).zip(&halves))
            .filter(|(_, half)| **half == Half::Fit)
            .map(|((row, case), _)| match predict(&calibration, &table, row, case) {
                Ok(Some(predicted)) => (predicted / row.tokens_per_s).ln().powi(2),
                Ok(None) | Err(_) => UNPREDICTED_LOSS,
            })
            .sum()
    };
    let values = minimise(&values, &caps, loss);

    let (calibration, table) = at(&start, &knobs, &unnamed, &values);
    let mut outcomes = Vec::with_capacity(rows.len());
    for ((row, case), half) in rows.iter().zip(&cases).zip(halves) {
        let predicted = predict(&calibration, &table, row, case)?;
        outcomes.push(outcome(row, half, predicted));
    }
    let inferred = table.iter().filter(|d| d.name.starts_with("unnamed")).map(|device| Inferred {
        device: device.name.clone(),
        assumed_memory_class: device.memory_class,
        bandwidth_gb_per_s: device.bandwidth_gb_per_s,
        rate_tflops: device.vector_fp32_tflops,
    });
    Ok(Validation {
        summaries: [Class::Single, Class::Batched, Class::Serving].map(|class| summary(class, &outcomes)).to_vec(),
        outcomes,
        fitted: knobs.iter().copied().zip(values.iter().copied()).collect(),
        inferred: inferred.collect(),
    })
}

/// Loss of a row that a trial calibration cannot predict: an error of e^10.
const UNPREDICTED_LOSS: f64 = 100.0;

/// A value no measurement had a say in: half of a datasheet, 100 µs a layer, 10 operations.
fn neutral(knob: Knob) -> f64 {
    match knob {
        Knob::LlamaMetalUnpackOps => 10.0,
        knob if knob.is_fraction() => 0.5,
        _ => 100.0,
    }
}

/// The devices that sources do not name, by a guess at their kind; bandwidth and rate are fitted to half their rows.
fn unnamed_devices() -> Vec<Device> {
    let unnamed = |name: &str, memory_type: &str, memory_class, gb_per_s: f64, tflops: f64| Device {
        name: name.into(),
        memory_gb: 128.0,
        memory_type: memory_type.into(),
        memory_class,
        bandwidth_gb_per_s: gb_per_s,
        tdp_w: 400.0,
        idle_w: 0.0,
        bf16_dense_tflops: tflops,
        fp8_dense_tflops: None,
        int8_dense_tops: None,
        fp4_dense_tflops: None,
        vector_fp32_tflops: tflops,
        link_name: String::new(),
        link: Link { class: LinkClass::Pcie, bandwidth_gb_per_s: 32.0 },
        node: String::new(),
        die_mm2: String::new(),
        price: None,
        price_note: String::new(),
        source: "inferred from its own rows".into(),
        source_added: String::new(),
    };
    vec![
        unnamed("unnamed GPU (llama.cpp quantize README)", "LPDDR5X", MemoryClass::Lpddr, 500.0, 20.0),
        unnamed("unnamed GPU (llama.cpp PR 3776)", "GDDR6X", MemoryClass::Gddr, 900.0, 100.0),
    ]
}

/// The calibration and the devices that a vector of trial values stands for.
fn at(start: &Calibration, knobs: &[Knob], unnamed: &[Device], values: &[f64]) -> (Calibration, Vec<Device>) {
    let (knob_values, device_values) = values.split_at(knobs.len());
    let calibration = knobs.iter().zip(knob_values).fold(start.clone(), |c, (knob, value)| c.with(*knob, *value));
    let devices = unnamed.iter().zip(device_values.chunks(2)).map(|(device, pair)| Device {
        bandwidth_gb_per_s: pair[0],
        bf16_dense_tflops: pair[1],
        vector_fp32_tflops: pair[1],
        ..device.clone()
    });
    (calibration, devices.collect())
}

/// What predicting a row needs that no trial value changes.
struct Case {
    device: Option<Device>,
    model: ModelShape,
    workload: Workload,
}

fn cases(rows: &[Measured]) -> Result<Vec<Option<Case>>, GpuError> {
    let known = devices()?;
    rows.iter()
        .map(|row| {
            if row.class == Class::Service {
                return Ok(None);
            }
            let device = if row.unnamed() { None } else { Some(find_in(&known, &row.device)?) };
            Ok(Some(Case { device, model: row.shape()?, workload: row.workload() }))
        })
        .collect()
}

fn predict(calibration: &Calibration, unnamed: &[Device], row: &Measured, case: &Option<Case>) -> Result<Option<f64>, GpuError> {
    let Some(Case { device, model, workload }) = case else { return Ok(None) };
    let device = match device {
        Some(device) => device,
        None => &find_in(unnamed, &row.device)?,
    };
    let figure = match row.class {
        Class::Serving => serve(calibration, device, model, workload, row.devices, None)?.tokens_per_s,
        _ => decode_with(calibration, device, model, workload, Parallel::ONE)?.tokens_per_s,
    };
    Ok(Some(figure.value))
}

/// Every second judged row of a family is held out.
fn halves(rows: &[Measured]) -> Result<Vec<Half>, GpuError> {
    let known = devices()?;
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    rows.iter()
        .map(|row| {
            if !row.set_aside.is_empty() {
                return Ok(Half::SetAside);
            }
            let kind = if row.unnamed() { row.device.clone() } else { format!("{:?}", find_in(&known, &row.device)?.memory_class) };
            let count = seen.entry(format!("{:?} {} {kind}", row.class, row.stack)).or_default();
            *count += 1;
            Ok(if *count % 2 == 1 { Half::Fit } else { Half::HeldOut })
        })
        .collect()
}

fn outcome(row: &Measured, half: Half, predicted: Option<f64>) -> Outcome {
    let error = predicted.map(|tokens_per_s| tokens_per_s / row.tokens_per_s - 1.0);
    let missed = error.is_some_and(|error| error.abs() * 100.0 > aim_percent(row.class));
    let flag = match half {
        Half::SetAside => Some(row.set_aside.clone()),
        _ if missed => Some(likeliest_reason(row)),
        _ => None,
    };
    Outcome { row: row.clone(), half, predicted_tokens_per_s: predicted, error, flag }
}

/// Why a judged row is missed, as far as its neighbours in the table tell.
fn likeliest_reason(row: &Measured) -> String {
    let q = row.quant.as_str();
    match (row.class, row.stack.as_str()) {
        (Class::Batched, _) => "other kernels take over from two sequences on; one rate stands for both",
        _ if row.unnamed() => "one unpacking cost stands for every super-block format, and the device is a guess",
        (_, "ml-perf") => "a submission's own software and request lengths; one fit row a format cannot teach them",
        (Class::Serving, _) => "one fraction of the matrix rate stands for every matrix width and batch",
        _ if row.device.starts_with("Apple") && !matches!(q, "F16" | "Q8_0" | "Q4_0") => {
            "unpacking cost fitted to newer units of this vendor; this generation is slower at it"
        }
        _ if row.model.contains("70B") => "wide matrices draw more of stacked memory than the one fraction fitted with narrow ones",
        _ if q == "F16" => "16-bit kernels of that llama.cpp release drew less of this memory than its quantized ones",
        _ => "host and clocks: the fixed time a layer is one figure for all cards",
    }
    .into()
}

fn summary(class: Class, outcomes: &[Outcome]) -> Summary {
    let mape = |keep: &dyn Fn(Half) -> bool| {
        let errors: Vec<f64> = (outcomes.iter())
            .filter(|outcome| outcome.row.class == class && keep(outcome.half))
            .filter_map(|outcome| outcome.error)
            .map(|error| error.abs() * 100.0)
            .collect();
        (errors.len(), errors.iter().sum::<f64>() / errors.len().max(1) as f64)
    };
    let (fit_rows, fit_mape_percent) = mape(&|half| half == Half::Fit);
    let (held_out_rows, held_out_mape_percent) = mape(&|half| half == Half::HeldOut);
    let (all_rows, all_mape_percent) = mape(&|_| true);
    Summary {
        class,
        aim_percent: aim_percent(class),
        fit_rows,
        fit_mape_percent,
        held_out_rows,
        held_out_mape_percent,
        all_rows,
        all_mape_percent,
    }
}
