//! One pass through the model on one group of devices: the roofline, operator by operator.
//!
//! Weight products and attention are separate kernels, so each has its own roofline and their times add:
//!
//! ```text
//! step = max(weight bytes / bandwidth, products / rate, weights / unpack rate)
//!      + max(cache bytes / bandwidth, attention operations / rate)
//!      + layers · layer time + step time + link time
//! ```
//!
//! (Williams et al., "Roofline", CACM 52(4), 2009; taken per operator as in GenZ, arXiv 2406.01698.)

use serde::Serialize;

use super::calibration::Achieved;
use super::device::Device;
use super::shape::{ModelShape, Parallel};

/// Bytes of an activation element that crosses a link: 16-bit.
const ACTIVATION_BYTES: f64 = 2.0;
/// All-reduces a layer under tensor parallelism: after attention and after the MLP (Megatron-LM, arXiv 1909.08053).
const ALL_REDUCES_PER_LAYER: f64 = 2.0;

/// Where one step's time goes, seconds. `weights`, `products` and `unpack` overlap, as do `cache` and `attention`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct StepTimes {
    pub weights_s: f64,
    pub products_s: f64,
    pub unpack_s: f64,
    pub cache_s: f64,
    pub attention_s: f64,
    pub fixed_s: f64,
    pub link_s: f64,
}

impl StepTimes {
    /// Time of the weight products.
    pub fn linear_s(&self) -> f64 {
        self.weights_s.max(self.products_s).max(self.unpack_s)
    }

    /// Time of attention.
    pub fn context_s(&self) -> f64 {
        self.cache_s.max(self.attention_s)
    }

    /// Time of the step.
    pub fn total_s(&self) -> f64 {
        self.linear_s() + self.context_s() + self.fixed_s + self.link_s
    }

    /// What takes the most of the step.
    pub fn bound(&self) -> Bound {
        let (linear, context) = (self.linear_s(), self.context_s());
        if self.fixed_s >= linear.max(context).max(self.link_s) {
            Bound::Fixed
        } else if self.link_s >= linear.max(context) {
            Bound::Link
        } else if context > linear {
            if self.cache_s >= self.attention_s { Bound::Memory } else { Bound::Compute }
        } else if self.weights_s >= self.products_s.max(self.unpack_s) {
            Bound::Memory
        } else if self.products_s >= self.unpack_s {
            Bound::Compute
        } else {
            Bound::Unpack
        }
    }
}

/// What takes the most of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    Memory,
    Compute,
    /// Turning stored codes into numbers.
    Unpack,
    /// Launches and small kernels.
    Fixed,
    Link,
}

/// What a step does, whatever it takes: summed over all devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct StepWork {
    pub weight_bytes: f64,
    pub cache_bytes: f64,
    pub linear_flops: f64,
    pub attention_flops: f64,
}

/// `sequences` sequences that each bring `tokens` new tokens on `context_tokens` of cache, once through all layers.
///
/// Under pipeline parallelism the layers are spread, not sped up: the time is that of one microbatch from end to end.
pub fn step(
    device: &Device,
    achieved: &Achieved,
    model: &ModelShape,
    parallel: Parallel,
    sequences: f64,
    tokens: f64,
    context_tokens: f64,
) -> (StepTimes, StepWork) {
    let new_tokens = sequences * tokens;
    // Each of a sequence's new tokens attends to the cache and to half of the others on average; the cache is read once.
    let mean_context = context_tokens + (tokens - 1.0) / 2.0;
    let work = StepWork {
        weight_bytes: model.step_weight_bytes(new_tokens),
        cache_bytes: sequences * model.kv_bytes(context_tokens),
        linear_flops: new_tokens * model.linear_flops_per_token(),
        attention_flops: new_tokens * model.attention_flops(mean_context),
    };
    let ways = f64::from(parallel.tensor);
    // A key-value head is the least that can be apart; beyond that the cache is repeated.
    let cache_ways = f64::from(parallel.tensor.min(model.kv_heads));
    let bytes_per_s = achieved.bandwidth_gb_per_s * 1e9;
    let layers = f64::from(model.layers);
    let weights = work.weight_bytes * 8.0 / model.weight_bits;
    let message = new_tokens * f64::from(model.hidden) * ACTIVATION_BYTES;
    let reduces_s = layers * ALL_REDUCES_PER_LAYER * device.link.all_reduce_s(message, parallel.tensor);
    let hops_s = f64::from(parallel.pipeline - 1) * device.link.send_s(message);
    let times = StepTimes {
        weights_s: work.weight_bytes / ways / bytes_per_s,
        products_s: work.linear_flops / ways / (achieved.linear_tflops * 1e12),
        unpack_s: weights / ways / (achieved.unpack_gweights_per_s * 1e9),
        cache_s: work.cache_bytes / cache_ways / bytes_per_s,
        attention_s: work.attention_flops / ways / (achieved.attention_tflops * 1e12),
        fixed_s: (layers * achieved.layer_us + achieved.step_us) * 1e-6,
        link_s: reduces_s + hops_s,
    };
    (times, work)
}
