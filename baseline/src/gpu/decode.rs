//! Decode and prefill of one batch on one group of devices.

use crate::{Figure, Provenance};
use serde::Serialize;

use super::calibration::{Achieved, Calibration};
use super::capacity::{Capacity, check_capacity};
use super::device::Device;
use super::error::GpuError;
use super::power::{EnergySplit, Power, power};
use super::shape::{ModelShape, Parallel, Workload};
use super::step::{Bound, StepTimes, StepWork, products_s, step};

/// How fast tokens come once the prompt is read, and what they cost in energy.
#[derive(Clone, Debug, Serialize)]
pub struct DecodeEstimate {
    pub device: String,
    pub model: String,
    pub parallel: Parallel,
    pub workload: Workload,
    /// What one user sees.
    pub tokens_per_s_per_user: Figure,
    /// What all users see together.
    pub tokens_per_s: Figure,
    pub token_latency_ms: Figure,
    /// Bandwidth over the bytes of one token, all devices' memory together: the roof that no software passes.
    pub ceiling_tokens_per_s_per_user: Figure,
    /// Share of the memory bandwidth that the estimate uses.
    pub bandwidth_utilisation: Figure,
    /// Batch from which weight products take longer than reading the weights.
    pub crossover_batch: Figure,
    pub times: StepTimes,
    pub bound: Bound,
    pub work: StepWork,
    pub capacity: Capacity,
    pub power_w: Figure,
    pub capped_by_tdp: bool,
    pub energy: EnergySplit,
    pub j_per_token: Figure,
    pub achieved: Achieved,
}

/// How fast a prompt is read.
#[derive(Clone, Debug, Serialize)]
pub struct PrefillEstimate {
    pub device: String,
    pub model: String,
    pub parallel: Parallel,
    /// Time to first token of a prompt that has the devices to itself, milliseconds.
    pub first_token_ms: Figure,
    pub tokens_per_s: Figure,
    pub times: StepTimes,
    pub bound: Bound,
    pub power_w: Figure,
    pub j_per_token: Figure,
}

/// Decode of `workload.batch` sequences at `workload.context_tokens`, with the program's own calibration.
pub fn decode(device: &Device, model: &ModelShape, workload: &Workload, parallel: Parallel) -> Result<DecodeEstimate, GpuError> {
    decode_with(&Calibration::bundled()?, device, model, workload, parallel)
}

/// [`decode`] with a calibration of the caller's.
pub fn decode_with(
    calibration: &Calibration,
    device: &Device,
    model: &ModelShape,
    workload: &Workload,
    parallel: Parallel,
) -> Result<DecodeEstimate, GpuError> {
    let achieved = calibration.achieved(device, workload.stack, model.weight_format);
    decode_achieved(&achieved, device, model, workload, parallel)
}

/// [`decode`] with what the device achieves given outright, as [`super::fit_measured`] finds it.
pub fn decode_achieved(
    achieved: &Achieved,
    device: &Device,
    model: &ModelShape,
    workload: &Workload,
    parallel: Parallel,
) -> Result<DecodeEstimate, GpuError> {
    check(device, model, workload, parallel)?;
    let capacity = check_capacity(device, model, workload, parallel)?;
    let batch = f64::from(workload.batch);
    let stages = f64::from(parallel.pipeline);
    let context = f64::from(workload.context_tokens);
    // Stages work on one microbatch each; a batch smaller than the pipeline leaves stages empty.
    let micro = (batch / stages).max(1.0);
    let (times, work) = step(device, achieved, model, parallel, micro, 1.0, context);
    let latency_s = times.total_s();
    let all_tokens_per_s = batch / latency_s;
    // In one latency every stage has served its microbatches: the work of `batch` tokens.
    let micros = (batch / micro).max(1.0);
    let all_work = StepWork {
        weight_bytes: work.weight_bytes * micros,
        cache_bytes: work.cache_bytes * micros,
        linear_flops: work.linear_flops * micros,
        attention_flops: work.attention_flops * micros,
    };
    let Power { power_w, capped_by_tdp, energy } =
        power(&achieved.power, device, model.weight_format, parallel.devices(), &all_work, latency_s, batch);
    let token_bytes = model.step_weight_bytes(1.0) + model.kv_bytes(context);
    let roof = device.ceiling_tokens_per_s(token_bytes) * f64::from(parallel.tensor);
    let moved = (all_work.weight_bytes + all_work.cache_bytes) / latency_s;
    let offered = device.bandwidth_gb_per_s * 1e9 * f64::from(parallel.devices());
    let estimated = |value, unit, source: &str| Figure::new(value, unit, Provenance::Estimated, source);
    Ok(DecodeEstimate {
        device: device.name.clone(),
        model: model.name.clone(),
        parallel,
        workload: *workload,
        tokens_per_s_per_user: estimated(1.0 / latency_s, "tokens/s", MODEL),
        tokens_per_s: estimated(all_tokens_per_s, "tokens/s", MODEL),
        token_latency_ms: estimated(latency_s * 1e3, "ms", MODEL),
        ceiling_tokens_per_s_per_user: estimated(roof, "tokens/s", "datasheet bandwidth / bytes of one token"),
        bandwidth_utilisation: estimated(moved / offered, "fraction", MODEL),
        crossover_batch: estimated(crossover_batch(achieved, model), "sequences", CROSSOVER),
        bound: times.bound(),
        times,
        work: all_work,
        capacity,
        power_w: estimated(power_w, "W", POWER),
        capped_by_tdp,
        j_per_token: estimated(energy.total_j_per_token(), "J/token", POWER),
        energy,
        achieved: *achieved,
    })
}

/// Prefill of one prompt of `workload.prompt_tokens`, with the program's own calibration.
pub fn prefill(device: &Device, model: &ModelShape, workload: &Workload, parallel: Parallel) -> Result<PrefillEstimate, GpuError> {
    let achieved = Calibration::bundled()?.achieved(device, workload.stack, model.weight_format);
    prefill_achieved(&achieved, device, model, workload, parallel)
}

/// [`prefill`] with what the device achieves given outright.
pub fn prefill_achieved(
    achieved: &Achieved,
    device: &Device,
    model: &ModelShape,
    workload: &Workload,
    parallel: Parallel,
) -> Result<PrefillEstimate, GpuError> {
    check(device, model, workload, parallel)?;
    super::error::positive("workload", "prompt_tokens", f64::from(workload.prompt_tokens))?;
    let one = Workload { batch: 1, context_tokens: workload.prompt_tokens, ..*workload };
    check_capacity(device, model, &one, parallel)?;
    let prompt = f64::from(workload.prompt_tokens);
    let (times, work) = step(device, achieved, model, parallel, 1.0, prompt, 0.0);
    let seconds = times.total_s();
    let load = power(&achieved.power, device, model.weight_format, parallel.devices(), &work, seconds, prompt);
    let estimated = |value, unit, source: &str| Figure::new(value, unit, Provenance::Estimated, source);
    Ok(PrefillEstimate {
        device: device.name.clone(),
        model: model.name.clone(),
        parallel,
        first_token_ms: estimated(seconds * 1e3, "ms", MODEL),
        tokens_per_s: estimated(prompt / seconds, "tokens/s", MODEL),
        bound: times.bound(),
        times,
        power_w: estimated(load.power_w, "W", POWER),
        j_per_token: estimated(load.energy.total_j_per_token(), "J/token", POWER),
    })
}

/// Batch at which the weight products of a step take as long as reading its weights:
/// `(weight bytes / bandwidth) / (operations a token / rate)`. Decode below it is bound by memory; prefill, whose batch
/// is the prompt, is nearly always above it. Without experts it does not depend on the model's size.
pub fn crossover_batch(achieved: &Achieved, model: &ModelShape) -> f64 {
    let read_s = |tokens| model.step_weight_bytes(tokens) / (achieved.bandwidth_gb_per_s * 1e9);
    let token_s = products_s(achieved, model, Parallel::ONE, 1.0);
    // With experts more tokens touch more weights; the smallest fixed point is found by going up to it.
    let mut batch = read_s(1.0) / token_s;
    for _ in 0..1000 {
        let next = read_s(batch) / token_s;
        if (next - batch).abs() <= 1e-9 * batch {
            break;
        }
        batch = next;
    }
    batch
}

pub(super) const MODEL: &str = "gpu baseline: per-operator roofline with fitted fractions (docs/baseline.md)";
pub(super) const POWER: &str = "gpu baseline: static + energy a byte + energy an operation (docs/baseline.md)";
const CROSSOVER: &str = "gpu baseline: time to read the weights / time to multiply one token";

fn check(device: &Device, model: &ModelShape, workload: &Workload, parallel: Parallel) -> Result<(), GpuError> {
    device.check()?;
    model.check()?;
    workload.check(model)?;
    parallel.check(model)
}
