//! The numbers that fix a model's shape, whichever file they came from, and the bounds they are held to. Knows no file and no graph.
//!
//! A `ModelConfig` needs no weights: it can be read from a bare `config.json`, and from it follow
//! the operator graph, the tensor shapes and the parameter count.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::rope::{RopeScaling, RopeTable};

/// Largest vocabulary or context believed; far above every known model (vocabularies of about 2^18, contexts of 10^7).
const MAX_DIMENSION: usize = 1 << 24;
/// Largest width of a vector believed; the widest published feed-forwards have about 2^17 values.
const MAX_WIDTH: usize = 1 << 20;
/// Largest number of layers times width believed; the largest published models have under 7 million.
const MAX_LAYER_WIDTHS: usize = 1 << 23;
/// Most parameters believed: sixteen times the largest published models. Sums over all weights, in bits, stay in `u64`.
const MAX_PARAMETERS: u128 = 1 << 44;
/// Largest number of layers believed; the deepest published language models have under 200.
pub(crate) const MAX_LAYERS: usize = 4096;
/// Most experts a layer; the largest published models have 512.
const MAX_EXPERTS: usize = 4096;
/// Most experts of all layers together; the largest published models have about 24,000.
const MAX_EXPERTS_IN_ALL: usize = 1 << 16;

/// A family of models with one operator graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Architecture {
    Arcee,
    BitNet,
    Ernie45,
    Gemma3,
    Gpt2,
    GptOss,
    Granite,
    Llama,
    Mistral,
    Olmo2,
    Phi3,
    Qwen2,
    Qwen3,
    Qwen35,
    Qwen35Moe,
    Qwen3Moe,
    Qwen3Next,
    SeedOss,
    SmolLm3,
}

/// Shape and constants of a decoder-only transformer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelConfig {
    pub architecture: Architecture,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Width of the feed-forward's inner vectors.
    pub ffn: usize,
    pub layers: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Values a head; even, because RoPE rotates pairs.
    pub head_dim: usize,
    /// Rows of the embedding.
    pub vocab: usize,
    /// Most positions the model was made for.
    pub context: usize,
    /// Added to the mean square or variance under the root in norms.
    pub norm_eps: f32,
    /// Empty if positions are learned.
    pub rope: Vec<RopeTable>,
    /// Values of a head that RoPE rotates; the rest pass.
    pub rotated: usize,
    /// What differs from layer to layer: one a layer.
    pub plan: Vec<LayerPlan>,
    pub form: Form,
    pub experts: Option<Experts>,
    pub linear: Option<LinearAttention>,
    /// How files of this configuration store the matrices.
    pub storage: Storage,
    /// The head's matrix is the embedding.
    pub tied_embeddings: bool,
    /// The function in the feed-forward.
    pub activation: Activation,
    /// Token that begins a text.
    pub bos: Option<u32>,
    /// Tokens that end one.
    pub eos: Vec<u32>,
    /// Numbers stored in all weights, a tied head counted once.
    pub parameters: u64,
}

/// One layer's own choices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerPlan {
    /// Positions attention sees, its own included; all if `None`.
    pub window: Option<usize>,
    /// Number of its rope table; `None` rotates nothing.
    pub rope: Option<usize>,
    /// Its feed-forward is a router and experts.
    pub experts: bool,
    /// It has [`ModelConfig::linear`] in the place of attention.
    pub linear: bool,
}

impl LayerPlan {
    /// Attention over everything, rotated by the first table, before a dense feed-forward.
    pub(crate) const PLAIN: LayerPlan = LayerPlan { window: None, rope: Some(0), experts: false, linear: false };
}

/// How the layers are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Form {
    pub norm: Norm,
    pub norms: NormPlaces,
    /// Norms before the output projections of attention and feed-forward (BitNet).
    pub sub_norms: bool,
    pub qk_norm: QkNorm,
    pub qkv_bias: bool,
    pub output_bias: bool,
    pub mlp_bias: bool,
    /// The feed-forward has a gate; without one it is `down(act(up(x)))`.
    pub gated: bool,
    /// A learned vector for each position is added to the embedding.
    pub positions: bool,
    /// Every query head has a sink.
    pub sinks: bool,
    /// What attention gives out is gated by a projection as wide as the queries (Qwen3.5).
    pub attention_gate: bool,
    /// The embedding is multiplied by this.
    pub embed_scale: f32,
    /// What the last norm gives is multiplied by this, and so are the logits; 1 before a LayerNorm.
    pub logit_scale: f32,
    /// Scores are multiplied by this, rope tables' attention factor not yet counted.
    pub score_scale: f64,
}

/// How router logits become the chosen experts' weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RouteRule {
    /// Softmax over all, then the greatest; `renormalise` divides those by their sum.
    SoftmaxThenTop { renormalise: bool },
    /// The greatest logits, then softmax over those.
    TopThenSoftmax,
}

/// How files say the speed of a state's decay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rate {
    /// Its logarithm: `A_log` of transformers.
    Logarithm,
    /// Itself, negative: `ssm_a` of llama.cpp.
    Negative,
}

impl Rate {
    /// The speed that a stored number means; `None` if it means none.
    pub fn speed(self, stored: f64) -> Option<f64> {
        let speed = match self {
            Rate::Logarithm => libm::exp(stored),
            Rate::Negative => -stored,
        };
        (speed.is_finite() && speed >= 0.0).then_some(speed)
    }
}

/// Which two rows of a head's query (or key) matrix RoPE rotates together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowOrder {
    /// Pair `i` is values `(i, i + d/2)`: Hugging Face.
    Half,
    /// Pair `i` is values `(2i, 2i + 1)`: the original Llama, and GGUF files of that family.
    Interleaved,
}

/// The norm before, or after, each half of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Norm {
    /// RMSNorm whose gain is the weight plus `gain_offset`.
    Rms { gain_offset: f32 },
    /// LayerNorm with a bias.
    Layer,
}

/// Where the norms stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NormPlaces {
    /// Before attention and feed-forward.
    Before,
    /// After them, before the residual is added (OLMo 2).
    After,
    /// Both (Gemma 3).
    Both,
}

/// The norm on queries and keys before RoPE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum QkNorm {
    None,
    /// Over each head.
    Heads,
    /// Over all heads together (OLMo 2).
    Whole,
}

/// The feed-forward's experts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Experts {
    pub count: usize,
    /// How many work on a token.
    pub active: usize,
    pub rule: RouteRule,
    /// Width of one expert's inner vectors.
    pub ffn: usize,
    /// Router and experts have biases.
    pub bias: bool,
    /// Inner width of one more expert that works on every token, its weight the sigmoid of a projection of its own.
    pub shared: Option<usize>,
}

/// Gated linear attention (gated delta rule, Yang et al. 2024): a state of constant size instead of a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinearAttention {
    pub key_heads: usize,
    pub value_heads: usize,
    pub key_dim: usize,
    pub value_dim: usize,
    /// Taps of the causal convolution before it.
    pub taps: usize,
    pub rate: Rate,
}

impl LinearAttention {
    /// Width of all keys, and of all queries.
    pub fn keys(&self) -> usize {
        self.key_heads * self.key_dim
    }

    /// Width of all values, and of what it gives out.
    pub fn values(&self) -> usize {
        self.value_heads * self.value_dim
    }

    /// Channels of the convolution: queries and keys of the key heads, values of the value heads.
    pub fn channels(&self) -> usize {
        2 * self.keys() + self.values()
    }
}

/// How files store the matrices, as far as a configuration says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Storage {
    Floats,
    /// The projections' floats are -1, 0, 1 times one scale a matrix.
    Ternary,
    /// The same as packed codes.
    PackedTernary,
    /// The experts' projections are MXFP4, the rest floats.
    MxFp4Experts,
}

/// Elementwise function of a feed-forward.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Activation {
    /// `x / (1 + e^-x)`
    Silu,
    /// `x / 2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`
    GeluTanh,
    /// `x / 2 (1 + erf(x / sqrt(2)))`
    Gelu,
    /// `max(x, 0)^2`
    Relu2,
    /// `1 / (1 + e^-x)`: gates.
    Sigmoid,
    /// With `g = min(gate, limit)` and `u = clamp(up, -limit, limit)`: `(u + 1) g / (1 + e^(-alpha g))`. Gated only.
    SwigluClamped { alpha: f32, limit: f32 },
}

impl ModelConfig {
    /// For each rope table, radians a position adds to each pair's angle: `rotated / 2` values, scaling applied.
    pub fn rope_tables(&self) -> Vec<Vec<f64>> {
        self.rope.iter().map(|table| table.frequencies(self.rotated)).collect()
    }

    /// With the rotations of long texts, if it has some for so many positions.
    pub(crate) fn lengthened(&self, positions: usize) -> Option<ModelConfig> {
        let mut config = self.clone();
        let Some(RopeScaling::Factors { factors, long, .. }) = config.rope.first_mut()?.scaling.as_mut() else { return None };
        let long = long.take().filter(|long| positions <= long.context)?;
        (*factors, config.context) = (long.factors, long.context);
        Some(config)
    }

    /// Width of all query heads together.
    pub fn q_width(&self) -> usize {
        self.heads * self.head_dim
    }

    /// Width of all key (or value) heads together.
    pub fn kv_width(&self) -> usize {
        self.kv_heads * self.head_dim
    }

    /// Check every field against the others.
    pub(crate) fn check(&self, source: &Path) -> Result<(), Error> {
        let bad = |field: &str, found: String, expected: &str| Err(Error::field(source, field, found, expected));
        for (field, value, most) in [
            ("hidden size", self.hidden, MAX_WIDTH),
            ("feed-forward size", self.ffn, MAX_WIDTH),
            ("layer count", self.layers, MAX_LAYERS),
            ("attention head count", self.heads, MAX_WIDTH),
            ("key-value head count", self.kv_heads, MAX_WIDTH),
            ("head size", self.head_dim, MAX_WIDTH),
            ("vocabulary size", self.vocab, MAX_DIMENSION),
            ("context length", self.context, MAX_DIMENSION),
        ] {
            if value == 0 || value > most {
                return bad(field, value.to_string(), &format!("1 to {most}"));
            }
        }
        if self.heads * self.head_dim > MAX_WIDTH {
            let found = format!("{} heads of {}", self.heads, self.head_dim);
            return bad("attention width", found, &format!("at most {MAX_WIDTH}"));
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            let expected = format!("a divisor of the {} query heads", self.heads);
            return bad("key-value head count", self.kv_heads.to_string(), &expected);
        }
        if !self.rope.is_empty() && !self.head_dim.is_multiple_of(2) {
            let expected = "an even number (RoPE rotates pairs)";
            return bad("head size", self.head_dim.to_string(), expected);
        }
        if !self.rope.is_empty() && (self.rotated == 0 || self.rotated > self.head_dim || !self.rotated.is_multiple_of(2)) {
            let expected = format!("an even number up to the head size {}", self.head_dim);
            return bad("rotated values of a head", self.rotated.to_string(), &expected);
        }
        if !(self.norm_eps.is_finite() && self.norm_eps > 0.0) {
            return bad("norm epsilon", self.norm_eps.to_string(), "a positive number");
        }
        for table in &self.rope {
            table.check(source, self.rotated)?;
            if table.attention_factor() != 1.0 && self.rotated != self.head_dim {
                let supported = "1, or a rotation of whole heads";
                return Err(Error::unsupported(source, "rope_scaling.attention_factor", table.attention_factor(), supported));
            }
        }
        for (field, value) in [
            ("embedding scale", f64::from(self.form.embed_scale)),
            ("logit scale", f64::from(self.form.logit_scale)),
            ("score scale", self.form.score_scale),
        ] {
            if !(value.is_finite() && value > 0.0) {
                return bad(field, value.to_string(), "a positive number");
            }
        }
        if let Activation::SwigluClamped { alpha, limit } = self.activation
            && !(alpha.is_finite() && limit.is_finite() && limit > 0.0)
        {
            return bad("clamped SwiGLU", format!("alpha {alpha}, limit {limit}"), "numbers, the limit positive");
        }
        if let Some(window) = self.plan.iter().find_map(|layer| layer.window.filter(|&w| w == 0)) {
            return bad("sliding window", window.to_string(), "1 position or more");
        }
        if let Some(experts) = &self.experts {
            experts.check(source)?;
            if self.layers * experts.count > MAX_EXPERTS_IN_ALL {
                let found = format!("{} layers of {} experts", self.layers, experts.count);
                return bad("expert count", found, &format!("{MAX_EXPERTS_IN_ALL} in all"));
            }
        }
        for (field, token) in (self.bos.iter().map(|t| ("begin-of-text token", t))).chain(self.eos.iter().map(|t| ("end-of-text token", t)))
        {
            if *token as usize >= self.vocab {
                let expected = format!("an id below the vocabulary of {}", self.vocab);
                return bad(field, token.to_string(), &expected);
            }
        }
        if let Some(linear) = &self.linear {
            linear.check(source)?;
        }
        self.size(source)
    }
}

impl ModelConfig {
    /// Bounds the whole before anything is built of it: a kilobyte of configuration asks for no more than a known model's structure.
    fn size(&self, source: &Path) -> Result<(), Error> {
        let inner = self.experts.as_ref().map_or(self.ffn, |e| self.ffn.max(e.ffn).max(e.shared.unwrap_or(0)));
        let linear = self.linear.as_ref().map_or(0, LinearAttention::channels);
        let widest = self.hidden.max(inner).max(self.q_width()).max(linear);
        if self.layers * widest > MAX_LAYER_WIDTHS {
            let found = format!("{} layers of vectors of {widest}", self.layers);
            return Err(Error::field(source, "layer count", found, format!("{MAX_LAYER_WIDTHS} values in all")));
        }
        let [hidden, vocab, layers, q, kv] = [self.hidden, self.vocab, self.layers, self.q_width(), self.kv_width()].map(|n| n as u128);
        let feed =
            self.experts.as_ref().map_or(self.ffn as u128, |e| (self.ffn as u128).max((e.count * e.ffn + e.shared.unwrap_or(0)) as u128));
        let most = 2 * vocab * hidden + layers * hidden * (2 * q + 2 * kv + 3 * feed + 2 * linear as u128);
        if most > MAX_PARAMETERS {
            return Err(Error::field(source, "size", format!("up to {most} parameters"), format!("at most {MAX_PARAMETERS}")));
        }
        Ok(())
    }
}

impl LinearAttention {
    fn check(&self, source: &Path) -> Result<(), Error> {
        for (field, value, most) in [
            ("linear_num_key_heads", self.key_heads, MAX_WIDTH),
            ("linear_num_value_heads", self.value_heads, MAX_WIDTH),
            ("linear_key_head_dim", self.key_dim, MAX_WIDTH),
            ("linear_value_head_dim", self.value_dim, MAX_WIDTH),
            ("linear_conv_kernel_dim", self.taps, 64),
        ] {
            if value == 0 || value > most {
                return Err(Error::field(source, field, value, format!("1 to {most}")));
            }
        }
        if !self.value_heads.is_multiple_of(self.key_heads) {
            let expected = format!("a divisor of the {} value heads", self.value_heads);
            return Err(Error::field(source, "linear_num_key_heads", self.key_heads, expected));
        }
        if self.channels() > MAX_WIDTH {
            return Err(Error::field(source, "linear attention width", self.channels(), format!("at most {MAX_WIDTH}")));
        }
        Ok(())
    }
}

impl Experts {
    fn check(&self, source: &Path) -> Result<(), Error> {
        if self.count == 0 || self.count > MAX_EXPERTS {
            return Err(Error::field(source, "expert count", self.count, format!("1 to {MAX_EXPERTS}")));
        }
        if self.active == 0 || self.active > self.count {
            return Err(Error::field(source, "experts per token", self.active, format!("1 to the {} experts", self.count)));
        }
        for ffn in [self.ffn].into_iter().chain(self.shared) {
            if ffn == 0 || ffn > MAX_WIDTH {
                return Err(Error::field(source, "expert feed-forward size", ffn, format!("1 to {MAX_WIDTH}")));
            }
        }
        Ok(())
    }
}
