//! What software achieves of a datasheet: constants with a physical meaning, each of a stack, a format or a kind of memory, never of a row.

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
    /// The same in builds of 2024.
    #[serde(rename = "llama_cuda_2024_layer_us")]
    LlamaCuda2024LayerUs,
    LlamaMetalLayerUs,
    /// Vector operations to unpack one super-block weight, where they bind (Metal), integers and floats in turn.
    LlamaMetalUnpackOps,
    /// Layer times that a layer of experts takes: routing, gathering and three products an expert.
    LlamaExpertLayers,
    LlamaCompute,
    /// Weights read by a batching server.
    ServerBandwidth,
    /// Paged keys and values read by TensorRT-LLM and by vLLM.
    ServerCacheBandwidth,
    VllmCacheBandwidth,
    Float16Compute,
    Fp8Compute,
    Fp4Compute,
    /// 4-bit floats on devices without units for them: unpacked, then multiplied at the 16-bit rate.
    UnpackedFp4Compute,
    AttentionCompute,
    /// MLPerf submissions' dense products over the servers' own.
    MlperfCompute,
    /// Hidden width at which dense products reach half of their rate: narrow matrices fill fewer units.
    DenseHalfWidth,
    /// The same for an expert's inner width.
    ExpertHalfWidth,
    /// Tokens by which an expert's tile is filled up.
    ExpertPadTokens,
    /// Time of one touched expert on one device beyond its bytes; µs.
    ExpertUs,
    /// Greatest share of an expert-parallel step over the mean, less one: routers are uneven.
    ExpertSkew,
    VllmLayerUs,
    /// A layer's block-scaled FP8 activations, on top; µs.
    VllmFp8LayerUs,
    /// A layer's dispatch and combine over each further expert-parallel device; µs.
    VllmExpertParallelUs,
    /// Host time of a sequence in a step: scheduling, sampling, detokenising, answering; µs.
    VllmSequenceUs,
    /// The same of TensorRT-LLM.
    ServerSequenceUs,
    ServerLayerUs,
    /// Device time lost to a request beside its tokens: admission, uneven prompts of a batch, its last tokens alone; µs.
    RequestUs,
    /// Passes over a token's hidden vector a layer: norms, residual, quantising, rotation, gating.
    ActivationPasses,
    /// Time of a step of attention-parallel ranks over a rank's own: all wait for the slowest and for its prompts.
    LockstepFactor,
    /// Mean over 99th percentile of the time of a token under a latency limit.
    LatencySlack,
    /// Prompt of the published chat workload, tokens.
    ChatPromptTokens,
    /// Power while anything runs, whatever it does: clocks, leakage, fabric; share of the power limit.
    StaticPower,
    HbmPjPerBit,
    GddrPjPerBit,
    LpddrPjPerBit,
    /// Power of products at the datasheet's rate; share of the power limit.
    ComputePower,
    /// A server's own power for each of its devices: CPU, links, fans, loss of the supply; W.
    ServerHostW,
    /// A desktop around one card; W.
    DesktopHostW,
}

impl Knob {
    /// Whether the knob is a fraction of a datasheet figure.
    pub fn is_fraction(self) -> bool {
        use Knob::*;
        matches!(
            self,
            LlamaHbmBandwidth
                | LlamaGddrBandwidth
                | LlamaLpddrBandwidth
                | LlamaCompute
                | ServerBandwidth
                | ServerCacheBandwidth
                | VllmCacheBandwidth
                | Float16Compute
                | Fp8Compute
                | Fp4Compute
                | UnpackedFp4Compute
                | AttentionCompute
                | LatencySlack
                | StaticPower
        )
    }

    /// Whether it decides energy and not time.
    pub fn is_power(self) -> bool {
        use Knob::*;
        matches!(self, StaticPower | HbmPjPerBit | GddrPjPerBit | LpddrPjPerBit | ComputePower | ServerHostW | DesktopHostW)
    }
}

/// A knob's value and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    pub value: f64,
    /// What was expected before any row was seen: where a fit starts, and what it is drawn to where rows say little.
    pub prior: f64,
    /// Whether [`super::refit`] fits it.
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
    /// Bandwidth of the key-value cache.
    pub cache_gb_per_s: f64,
    /// Rate of dense weight products of unlimited width, 10^12 operations a second.
    pub linear_tflops: f64,
    /// The same of dense weights kept at 16 bits.
    #[serde(default)]
    pub float16_tflops: f64,
    /// Rate of experts' products of unlimited width.
    #[serde(default)]
    pub expert_tflops: f64,
    /// Rate of attention, 10^12 operations a second.
    pub attention_tflops: f64,
    /// Weights unpacked, 10^9 a second; infinite where unpacking hides behind the bytes.
    pub unpack_gweights_per_s: f64,
    pub layer_us: f64,
    /// A layer of experts, on top.
    #[serde(default)]
    pub expert_layer_us: f64,
    pub step_us: f64,
    #[serde(default)]
    pub dense_half_width: f64,
    #[serde(default)]
    pub expert_half_width: f64,
    #[serde(default)]
    pub expert_pad_tokens: f64,
    #[serde(default)]
    pub expert_us: f64,
    #[serde(default)]
    pub expert_skew: f64,
    #[serde(default)]
    pub expert_parallel_us: f64,
    #[serde(default)]
    pub sequence_us: f64,
    #[serde(default)]
    pub request_us: f64,
    #[serde(default)]
    pub activation_passes: f64,
    /// At least 1.
    pub lockstep: f64,
    pub power: PowerCosts,
}

/// What power a device's work costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PowerCosts {
    pub static_share: f64,
    pub memory_pj_per_bit: f64,
    pub compute_share: f64,
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
            hint: "one table a knob with `value`, `prior`, `fitted` and `source`",
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
        let factor = matches!(knob, Knob::MlperfCompute | Knob::LockstepFactor | Knob::LlamaExpertLayers);
        let ideal = if knob.is_fraction() || factor { 1.0 } else { 0.0 };
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
        let at = |knob| self.value(knob);
        let llama = matches!(stack, Stack::LlamaCpp | Stack::LlamaCpp2024);
        let metal = device.name.starts_with("Apple");
        let bandwidth = match (llama, device.memory_class) {
            (true, MemoryClass::Hbm) => at(Knob::LlamaHbmBandwidth),
            (true, MemoryClass::Gddr) => at(Knob::LlamaGddrBandwidth),
            (true, MemoryClass::Lpddr) => at(Knob::LlamaLpddrBandwidth),
            (false, _) => at(Knob::ServerBandwidth),
        };
        let cache = match stack {
            Stack::LlamaCpp | Stack::LlamaCpp2024 => bandwidth,
            Stack::Vllm => at(Knob::VllmCacheBandwidth),
            Stack::Server | Stack::MlPerf => at(Knob::ServerCacheBandwidth),
        };
        let native = |format| match format {
            WeightFormat::Fp8 if device.fp8_dense_tflops.is_some() => at(Knob::Fp8Compute),
            WeightFormat::Fp4 if device.fp4_dense_tflops.is_some() => at(Knob::Fp4Compute),
            WeightFormat::Fp4 => at(Knob::UnpackedFp4Compute),
            _ => at(Knob::Float16Compute),
        };
        let share = |format| if llama { at(Knob::LlamaCompute) } else { native(format) };
        let tuned = if stack == Stack::MlPerf { at(Knob::MlperfCompute) } else { 1.0 };
        let expert_tflops = device.linear_rate_tflops(format) * share(format);
        // From the M3 on integers and floats issue side by side (Apple, "Explore GPU advancements in M3 and A17 Pro", 2023), and half of
        // unpacking is integers.
        let in_turn = ["Apple M1", "Apple M2"].iter().any(|name| device.name.starts_with(name));
        let unpack_ops = match format {
            WeightFormat::SuperBlock if llama && metal => at(Knob::LlamaMetalUnpackOps) * if in_turn { 1.0 } else { 0.5 },
            _ => 0.0,
        };
        let layer_us = match stack {
            Stack::LlamaCpp | Stack::LlamaCpp2024 if metal => at(Knob::LlamaMetalLayerUs),
            Stack::LlamaCpp => at(Knob::LlamaCudaLayerUs),
            Stack::LlamaCpp2024 => at(Knob::LlamaCuda2024LayerUs),
            Stack::Vllm => at(Knob::VllmLayerUs),
            Stack::Server | Stack::MlPerf => at(Knob::ServerLayerUs),
        };
        let expert_layer_us = match (stack, format) {
            (Stack::LlamaCpp | Stack::LlamaCpp2024, _) => layer_us * (at(Knob::LlamaExpertLayers) - 1.0),
            (Stack::Vllm, WeightFormat::Fp8) => at(Knob::VllmFp8LayerUs),
            _ => 0.0,
        };
        let sequence_us = match stack {
            Stack::LlamaCpp | Stack::LlamaCpp2024 => 0.0,
            Stack::Vllm => at(Knob::VllmSequenceUs),
            Stack::Server | Stack::MlPerf => at(Knob::ServerSequenceUs),
        };
        let served = |knob| if llama { 0.0 } else { at(knob) };
        let vllm = |knob| if stack == Stack::Vllm { at(knob) } else { 0.0 };
        Achieved {
            bandwidth_gb_per_s: device.bandwidth_gb_per_s * bandwidth,
            cache_gb_per_s: device.bandwidth_gb_per_s * cache,
            linear_tflops: expert_tflops * tuned,
            float16_tflops: device.bf16_dense_tflops * share(WeightFormat::Float16) * tuned,
            expert_tflops,
            attention_tflops: device.bf16_dense_tflops * if llama { at(Knob::LlamaCompute) } else { at(Knob::AttentionCompute) },
            unpack_gweights_per_s: device.vector_fp32_tflops * 1e3 / unpack_ops,
            layer_us,
            expert_layer_us,
            step_us: 0.0,
            dense_half_width: served(Knob::DenseHalfWidth),
            expert_half_width: served(Knob::ExpertHalfWidth),
            expert_pad_tokens: served(Knob::ExpertPadTokens),
            expert_us: served(Knob::ExpertUs),
            expert_skew: served(Knob::ExpertSkew),
            expert_parallel_us: vllm(Knob::VllmExpertParallelUs),
            sequence_us,
            request_us: served(Knob::RequestUs),
            activation_passes: served(Knob::ActivationPasses),
            lockstep: if llama { 1.0 } else { at(Knob::LockstepFactor).max(1.0) },
            power: self.power(device.memory_class),
        }
    }

    /// What power the work of a device with such memory costs.
    pub fn power(&self, class: MemoryClass) -> PowerCosts {
        let memory_pj_per_bit = self.value(match class {
            MemoryClass::Hbm => Knob::HbmPjPerBit,
            MemoryClass::Gddr => Knob::GddrPjPerBit,
            MemoryClass::Lpddr => Knob::LpddrPjPerBit,
        });
        PowerCosts { static_share: self.value(Knob::StaticPower), memory_pj_per_bit, compute_share: self.value(Knob::ComputePower) }
    }
}
