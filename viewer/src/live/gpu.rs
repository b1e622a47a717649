//! The lane beside the chip: what a GPU does in the same time. It reads its weights for every token; the estimate is that of
//! `hardwire compare`, and nothing is computed here but where in a token it is.

use crate::die::Die;
use hardwire_study::chip::model_shape;
use hardwire_study::compare::{Baseline, ModelShape};
use hardwire_study::load::Request;

/// One user's token on a GPU.
#[derive(Clone)]
pub struct GpuToken {
    pub ms: f64,
    /// Bytes of weights it reads.
    pub bytes: f64,
    /// Software and weight format, the fastest that the device has.
    pub serving_mode: String,
}

pub struct GpuLane {
    pub devices: Vec<Baseline>,
    pub chosen: usize,
    shape: ModelShape,
    context: u32,
    known: Option<(usize, Result<GpuToken, String>)>,
}

impl GpuLane {
    pub fn new(die: &Die) -> GpuLane {
        let devices = Baseline::bundled().unwrap_or_default();
        let chosen = devices.iter().position(|d| d.device.name.contains("H100")).unwrap_or(0);
        GpuLane { devices, chosen, shape: model_shape(&die.chip.structure), context: Request::of(&die.chip).context, known: None }
    }

    /// A token of one user, at the context that `hardwire compare` takes.
    pub fn token(&mut self) -> Result<GpuToken, String> {
        if let Some((device, known)) = &self.known
            && *device == self.chosen
        {
            return known.clone();
        }
        let estimate = match self.devices.get(self.chosen) {
            Some(d) => d.decode(&self.shape, 1, self.context).map_err(|e| e.to_string()),
            None => Err("no device is known".into()),
        };
        let token = estimate.map(|(mode, e)| GpuToken {
            ms: e.token_latency_ms.value,
            bytes: mode.shape(&self.shape).step_weight_bytes(1.0),
            serving_mode: mode.name(),
        });
        self.known = Some((self.chosen, token.clone()));
        token
    }
}
