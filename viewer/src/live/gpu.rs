//! The lane beside the chip: what a GPU does in the same time. It reads its weights for every token; the estimate is the
//! simulator's (`docs/baseline.md`), nothing is computed here but where in a token it is.

use super::of_chip::shape_of;
use crate::die::Die;
use hardwire_baseline::gpu::{self, Device, ModelShape, Parallel, Stack, Workload};

pub struct GpuLane {
    pub devices: Vec<Device>,
    pub chosen: usize,
    shape: ModelShape,
    context: u32,
    known: Option<(usize, Result<f64, String>)>,
}

impl GpuLane {
    pub fn new(die: &Die) -> GpuLane {
        let m = die.chip.model();
        let devices = gpu::devices().unwrap_or_default();
        let chosen = devices.iter().position(|d| d.name.contains("H100")).unwrap_or(0);
        GpuLane { devices, chosen, shape: shape_of(&die.chip), context: m.context.min(m.model_context) / 2, known: None }
    }

    /// Milliseconds for a token of one user, half of the context cached.
    pub fn token_ms(&mut self) -> Result<f64, String> {
        if let Some((device, known)) = &self.known
            && *device == self.chosen
        {
            return known.clone();
        }
        let workload = Workload { context_tokens: self.context, ..Workload::new(1, 0, 0).on(Stack::LlamaCpp) };
        let estimate = match self.devices.get(self.chosen) {
            Some(d) => gpu::decode(d, &self.shape, &workload, Parallel::ONE).map(|e| e.token_latency_ms.value).map_err(|e| e.to_string()),
            None => Err("no device is known".into()),
        };
        self.known = Some((self.chosen, estimate.clone()));
        estimate
    }

    /// Bytes of weights a token reads.
    pub fn bytes(&self) -> f64 {
        self.shape.step_weight_bytes(1.0)
    }
}
