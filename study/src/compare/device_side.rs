//! A GPU's side: one user, and a full queue, each run in the device's fastest serving mode.

use super::chip_side::ChipSide;
use super::serving_mode::{ServingMode, serving_modes};
use crate::load::Request;
use hardwire_baseline::gpu::{
    self, Bound, Calibration, DecodeEstimate, Device, GpuError, ModelShape, Parallel, ServeEstimate, Stack, Workload,
};
use hardwire_netlist::Figure;
use serde::Serialize;

/// Most sequences asked of a server, which has limits of its own below it.
const QUEUE: u32 = u32::MAX;

/// A device with what its software achieves.
pub struct Baseline {
    pub device: Device,
    pub calibration: Calibration,
    /// The user's own, measured or described.
    pub own: bool,
    /// Whether only llama.cpp is known of it.
    pub llama_only: bool,
}

impl Baseline {
    /// The bundled devices, with the bundled calibration.
    ///
    /// # Errors
    /// A bundled table that cannot be read.
    pub fn bundled() -> Result<Vec<Self>, GpuError> {
        let calibration = Calibration::bundled()?;
        Ok(gpu::devices()?.into_iter().map(|device| Baseline::new(device, calibration.clone(), false)).collect())
    }

    pub fn new(device: Device, calibration: Calibration, own: bool) -> Self {
        Baseline { device, calibration, own, llama_only: false }
    }

    pub fn serving_modes(&self, chip_bits: f64) -> Vec<ServingMode> {
        let mut modes = serving_modes(&self.device, chip_bits);
        modes.retain(|mode| !self.llama_only || mode.stack == Stack::LlamaCpp);
        modes
    }

    /// Decode of `batch` sequences in the fastest serving mode.
    pub fn decode(&self, model: &ModelShape, batch: u32, context: u32) -> Result<(ServingMode, DecodeEstimate), GpuError> {
        let workload = Workload { context_tokens: context, ..Workload::new(batch, 0, 0) };
        let tried = self.serving_modes(model.weight_bits).into_iter().map(|mode| {
            let shape = mode.shape(model);
            gpu::decode_with(&self.calibration, &self.device, &shape, &workload.on(mode.stack), Parallel::ONE).map(|d| (mode, d))
        });
        best(tried, |(_, d)| d.tokens_per_s.value)
    }

    /// A full queue in the serving mode that makes most tokens.
    pub fn serve(&self, model: &ModelShape, request: Request) -> Result<(ServingMode, ServeEstimate), GpuError> {
        let workload = Workload::new(QUEUE, request.prompt, request.output);
        let tried = self.serving_modes(model.weight_bits).into_iter().map(|mode| {
            let shape = mode.shape(model);
            gpu::serve(&self.calibration, &self.device, &shape, &workload.on(mode.stack), 1, None).map(|s| (mode, s))
        });
        best(tried, |(_, s)| s.tokens_per_s.value)
    }
}

/// The best of what works; the last refusal where nothing does.
fn best<T>(tried: impl Iterator<Item = Result<T, GpuError>>, score: impl Fn(&T) -> f64) -> Result<T, GpuError> {
    tried
        .reduce(|best, next| match (best, next) {
            (Ok(best), Ok(next)) => Ok(if score(&next) > score(&best) { next } else { best }),
            (Ok(best), Err(_)) => Ok(best),
            (Err(_), next) => next,
        })
        // A device has one serving mode at least.
        .unwrap_or_else(|| Err(GpuError::UnknownDevice { name: String::new(), known: String::new() }))
}

/// One device beside the chip.
#[derive(Serialize)]
pub struct GpuRow {
    pub device: String,
    /// The user's own, measured or described.
    pub own: bool,
    /// Whether anyone says what it costs.
    pub priced: bool,
    pub single: Single,
    pub saturated: Saturated,
    /// One user both: chip tokens/s over GPU tokens/s.
    pub user_speed_ratio: f64,
    /// One user both: GPU J/token over chip J/token.
    pub user_energy_ratio: f64,
    /// A full queue both: GPU tokens/s over those of the chip as built.
    pub queue_tokens_ratio: f64,
    /// A full queue both: GPU J/token over those of the chip as built.
    pub queue_energy_ratio: f64,
    pub source: String,
}

/// One user on a device.
#[derive(Serialize)]
pub struct Single {
    pub serving_mode: String,
    /// Bandwidth over bytes: no software passes it.
    pub ceiling_tokens_per_s: Figure,
    pub tokens_per_s: Figure,
    pub j_per_token: Figure,
    pub power_w: Figure,
    pub bound: Bound,
    /// Share of a token's time that no byte and no operation explains: launches and small kernels.
    pub fixed_share: f64,
}

/// A full queue on a device.
#[derive(Serialize)]
pub struct Saturated {
    pub serving_mode: String,
    pub users: u32,
    /// Output tokens of all users, prompts read in between.
    pub tokens_per_s: Figure,
    pub tokens_per_s_per_user: Figure,
    pub j_per_token: Figure,
    pub power_w: Figure,
    pub bound: Bound,
}

pub fn row(baseline: &Baseline, model: &ModelShape, request: Request, chip: &ChipSide) -> Result<GpuRow, GpuError> {
    let (mode, one) = baseline.decode(model, 1, request.context)?;
    let (queue_mode, queue) = baseline.serve(model, request)?;
    Ok(GpuRow {
        device: baseline.device.name.clone(),
        own: baseline.own,
        priced: baseline.device.price.is_some(),
        user_speed_ratio: chip.tokens_per_s.value / one.tokens_per_s_per_user.value,
        user_energy_ratio: one.j_per_token.value / chip.j_per_token.value,
        queue_tokens_ratio: queue.tokens_per_s.value / chip.as_built.tokens_per_s.value,
        queue_energy_ratio: queue.j_per_token.value / chip.as_built.j_per_token.value,
        single: Single {
            serving_mode: mode.name(),
            fixed_share: one.times.fixed_s / one.times.total_s(),
            ceiling_tokens_per_s: one.ceiling_tokens_per_s_per_user.clone(),
            tokens_per_s: one.tokens_per_s_per_user.clone(),
            j_per_token: one.j_per_token.clone(),
            power_w: one.power_w.clone(),
            bound: one.bound,
        },
        saturated: Saturated {
            serving_mode: queue_mode.name(),
            users: queue.batch,
            tokens_per_s: queue.tokens_per_s.clone(),
            tokens_per_s_per_user: queue.tokens_per_s_per_user.clone(),
            j_per_token: queue.j_per_token.clone(),
            power_w: queue.power_w.clone(),
            bound: queue.bound,
        },
        source: baseline.device.source.clone(),
    })
}
