//! Published measurements, one row each, with what is needed to predict them.

use serde::{Deserialize, Serialize};

use super::error::GpuError;
use super::shape::{ModelShape, Stack, WeightFormat, Workload};
use super::shape_table::model_shape;

const BUNDLED: &str = include_str!("../../data/gpu_measured.csv");

/// What a row measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// One user.
    Single,
    /// A full queue.
    Serving,
    /// A fixed number of users on one device.
    Batched,
    /// A service whose hardware does not fetch weights from a memory this model knows.
    Service,
}

/// One published measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub class: Class,
    pub device: String,
    pub devices: u32,
    pub model: String,
    pub quant: String,
    /// `llama-cpp`, `server`, `ml-perf` or `vendor`.
    pub stack: String,
    /// Empty where the server chose.
    pub batch: Option<u32>,
    pub prompt_tokens: u32,
    pub output_tokens: u32,
    pub tokens_per_s: f64,
    pub weight_bytes: Option<f64>,
    /// Why the row is shown and not judged; empty where it is judged.
    pub set_aside: String,
    pub source: String,
    pub provenance: String,
    pub note: String,
}

/// The bundled measurements, in a fixed order.
pub fn measured() -> Result<Vec<Measured>, GpuError> {
    let mut reader = csv::Reader::from_reader(BUNDLED.as_bytes());
    let rows: Result<Vec<Measured>, _> = reader.deserialize().collect();
    rows.map_err(|error| GpuError::File { file: "gpu_measured.csv".into(), detail: error.to_string(), hint: "restore the bundled table" })
}

impl Measured {
    /// Whether the source does not name the device.
    pub fn unnamed(&self) -> bool {
        self.device.starts_with("unnamed")
    }

    pub fn stack(&self) -> Stack {
        match self.stack.as_str() {
            "llama-cpp" => Stack::LlamaCpp,
            "ml-perf" => Stack::MlPerf,
            _ => Stack::Server,
        }
    }

    /// The model at the row's bits. Where the file's size is published it decides the bits, scales included.
    pub fn shape(&self) -> Result<ModelShape, GpuError> {
        let shape = model_shape(&self.model)?;
        let (format, nominal_bits) = quant(&self.quant);
        let weight_bits = self.weight_bytes.map_or(nominal_bits, |bytes| bytes * 8.0 / shape.parameters);
        // llama.cpp keeps a 16-bit cache unless told otherwise; TensorRT-LLM's FP8 and FP4 recipes use an FP8 cache.
        let kv_bits = if self.stack() == Stack::LlamaCpp || format == WeightFormat::Float16 { 16.0 } else { 8.0 };
        Ok(shape.quantized(weight_bits, format, kv_bits))
    }

    /// The row as a workload, at the middle of its output.
    pub fn workload(&self) -> Workload {
        Workload::new(self.batch.unwrap_or(u32::MAX), self.prompt_tokens, self.output_tokens).on(self.stack())
    }
}

/// Format and nominal bits a weight of a quantization name. Super-block sizes are overridden by file sizes.
fn quant(name: &str) -> (WeightFormat, f64) {
    match name {
        "F16" | "FP16" => (WeightFormat::Float16, 16.0),
        "FP8" => (WeightFormat::Fp8, 8.0),
        // 4 bits and an 8-bit scale for 16 (NVFP4) or 32 (MXFP4) weights.
        "FP4" => (WeightFormat::Fp4, 4.5),
        "MXFP4" => (WeightFormat::Fp4, 4.25),
        "Q8_0" => (WeightFormat::Block, 8.5),
        "Q4_0" | "4-bit" => (WeightFormat::Block, 4.5),
        _ => (WeightFormat::SuperBlock, 4.85),
    }
}
