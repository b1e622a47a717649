//! The calibration, fitted: the bundled file is its outcome, and a test holds it to that.
//!
//! Loss of a value: over the judged rows of the fit half, `√(1 + (ln(predicted / measured) / 0.1)²)`, which is square for small
//! errors and straight for large ones, so that one odd run moves little; and for each constant the square of its distance from its
//! prior in factors of two, weighted so that one factor of two is worth an error of 15 % in one row.
//!
//! Harder than families held out: a whole device or model left out, fitted to the judged rows of all others ([`leave_each_out`]).

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::Serialize;

use super::calibration::{Calibration, Knob};
use super::device::devices;
use super::error::GpuError;
use super::measured::{Class, Measured, measured};
use super::measured_energy::{Boundary, measured_energy};
use super::predict::Case;
use super::search::minimise;
use super::validate::{Half, j_per_token, mape, split};

/// Error below which the loss is square.
const SCALE: f64 = 0.1;
/// Worth of a factor of two from the prior, as an error.
const PRIOR: f64 = 0.15;
/// Loss of a row that a trial calibration cannot predict: an error of e^2.
const UNPREDICTED: f64 = 20.0;
/// Highest fraction of a datasheet's bandwidth or rate that a fit may find: what memory and matrix benchmarks alone reach
/// (STREAM on HBM 90 to 93 %, cuBLAS 16-bit about 80 %, recall).
const HIGHEST: f64 = 0.92;

/// Constants are settled when turning one by so small a share of it no longer helps: to the last digit of the bundled file, and near enough to judge
/// a fit by.
const SETTLED: f64 = 1e-6;
const NEAR: f64 = 1e-3;

/// A fit in progress.
pub struct Fit {
    start: Calibration,
    rows: Vec<(Measured, Case)>,
    energies: Vec<(Measured, Case, Boundary, f64)>,
}

impl Fit {
    /// The fit half of the bundled tables.
    pub fn bundled() -> Result<Fit, GpuError> {
        let split = split(&measured()?);
        Fit::of(|row| row.set_aside.is_empty() && split.get(&row.family()) == Some(&Half::Fit))
    }

    /// The rows of the bundled tables that `fits` takes.
    fn of(fits: impl Fn(&Measured) -> bool) -> Result<Fit, GpuError> {
        let known = devices()?;
        let mut cases = Vec::new();
        for row in measured()?.into_iter().filter(&fits) {
            let case = Case::of(&known, &row)?;
            cases.push((row, case));
        }
        let mut energies = Vec::new();
        for row in measured_energy()?.into_iter().filter(|row| fits(&row.run)) {
            let case = Case::of(&known, &row.run)?;
            energies.push((row.run, case, row.boundary, row.j_per_token));
        }
        Ok(Fit { start: Calibration::bundled()?, rows: cases, energies })
    }

    /// Rows whose speed is fitted.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Fitted constants of time, or of power.
    pub fn knobs(&self, power: bool) -> Vec<Knob> {
        self.start.settings().iter().filter(|(knob, s)| s.fitted && knob.is_power() == power).map(|(knob, _)| *knob).collect()
    }

    /// Loss of a calibration on speeds, or on energies.
    pub fn loss(&self, calibration: &Calibration, power: bool) -> f64 {
        let soft = |ratio: f64| (1.0 + (ratio.ln() / SCALE).powi(2)).sqrt() - 1.0;
        let prior: f64 = (self.knobs(power).into_iter())
            .map(|knob| (calibration.value(knob) / calibration.settings()[&knob].prior).log2() * PRIOR / SCALE)
            .map(|distance| distance * distance)
            .sum();
        let rows: f64 = if power {
            let of = |(row, case, boundary, measured): &(Measured, Case, Boundary, f64)| match case.predict(calibration, row) {
                Ok(p) => soft(j_per_token(&p, *boundary) / measured),
                Err(_) => UNPREDICTED,
            };
            self.energies.iter().map(of).sum()
        } else {
            let of = |(row, case): &(Measured, Case)| match case.predict(calibration, row) {
                Ok(p) => soft(p.tokens_per_s / row.tokens_per_s),
                Err(_) => UNPREDICTED,
            };
            self.rows.iter().map(of).sum()
        };
        rows + prior
    }

    /// The calibration that fits best, from the priors.
    pub fn refit(&self) -> Calibration {
        self.turned(&self.refit_time(SETTLED), true, SETTLED)
    }

    /// The constants of time that fit best, all others at their priors.
    fn refit_time(&self, settled: f64) -> Calibration {
        let fitted = self.start.settings().iter().filter(|(_, s)| s.fitted);
        let priors = fitted.fold(self.start.clone(), |c, (knob, s)| c.with(*knob, s.prior));
        self.turned(&priors, false, settled)
    }

    fn turned(&self, from: &Calibration, power: bool, settled: f64) -> Calibration {
        let knobs = self.knobs(power);
        let turned = |values: &[f64]| knobs.iter().zip(values).fold(from.clone(), |c, (knob, value)| c.with(*knob, *value));
        let start: Vec<f64> = knobs.iter().map(|knob| from.value(*knob)).collect();
        let caps: Vec<f64> = knobs.iter().map(|knob| if knob.is_fraction() { HIGHEST } else { f64::MAX }).collect();
        turned(&minimise(&start, &caps, settled, |values| self.loss(&turned(values), power)))
    }
}

/// What is left out of a fit whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Whole {
    Device,
    Model,
}

impl Whole {
    /// The device or model of a row, as the tables name it.
    fn of(self, row: &Measured) -> &str {
        match self {
            Whole::Device => &row.device,
            Whole::Model => &row.model,
        }
    }
}

/// Speeds of a device or a model, predicted by a fit that has seen none of its rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LeftOut {
    pub whole: Whole,
    pub name: String,
    pub rows: usize,
    pub mean_error_percent: f64,
    pub mean_absolute_error_percent: f64,
}

fn judged(row: &Measured) -> bool {
    row.set_aside.is_empty() && row.class != Class::Service
}

/// The judged rows of the device or model `name`, predicted from those of all others.
///
/// # Errors
/// A name without a judged row.
pub fn leave_out(whole: Whole, name: &str) -> Result<LeftOut, GpuError> {
    let own = Fit::of(|row| judged(row) && whole.of(row) == name)?.rows;
    if own.is_empty() {
        return Err(GpuError::UnknownDevice { name: name.into(), known: "those with judged rows in the tables".into() });
    }
    let calibration = Fit::of(|row| judged(row) && whole.of(row) != name)?.refit_time(NEAR);
    let mut errors = Vec::new();
    for (row, case) in &own {
        errors.push(case.predict(&calibration, row)?.tokens_per_s / row.tokens_per_s - 1.0);
    }
    let (rows, mean_absolute_error_percent) = mape(errors.iter().copied());
    let mean_error_percent = 100.0 * errors.iter().sum::<f64>() / rows as f64;
    Ok(LeftOut { whole, name: name.into(), rows, mean_error_percent, mean_absolute_error_percent })
}

/// [`leave_out`] of every device or model that has judged rows, in the order of their names, in parallel.
///
/// # Errors
/// As [`leave_out`].
pub fn leave_each_out(whole: Whole) -> Result<Vec<LeftOut>, GpuError> {
    let names: BTreeSet<String> = measured()?.iter().filter(|row| judged(row)).map(|row| whole.of(row).to_owned()).collect();
    names.into_par_iter().map(|name| leave_out(whole, &name)).collect()
}

/// Every fitted constant as the bundled tables would have it.
pub fn refit() -> Result<BTreeMap<Knob, f64>, GpuError> {
    let fit = Fit::bundled()?;
    let found = fit.refit();
    Ok([false, true].into_iter().flat_map(|power| fit.knobs(power)).map(|knob| (knob, found.value(knob))).collect())
}
