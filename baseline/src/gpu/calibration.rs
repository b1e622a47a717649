//! What software achieves of a datasheet: a few knobs a stack and memory class, never one a row.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::device::{Device, MemoryClass};
use super::error::{GpuError, fraction, not_negative};
use super::shape::{Stack, WeightFormat};

const BUNDLED: &str = include_str!("../../data/gpu_calibration.toml");

/// One physical parameter of the baseline. `*_bandwidth` and `*_compute` are fractions of the datasheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Knob {
    LlamaHbmBandwidth,
    LlamaGddrBandwidth,
    LlamaLpddrBandwidth,
    /// Time of one layer's kernels beyond their bytes: launches, small operations, tails; µs.
    LlamaCudaLayerUs,
    LlamaMetalLayerUs,
    /// Vector operations to unpack one super-block weight, where they bind (Metal).
    LlamaMetalUnpackOps,
    LlamaCompute,
    ServerBandwidth,
    ServerFp8Compute,
    ServerFp4Compute,
    /// Time of a step outside its layers; µs.
    ServerStepUs,
    ServerLayerUs,
    MlperfFp8Compute,
    MlperfFp4Compute,
}

impl Knob {
    /// Whether the knob is a fraction of a datasheet figure.
    pub fn is_fraction(self) -> bool {
        !matches!(
            self,
            Self::LlamaCudaLayerUs | Self::LlamaMetalLayerUs | Self::LlamaMetalUnpackOps | Self::ServerStepUs | Self::ServerLayerUs
        )
    }
}

/// A knob's value and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    pub value: f64,
    /// Whether [`super::validate`] fits it.
    pub fitted: bool,
    pub source: String,
}

/// All knobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Calibration {
    settings: BTreeMap<Knob, Setting>,
}

/// What one device achieves with one stack and weight format.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Achieved {
    pub bandwidth_gb_per_s: f64,
    /// Rate of weight products, 10^12 operations a second.
    pub linear_tflops: f64,
    /// Rate of attention, 10^12 operations a second.
    pub attention_tflops: f64,
    /// Weights unpacked, 10^9 a second; infinite where unpacking hides behind the bytes.
    pub unpack_gweights_per_s: f64,
    pub layer_us: f64,
    pub step_us: f64,
}

impl Calibration {
    /// The program's own calibration.
    pub fn bundled() -> Result<Self, GpuError> {
        Self::parse(BUNDLED, "gpu_calibration.toml")
    }

    /// A calibration in TOML, one table a knob; `file` is only named in errors.
    pub fn parse(text: &str, file: &str) -> Result<Self, GpuError> {
        let calibration: Self = toml::from_str(text).map_err(|error| GpuError::File {
            file: file.into(),
            detail: error.to_string(),
            hint: "one table a knob with `value`, `fitted` and `source`",
        })?;
        for (knob, setting) in &calibration.settings {
            calibration.check(*knob, setting.value)?;
        }
        Ok(calibration)
    }

    fn check(&self, knob: Knob, value: f64) -> Result<(), GpuError> {
        let owner = format!("calibration {knob:?}");
        if knob.is_fraction() { fraction(&owner, "value", value) } else { not_negative(&owner, "value", value) }
    }

    /// A knob's value; a knob that the file leaves out has its ideal value (all of the datasheet, no time lost).
    pub fn value(&self, knob: Knob) -> f64 {
        let ideal = if knob.is_fraction() { 1.0 } else { 0.0 };
        self.settings.get(&knob).map_or(ideal, |setting| setting.value)
    }

    /// Every knob with its setting.
    pub fn settings(&self) -> &BTreeMap<Knob, Setting> {
        &self.settings
    }

    /// The same with one knob turned.
    pub fn with(&self, knob: Knob, value: f64) -> Self {
        let mut turned = self.clone();
        if let Some(setting) = turned.settings.get_mut(&knob) {
            setting.value = value;
        }
        turned
    }

    /// What `device` achieves with `stack` on weights in `format`.
    pub fn achieved(&self, device: &Device, stack: Stack, format: WeightFormat) -> Achieved {
        let metal = device.memory_class == MemoryClass::Lpddr;
        let at = |knob| self.value(knob);
        let bandwidth = match (stack, device.memory_class) {
            (Stack::LlamaCpp, MemoryClass::Hbm) => at(Knob::LlamaHbmBandwidth),
            (Stack::LlamaCpp, MemoryClass::Gddr) => at(Knob::LlamaGddrBandwidth),
            (Stack::LlamaCpp, MemoryClass::Lpddr) => at(Knob::LlamaLpddrBandwidth),
            (Stack::Server | Stack::MlPerf, _) => at(Knob::ServerBandwidth),
        };
        let native_fp4 = format == WeightFormat::Fp4 && device.fp4_dense_tflops.is_some();
        let compute = match stack {
            Stack::LlamaCpp => at(Knob::LlamaCompute),
            Stack::Server if native_fp4 => at(Knob::ServerFp4Compute),
            Stack::Server => at(Knob::ServerFp8Compute),
            Stack::MlPerf if native_fp4 => at(Knob::MlperfFp4Compute),
            Stack::MlPerf => at(Knob::MlperfFp8Compute),
        };
        let unpack_ops = match (stack, format) {
            (Stack::LlamaCpp, WeightFormat::SuperBlock) if metal => at(Knob::LlamaMetalUnpackOps),
            _ => 0.0,
        };
        Achieved {
            bandwidth_gb_per_s: device.bandwidth_gb_per_s * bandwidth,
            linear_tflops: device.linear_rate_tflops(format) * compute,
            attention_tflops: device.bf16_dense_tflops * compute,
            unpack_gweights_per_s: device.vector_fp32_tflops * 1e3 / unpack_ops,
            layer_us: match stack {
                Stack::LlamaCpp if metal => at(Knob::LlamaMetalLayerUs),
                Stack::LlamaCpp => at(Knob::LlamaCudaLayerUs),
                Stack::Server | Stack::MlPerf => at(Knob::ServerLayerUs),
            },
            step_us: match stack {
                Stack::LlamaCpp => 0.0,
                Stack::Server | Stack::MlPerf => at(Knob::ServerStepUs),
            },
        }
    }
}
