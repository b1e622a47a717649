//! A chip compared with devices that fetch their weights: one user and a full queue, always both, on the same requests.
//!
//! The GPU gets its best software for each: [`serving_mode`] lists how a device may run the model, the fastest is taken.

mod chip_side;
mod curves;
mod device_side;
mod measured;
mod queues;
mod serving_mode;

pub use chip_side::{ChipSide, InFlight};
pub use curves::{Curve, Roofline};
pub use device_side::{Baseline, GpuRow};
pub use hardwire_baseline::gpu::ModelShape;
pub use measured::Fitted;
pub use queues::Queue;
pub use serving_mode::ServingMode;

use crate::subject::Subject;
use crate::{Error, Result};
use device_side::row;
use hardwire_baseline::economics::Assumptions;
use hardwire_baseline::gpu::{self, Calibration, Device, GpuError};
use serde::Serialize;
use std::path::Path;

/// Devices drawn in charts, as far as they hold the model: a data centre's two, a desk's one.
const DRAWN: [&str; 3] = ["H100 SXM", "B200 SXM", "RTX 4090"];

/// Which devices a chip is compared with, past the bundled ones.
#[derive(Default)]
pub struct Against {
    /// The user's own entries.
    pub devices: Vec<Device>,
    /// The user's own measurement, fitted.
    pub measured: Option<Fitted>,
    /// Only devices whose name contains this.
    pub only: Option<String>,
}

impl Against {
    /// Reads a table of devices and a llama-bench file, each if given.
    pub fn read(model: &ModelShape, devices: Option<&Path>, measured: Option<&Path>, only: Option<String>) -> Result<Against> {
        let devices = devices.map(gpu::devices_from_file).transpose()?.unwrap_or_default();
        let measured = measured.map(|path| Fitted::read(path, model, &devices)).transpose()?;
        Ok(Against { devices, measured, only })
    }
}

/// The comparison.
#[derive(Serialize)]
pub struct Comparison {
    /// Context of the one-user figures: prompt and half the output.
    pub context: u32,
    /// The requests of the full queue.
    pub prompt_tokens: u32,
    pub output_tokens: u32,
    pub chip: ChipSide,
    pub gpus: Vec<GpuRow>,
    pub left_out: Vec<LeftOut>,
    /// How far the baseline is from published measurements, class by class.
    pub errors: Vec<gpu::Summary>,
    /// The user's own device, as measured.
    pub measured: Option<gpu::MeasuredFit>,
    /// Output tokens a second of all users against users.
    pub against_users: Vec<Curve>,
    /// One user's tokens a second against context.
    pub against_context: Vec<Curve>,
    pub roofline: Roofline,
    /// One user, a full queue, a full queue of long prompts, at the wall.
    pub queues: Vec<Queue>,
}

impl Comparison {
    /// The device that makes most tokens for one user, of those that can be bought.
    pub fn fastest_for_one(&self) -> Option<&GpuRow> {
        self.most(|g| g.single.tokens_per_s.value)
    }

    /// The device that makes most tokens of a full queue, of those that can be bought.
    pub fn fastest_for_a_queue(&self) -> Option<&GpuRow> {
        self.most(|g| g.saturated.tokens_per_s.value)
    }

    /// Speed and cost are told of one device: one without a price is named only where none has one.
    fn most(&self, score: fn(&GpuRow) -> f64) -> Option<&GpuRow> {
        self.gpus.iter().max_by(|a, b| a.priced.cmp(&b.priced).then(score(a).total_cmp(&score(b))))
    }
}

/// A device that cannot hold the model, and why.
#[derive(Serialize)]
pub struct LeftOut {
    pub device: String,
    pub reason: String,
}

/// Compares `subject` with the bundled devices and those of `against`; what a token costs is the books' at `prices`.
///
/// # Errors
/// A device that no entry carries, a shape that no device runs.
pub fn compare(subject: &Subject<'_>, against: &Against, prices: &Assumptions) -> Result<Comparison> {
    let request = subject.request();
    let model = &subject.model;
    let side = chip_side::chip_side(subject, request, prices);
    let bundled = Calibration::bundled()?;
    let mut baselines: Vec<Baseline> = Vec::new();
    baselines.extend(against.measured.iter().map(Fitted::baseline));
    baselines.extend(against.devices.iter().map(|device| Baseline::new(device.clone(), bundled.clone(), true)));
    baselines.extend(Baseline::bundled()?);
    if let Some(only) = &against.only {
        let known: Vec<String> = baselines.iter().map(|b| b.device.name.clone()).collect();
        // What the user measured or described stays in view.
        baselines.retain(|b| b.own || b.device.name.to_lowercase().contains(&only.to_lowercase()));
        if baselines.is_empty() {
            return Err(Error::asked(format!("--gpu {only}"), format!("no device of that name; known: {}", known.join(", "))));
        }
    }
    let (mut gpus, mut left_out, mut holding) = (Vec::new(), Vec::new(), Vec::new());
    for baseline in baselines {
        match row(&baseline, model, request, &side) {
            Ok(row) => {
                gpus.push(row);
                holding.push(baseline);
            }
            Err(error @ GpuError::DoesNotFit { .. }) => {
                left_out.push(LeftOut { device: baseline.device.name.clone(), reason: error.to_string() })
            }
            Err(error) => return Err(Error::asked(format!("device {}", baseline.device.name), error.to_string())),
        }
    }
    let drawn = drawn(&holding);
    Ok(Comparison {
        context: request.context,
        prompt_tokens: request.prompt,
        output_tokens: request.output,
        against_users: curves::against_users(subject, &drawn, request)?,
        against_context: curves::against_context(subject, &drawn)?,
        roofline: curves::roofline(&drawn, model, request, &side)?,
        queues: queues::queues(subject, &drawn, request, prices)?,
        measured: against.measured.as_ref().map(|fitted| fitted.fit.clone()),
        chip: side,
        gpus,
        left_out,
        errors: gpu::validate()?.summaries,
    })
}

/// The user's own device, if any, and [`DRAWN`]; where none of these holds the model, the first that do.
fn drawn(holding: &[Baseline]) -> Vec<&Baseline> {
    let own = holding.iter().filter(|b| b.own).take(1);
    let usual = holding.iter().filter(|b| !b.own && DRAWN.contains(&b.device.name.as_str()));
    let chosen: Vec<&Baseline> = own.chain(usual).collect();
    if chosen.is_empty() { holding.iter().take(DRAWN.len()).collect() } else { chosen }
}
