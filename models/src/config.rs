//! The numbers that fix a model's shape, whichever file they came from.
//!
//! A `ModelConfig` needs no weights: it can be read from a bare `config.json`, and from it follow
//! the operator graph, the tensor shapes and the parameter count.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::arch::Architecture;
use crate::graph::{OpGraph, RowOrder};

/// Largest value believed for any one dimension; far above every known model (vocabularies of
/// about 2^18, feed-forward widths of about 2^16), low enough that products stay in `u64`.
const MAX_DIMENSION: usize = 1 << 24;
/// Largest number of layers believed; the deepest published language models have under 200.
const MAX_LAYERS: usize = 4096;

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
    /// Added to the mean square under the root in RMSNorm.
    pub rms_eps: f32,
    /// Base of the rotary frequencies.
    pub rope_theta: f64,
    pub rope_scaling: Option<RopeScaling>,
    /// Divisor of each pair's rotary frequency, `head_dim / 2` values; from GGUF's
    /// `rope_freqs.weight`, where converters put an already evaluated `rope_scaling`.
    pub rope_divisors: Option<Vec<f32>>,
    /// The head's matrix is the embedding.
    pub tied_embeddings: bool,
    /// The four attention projections have a bias.
    pub attention_bias: bool,
    /// The three feed-forward projections have a bias.
    pub mlp_bias: bool,
    /// The function on the gate of the feed-forward.
    pub activation: Activation,
    /// Token that begins a text.
    pub bos: Option<u32>,
    /// Tokens that end one.
    pub eos: Vec<u32>,
    /// Numbers stored in all weights, a tied head counted once.
    pub parameters: u64,
}

/// How the rotary frequencies are stretched past the trained context.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum RopeScaling {
    /// Every frequency divided by `factor`.
    Linear { factor: f64 },
    /// Long wavelengths divided by `factor`, short ones kept, a ramp between
    /// (Llama 3.1; `_compute_llama3_parameters` of Hugging Face transformers).
    Llama3 {
        factor: f64,
        /// Wavelengths above `original_context / low` are scaled fully.
        low: f64,
        /// Wavelengths below `original_context / high` are not scaled.
        high: f64,
        original_context: usize,
    },
}

/// Elementwise function of a gated feed-forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activation {
    /// `x / (1 + e^-x)`
    Silu,
}

impl ModelConfig {
    /// Parse the text of a Hugging Face `config.json`; `source` is named in errors.
    ///
    /// # Errors
    /// JSON that is not an object, a missing or impossible field, an architecture, activation,
    /// RoPE scaling or quantization that this crate cannot compute.
    pub fn from_json(text: &[u8], source: &Path) -> Result<ModelConfig, Error> {
        crate::huggingface::parse_config(text, source)
    }

    /// Radians a position adds to each pair's angle: `head_dim / 2` values, scaling applied.
    ///
    /// `theta^(-2i/d)`, computed with `libm` so every machine gets the same bits.
    pub fn inverse_frequencies(&self) -> Vec<f64> {
        let pairs = self.head_dim / 2;
        (0..pairs)
            .map(|pair| {
                let exponent = -2.0 * pair as f64 / self.head_dim as f64;
                let plain = libm::pow(self.rope_theta, exponent);
                let scaled = match self.rope_scaling {
                    None => plain,
                    Some(scaling) => scaling.apply(plain),
                };
                match &self.rope_divisors {
                    None => scaled,
                    Some(divisors) => scaled / f64::from(divisors[pair]),
                }
            })
            .collect()
    }

    /// Width of all query heads together.
    pub fn q_width(&self) -> usize {
        self.heads * self.head_dim
    }

    /// Width of all key (or value) heads together.
    pub fn kv_width(&self) -> usize {
        self.kv_heads * self.head_dim
    }

    /// Check every field against the others, then count the parameters from the graph.
    pub(crate) fn checked(mut self, source: &Path) -> Result<ModelConfig, Error> {
        let bad = |field: &str, found: String, expected: &str| Err(Error::field(source, field, found, expected));
        for (field, value, most) in [
            ("hidden size", self.hidden, MAX_DIMENSION),
            ("feed-forward size", self.ffn, MAX_DIMENSION),
            ("layer count", self.layers, MAX_LAYERS),
            ("attention head count", self.heads, MAX_DIMENSION),
            ("key-value head count", self.kv_heads, MAX_DIMENSION),
            ("head size", self.head_dim, MAX_DIMENSION),
            ("vocabulary size", self.vocab, MAX_DIMENSION),
            ("context length", self.context, MAX_DIMENSION),
        ] {
            if value == 0 || value > most {
                return bad(field, value.to_string(), &format!("1 to {most}"));
            }
        }
        if self.heads * self.head_dim > MAX_DIMENSION {
            let found = format!("{} heads of {}", self.heads, self.head_dim);
            return bad("attention width", found, &format!("at most {MAX_DIMENSION}"));
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            let expected = format!("a divisor of the {} query heads", self.heads);
            return bad("key-value head count", self.kv_heads.to_string(), &expected);
        }
        if !self.head_dim.is_multiple_of(2) {
            let expected = "an even number (RoPE rotates pairs)";
            return bad("head size", self.head_dim.to_string(), expected);
        }
        if !(self.rms_eps.is_finite() && self.rms_eps > 0.0) {
            return bad("RMSNorm epsilon", self.rms_eps.to_string(), "a positive number");
        }
        if !(self.rope_theta.is_finite() && self.rope_theta > 1.0) {
            return bad("RoPE base", self.rope_theta.to_string(), "a number above 1");
        }
        if let Some(divisors) = &self.rope_divisors {
            if divisors.len() != self.head_dim / 2 {
                let expected = format!("{} values, one a pair", self.head_dim / 2);
                return bad("RoPE divisors", divisors.len().to_string(), &expected);
            }
            if let Some(value) = divisors.iter().find(|d| !(d.is_finite() && **d > 0.0)) {
                return bad("RoPE divisors", value.to_string(), "positive numbers");
            }
        }
        if let Some(scaling) = self.rope_scaling {
            scaling.check(source)?;
        }
        for (field, token) in (self.bos.iter().map(|t| ("begin-of-text token", t))).chain(self.eos.iter().map(|t| ("end-of-text token", t)))
        {
            if *token as usize >= self.vocab {
                let expected = format!("an id below the vocabulary of {}", self.vocab);
                return bad(field, token.to_string(), &expected);
            }
        }
        let graph = OpGraph::from_config(&self, RowOrder::Half)?;
        self.parameters = graph.weights().iter().map(|w| w.elements()).sum();
        Ok(self)
    }
}

impl RopeScaling {
    fn apply(self, frequency: f64) -> f64 {
        match self {
            RopeScaling::Linear { factor } => frequency / factor,
            RopeScaling::Llama3 { factor, low, high, original_context } => {
                let original = original_context as f64;
                let wavelength = 2.0 * std::f64::consts::PI / frequency;
                if wavelength < original / high {
                    frequency
                } else if wavelength > original / low {
                    frequency / factor
                } else {
                    let smooth = (original / wavelength - low) / (high - low);
                    (1.0 - smooth) * frequency / factor + smooth * frequency
                }
            }
        }
    }

    fn check(self, source: &Path) -> Result<(), Error> {
        let positive = |field: &str, value: f64| {
            if value.is_finite() && value > 0.0 { Ok(()) } else { Err(Error::field(source, field, value, "a positive number")) }
        };
        match self {
            RopeScaling::Linear { factor } => positive("rope_scaling.factor", factor),
            RopeScaling::Llama3 { factor, low, high, original_context } => {
                positive("rope_scaling.factor", factor)?;
                positive("rope_scaling.low_freq_factor", low)?;
                positive("rope_scaling.high_freq_factor", high)?;
                if high <= low {
                    let expected = format!("a number above low_freq_factor {low}");
                    return Err(Error::field(source, "rope_scaling.high_freq_factor", high, expected));
                }
                if original_context == 0 {
                    let field = "rope_scaling.original_max_position_embeddings";
                    return Err(Error::field(source, field, 0, "a positive number"));
                }
                Ok(())
            }
        }
    }
}

/// Read a bare `config.json`; no weights needed.
///
/// # Errors
/// As [`ModelConfig::from_json`], or the file cannot be read.
pub fn config_from_file(path: &Path) -> Result<ModelConfig, Error> {
    let text = crate::storage::read_small(path)?;
    ModelConfig::from_json(&text, path)
}
