//! One published row, predicted: what a device and a split that its source names would do.

use super::calibration::{Calibration, Knob};
use super::decode::decode_with;
use super::device::{Device, find_in};
use super::error::GpuError;
use super::measured::{Class, Measured};
use super::power::wall;
use super::serve::{serve, serve_split};
use super::shape::{ModelShape, Parallel, Stack, Workload};

/// Names that sources use beside the table's.
const OTHER_NAMES: [(&str, &str); 1] = [("Vera Rubin", "Rubin VR200")];

/// 2^30 / 10^9.
const GIB_PER_GB: f64 = 1.073_741_824;

/// What predicting a row needs that no trial value changes.
pub(super) struct Case {
    device: Device,
    model: ModelShape,
}

/// A row, predicted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prediction {
    pub tokens_per_s: f64,
    /// Between two tokens of a sequence, no prompt in between.
    pub token_latency_ms: f64,
    /// All devices together.
    pub devices_w: f64,
    pub wall_w: f64,
}

/// The table's device of a source's name: memory sizes and remarks after it do not count.
fn device_of(known: &[Device], name: &str) -> Result<Device, GpuError> {
    if let Ok(found) = find_in(known, name) {
        return Ok(found);
    }
    let other = OTHER_NAMES.iter().find(|(theirs, _)| name.starts_with(theirs)).map(|(_, ours)| (*ours).to_owned());
    let remark = |word: &&str| word.starts_with('(') || word.ends_with("GB") || word.starts_with("HBM");
    let bare = || name.split_whitespace().take_while(|word| !remark(word)).collect::<Vec<_>>().join(" ");
    find_in(known, &other.unwrap_or_else(bare))
        .map_err(|_| GpuError::UnknownDevice { name: name.into(), known: "those of `hardwire baseline devices`".into() })
}

impl Case {
    /// What is known of a row's device and model.
    pub fn of(known: &[Device], row: &Measured) -> Result<Case, GpuError> {
        let (device, mut model) = (device_of(known, &row.device)?, row.shape()?);
        // TensorRT-LLM's runs of gpt-oss on Hopper keep the cache at the model's 16 bits (perf-overview.md @03e27c7: "Hopper: use auto").
        if row.source.contains("TensorRT-LLM") && model.dense_bits > 0.0 && device.fp4_dense_tflops.is_none() {
            model.kv_bits = 16.0;
        }
        Ok(Case { device, model })
    }

    /// Speed, latency and power of the row.
    pub fn predict(&self, calibration: &Calibration, row: &Measured) -> Result<Prediction, GpuError> {
        let workload = row.workload(calibration.value(Knob::ChatPromptTokens));
        let split = row.parallel.filter(|split| row.devices.is_multiple_of(split.devices()));
        let (tokens_per_s, token_latency_ms, devices_w) = match row.class {
            Class::Single => {
                let llama = matches!(row.stack(), Stack::LlamaCpp | Stack::LlamaCpp2024);
                let memory_fraction = if llama { 1.0 } else { workload.memory_fraction };
                let parallel = split.unwrap_or(Parallel::tensor(row.devices));
                // Vendors' gigabytes of memory are 2^30 bytes; who runs one user fills it.
                let memory_gb = self.device.memory_gb * if llama { GIB_PER_GB } else { 1.0 };
                let device = Device { memory_gb, ..self.device.clone() };
                let one = decode_with(calibration, &device, &self.model, &Workload { memory_fraction, ..workload }, parallel)?;
                (one.tokens_per_s.value, one.token_latency_ms.value, one.power_w.value)
            }
            _ => {
                let limit_ms = row.latency_limit_ms.map(|limit| limit * calibration.value(Knob::LatencySlack));
                let served = |workload: &Workload, limit_ms| match split {
                    Some(split) => {
                        let replicas = row.devices / split.devices();
                        serve_split(calibration, &self.device, &self.model, workload, split, replicas, limit_ms)
                    }
                    None => serve(calibration, &self.device, &self.model, workload, row.devices, limit_ms),
                };
                let found = match served(&workload, limit_ms) {
                    // It was served all the same: one sequence at a time then.
                    Err(GpuError::TooSlow { .. }) => served(&Workload { batch: 1, ..workload }, None),
                    found => found,
                }?;
                (found.tokens_per_s.value, found.step_times.total_s() * 1e3, found.power_w.value)
            }
        };
        let wall_w = wall(calibration, &self.device, row.devices, devices_w).total_w();
        Ok(Prediction { tokens_per_s, token_latency_ms, devices_w, wall_w })
    }
}
