//! The calibration, fitted: the bundled file is its outcome, and a test holds it to that.
//!
//! Loss of a value: over the judged rows of the fit half, `√(1 + (ln(predicted / measured) / 0.1)²)`, which is square for small
//! errors and straight for large ones, so that one odd run moves little; and for each constant the square of its distance from its
//! prior in factors of two, weighted so that one factor of two is worth an error of 15 % in one row.
//!
//! Harder than families held out: a whole device left out, fitted to the judged rows of all others ([`leave_devices_out`]).

use std::collections::{BTreeMap, BTreeSet};

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
        self.turned(&self.refit_time(), true)
    }

    /// The constants of time that fit best, all others at their priors.
    fn refit_time(&self) -> Calibration {
        let fitted = self.start.settings().iter().filter(|(_, s)| s.fitted);
        let priors = fitted.fold(self.start.clone(), |c, (knob, s)| c.with(*knob, s.prior));
        self.turned(&priors, false)
    }

    fn turned(&self, from: &Calibration, power: bool) -> Calibration {
        let knobs = self.knobs(power);
        let turned = |values: &[f64]| knobs.iter().zip(values).fold(from.clone(), |c, (knob, value)| c.with(*knob, *value));
        let start: Vec<f64> = knobs.iter().map(|knob| from.value(*knob)).collect();
        let caps: Vec<f64> = knobs.iter().map(|knob| if knob.is_fraction() { HIGHEST } else { f64::MAX }).collect();
        turned(&minimise(&start, &caps, |values| self.loss(&turned(values), power)))
    }
}

/// Speeds of a device, predicted by a fit that has seen none of its rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LeftOut {
    /// As the tables name it.
    pub device: String,
    pub rows: usize,
    pub mean_error_percent: f64,
    pub mean_absolute_error_percent: f64,
}

fn judged(row: &Measured) -> bool {
    row.set_aside.is_empty() && row.class != Class::Service
}

/// The judged rows of `device`, predicted from those of all other devices.
///
/// # Errors
/// A device without a judged row.
pub fn leave_device_out(device: &str) -> Result<LeftOut, GpuError> {
    let calibration = Fit::of(|row| judged(row) && row.device != device)?.refit_time();
    let of_device = Fit::of(|row| judged(row) && row.device == device)?.rows;
    if of_device.is_empty() {
        return Err(GpuError::UnknownDevice { name: device.into(), known: "those with judged rows in the tables".into() });
    }
    let mut errors = Vec::new();
    for (row, case) in &of_device {
        errors.push(case.predict(&calibration, row)?.tokens_per_s / row.tokens_per_s - 1.0);
    }
    let (rows, mean_absolute_error_percent) = mape(errors.iter().copied());
    let mean_error_percent = 100.0 * errors.iter().sum::<f64>() / rows as f64;
    Ok(LeftOut { device: device.into(), rows, mean_error_percent, mean_absolute_error_percent })
}

/// [`leave_device_out`] of every device that has judged rows, in the order of their names.
///
/// # Errors
/// As [`leave_device_out`].
pub fn leave_devices_out() -> Result<Vec<LeftOut>, GpuError> {
    let names: BTreeSet<String> = measured()?.into_iter().filter(judged).map(|row| row.device).collect();
    names.iter().map(|name| leave_device_out(name)).collect()
}

/// Every fitted constant as the bundled tables would have it.
pub fn refit() -> Result<BTreeMap<Knob, f64>, GpuError> {
    let fit = Fit::bundled()?;
    let found = fit.refit();
    Ok([false, true].into_iter().flat_map(|power| fit.knobs(power)).map(|knob| (knob, found.value(knob))).collect())
}
