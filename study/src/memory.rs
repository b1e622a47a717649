//! What a model takes of memory, and what that lets devices do: weights at several widths, the cache against context, the smallest device that
//! holds it, and tokens a second by bandwidth alone and by the baseline.

use crate::Result;
use crate::compare::{Baseline, ModelShape, ServingMode};
use hardwire_baseline::gpu::{self, GpuError, MemoryClass, Parallel, Stack, WeightFormat, Workload};
use hardwire_netlist::Figure;
use serde::Serialize;

/// Stored bits of a weight that the table has a row for.
const BITS: [f64; 4] = [16.0, 8.0, 4.0, 3.0];
/// Contexts that the cache is told at, as far as the model goes.
const CONTEXTS: [u32; 4] = [1024, 8192, 32_768, 131_072];
/// Context at which devices decode: that of the comparison's requests.
const CONTEXT: u32 = 1500;
/// Devices told in every row: a cheap data-centre card, and the usual one.
const DEVICES: [&str; 2] = ["L40S", "H100 SXM"];

/// The table.
#[derive(Debug, Serialize)]
pub struct Memory {
    /// Weights met by one token; all of them without experts.
    pub active_parameters: f64,
    pub rows: Vec<Row>,
    /// With 16-bit keys and values, one sequence.
    pub cache: Vec<Cache>,
    /// Context at which the rows decode.
    pub context: u32,
}

/// The model at one width.
#[derive(Debug, Serialize)]
pub struct Row {
    pub bits: f64,
    pub weights_gb: f64,
    /// The bundled device of least memory that holds it with one sequence; absent where none does.
    pub smallest_device: Option<String>,
    pub devices: Vec<OnDevice>,
}

/// One user's decode on one device; figures are absent where it does not fit.
#[derive(Debug, Serialize)]
pub struct OnDevice {
    pub device: String,
    pub serving_mode: Option<String>,
    /// Bandwidth over the bytes of a token: no software passes it.
    pub ceiling_tokens_per_s: Option<Figure>,
    pub tokens_per_s: Option<Figure>,
}

#[derive(Debug, Serialize)]
pub struct Cache {
    pub context: u32,
    pub gb: f64,
}

/// The table of `model`.
///
/// # Errors
/// A bundled table that cannot be read, or a shape that means nothing.
pub fn memory(model: &ModelShape) -> Result<Memory> {
    let context = CONTEXT.min(model.context_limit.max(1));
    let mut known = Baseline::bundled()?;
    known.sort_by(|a, b| a.device.memory_gb.total_cmp(&b.device.memory_gb).then(a.device.name.cmp(&b.device.name)));
    let mut rows = Vec::new();
    for bits in BITS {
        let smallest = known.iter().find(|b| matches!(on_device(b, model, bits, context), Ok(Some(_))));
        let mut devices = Vec::new();
        for name in DEVICES {
            let Some(baseline) = known.iter().find(|b| b.device.name == name) else { continue };
            devices.push(match on_device(baseline, model, bits, context)? {
                Some(told) => told,
                None => OnDevice { device: name.into(), serving_mode: None, ceiling_tokens_per_s: None, tokens_per_s: None },
            });
        }
        let weights_gb = model.quantized(bits, WeightFormat::Block, 16.0).weight_bytes() * 1e-9;
        rows.push(Row { bits, weights_gb, smallest_device: smallest.map(|b| b.device.name.clone()), devices });
    }
    let held = model.quantized(16.0, WeightFormat::Float16, 16.0);
    let limit = model.context_limit;
    let mut contexts: Vec<u32> = CONTEXTS.into_iter().filter(|&c| c < limit).chain([limit]).collect();
    contexts.sort_unstable();
    let cache = contexts.into_iter().map(|context| Cache { context, gb: held.kv_bytes(f64::from(context)) * 1e-9 }).collect();
    Ok(Memory { active_parameters: model.active_parameters, rows, cache, context })
}

/// The fastest of llama.cpp and a server at `bits`; nothing where the model does not fit.
fn on_device(baseline: &Baseline, model: &ModelShape, bits: f64, context: u32) -> Result<Option<OnDevice>> {
    let device = &baseline.device;
    let mode = |stack, format, kv_bits| ServingMode { stack, format, weight_bits: bits, kv_bits };
    let mut modes = vec![mode(Stack::LlamaCpp, WeightFormat::Block, 16.0)];
    if device.memory_class != MemoryClass::Lpddr {
        modes.push(match bits {
            16.0 => mode(Stack::Server, WeightFormat::Float16, 16.0),
            8.0 if device.fp8_dense_tflops.is_some() => mode(Stack::Server, WeightFormat::Fp8, 16.0),
            _ => mode(Stack::Server, WeightFormat::Block, 16.0),
        });
    }
    let mut best: Option<OnDevice> = None;
    for mode in modes {
        let workload = Workload { context_tokens: context, ..Workload::new(1, 0, 0) }.on(mode.stack);
        let told = match gpu::decode_with(&baseline.calibration, device, &mode.shape(model), &workload, Parallel::ONE) {
            Ok(told) => told,
            Err(GpuError::DoesNotFit { .. }) => continue,
            Err(other) => return Err(other.into()),
        };
        let speed = told.tokens_per_s_per_user.clone();
        if best.as_ref().and_then(|b| b.tokens_per_s.as_ref()).is_none_or(|b| speed.value > b.value) {
            best = Some(OnDevice {
                device: device.name.clone(),
                serving_mode: Some(mode.name()),
                ceiling_tokens_per_s: Some(told.ceiling_tokens_per_s_per_user.clone()),
                tokens_per_s: Some(speed),
            });
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 27 G weights take 54 GB at 16 bits and 13.5 at 4; an L40S reads 864 GB/s, so 64 tokens/s at most.
    #[test]
    fn a_dense_model_takes_parameters_times_bits_and_no_device_passes_its_bandwidth() {
        let base = gpu::model_shape("Llama-3.1-8B").unwrap();
        let model = ModelShape { parameters: 27e9, active_parameters: 27e9, ..base };
        let told = memory(&model).unwrap();
        let gb: Vec<f64> = told.rows.iter().map(|r| r.weights_gb.round()).collect();
        assert_eq!((gb[0], gb[1]), (54.0, 27.0));
        let l40s = &told.rows[2].devices[0];
        let (ceiling, speed) = (l40s.ceiling_tokens_per_s.as_ref().unwrap().value, l40s.tokens_per_s.as_ref().unwrap().value);
        assert!((55.0..68.0).contains(&ceiling) && speed < ceiling, "{ceiling} {speed}");
        // 54 GB do not fit 48.
        assert!(told.rows[0].devices[0].tokens_per_s.is_none() && told.rows[0].smallest_device.is_some());
        assert!(told.cache.is_sorted_by(|a, b| a.gb < b.gb));
    }
}
