//! A user's own GPU: llama-bench's JSON (`llama-bench -o json`) in, what the device achieves out.
//!
//! Token generation is taken as `seconds = bytes / bandwidth + fixed`: with models of two sizes or more both are found by
//! least squares; with one size the fixed time is that of the bundled calibration (where the model's shape is known) or
//! counted into the bandwidth. Prompt rows give the matrix rate.

use crate::{Figure, Provenance};
use serde::{Deserialize, Serialize};

use super::calibration::{Achieved, Calibration};
use super::device::{Device, MemoryClass, devices, find_in};
use super::error::GpuError;
use super::shape::{ModelShape, Stack, WeightFormat};

/// One row of llama-bench. Fields it has beyond these are not needed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenchRow {
    #[serde(default)]
    pub gpu_info: String,
    #[serde(default)]
    pub model_type: String,
    /// Bytes of all tensors.
    pub model_size: f64,
    pub model_n_params: f64,
    pub n_prompt: u32,
    pub n_gen: u32,
    /// Tokens cached before the test.
    #[serde(default)]
    pub n_depth: u32,
    /// Mean tokens a second.
    pub avg_ts: f64,
}

/// A row of token generation and what the fit makes of it.
#[derive(Clone, Debug, Serialize)]
pub struct FittedRow {
    pub row: BenchRow,
    pub predicted_tokens_per_s: f64,
    /// `predicted / measured − 1`.
    pub error: f64,
}

/// A device as its owner measured it.
#[derive(Clone, Debug, Serialize)]
pub struct MeasuredFit {
    pub gpu_info: String,
    pub device: Device,
    pub bandwidth_gb_per_s: Figure,
    /// Of the datasheet's bandwidth. Above 1, the device or its datasheet entry is another than assumed.
    pub bandwidth_fraction: Figure,
    pub fixed_us_per_token: Figure,
    /// Rate of prompt reading; absent without prompt rows.
    pub prompt_tflops: Option<Figure>,
    /// For [`super::decode_achieved`].
    pub achieved: Achieved,
    pub rows: Vec<FittedRow>,
    pub mape_percent: f64,
}

/// Names drivers report, beside the table's names that they do not contain.
const DRIVER_NAMES: [(&str, &str); 9] = [
    ("H100 80GB HBM3", "H100 SXM"),
    ("H200", "H200 SXM"),
    ("B200", "B200 SXM"),
    ("A100-SXM4-80GB", "A100 80GB SXM"),
    ("A100-SXM4-40GB", "A100 40GB"),
    ("A100-PCIE-40GB", "A100 40GB"),
    ("RTX 6000 Ada", "RTX 6000 Ada"),
    ("V100-SXM2", "V100 SXM2"),
    ("V100S-PCIE", "V100S PCIe"),
];

/// Fits a device to llama-bench's JSON, an array of row objects. `device` overrides what the driver's name suggests;
/// `model`, the shape of the measured model, supplies the cache's bytes and the layers of the fixed time. `file` is only
/// named in errors.
pub fn fit_measured(json: &str, file: &str, device: Option<&Device>, model: Option<&ModelShape>) -> Result<MeasuredFit, GpuError> {
    let rows: Vec<BenchRow> = serde_json::from_str(json).map_err(|error| GpuError::File {
        file: file.into(),
        detail: error.to_string(),
        hint: "make it with `llama-bench -o json`",
    })?;
    for (index, row) in rows.iter().enumerate() {
        for (field, value) in [("model_size", row.model_size), ("model_n_params", row.model_n_params), ("avg_ts", row.avg_ts)] {
            if !(value.is_finite() && value > 0.0) {
                return Err(GpuError::Row {
                    file: file.into(),
                    row: index + 1,
                    field: field.into(),
                    value: value.to_string(),
                    expected: "a finite number above 0",
                });
            }
        }
    }
    let generated: Vec<&BenchRow> = rows.iter().filter(|row| row.n_gen > 0 && row.n_prompt == 0).collect();
    let Some(first) = generated.first() else {
        return Err(GpuError::TooFewRows { file: file.into(), have: 0, need: 1 });
    };
    let device = match device {
        Some(device) => device.clone(),
        None => device_of(&first.gpu_info)?,
    };
    let calibration = Calibration::bundled()?;
    let format = model.map_or(WeightFormat::Block, |model| model.weight_format);
    let nominal = calibration.achieved(&device, Stack::LlamaCpp, format);

    let points: Vec<(f64, f64)> = generated.iter().map(|row| (token_bytes(row, model), 1.0 / row.avg_ts)).collect();
    let assumed_s = model.map_or(0.0, |model| f64::from(model.layers) * nominal.layer_us * 1e-6);
    let (bytes_per_s, fixed_s) = line(&points).unwrap_or_else(|| proportion(&points, assumed_s));
    let prompts: Vec<f64> =
        (rows.iter().filter(|row| row.n_prompt > 0 && row.n_gen == 0)).map(|row| row.avg_ts * 2.0 * row.model_n_params * 1e-12).collect();
    let prompt_tflops = prompts.iter().copied().reduce(f64::max);

    let fitted: Vec<FittedRow> = (generated.iter().zip(&points))
        .map(|(row, (bytes, _))| {
            let predicted_tokens_per_s = 1.0 / (bytes / bytes_per_s + fixed_s);
            let error = predicted_tokens_per_s / row.avg_ts - 1.0;
            FittedRow { row: (*row).clone(), predicted_tokens_per_s, error }
        })
        .collect();
    let mape_percent = fitted.iter().map(|row| row.error.abs() * 100.0).sum::<f64>() / fitted.len() as f64;
    let measured = |value, unit| Figure::new(value, unit, Provenance::Measured, format!("llama-bench, {file}"));
    let fraction = bytes_per_s * 1e-9 / device.bandwidth_gb_per_s;
    Ok(MeasuredFit {
        gpu_info: first.gpu_info.clone(),
        bandwidth_gb_per_s: measured(bytes_per_s * 1e-9, "GB/s"),
        bandwidth_fraction: measured(fraction, "fraction"),
        fixed_us_per_token: measured(fixed_s * 1e6, "us/token"),
        prompt_tflops: prompt_tflops.map(|value| measured(value, "TFLOPS")),
        achieved: Achieved {
            bandwidth_gb_per_s: bytes_per_s * 1e-9,
            cache_gb_per_s: bytes_per_s * 1e-9,
            linear_tflops: prompt_tflops.unwrap_or(nominal.linear_tflops),
            attention_tflops: prompt_tflops.unwrap_or(nominal.attention_tflops),
            layer_us: 0.0,
            expert_layer_us: 0.0,
            step_us: fixed_s * 1e6,
            ..nominal
        },
        rows: fitted,
        mape_percent,
        device,
    })
}

/// Bytes one generated token reads: the file without its lookup table, and the cache where the shape is known.
fn token_bytes(row: &BenchRow, model: Option<&ModelShape>) -> f64 {
    let Some(model) = model else { return row.model_size };
    let weights = row.model_size * (1.0 - model.lookup_parameters() / model.parameters);
    weights + model.kv_bytes(f64::from(row.n_depth) + f64::from(row.n_gen) / 2.0)
}

/// Least squares through points of (bytes, seconds): bytes a second and fixed seconds. Absent where the sizes lie within
/// a fifth of each other, or the line has no physical sense.
fn line(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let count = points.len() as f64;
    let (mean_x, mean_y) = points.iter().fold((0.0, 0.0), |(x, y), p| (x + p.0 / count, y + p.1 / count));
    let least = points.iter().map(|p| p.0).fold(f64::INFINITY, f64::min);
    let most = points.iter().map(|p| p.0).fold(0.0, f64::max);
    if most < 1.2 * least {
        return None;
    }
    let (xx, xy) = points.iter().fold((0.0, 0.0), |(xx, xy), p| {
        let dx = p.0 - mean_x;
        (xx + dx * dx, xy + dx * (p.1 - mean_y))
    });
    let slope = xy / xx;
    let fixed_s = mean_y - slope * mean_x;
    (slope > 0.0 && fixed_s >= 0.0).then_some((1.0 / slope, fixed_s))
}

/// Bandwidth where the fixed time is given, halved until it leaves time for bytes.
fn proportion(points: &[(f64, f64)], assumed_s: f64) -> (f64, f64) {
    let shortest = points.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
    let fixed_s = if assumed_s < shortest { assumed_s } else { shortest / 2.0 };
    let rates = points.iter().map(|(bytes, seconds)| bytes / (seconds - fixed_s));
    (rates.sum::<f64>() / points.len() as f64, fixed_s)
}

/// The table's device that a driver's name stands for.
fn device_of(gpu_info: &str) -> Result<Device, GpuError> {
    let known = devices()?;
    let listed = DRIVER_NAMES.iter().find(|(driver, _)| gpu_info.contains(driver)).map(|(_, name)| *name);
    let contained = || {
        let in_info = |d: &&Device| gpu_info.to_lowercase().contains(&d.name.to_lowercase());
        known.iter().filter(in_info).max_by_key(|d| d.name.len()).map(|d| d.name.as_str())
    };
    // Apple's drivers leave out the core count that the table's names end in: "Apple M2 Ultra".
    let apple = || {
        let of = |d: &&Device| d.memory_class == MemoryClass::Lpddr && d.name.starts_with(gpu_info.trim());
        (!gpu_info.trim().is_empty()).then(|| known.iter().find(of).map(|d| d.name.as_str())).flatten()
    };
    let name = listed.or_else(contained).or_else(apple).unwrap_or(gpu_info);
    find_in(&known, name)
}
