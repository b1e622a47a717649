//! Saturated serving: requests queue, every slot is always taken, prompts are read between the tokens of others.
//!
//! With `B` sequences resident at their mean context `prompt + output / 2` (paged cache), one request costs `output`
//! shares of a step and one prompt:
//!
//! ```text
//! tokens/s = B · output / (output · step(B) + B · prompt time)
//! ```
//!
//! Prompts ride along with decode steps (in-flight batching), so they cost their operations and messages; the weights
//! they need are being read anyway.
//!
//! A published run ends: of `N` requests queued at once the last `N mod B` are served alone, by a batch that costs nearly as much. Where the source
//! says `N`, the run is that of its waves.
//!
//! A server that never evicts admits a request only where its whole length fits (TensorRT-LLM's default policy, `GUARANTEED_NO_EVICT`),
//! so memory bounds `B` by the full length there, and by the mean context on servers that evict (vLLM, MLPerf submissions).

use crate::{Figure, Provenance};
use serde::Serialize;

use super::calibration::{Achieved, Calibration};
use super::capacity::capacity;
use super::decode::{MODEL, POWER};
use super::device::Device;
use super::error::{GpuError, positive};
use super::power::{EnergySplit, power};
use super::shape::{ModelShape, Parallel, Workload};
use super::step::{Bound, StepTimes, StepWork, step};

/// Most sequences a server runs at once: the default `max_batch_size` of TensorRT-LLM (recall).
pub const SERVER_MAX_BATCH: u32 = 2048;

/// Tokens of prompts that a server reads in one step: the default `max_num_tokens` of TensorRT-LLM and `max_num_batched_tokens` of vLLM on data-centre
/// devices (recall).
const STEP_TOKENS: f64 = 8192.0;

/// A group of devices under a full queue.
#[derive(Clone, Debug, Serialize)]
pub struct ServeEstimate {
    pub device: String,
    pub model: String,
    /// All devices; `replicas` groups, each split as `parallel` says.
    pub devices: u32,
    pub replicas: u32,
    pub parallel: Parallel,
    /// Sequences resident in each group.
    pub batch: u32,
    /// Output tokens of all users together.
    pub tokens_per_s: Figure,
    /// What one of the users sees, prompts of others in between.
    pub tokens_per_s_per_user: Figure,
    pub token_latency_ms: Figure,
    pub step_times: StepTimes,
    /// Time of one prompt between the steps, seconds.
    pub prompt_s: f64,
    pub bound: Bound,
    pub power_w: Figure,
    pub capped_by_tdp: bool,
    pub energy: EnergySplit,
    pub j_per_token: Figure,
}

/// The best tokens/s of `devices` devices over the splits that fit, with no token later than `max_token_latency_ms`.
///
/// `workload.batch` is an upper bound on the sequences of one group; [`SERVER_MAX_BATCH`] is another.
pub fn serve(
    calibration: &Calibration,
    device: &Device,
    model: &ModelShape,
    workload: &Workload,
    devices: u32,
    max_token_latency_ms: Option<f64>,
) -> Result<ServeEstimate, GpuError> {
    let achieved = checked(calibration, device, model, workload, devices, max_token_latency_ms)?;
    let powers = (0..8).map(|power| 1 << power).filter(|ways| devices.is_multiple_of(*ways));
    let splits = powers.flat_map(|ways| {
        let spread = model.experts > 0 && ways > 1;
        let whole = if spread { Parallel::experts(ways) } else { Parallel::tensor(ways) };
        [Some(whole), spread.then(|| Parallel::data(ways))].into_iter().flatten()
    });
    let mut best: Result<ServeEstimate, _> = Err(GpuError::Split { model: model.name.clone(), what: "devices", have: devices, ways: 1 });
    for split in splits {
        let found = group(&achieved, device, model, workload, split, devices / split.devices(), max_token_latency_ms);
        best = match (best, found) {
            (Ok(best), Ok(found)) if found.tokens_per_s.value <= best.tokens_per_s.value => Ok(best),
            (Ok(best), Err(_)) => Ok(best),
            // A model with fewer heads than devices says less than why it did not fit on fewer.
            (Err(best), Err(GpuError::Split { .. })) if split.devices() > 1 => Err(best),
            (_, found) => found,
        };
    }
    best
}

/// [`serve`] with the split given: as many groups of `parallel` as `devices` hold.
pub fn serve_split(
    calibration: &Calibration,
    device: &Device,
    model: &ModelShape,
    workload: &Workload,
    parallel: Parallel,
    replicas: u32,
    max_token_latency_ms: Option<f64>,
) -> Result<ServeEstimate, GpuError> {
    let achieved = checked(calibration, device, model, workload, replicas, max_token_latency_ms)?;
    group(&achieved, device, model, workload, parallel, replicas, max_token_latency_ms)
}

/// Refuses what nobody can serve; what the device achieves otherwise.
pub(super) fn checked(
    calibration: &Calibration,
    device: &Device,
    model: &ModelShape,
    workload: &Workload,
    devices: u32,
    max_token_latency_ms: Option<f64>,
) -> Result<Achieved, GpuError> {
    device.check()?;
    model.check()?;
    workload.check(model)?;
    positive("workload", "output_tokens", f64::from(workload.output_tokens))?;
    positive("serve", "devices", f64::from(devices))?;
    if let Some(target) = max_token_latency_ms {
        positive("serve", "max_token_latency_ms", target)?;
    }
    Ok(calibration.achieved(device, workload.stack, model.weight_format))
}

/// Time of one prompt between the steps of others, and its work.
pub(super) fn prompt_between(
    achieved: &Achieved,
    device: &Device,
    model: &ModelShape,
    workload: &Workload,
    parallel: Parallel,
) -> (f64, StepWork) {
    let prompt = f64::from(workload.prompt_tokens);
    if workload.prompt_tokens == 0 {
        return (achieved.request_us * 1e-6, StepWork::default());
    }
    // Short prompts are read several at a time; what each adds is its share of them.
    let together = (STEP_TOKENS / prompt).max(1.0);
    let (times, _) = step(device, achieved, model, parallel, together, prompt, 0.0);
    let (_, work) = step(device, achieved, model, parallel, 1.0, prompt, 0.0);
    (times.added_s() / together + achieved.request_us * 1e-6, work)
}

fn group(
    achieved: &Achieved,
    device: &Device,
    model: &ModelShape,
    workload: &Workload,
    parallel: Parallel,
    replicas: u32,
    max_token_latency_ms: Option<f64>,
) -> Result<ServeEstimate, GpuError> {
    parallel.check(model)?;
    let (prompt, output) = (f64::from(workload.prompt_tokens), f64::from(workload.output_tokens));
    let context = prompt + output / 2.0;
    let resident = workload.reserved();
    let room = capacity(device, model, &resident, parallel).max_batch;
    let most = room.min(workload.batch).min(SERVER_MAX_BATCH.saturating_mul(parallel.data));
    if most == 0 {
        // Reuses the refusal of decode, which says how many devices would do.
        super::capacity::check_capacity(device, model, &Workload { batch: 1, ..resident }, parallel)?;
    }
    let (prompt_s, prompt_work) = prompt_between(achieved, device, model, workload, parallel);
    // Stages work on one microbatch each; a batch smaller than the pipeline leaves stages empty.
    let stages = f64::from(parallel.pipeline);
    let at = |batch: u32| {
        let micro = (f64::from(batch) / stages).max(1.0);
        let (times, work) = step(device, achieved, model, parallel, micro, 1.0, context);
        let latency_s = times.total_s() + micro * prompt_s / output;
        (times, work, latency_s)
    };
    let batch = match max_token_latency_ms {
        Some(target_ms) => {
            let within = |batch: u32| at(batch).2 * 1e3 <= target_ms;
            if !within(1) {
                return Err(GpuError::TooSlow { device: device.name.clone(), fastest_ms: at(1).2 * 1e3, target_ms });
            }
            largest(most, within)
        }
        None => most,
    };
    // A run that ends goes in waves: requests that are alike, queued at once, end together, and the last wave may be a small one.
    let waves = waves(batch, workload.requests.map(|all| all.div_ceil(replicas)));
    let batch = waves[0].0;
    let (times, work, latency_s) = at(batch);
    // Waves over the run's tokens, each as long as its batch makes its steps: the mean time that a batch of this size takes for its tokens.
    let served: f64 = waves.iter().map(|&(batch, waves)| f64::from(batch) * waves).sum();
    let run_s: f64 = waves.iter().map(|&(batch, waves)| at(batch).2 * waves).sum();
    let mean_s = run_s / served * f64::from(batch);
    let sequences = f64::from(batch);
    let groups = f64::from(replicas);
    // In one latency every stage has served its microbatches.
    let passes = (sequences / (sequences / stages).max(1.0)) * groups;
    // The share of prompts that one step carries: each sequence brings one prompt in `output` steps.
    let prompts = sequences / output;
    let all = StepWork {
        weight_bytes: work.weight_bytes * passes,
        cache_bytes: work.cache_bytes * passes,
        linear_flops: work.linear_flops * passes + prompts * prompt_work.linear_flops * groups,
        attention_flops: work.attention_flops * passes + prompts * prompt_work.attention_flops * groups,
    };
    let tokens = sequences * groups;
    let load = power(&achieved.power, device, model.weight_format, parallel.devices() * replicas, &all, mean_s, tokens);
    let estimated = |value, unit, source: &str| Figure::new(value, unit, Provenance::Estimated, source);
    Ok(ServeEstimate {
        device: device.name.clone(),
        model: model.name.clone(),
        devices: parallel.devices() * replicas,
        replicas,
        parallel,
        batch,
        tokens_per_s: estimated(tokens / mean_s, "tokens/s", MODEL),
        tokens_per_s_per_user: estimated(1.0 / latency_s, "tokens/s", MODEL),
        token_latency_ms: estimated(latency_s * 1e3, "ms", MODEL),
        bound: times.bound(),
        step_times: times,
        prompt_s,
        power_w: estimated(load.power_w, "W", POWER),
        capped_by_tdp: load.capped_by_tdp,
        j_per_token: estimated(load.energy.total_j_per_token(), "J/token", POWER),
        energy: load.energy,
    })
}

/// Batches of a run of so many requests, with how many waves are of each; one that never ends is all of `batch`.
fn waves(batch: u32, requests: Option<u32>) -> Vec<(u32, f64)> {
    let Some(requests) = requests else { return vec![(batch, 1.0)] };
    let (whole, rest) = (requests / batch, requests % batch);
    [(batch, whole), (rest, u32::from(rest > 0))].into_iter().filter(|(_, n)| *n > 0).map(|(batch, n)| (batch, f64::from(n))).collect()
}

/// Largest number in `1..=most` that `holds`, given that `holds(1)` and that it stops holding once.
fn largest(most: u32, holds: impl Fn(u32) -> bool) -> u32 {
    let (mut low, mut high) = (1, most.max(1) + 1);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if holds(middle) { low = middle } else { high = middle }
    }
    low
}
