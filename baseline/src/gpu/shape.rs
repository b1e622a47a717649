//! What is asked of a device: a model's shape, a workload, and how it is split. No chip of ours is known here.

use serde::{Deserialize, Serialize};

use super::error::{GpuError, fraction, not_negative, positive};

/// How weights are stored, which decides the rate they are multiplied at and whether they must be unpacked first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightFormat {
    /// 16-bit floats, multiplied as they are.
    Float16,
    /// 8-bit floats, multiplied as they are where the device can.
    Fp8,
    /// 4-bit floats with block scales, multiplied as they are where the device can.
    Fp4,
    /// Blocks of one scale and plain integers (GGUF `Q4_0`, `Q8_0`).
    Block,
    /// Super-blocks with packed scales or codebooks (GGUF `Q2_K` to `Q6_K`, `IQ*`), unpacked by ordinary units.
    SuperBlock,
}

/// The software that runs the model: each achieves its own fractions of the same device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stack {
    /// llama.cpp of 2025 and later, CUDA or Metal.
    LlamaCpp,
    /// llama.cpp before CUDA graphs.
    #[serde(rename = "llama-cpp-2024")]
    LlamaCpp2024,
    /// vLLM, whose host code is Python.
    Vllm,
    /// A batching server with its host code hidden: TensorRT-LLM.
    #[default]
    Server,
    /// A vendor's tuned MLPerf submission.
    MlPerf,
}

/// The shape of a decoder model, as far as a memory bus can tell.
///
/// Source of every count: standard decoder arithmetic (Pope et al., "Efficiently Scaling Transformer Inference",
/// arXiv 2211.05102): two operations a weight and token, `4 · heads · head_dim` a cached token and layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelShape {
    pub name: String,
    /// All weights, embeddings included.
    pub parameters: f64,
    /// Weights one token meets; equal to `parameters` without experts.
    pub active_parameters: f64,
    pub layers: u32,
    pub hidden: u32,
    pub heads: u32,
    pub kv_heads: u32,
    pub head_dim: u32,
    pub vocab: u32,
    /// Whether one table is both embedding and output head.
    pub tied_embeddings: bool,
    /// Experts a layer, 0 for a dense model.
    pub experts: u32,
    pub experts_per_token: u32,
    /// Longest context the model was trained for, tokens.
    pub context_limit: u32,
    /// Layers that keep only the last `window_tokens` of context.
    pub window_layers: u32,
    pub window_tokens: u32,
    /// Layers that hold experts.
    #[serde(default)]
    pub expert_layers: u32,
    /// Elements cached a token and layer where keys and values share one latent (DeepSeek's MLA); 0 where each head has its own.
    #[serde(default)]
    pub latent_cache: u32,
    /// Stored bits of weights outside experts where they differ from the others; 0 where they do not.
    #[serde(default)]
    pub dense_bits: f64,
    /// Stored bits a weight, scales included.
    pub weight_bits: f64,
    pub weight_format: WeightFormat,
    /// Stored bits a cached key or value element.
    pub kv_bits: f64,
}

/// Elements of a latent that only scores use: the rotated key (DeepSeek-V2, arXiv 2405.04434).
const ROTATED_KEY: f64 = 64.0;

impl ModelShape {
    /// Refuses a shape that no model has.
    pub fn check(&self) -> Result<(), GpuError> {
        let owner = format!("model `{}`", self.name);
        positive(&owner, "parameters", self.parameters)?;
        positive(&owner, "active_parameters", self.active_parameters)?;
        positive(&owner, "weight_bits", self.weight_bits)?;
        positive(&owner, "kv_bits", self.kv_bits)?;
        for (field, count) in [
            ("layers", self.layers),
            ("hidden", self.hidden),
            ("heads", self.heads),
            ("kv_heads", self.kv_heads),
            ("head_dim", self.head_dim),
            ("vocab", self.vocab),
            ("context_limit", self.context_limit),
        ] {
            positive(&owner, field, f64::from(count))?;
        }
        let refuse = |field, value: String, expected| Err(GpuError::Field { owner: owner.clone(), field, value, expected });
        if self.active_parameters > self.parameters {
            return refuse("active_parameters", self.active_parameters.to_string(), "at most `parameters`");
        }
        if self.lookup_parameters() >= self.active_parameters {
            return refuse("vocab", self.vocab.to_string(), "an embedding smaller than the active model");
        }
        if self.experts_per_token > self.experts {
            return refuse("experts_per_token", self.experts_per_token.to_string(), "at most `experts`");
        }
        if self.experts > 0 && self.experts_per_token == 0 {
            return refuse("experts_per_token", "0".into(), "at least 1 where there are experts");
        }
        if self.kv_heads > self.heads {
            return refuse("kv_heads", self.kv_heads.to_string(), "at most `heads`");
        }
        not_negative(&owner, "dense_bits", self.dense_bits)?;
        if self.expert_layers > self.layers {
            return refuse("expert_layers", self.expert_layers.to_string(), "at most `layers`");
        }
        if self.window_layers > self.layers {
            return refuse("window_layers", self.window_layers.to_string(), "at most `layers`");
        }
        Ok(())
    }

    /// Bytes of all weights.
    pub fn weight_bytes(&self) -> f64 {
        let expert = self.expert_parameters();
        (expert * self.weight_bits + (self.parameters - expert) * self.outer_bits()) / 8.0
    }

    /// Stored bits of a weight outside experts.
    pub fn outer_bits(&self) -> f64 {
        if self.dense_bits > 0.0 && self.experts > 0 { self.dense_bits } else { self.weight_bits }
    }

    /// Inner width of one expert, of the three matrices a gated expert has.
    pub fn expert_width(&self) -> f64 {
        self.expert_parameters() / (3.0 * f64::from(self.expert_layers.max(1)) * f64::from(self.experts.max(1)) * f64::from(self.hidden))
    }

    /// Embedding weights that are looked up, one row a token, and never multiplied.
    pub fn lookup_parameters(&self) -> f64 {
        if self.tied_embeddings { 0.0 } else { f64::from(self.vocab) * f64::from(self.hidden) }
    }

    /// Weights one token is multiplied by.
    pub fn multiplied_parameters(&self) -> f64 {
        self.active_parameters - self.lookup_parameters()
    }

    /// Weights that live in experts. From `total = dense + expert` and `active = dense + expert · k / E`.
    pub fn expert_parameters(&self) -> f64 {
        if self.experts == 0 || self.experts_per_token == self.experts {
            return 0.0;
        }
        let share = f64::from(self.experts_per_token) / f64::from(self.experts);
        (self.parameters - self.active_parameters) / (1.0 - share)
    }

    /// Share of experts that a step of `tokens` tokens is expected to touch: `1 − (1 − k/E)^tokens`, tokens choosing
    /// independently and evenly. Real routers are uneven, so real steps touch fewer.
    pub fn touched_expert_share(&self, tokens: f64) -> f64 {
        if self.experts == 0 {
            return 1.0;
        }
        1.0 - (1.0 - f64::from(self.experts_per_token) / f64::from(self.experts)).powf(tokens)
    }

    /// Weight bytes a step of `tokens` tokens reads.
    pub fn step_weight_bytes(&self, tokens: f64) -> f64 {
        self.dense_step_bytes() + self.expert_step_bytes(tokens)
    }

    /// Of those, the bytes outside experts.
    pub fn dense_step_bytes(&self) -> f64 {
        (self.parameters - self.expert_parameters() - self.lookup_parameters()) * self.outer_bits() / 8.0
    }

    /// Of those, the bytes of experts.
    pub fn expert_step_bytes(&self, tokens: f64) -> f64 {
        self.expert_parameters() * self.touched_expert_share(tokens) * self.weight_bits / 8.0
    }

    /// Bytes of cached keys and values a token adds in all layers: `2 · layers · kv_heads · head_dim · bits / 8`.
    pub fn kv_bytes_per_token(&self) -> f64 {
        f64::from(self.layers) * self.kv_bytes_per_token_layer()
    }

    fn kv_bytes_per_token_layer(&self) -> f64 {
        let by_head = 2.0 * f64::from(self.kv_heads) * f64::from(self.head_dim);
        let elements = if self.latent_cache > 0 { f64::from(self.latent_cache) } else { by_head };
        elements * self.kv_bits / 8.0
    }

    /// Bytes of keys and values of one sequence of `context_tokens`, windows respected.
    pub fn kv_bytes(&self, context_tokens: f64) -> f64 {
        self.layer_tokens(context_tokens) * self.kv_bytes_per_token_layer()
    }

    /// Cached tokens summed over layers.
    fn layer_tokens(&self, context_tokens: f64) -> f64 {
        let windowed = f64::from(self.window_layers);
        (f64::from(self.layers) - windowed) * context_tokens + windowed * context_tokens.min(f64::from(self.window_tokens))
    }

    /// Operations of the weight products of one token.
    pub fn linear_flops_per_token(&self) -> f64 {
        2.0 * self.multiplied_parameters()
    }

    /// Of those, the operations in experts.
    pub fn expert_flops_per_token(&self) -> f64 {
        if self.experts == 0 {
            return 0.0;
        }
        2.0 * self.expert_parameters() * f64::from(self.experts_per_token) / f64::from(self.experts)
    }

    /// Devices over which the cache can be split without repeating it.
    pub fn cache_ways(&self, tensor: u32) -> u32 {
        if self.latent_cache > 0 { 1 } else { tensor.min(self.kv_heads) }
    }

    /// Operations of one token's attention over `context_tokens`: scores and mixing, two operations each.
    pub fn attention_flops(&self, context_tokens: f64) -> f64 {
        let latent = f64::from(self.latent_cache);
        let width = if self.latent_cache > 0 { 2.0 * (2.0 * latent - ROTATED_KEY) } else { 4.0 * f64::from(self.head_dim) };
        f64::from(self.heads) * width * self.layer_tokens(context_tokens)
    }

    /// The same shape at other bits.
    pub fn quantized(&self, weight_bits: f64, weight_format: WeightFormat, kv_bits: f64) -> Self {
        Self { weight_bits, weight_format, kv_bits, ..self.clone() }
    }
}

/// What is asked: how many sequences at once, and how long they are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// Sequences decoded together.
    pub batch: u32,
    /// Tokens already cached when the next one is made.
    pub context_tokens: u32,
    pub prompt_tokens: u32,
    pub output_tokens: u32,
    pub stack: Stack,
    /// Share of device memory that the cache may take of what weights leave (TensorRT-LLM's `kv_cache_free_gpu_memory_fraction`), or that both
    /// take together (vLLM's `gpu_memory_utilization`); both default to 0.9.
    pub memory_fraction: f64,
    /// Requests of a run that ends, all queued at once and alike; none where the queue never empties.
    #[serde(default)]
    pub requests: Option<u32>,
}

impl Workload {
    /// `batch` sequences at the middle of their output, on a batching server.
    pub fn new(batch: u32, prompt_tokens: u32, output_tokens: u32) -> Self {
        Self {
            batch,
            context_tokens: prompt_tokens.saturating_add(output_tokens / 2),
            prompt_tokens,
            output_tokens,
            stack: Stack::Server,
            memory_fraction: 0.9,
            requests: None,
        }
    }

    /// The same on another stack.
    pub fn on(self, stack: Stack) -> Self {
        Self { stack, ..self }
    }

    /// One request of a queue as memory is kept for it. A server that never evicts keeps it for the whole length (TensorRT-LLM's default
    /// policy, `GUARANTEED_NO_EVICT`); vLLM and MLPerf's submissions evict, so the mean counts.
    pub(super) fn reserved(&self) -> Self {
        let context_tokens = match self.stack {
            Stack::Server => self.prompt_tokens.saturating_add(self.output_tokens),
            _ => self.prompt_tokens.saturating_add(self.output_tokens / 2),
        };
        Self { context_tokens, ..*self }
    }

    /// Memory for weights of `weights_gb` and cache in `memory_gb` of devices.
    pub(super) fn available_gb(&self, memory_gb: f64, weights_gb: f64) -> f64 {
        match self.stack {
            Stack::Server | Stack::MlPerf => weights_gb + self.memory_fraction * (memory_gb - weights_gb).max(0.0),
            _ => self.memory_fraction * memory_gb,
        }
    }

    /// Refuses a workload the model cannot take.
    pub fn check(&self, model: &ModelShape) -> Result<(), GpuError> {
        positive("workload", "batch", f64::from(self.batch))?;
        fraction("workload", "memory_fraction", self.memory_fraction)?;
        not_negative("workload", "context_tokens", f64::from(self.context_tokens))?;
        let longest = u64::from(self.prompt_tokens) + u64::from(self.output_tokens);
        let tokens = longest.max(u64::from(self.context_tokens));
        if tokens > u64::from(model.context_limit) {
            return Err(GpuError::PastContext { model: model.name.clone(), tokens, limit: model.context_limit });
        }
        Ok(())
    }
}

/// How one model is split over several equal devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parallel {
    /// Devices that share every matrix.
    pub tensor: u32,
    /// Groups of layers, each on its own devices.
    pub pipeline: u32,
    /// Ranks that each serve sequences of their own in attention and share the experts.
    pub data: u32,
    /// Devices over which whole experts are dealt; 1 where every expert is split like the other matrices.
    pub expert: u32,
}

impl Parallel {
    /// One device.
    pub const ONE: Self = Self { tensor: 1, pipeline: 1, data: 1, expert: 1 };

    /// Every matrix over `devices`.
    pub const fn tensor(devices: u32) -> Self {
        Self { tensor: devices, ..Self::ONE }
    }

    /// Layers over `devices`.
    pub const fn pipeline(devices: u32) -> Self {
        Self { pipeline: devices, ..Self::ONE }
    }

    /// Attention by sequences, experts dealt over all `devices`.
    pub const fn data(devices: u32) -> Self {
        Self { data: devices, expert: devices, ..Self::ONE }
    }

    /// Every matrix over `devices`, whole experts dealt over them.
    pub const fn experts(devices: u32) -> Self {
        Self { tensor: devices, expert: devices, ..Self::ONE }
    }

    /// Devices in all.
    pub fn devices(&self) -> u32 {
        self.tensor.saturating_mul(self.pipeline).saturating_mul(self.data)
    }

    /// Refuses a split that the model's shape does not allow.
    pub fn check(&self, model: &ModelShape) -> Result<(), GpuError> {
        positive("parallel", "tensor", f64::from(self.tensor))?;
        positive("parallel", "pipeline", f64::from(self.pipeline))?;
        positive("parallel", "data", f64::from(self.data))?;
        positive("parallel", "expert", f64::from(self.expert))?;
        let experts = model.experts.max(1);
        for (what, have, ways) in
            [("attention heads", model.heads, self.tensor), ("layers", model.layers, self.pipeline), ("experts", experts, self.expert)]
        {
            if ways > have {
                return Err(GpuError::Split { model: model.name.clone(), what, have, ways });
            }
        }
        Ok(())
    }
}
