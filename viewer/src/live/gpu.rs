//! The lane beside the chip: what a GPU does in the same time. It reads its weights for every token; the estimate is the
//! simulator's (`docs/baseline.md`), nothing is computed here but where in a token it is.

use crate::die::Die;
use hardwire_sim::gpu::{self, Device, ModelShape, Parallel, Stack, WeightFormat, Workload};

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
        let parameters = m.parameters as f64;
        let (mut bits, mut weights) = (0.0, 0.0);
        for (_, x) in die.chip.structure.matrices() {
            bits += x.bits_per_weight() * x.weights() as f64;
            weights += x.weights() as f64;
        }
        let shape = ModelShape {
            name: m.name.clone(),
            parameters,
            active_parameters: parameters,
            layers: m.layers,
            hidden: m.hidden,
            heads: m.heads,
            kv_heads: m.kv_heads,
            head_dim: m.head_dim,
            vocab: m.vocab,
            // A tied table stands twice on the chip and once in the checkpoint.
            tied_embeddings: weights > parameters * 1.001,
            experts: 0,
            experts_per_token: 0,
            context_limit: m.model_context,
            window_layers: 0,
            window_tokens: 0,
            weight_bits: if weights > 0.0 { bits / weights } else { 16.0 },
            weight_format: WeightFormat::Block,
            kv_bits: 16.0,
        };
        let devices = gpu::devices().unwrap_or_default();
        let chosen = devices.iter().position(|d| d.name.contains("H100")).unwrap_or(0);
        GpuLane { devices, chosen, shape, context: m.context.min(m.model_context) / 2, known: None }
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
