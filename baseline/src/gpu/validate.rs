//! The baseline against published measurements: fitted on half of the families, judged on the other half, or on rows of a file.
//!
//! A family is a device, a count, a model, a format and the software. The split is fixed: of the families in order of their names
//! every second one is held out whole. Rows set aside are shown and count in no error.

use std::collections::BTreeMap;

use serde::Serialize;

use super::calibration::Calibration;
use super::device::devices;
use super::error::GpuError;
use super::measured::{Class, Measured, measured};
use super::measured_energy::{Boundary, MeasuredEnergy, measured_energy};
use super::peers::{Peer, peers};
use super::predict::{Case, Prediction};

/// What a row was used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Half {
    Fit,
    HeldOut,
    /// Of a file the program was not built with.
    Given,
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
    /// Where the row says how long a token took.
    pub predicted_token_latency_ms: Option<f64>,
    pub latency_error: Option<f64>,
    /// Why the row is set aside or, for a judged row past its class's aim, the likeliest reason.
    pub flag: Option<String>,
}

/// One energy, predicted with the predicted speed.
#[derive(Clone, Debug, Serialize)]
pub struct EnergyOutcome {
    pub row: MeasuredEnergy,
    pub half: Half,
    pub predicted_j_per_token: Option<f64>,
    pub error: Option<f64>,
    pub flag: Option<String>,
}

/// A row that judges nothing.
#[derive(Clone, Debug, Serialize)]
pub struct SetAside {
    pub line: u64,
    pub family: String,
    pub reason: String,
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

/// Errors of one family's judged rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Family {
    pub family: String,
    pub half: Half,
    pub rows: usize,
    pub mean_error_percent: f64,
    pub mean_absolute_error_percent: f64,
}

/// The whole validation of speeds.
#[derive(Clone, Debug, Serialize)]
pub struct Validation {
    /// Over all rows that are not set aside.
    pub mean_absolute_error_percent: f64,
    pub judged_rows: usize,
    /// Of the time between tokens, where rows say it.
    pub latency_mean_absolute_error_percent: f64,
    pub latency_rows: usize,
    pub set_aside: Vec<SetAside>,
    pub summaries: Vec<Summary>,
    pub families: Vec<Family>,
    pub outcomes: Vec<Outcome>,
    /// What others publish of their own accuracy.
    pub peers: Vec<Peer>,
}

/// The whole validation of energies.
#[derive(Clone, Debug, Serialize)]
pub struct EnergyValidation {
    /// Over all rows that are not set aside.
    pub mean_absolute_error_percent: f64,
    pub judged_rows: usize,
    pub fit_mape_percent: f64,
    pub held_out_mape_percent: f64,
    pub devices_mape_percent: f64,
    pub wall_mape_percent: f64,
    pub set_aside: Vec<SetAside>,
    pub families: Vec<Family>,
    pub outcomes: Vec<EnergyOutcome>,
}

/// Error a class aims to stay under, percent.
pub fn aim_percent(class: Class) -> f64 {
    if class == Class::Single { 8.0 } else { 15.0 }
}

/// Error that energies aim to stay under, percent.
pub const ENERGY_AIM_PERCENT: f64 = 20.0;

/// Predicts every bundled row.
pub fn validate() -> Result<Validation, GpuError> {
    let rows = measured()?;
    let split = split(&rows);
    validation(rows, |row| split.get(&row.family()).copied().unwrap_or(Half::HeldOut))
}

/// Predicts rows of a file.
pub fn validate_rows(rows: Vec<Measured>) -> Result<Validation, GpuError> {
    validation(rows, |_| Half::Given)
}

/// Predicts every bundled energy.
pub fn validate_energy() -> Result<EnergyValidation, GpuError> {
    let split = split(&measured()?);
    energies(measured_energy()?, |run| split.get(&run.family()).copied().unwrap_or(Half::HeldOut))
}

/// Predicts energies of a file.
pub fn validate_energy_rows(rows: Vec<MeasuredEnergy>) -> Result<EnergyValidation, GpuError> {
    energies(rows, |_| Half::Given)
}

/// Families by the half they belong to.
pub(super) fn split(rows: &[Measured]) -> BTreeMap<String, Half> {
    let judged = rows.iter().filter(|row| row.set_aside.is_empty() && row.class != Class::Service);
    let mut families: BTreeMap<String, Half> = judged.map(|row| (row.family(), Half::Fit)).collect();
    for (index, half) in families.values_mut().enumerate() {
        if index % 2 == 1 {
            *half = Half::HeldOut;
        }
    }
    families
}

fn validation(rows: Vec<Measured>, half: impl Fn(&Measured) -> Half) -> Result<Validation, GpuError> {
    let calibration = Calibration::bundled()?;
    let known = devices()?;
    let outcomes: Vec<Outcome> = rows
        .into_iter()
        .map(|row| {
            let (predicted, refusal) = predicted(&calibration, &known, &row);
            let half = if refusal.is_some() { Half::SetAside } else { half(&row) };
            outcome(row, half, predicted, refusal)
        })
        .collect();
    let judged = || outcomes.iter().filter(|o| o.half != Half::SetAside);
    let (judged_rows, mean_absolute_error_percent) = mape(judged().filter_map(|o| o.error));
    let (latency_rows, latency_mean_absolute_error_percent) = mape(judged().filter_map(|o| o.latency_error));
    Ok(Validation {
        mean_absolute_error_percent,
        judged_rows,
        latency_mean_absolute_error_percent,
        latency_rows,
        set_aside: outcomes.iter().filter_map(|o| aside(o.half, &o.row, o.flag.as_deref())).collect(),
        summaries: [Class::Single, Class::Batched, Class::Serving].map(|class| summary(class, &outcomes)).to_vec(),
        families: families(judged().filter_map(|o| Some((o.row.family(), o.half, o.error?)))),
        outcomes,
        peers: peers()?,
    })
}

fn energies(rows: Vec<MeasuredEnergy>, half: impl Fn(&Measured) -> Half) -> Result<EnergyValidation, GpuError> {
    let calibration = Calibration::bundled()?;
    let known = devices()?;
    let outcomes: Vec<EnergyOutcome> = rows
        .into_iter()
        .map(|row| {
            let (predicted, refusal) = predicted(&calibration, &known, &row.run);
            let half = if refusal.is_some() { Half::SetAside } else { half(&row.run) };
            let predicted_j_per_token = predicted.map(|p| j_per_token(&p, row.boundary));
            let error = predicted_j_per_token.map(|j| j / row.j_per_token - 1.0);
            let missed = error.is_some_and(|error| error.abs() * 100.0 > ENERGY_AIM_PERCENT);
            let flag = refusal.or_else(|| missed.then(|| likeliest_energy_reason(&row).into()));
            EnergyOutcome { row, half, predicted_j_per_token, error, flag }
        })
        .collect();
    let over = |keep: &dyn Fn(&EnergyOutcome) -> bool| {
        mape(outcomes.iter().filter(|o| o.half != Half::SetAside && keep(o)).filter_map(|o| o.error))
    };
    let (judged_rows, mean_absolute_error_percent) = over(&|_| true);
    Ok(EnergyValidation {
        mean_absolute_error_percent,
        judged_rows,
        fit_mape_percent: over(&|o| o.half == Half::Fit).1,
        held_out_mape_percent: over(&|o| o.half == Half::HeldOut).1,
        devices_mape_percent: over(&|o| o.row.boundary == Boundary::Devices).1,
        wall_mape_percent: over(&|o| o.row.boundary == Boundary::Wall).1,
        set_aside: outcomes.iter().filter_map(|o| aside(o.half, &o.row.run, o.flag.as_deref())).collect(),
        families: families(
            outcomes.iter().filter(|o| o.half != Half::SetAside).filter_map(|o| Some((o.row.run.family(), o.half, o.error?))),
        ),
        outcomes,
    })
}

/// Energy of a token at a boundary.
pub(super) fn j_per_token(p: &Prediction, boundary: Boundary) -> f64 {
    let watts = match boundary {
        Boundary::Devices => p.devices_w,
        Boundary::Wall => p.wall_w,
    };
    watts / p.tokens_per_s
}

/// A row's prediction, and why it judges nothing if it does not.
fn predicted(calibration: &Calibration, known: &[super::Device], row: &Measured) -> (Option<Prediction>, Option<String>) {
    let aside = (!row.set_aside.is_empty()).then(|| row.set_aside.clone());
    if row.class == Class::Service {
        return (None, aside.or_else(|| Some("its weights do not cross a memory bus of one device".into())));
    }
    match Case::of(known, row).and_then(|case| case.predict(calibration, row)) {
        Ok(predicted) => (Some(predicted), aside),
        Err(error) => (None, Some(error.to_string())),
    }
}

fn outcome(row: Measured, half: Half, predicted: Option<Prediction>, refusal: Option<String>) -> Outcome {
    let error = predicted.map(|p| p.tokens_per_s / row.tokens_per_s - 1.0);
    let missed = error.is_some_and(|error| error.abs() * 100.0 > aim_percent(row.class));
    let flag = refusal.or_else(|| missed.then(|| likeliest_reason(&row).into()));
    Outcome {
        half,
        predicted_tokens_per_s: predicted.map(|p| p.tokens_per_s),
        error,
        predicted_token_latency_ms: predicted.filter(|_| row.token_latency_ms.is_some()).map(|p| p.token_latency_ms),
        latency_error: predicted.zip(row.token_latency_ms).map(|(p, measured)| p.token_latency_ms / measured - 1.0),
        flag,
        row,
    }
}

fn aside(half: Half, row: &Measured, flag: Option<&str>) -> Option<SetAside> {
    (half == Half::SetAside).then(|| SetAside { line: row.line, family: row.family(), reason: flag.unwrap_or_default().into() })
}

/// Why a judged row is missed, as far as its neighbours in the table tell.
fn likeliest_reason(row: &Measured) -> &'static str {
    let experts = ["A3B", "A22B", "A17B", "gpt-oss", "DeepSeek", "Mixtral"].iter().any(|name| row.model.contains(name));
    match (row.class, row.stack.as_str()) {
        (Class::Single, "llama-cpp-2024") if row.device.starts_with("Apple") => "one layer time stands for all Apple generations",
        (Class::Single, "llama-cpp" | "llama-cpp-2024") => "host, build and clocks: one layer time stands for all cards",
        (_, "ml-perf") if row.model == "gpt-oss-120B" => "request lengths of this benchmark are not published",
        (_, "ml-perf") if row.latency_limit_ms.is_some() => "one share of a latency limit stands for every submitter's queue",
        (_, "ml-perf") => "a submission's own software: years and vendors differ",
        (_, "vllm") if experts => "expert kernels differ by width and vLLM release; one cost an expert stands for all",
        (_, "vllm") => "scheduling: prompts and tokens of a batch do not arrive evenly",
        _ if experts => "attention-parallel ranks wait for each other by an amount that depends on the load",
        _ => "one fraction of the matrix rate stands for every batch",
    }
}

fn likeliest_energy_reason(row: &MeasuredEnergy) -> &'static str {
    match (row.boundary, row.peak) {
        (Boundary::Wall, true) => "a peak at the plug, and an unknown machine around the card",
        (Boundary::Wall, false) => "the server's own power and its fans are one figure for all servers",
        (Boundary::Devices, _) => "the error of the speed is in it, and one share of the power limit stands for all idle units",
    }
}

/// Count and mean of absolute errors, percent.
pub(super) fn mape(errors: impl Iterator<Item = f64>) -> (usize, f64) {
    let (count, sum) = errors.fold((0, 0.0), |(count, sum), error| (count + 1, sum + error.abs() * 100.0));
    (count, sum / count.max(1) as f64)
}

fn families(errors: impl Iterator<Item = (String, Half, f64)>) -> Vec<Family> {
    let mut by_name: BTreeMap<String, (Half, Vec<f64>)> = BTreeMap::new();
    for (family, half, error) in errors {
        by_name.entry(family).or_insert((half, Vec::new())).1.push(error);
    }
    (by_name.into_iter())
        .map(|(family, (half, errors))| {
            let (rows, mean_absolute_error_percent) = mape(errors.iter().copied());
            let mean_error_percent = 100.0 * errors.iter().sum::<f64>() / rows as f64;
            Family { family, half, rows, mean_error_percent, mean_absolute_error_percent }
        })
        .collect()
}

fn summary(class: Class, outcomes: &[Outcome]) -> Summary {
    let over = |keep: &dyn Fn(Half) -> bool| {
        mape(outcomes.iter().filter(|o| o.row.class == class && keep(o.half)).filter_map(|outcome| outcome.error))
    };
    let (fit_rows, fit_mape_percent) = over(&|half| half == Half::Fit);
    let (held_out_rows, held_out_mape_percent) = over(&|half| matches!(half, Half::HeldOut | Half::Given));
    let (all_rows, all_mape_percent) = over(&|_| true);
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
