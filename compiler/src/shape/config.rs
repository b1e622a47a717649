//! What a `config.json` says of a model's shape, for every family known by shape. Names of families are `model_type`; an unknown
//! one is refused. Facts that a config leaves to the family's code are given here with the family.

use crate::error::Error;
use hardwire_netlist::unit::Activation;
use serde_json::Value;
use std::path::Path;

/// Feed-forwards a router chooses among.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Experts {
    pub count: u32,
    /// Chosen for each token.
    pub active: u32,
}

/// Gated linear attention (gated delta rule): a state of constant size instead of a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinearAttention {
    pub key_heads: u32,
    pub value_heads: u32,
    pub key_dim: u32,
    pub value_dim: u32,
    /// Taps of the causal convolution before it.
    pub taps: u32,
}

/// What a layer remembers of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Keys and values of all positions, or of the last `window`.
    Cache {
        window: Option<u32>,
    },
    Linear(LinearAttention),
}

/// Shape of a decoder-only model.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    pub name: String,
    pub family: String,
    pub hidden: u32,
    pub ffn: u32,
    pub heads: u32,
    pub kv_heads: u32,
    pub head_dim: u32,
    pub vocab: u32,
    pub context: u32,
    pub tied: bool,
    /// What each layer remembers; as many as there are layers.
    pub states: Vec<State>,
    pub qkv_bias: bool,
    pub output_bias: bool,
    pub mlp_bias: bool,
    pub qk_norm: bool,
    /// A norm after attention and after the feed-forward, before each addition (Gemma).
    pub post_norms: bool,
    /// A norm before the output and the down projection (BitNet).
    pub sub_norms: bool,
    /// The attention's output is gated by a projection as wide as the queries (Qwen3.5).
    pub attention_gate: bool,
    pub experts: Option<Experts>,
    /// Elements of a head that rotate.
    pub rotated: u32,
    pub activation: String,
    /// Weights are -1, 0, 1 with one scale a matrix.
    pub ternary: bool,
    /// Weights are e2m1 floats in groups of 32.
    pub fp4: bool,
}

/// Families known by shape.
pub const FAMILIES: [&str; 9] = ["llama", "mistral", "qwen2", "qwen3", "qwen3_5", "qwen3_5_text", "gemma3_text", "gpt_oss", "bitnet"];
/// Largest dimension believed.
const MOST: u64 = 1 << 24;
const MOST_LAYERS: u64 = 4096;

impl Shape {
    /// Reads a `config.json`.
    ///
    /// # Errors
    /// A file that cannot be read, a family unknown by shape, a missing or impossible field, each by name.
    pub fn from_file(path: &Path) -> Result<Shape, Error> {
        let text = std::fs::read(path).map_err(|e| Error::shape(path, "file", e.to_string()))?;
        let name = match path.file_stem().and_then(|s| s.to_str()) {
            Some("config") | None => path.parent().and_then(Path::file_name).map_or("model".into(), |n| n.to_string_lossy().into_owned()),
            Some(stem) => stem.to_string(),
        };
        Shape::from_json(&text, &name, path)
    }

    /// As [`Shape::from_file`], from text; `path` is named in errors.
    pub fn from_json(text: &[u8], name: &str, path: &Path) -> Result<Shape, Error> {
        let root: Value = serde_json::from_slice(text).map_err(|e| Error::shape(path, "JSON", e.to_string()))?;
        // A multimodal model's text part is a config of its own; a few fields stay outside.
        let config = root.get("text_config").filter(|v| v.is_object()).unwrap_or(&root);
        let f = Fields { config, root: &root, path };
        let family = f.text("model_type")?.to_string();
        if !FAMILIES.contains(&family.as_str()) {
            return Err(f.wrong("model_type", &format!("{family} is not known by shape; known: {}", FAMILIES.join(", "))));
        }
        let hidden = f.size("hidden_size", MOST)?;
        let heads = f.size("num_attention_heads", MOST)?;
        let head_dim = match f.optional("head_dim")? {
            Some(d) => d,
            None if hidden.is_multiple_of(heads) => hidden / heads,
            None => return Err(f.wrong("head_dim", "missing, and hidden_size is no multiple of num_attention_heads")),
        };
        let is = |name: &str| family == name;
        let layers = f.size("num_hidden_layers", MOST_LAYERS)?;
        let partial = config.pointer("/rope_parameters/partial_rotary_factor").and_then(Value::as_f64).unwrap_or(1.0);
        let shape = Shape {
            name: name.to_string(),
            hidden,
            ffn: f.size("intermediate_size", MOST)?,
            heads,
            kv_heads: f.optional("num_key_value_heads")?.unwrap_or(heads),
            head_dim,
            vocab: f.size("vocab_size", MOST)?,
            context: f.size("max_position_embeddings", MOST)?,
            // Gemma and BitNet tie unless told otherwise.
            tied: f.flag("tie_word_embeddings").unwrap_or(is("gemma3_text") || is("bitnet")),
            states: f.states(&family, layers)?,
            qkv_bias: is("qwen2") || f.flag("attention_bias").unwrap_or(is("gpt_oss")),
            output_bias: f.flag("attention_bias").unwrap_or(is("gpt_oss")),
            mlp_bias: f.flag("mlp_bias").unwrap_or(is("gpt_oss")),
            qk_norm: family.starts_with("qwen3") || is("gemma3_text"),
            post_norms: is("gemma3_text"),
            sub_norms: is("bitnet"),
            attention_gate: f.flag("attn_output_gate").unwrap_or(family.starts_with("qwen3_5")),
            experts: f.experts()?,
            rotated: (f64::from(head_dim) * partial) as u32 / 2 * 2,
            activation: config.get("hidden_act").and_then(Value::as_str).unwrap_or("silu").to_string(),
            ternary: is("bitnet"),
            fp4: is("gpt_oss"),
            family,
        };
        shape.check(path)?;
        Ok(shape)
    }

    pub fn layers(&self) -> u32 {
        self.states.len() as u32
    }

    /// Names of what this family computes that no Verilog exists for; structure and cost are those of the nearest unit.
    pub fn modelled_only(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        if self.unit_activation().is_none() {
            names.push("an activation of its own");
        }
        if self.attention_gate {
            names.push("attention gate");
        }
        names
    }

    /// The gate's activation, where the chip has it.
    pub(super) fn unit_activation(&self) -> Option<Activation> {
        match self.activation.as_str() {
            _ if self.family == "gpt_oss" => Some(Activation::SwigluClamped { gate_limit: 0, up_limit: 0 }),
            "silu" | "swish" => Some(Activation::Silu),
            "relu2" => Some(Activation::Relu2),
            "gelu" => Some(Activation::Gelu),
            "gelu_pytorch_tanh" | "gelu_new" | "gelu_fast" | "gelu_tanh" => Some(Activation::GeluTanh),
            _ => None,
        }
    }

    pub(super) fn sinks(&self) -> bool {
        self.family == "gpt_oss"
    }

    fn check(&self, path: &Path) -> Result<(), Error> {
        let wrong = |field: &str, what: String| Err(Error::shape(path, field, what));
        if self.kv_heads == 0 || !self.heads.is_multiple_of(self.kv_heads) {
            return wrong("num_key_value_heads", format!("{} does not divide {} query heads", self.kv_heads, self.heads));
        }
        if self.head_dim == 0 || !self.head_dim.is_multiple_of(2) {
            return wrong("head_dim", format!("{}, expected an even number", self.head_dim));
        }
        if u64::from(self.heads) * u64::from(self.head_dim) > MOST {
            return wrong("head_dim", format!("{} heads of {} are absurdly wide", self.heads, self.head_dim));
        }
        if let Some(e) = self.experts
            && (e.active == 0 || e.active > e.count)
        {
            return wrong("num_experts_per_tok", format!("{} of {} experts", e.active, e.count));
        }
        Ok(())
    }
}

struct Fields<'a> {
    config: &'a Value,
    root: &'a Value,
    path: &'a Path,
}

impl Fields<'_> {
    fn get(&self, field: &str) -> Option<&Value> {
        self.config.get(field).or_else(|| self.root.get(field)).filter(|v| !v.is_null())
    }

    fn wrong(&self, field: &str, what: &str) -> Error {
        Error::shape(self.path, field, what)
    }

    fn text(&self, field: &str) -> Result<&str, Error> {
        self.get(field).and_then(Value::as_str).ok_or_else(|| self.wrong(field, "missing, expected a name"))
    }

    fn flag(&self, field: &str) -> Option<bool> {
        self.get(field).and_then(Value::as_bool)
    }

    fn optional(&self, field: &str) -> Result<Option<u32>, Error> {
        match self.get(field) {
            None => Ok(None),
            Some(v) => match v.as_u64().filter(|&n| n > 0 && n <= MOST) {
                Some(n) => Ok(Some(n as u32)),
                None => Err(self.wrong(field, &format!("{v}, expected 1 to {MOST}"))),
            },
        }
    }

    fn size(&self, field: &str, most: u64) -> Result<u32, Error> {
        match self.optional(field)? {
            Some(n) if u64::from(n) <= most => Ok(n),
            Some(n) => Err(self.wrong(field, &format!("{n}, expected 1 to {most}"))),
            None => Err(self.wrong(field, "missing, expected a whole number")),
        }
    }

    fn experts(&self) -> Result<Option<Experts>, Error> {
        let Some(count) = self.optional("num_local_experts")? else { return Ok(None) };
        Ok(Some(Experts { count, active: self.size("num_experts_per_tok", MOST)? }))
    }

    /// What each layer remembers, by the family's pattern.
    fn states(&self, family: &str, layers: u32) -> Result<Vec<State>, Error> {
        let window = if self.flag("use_sliding_window") == Some(false) { None } else { self.optional("sliding_window")? };
        let every = |pattern: u32, on: State, off: State| (1..=layers).map(|l| if l.is_multiple_of(pattern) { on } else { off }).collect();
        let full = State::Cache { window: None };
        Ok(match family {
            // Five layers with a window, then one without.
            "gemma3_text" => every(self.optional("sliding_window_pattern")?.unwrap_or(6), full, State::Cache { window }),
            // Windowed first, then full, alternating.
            "gpt_oss" => every(2, full, State::Cache { window }),
            "qwen3_5" | "qwen3_5_text" => {
                let linear = LinearAttention {
                    key_heads: self.size("linear_num_key_heads", MOST)?,
                    value_heads: self.size("linear_num_value_heads", MOST)?,
                    key_dim: self.size("linear_key_head_dim", MOST)?,
                    value_dim: self.size("linear_value_head_dim", MOST)?,
                    taps: self.size("linear_conv_kernel_dim", 64)?,
                };
                every(self.optional("full_attention_interval")?.unwrap_or(4), full, State::Linear(linear))
            }
            _ => vec![State::Cache { window }; layers as usize],
        })
    }
}
