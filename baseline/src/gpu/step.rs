//! One pass through the model on one group of devices: the roofline, operator by operator.
//!
//! Weight products and attention are separate kernels, so each has its own roofline and their times add:
//!
//! ```text
//! step = max(dense bytes / bandwidth, dense products / rate) + max(expert bytes / bandwidth, expert products / rate)
//!      + max(cache bytes / bandwidth, attention operations / rate) + activation passes / bandwidth
//!      + layers · layer time + touched experts · expert time + sequences · host time + link time
//! ```
//!
//! where unpacking stored codes binds, it takes the place of the first line.
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
    /// The longer of the two, dense products and experts each for themselves.
    pub products_or_weights_s: f64,
    pub unpack_s: f64,
    pub cache_s: f64,
    pub attention_s: f64,
    /// Norms, residual, rotation, gating: passes over the new tokens' vectors.
    pub passes_s: f64,
    pub fixed_s: f64,
    pub link_s: f64,
}

impl StepTimes {
    /// Time of the weight products.
    pub fn linear_s(&self) -> f64 {
        self.products_or_weights_s.max(self.unpack_s)
    }

    /// Time of attention.
    pub fn context_s(&self) -> f64 {
        self.cache_s.max(self.attention_s)
    }

    /// Time of the step.
    pub fn total_s(&self) -> f64 {
        self.linear_s() + self.context_s() + self.passes_s + self.fixed_s + self.link_s
    }

    /// Time that a prompt adds to a step: its operations and messages, the weights being read anyway.
    pub fn added_s(&self) -> f64 {
        self.products_s + self.attention_s + self.passes_s + self.link_s
    }

    /// All times by one factor.
    fn scaled(&self, factor: f64) -> Self {
        Self {
            weights_s: self.weights_s * factor,
            products_s: self.products_s * factor,
            products_or_weights_s: self.products_or_weights_s * factor,
            unpack_s: self.unpack_s * factor,
            cache_s: self.cache_s * factor,
            attention_s: self.attention_s * factor,
            passes_s: self.passes_s * factor,
            fixed_s: self.fixed_s * factor,
            link_s: self.link_s * factor,
        }
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
    let (tensor, data) = (f64::from(parallel.tensor), f64::from(parallel.data));
    let ways = tensor * data;
    let expert_flops = new_tokens * model.expert_flops_per_token();
    let linear_flops = new_tokens * model.linear_flops_per_token();
    let work = StepWork {
        // Every attention-parallel rank reads its own copy of what is outside the experts.
        weight_bytes: data * model.dense_step_bytes() + model.expert_step_bytes(new_tokens),
        cache_bytes: sequences * model.kv_bytes(context_tokens),
        linear_flops,
        attention_flops: new_tokens * model.attention_flops(mean_context),
    };
    // Beyond what can be apart the cache is repeated.
    let cache_ways = f64::from(model.cache_ways(parallel.tensor)) * data;
    let bytes_per_s = achieved.bandwidth_gb_per_s * 1e9;
    let (layers, hidden) = (f64::from(model.layers), f64::from(model.hidden));
    let weights = model.step_weight_bytes(new_tokens) * 8.0 / model.weight_bits;

    let dense = Roof {
        bytes_s: model.dense_step_bytes() / tensor / bytes_per_s,
        flops_s: dense_flops_s(achieved, model, linear_flops - expert_flops) / ways,
    };
    let expert = experts(achieved, model, parallel, new_tokens, expert_flops);
    let fixed_us = layers * (achieved.layer_us + if model.experts > 0 { achieved.expert_layer_us } else { 0.0 })
        + achieved.step_us
        + expert.fixed_us
        + sequences * tokens.min(1.0) * achieved.sequence_us;
    // Passes over the hidden vectors belong to no product; they are counted with attention, as their kernels are.
    let passes_s = new_tokens * layers * achieved.activation_passes * hidden * ACTIVATION_BYTES / ways / (device.bandwidth_gb_per_s * 1e9);
    let times = StepTimes {
        weights_s: dense.bytes_s + expert.roof.bytes_s,
        products_s: dense.flops_s + expert.roof.flops_s,
        products_or_weights_s: dense.time_s() + expert.roof.time_s(),
        unpack_s: weights / ways / (achieved.unpack_gweights_per_s * 1e9),
        cache_s: work.cache_bytes / cache_ways / (achieved.cache_gb_per_s * 1e9),
        attention_s: work.attention_flops / ways / (achieved.attention_tflops * 1e12),
        passes_s,
        fixed_s: fixed_us * 1e-6,
        link_s: link_s(device, model, parallel, new_tokens),
    };
    (if parallel.data > 1 { times.scaled(achieved.lockstep) } else { times }, work)
}

/// Seconds of the weight products of `new_tokens` tokens, whatever their bytes take.
pub fn products_s(achieved: &Achieved, model: &ModelShape, parallel: Parallel, new_tokens: f64) -> f64 {
    let expert_flops = new_tokens * model.expert_flops_per_token();
    let dense_flops = new_tokens * model.linear_flops_per_token() - expert_flops;
    let ways = f64::from(parallel.tensor) * f64::from(parallel.data);
    dense_flops_s(achieved, model, dense_flops) / ways + experts(achieved, model, parallel, new_tokens, expert_flops).roof.flops_s
}

/// Seconds of `flops` operations outside experts on one device.
fn dense_flops_s(achieved: &Achieved, model: &ModelShape, flops: f64) -> f64 {
    let tflops = if model.outer_bits() == model.weight_bits { achieved.linear_tflops } else { achieved.float16_tflops };
    flops / (tflops * 1e12 * reached(f64::from(model.hidden), achieved.dense_half_width))
}

/// Time of bytes and of operations that overlap.
#[derive(Clone, Copy, Default)]
struct Roof {
    bytes_s: f64,
    flops_s: f64,
}

impl Roof {
    fn time_s(&self) -> f64 {
        self.bytes_s.max(self.flops_s)
    }
}

/// What experts take on the device that has most of them to do.
struct Experts {
    roof: Roof,
    fixed_us: f64,
}

fn experts(achieved: &Achieved, model: &ModelShape, parallel: Parallel, new_tokens: f64, flops: f64) -> Experts {
    if model.experts == 0 {
        return Experts { roof: Roof::default(), fixed_us: 0.0 };
    }
    let ways = f64::from(parallel.tensor) * f64::from(parallel.data);
    let skew = if parallel.expert > 1 { 1.0 + achieved.expert_skew } else { 1.0 };
    let touched = model.touched_expert_share(new_tokens);
    // Tiles of an expert's tokens are filled up: some products are of nothing.
    let filled = flops + 2.0 * model.expert_parameters() * touched * achieved.expert_pad_tokens;
    let rate = achieved.expert_tflops * 1e12 * reached(model.expert_width(), achieved.expert_half_width);
    let roof = Roof {
        bytes_s: skew * model.expert_step_bytes(new_tokens) / ways / (achieved.bandwidth_gb_per_s * 1e9),
        flops_s: skew * filled / ways / rate,
    };
    let expert_layers = f64::from(model.expert_layers);
    let each_us = achieved.expert_us * touched * f64::from(model.experts) / ways;
    let others = f64::from(parallel.expert.saturating_sub(1));
    Experts { roof, fixed_us: expert_layers * each_us + f64::from(model.layers) * achieved.expert_parallel_us * others }
}

/// Share of a rate that products of `width` reach, half of it at `half_width`.
fn reached(width: f64, half_width: f64) -> f64 {
    width / (width + half_width)
}

fn link_s(device: &Device, model: &ModelShape, parallel: Parallel, new_tokens: f64) -> f64 {
    let message = new_tokens * f64::from(model.hidden) * ACTIVATION_BYTES;
    let reduces_s = f64::from(model.layers) * ALL_REDUCES_PER_LAYER * device.link.all_reduce_s(message, parallel.tensor);
    // A rank's tokens go to the devices of their experts and come back.
    let copies = f64::from(model.experts_per_token.min(parallel.data));
    let exchanged = message / f64::from(parallel.data) * copies;
    let exchanges_s = f64::from(model.expert_layers) * 2.0 * device.link.all_to_all_s(exchanged, parallel.data);
    let hops_s = f64::from(parallel.pipeline - 1) * device.link.send_s(message);
    reduces_s + exchanges_s + hops_s
}
