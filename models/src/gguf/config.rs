//! GGUF metadata into a [`ModelConfig`]. Keys as llama.cpp's `llama-arch.cpp` names them.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use super::value::Metadata;
use crate::Error;
use crate::arch::spec::GgufSpec;
use crate::config::{Activation, Architecture, Experts, Form, LayerPlan, MAX_LAYERS, ModelConfig, RouteRule, Storage};
use crate::graph::{EMBEDDING, HEAD, POSITIONS};
use crate::rope::{LongFactors, RopeScaling, RopeTable};
use crate::storage::TensorTable;

/// Keys that change the computation: refused unless the architecture reads them.
const REFUSED: [&str; 9] = [
    "attention.scale",
    "attention.clamp_kqv",
    "attention.max_alibi_bias",
    "attn_logit_softcapping",
    "embedding_scale",
    "expert_shared_count",
    "final_logit_softcapping",
    "logit_scale",
    "residual_scale",
];

/// What a file's tensors outside the graph say of RoPE: divisors of each pair's frequency.
#[derive(Default)]
pub(super) struct RopeFactors {
    /// `rope_freqs.weight`, where converters put an already evaluated `rope_scaling`.
    pub all: Option<Vec<f64>>,
    /// `rope_factors_short.weight`: LongRoPE's for the original context.
    pub short: Option<Vec<f64>>,
    /// `rope_factors_long.weight`: for longer ones.
    pub long: Option<Vec<f64>>,
}

/// Typed reads of an architecture's own keys.
pub(crate) struct Keys<'a> {
    metadata: &'a Metadata,
    name: &'static str,
    table: &'a TensorTable,
    /// The numbers that were asked for.
    read: RefCell<BTreeSet<String>>,
}

/// What all architectures' files say alike; the architecture completes it.
pub(super) fn from_metadata(
    path: &Path,
    (architecture, spec): (Architecture, &'static GgufSpec),
    metadata: &Metadata,
    factors: RopeFactors,
    table: &TensorTable,
) -> Result<ModelConfig, Error> {
    let keys = Keys { metadata, name: spec.name, table, read: RefCell::default() };
    let hidden = keys.required("embedding_length")?;
    let heads = keys.required("attention.head_count")?;
    let head_dim = match keys.size("attention.key_length")? {
        Some(width) => width,
        None if heads > 0 && hidden.is_multiple_of(heads) => hidden / heads,
        None => {
            let expected = format!("a divisor of the embedding length {hidden}");
            return Err(metadata.error(&keys.key("attention.head_count"), heads, &expected));
        }
    };
    keys.only("attention.value_length", head_dim, "the key length")?;
    let layers = keys.required("block_count")?;
    if layers == 0 || layers > MAX_LAYERS {
        return Err(metadata.error(&keys.key("block_count"), layers, &format!("a layer count of 1 to {MAX_LAYERS}")));
    }
    let eps = match keys.number("attention.layer_norm_rms_epsilon")? {
        Some(eps) => eps,
        None => {
            let eps = keys.number("attention.layer_norm_epsilon")?;
            metadata.required(&keys.key("attention.layer_norm_rms_epsilon"), eps)?
        }
    };
    let mut eos: Vec<u32> = Vec::new();
    for key in ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"] {
        eos.extend(metadata.token(key)?.filter(|t| !eos.contains(t)));
    }
    let mut context = keys.required("context_length")?;
    let rope = keys.rope(architecture, factors, &mut context)?;
    let base = ModelConfig {
        architecture,
        hidden,
        ffn: match keys.size("feed_forward_length")? {
            // Files of experts alone say only their width.
            None => keys.required("expert_feed_forward_length")?,
            Some(ffn) => ffn,
        },
        layers,
        heads,
        kv_heads: keys.size("attention.head_count_kv")?.unwrap_or(heads),
        head_dim,
        vocab: vocabulary(&keys)?,
        context,
        norm_eps: eps as f32,
        rope: vec![rope],
        rotated: keys.size("rope.dimension_count")?.unwrap_or(head_dim),
        plan: vec![LayerPlan::PLAIN; layers],
        form: Form::plain(head_dim),
        experts: None,
        linear: None,
        storage: Storage::Floats,
        tied_embeddings: !table.entries.contains_key(HEAD),
        activation: Activation::Silu,
        bos: metadata.token("tokenizer.ggml.bos_token_id")?,
        eos,
        parameters: 0,
    };
    if base.rotated != head_dim && architecture != Architecture::Phi3 {
        return Err(metadata.unsupported(&keys.key("rope.dimension_count"), base.rotated, "all values of a head"));
    }
    let config = (spec.config)(&keys, base)?;
    for key in REFUSED.map(|part| keys.key(part)) {
        if let Some(value) = metadata.values.get(&key).filter(|_| !keys.read.borrow().contains(&key)) {
            let found = value.describe();
            return Err(metadata.unsupported(&key, found, "models without it"));
        }
    }
    config.checked(path)
}

impl Keys<'_> {
    fn key(&self, part: &str) -> String {
        format!("{}.{part}", self.name)
    }

    pub fn size(&self, part: &str) -> Result<Option<usize>, Error> {
        self.metadata.size(&self.key(part))
    }

    pub fn number(&self, part: &str) -> Result<Option<f64>, Error> {
        let key = self.key(part);
        let found = self.metadata.number(&key);
        self.read.borrow_mut().insert(key);
        found
    }

    fn required(&self, part: &str) -> Result<usize, Error> {
        self.metadata.required(&self.key(part), self.size(part)?)
    }

    fn only(&self, part: &str, value: usize, supported: &str) -> Result<(), Error> {
        match self.size(part)? {
            Some(n) if n != value => Err(self.metadata.unsupported(&self.key(part), n, supported)),
            _ => Ok(()),
        }
    }

    /// The file has a tensor that the graph knows by this name.
    pub fn has(&self, tensor: &str) -> bool {
        self.table.entries.contains_key(tensor)
    }

    pub fn refuse_experts(&self) -> Result<(), Error> {
        self.only("expert_count", 0, "0, a dense feed-forward")
    }

    pub fn refuse_windows(&self) -> Result<(), Error> {
        self.only("attention.sliding_window", 0, "none, attention over the whole context")
    }

    pub fn refuse_experts_and_windows(&self) -> Result<(), Error> {
        self.refuse_experts()?;
        self.refuse_windows()
    }

    pub fn experts(&self, rule: RouteRule, bias: bool) -> Result<Experts, Error> {
        let ffn = match self.size("expert_feed_forward_length")? {
            Some(ffn) => ffn,
            None => self.required("feed_forward_length")?,
        };
        Ok(Experts { count: self.required("expert_count")?, active: self.required("expert_used_count")?, rule, ffn, bias })
    }

    /// `rope.freq_base` and `rope.scaling.*`, or `rope.scale_linear` of older files. `context` becomes the original one
    /// where LongRoPE has factors of its own for longer texts.
    fn rope(&self, architecture: Architecture, factors: RopeFactors, context: &mut usize) -> Result<RopeTable, Error> {
        let theta = self.number("rope.freq_base")?.unwrap_or(10_000.0);
        let original = self.size("rope.scaling.original_context_length")?;
        let kind = match self.metadata.text(&self.key("rope.scaling.type"))? {
            Some(kind) => kind,
            None if self.number("rope.scale_linear")?.is_some() => "linear",
            None => "none",
        };
        let required = |part: &str| self.metadata.required(&self.key(part), self.number(part)?);
        let mut scaling = match kind {
            "none" | "longrope" => None,
            "linear" => {
                let factor = self.number("rope.scaling.factor")?.or(self.number("rope.scale_linear")?);
                Some(RopeScaling::Linear { factor: self.metadata.required(&self.key("rope.scaling.factor"), factor)? })
            }
            "yarn" => {
                let factor = required("rope.scaling.factor")?;
                Some(RopeScaling::Yarn {
                    factor,
                    fast: self.number("rope.scaling.yarn_beta_fast")?.unwrap_or(32.0),
                    slow: self.number("rope.scaling.yarn_beta_slow")?.unwrap_or(1.0),
                    // The one architecture whose original does not.
                    truncate: architecture != Architecture::GptOss,
                    original_context: self.metadata.required(&self.key("rope.scaling.original_context_length"), original)?,
                    attention_factor: if factor <= 1.0 { 1.0 } else { 0.1 * libm::log(factor) + 1.0 },
                })
            }
            other => return Err(self.metadata.unsupported(&self.key("rope.scaling.type"), other, "none, linear, yarn, longrope")),
        };
        let attention_factor = self.number("rope.scaling.attn_factor")?.unwrap_or(1.0);
        match (factors.all, factors.short, factors.long) {
            (None, None, None) if attention_factor == 1.0 => {}
            (Some(factors), None, None) if scaling.is_none() => {
                scaling = Some(RopeScaling::Factors { factors, attention_factor, long: None });
            }
            (None, Some(factors), Some(long)) if scaling.is_none() => {
                let original_context = self.metadata.required(&self.key("rope.scaling.original_context_length"), original)?;
                let long = (original_context < *context).then_some(LongFactors { factors: long, original_context, context: *context });
                *context = (*context).min(original_context);
                scaling = Some(RopeScaling::Factors { factors, attention_factor, long });
            }
            (None, short, long) if short.is_some() != long.is_some() => {
                let found = if short.is_some() { "short ones alone" } else { "long ones alone" };
                let expected = "rope_factors_short.weight and rope_factors_long.weight";
                return Err(Error::field(&self.metadata.path, "RoPE factors", found, expected));
            }
            _ => return Err(self.metadata.unsupported(&self.key("rope.scaling.type"), kind, "one kind of scaling, not two")),
        }
        Ok(RopeTable { theta, scaling })
    }
}

/// Rows of the embedding; the tokenizer and the declared size must agree with it.
fn vocabulary(keys: &Keys) -> Result<usize, Error> {
    const TOKENS: &str = "tokenizer.ggml.tokens";
    let declared = keys.size("vocab_size")?;
    let tokens = keys.metadata.texts(TOKENS)?.map(<[String]>::len);
    let rows = keys.table.entries.get(EMBEDDING).and_then(|e| e.shape.first().copied());
    if let (Some(tokens), Some(rows)) = (tokens, rows)
        && tokens > rows
    {
        let expected = format!("at most the {rows} rows of token_embd.weight");
        return Err(keys.metadata.error(TOKENS, format!("{tokens} tokens"), &expected));
    }
    keys.metadata.required(&keys.key("vocab_size"), declared.or(rows).or(tokens))
}

/// `blk.3.attn_q.weight` is `model.layers.3.self_attn.q_proj.weight` (llama.cpp's
/// `gguf-py/gguf/tensor_mapping.py`, read backwards).
pub(super) fn hf_name(spec: &GgufSpec, name: &str) -> Option<String> {
    match name {
        "token_embd.weight" => return Some(EMBEDDING.into()),
        "position_embd.weight" => return Some(POSITIONS.into()),
        "output.weight" => return Some(HEAD.into()),
        "output_norm.weight" => return Some("model.norm.weight".into()),
        "output_norm.bias" => return Some("model.norm.bias".into()),
        _ => {}
    }
    let (layer, rest) = name.strip_prefix("blk.")?.split_once('.')?;
    let (part, kind) = rest.rsplit_once('.')?;
    let number: usize = layer.parse().ok()?;
    if number.to_string() != layer || !matches!(kind, "weight" | "bias") {
        return None;
    }
    let own = spec.names.iter().find(|(gguf, _)| *gguf == part).map(|(_, hf)| *hf);
    let part = match part {
        _ if own.is_some() => own?,
        "attn_norm" => "input_layernorm",
        "attn_q" => "self_attn.q_proj",
        "attn_k" => "self_attn.k_proj",
        "attn_v" => "self_attn.v_proj",
        "attn_q_norm" => "self_attn.q_norm",
        "attn_k_norm" => "self_attn.k_norm",
        "attn_sinks" => return Some(format!("model.layers.{number}.self_attn.sinks")),
        "attn_output" => "self_attn.o_proj",
        "ffn_norm" => "post_attention_layernorm",
        "ffn_gate" => "mlp.gate_proj",
        "ffn_up" => "mlp.up_proj",
        "ffn_down" => "mlp.down_proj",
        "ffn_gate_inp" => "mlp.gate",
        "ffn_gate_exps" => "mlp.experts.gate_proj",
        "ffn_up_exps" => "mlp.experts.up_proj",
        "ffn_down_exps" => "mlp.experts.down_proj",
        _ => return None,
    };
    Some(format!("model.layers.{number}.{part}.{kind}"))
}
