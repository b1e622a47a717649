//! GGUF metadata into a [`ModelConfig`]. Keys as llama.cpp's `llama-arch.cpp` names them.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use super::known;
use super::value::{Metadata, Value};
use super::vocab::Vocab;
use crate::Error;
use crate::arch::spec::GgufSpec;
use crate::config::{Activation, Architecture, Experts, Form, LayerPlan, MAX_LAYERS, ModelConfig, RouteRule, Storage};
use crate::graph::{EMBEDDING, HEAD, POSITIONS};
use crate::rope::{LongFactors, RopeScaling, RopeTable};
use crate::storage::TensorTable;

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
    if metadata.flag(&keys.key("attention.causal"))? == Some(false) {
        return Err(metadata.unsupported(&keys.key("attention.causal"), false, "true, attention to what came before"));
    }
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
    let layers = trunk(metadata, architecture, spec)?;
    let layers = metadata.required(&keys.key("block_count"), layers)?;
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
    let mut context = keys.required("context_length")?;
    let rotated = keys.size("rope.dimension_count")?.unwrap_or(head_dim);
    let rope = keys.rope((architecture, rotated), factors, &mut context)?;
    let vocab = vocabulary(&keys)?;
    let (bos, eos) = ends(metadata, vocab)?;
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
        vocab,
        context,
        norm_eps: eps as f32,
        rope: vec![rope],
        rotated,
        plan: vec![LayerPlan::PLAIN; layers],
        form: Form::plain(head_dim),
        experts: None,
        linear: None,
        storage: Storage::Floats,
        tied_embeddings: !table.entries.contains_key(HEAD),
        activation: Activation::Silu,
        bos,
        eos,
        parameters: 0,
    };
    if base.rotated != head_dim && !architecture.rotates_parts() {
        return Err(metadata.unsupported(&keys.key("rope.dimension_count"), base.rotated, "all values of a head"));
    }
    let config = (spec.config)(&keys, base)?;
    known::refuse_unknown(metadata, spec.name, &keys.read.borrow())?;
    config.checked(path)
}

/// Layers of the model itself: those that predict further tokens stand after them.
pub(super) fn trunk(metadata: &Metadata, architecture: Architecture, spec: &GgufSpec) -> Result<Option<usize>, Error> {
    let size = |part: &str| metadata.size(&format!("{}.{part}", spec.name));
    let further = if architecture.predicts_further() { size("nextn_predict_layers")?.unwrap_or(0) } else { 0 };
    Ok(size("block_count")?.map(|layers| layers.saturating_sub(further)))
}

/// Where a text begins and ends: what the tokenizer says, or without one what the keys do.
fn ends(metadata: &Metadata, rows: usize) -> Result<(Option<u32>, Vec<u32>), Error> {
    // A vocabulary that cannot be read blocks text alone, not the model.
    let (bos, eos) = match Vocab::read(metadata).ok().flatten() {
        Some(vocab) => (vocab.bos(metadata)?, vocab.ends(metadata)?),
        None => {
            let token = |name: &str| metadata.token(&format!("tokenizer.ggml.{name}_token_id"));
            (token("bos")?, [token("eos")?, token("eot")?, token("eom")?].into_iter().flatten().collect())
        }
    };
    let mut seen = std::collections::HashSet::new();
    let eos = eos.into_iter().filter(|&id| (id as usize) < rows && seen.insert(id)).collect();
    Ok((bos.filter(|&id| (id as usize) < rows), eos))
}

/// Keys of tokens that point nowhere, in words.
pub(super) fn passed_over(metadata: &Metadata, config: &ModelConfig) -> Vec<String> {
    let pointer = |key: &str| key.starts_with("tokenizer.ggml.") && key.ends_with("_token_id");
    let nowhere = |value: &Value| matches!(value, Value::Int(id) if !(0..config.vocab as i128).contains(id));
    let bad = metadata.values.iter().filter(|(key, value)| pointer(key) && nowhere(value));
    bad.map(|(key, value)| format!("{key} {} is passed over: the vocabulary has {} tokens", value.describe(), config.vocab)).collect()
}

impl Keys<'_> {
    fn key(&self, part: &str) -> String {
        format!("{}.{part}", self.name)
    }

    /// Says that a key which is there is no matter.
    pub fn pass_over(&self, part: &str) {
        self.read.borrow_mut().insert(self.key(part));
    }

    pub fn error(&self, part: &str, found: impl ToString, expected: &str) -> Error {
        self.metadata.error(&self.key(part), found, expected)
    }

    pub fn size(&self, part: &str) -> Result<Option<usize>, Error> {
        self.pass_over(part);
        self.metadata.size(&self.key(part))
    }

    pub fn number(&self, part: &str) -> Result<Option<f64>, Error> {
        self.pass_over(part);
        self.metadata.number(&self.key(part))
    }

    pub fn required(&self, part: &str) -> Result<usize, Error> {
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

    /// llama.cpp reads no window of these architectures; one as long as the context is none.
    pub fn refuse_windows(&self) -> Result<(), Error> {
        let (window, context) = (self.size("attention.sliding_window")?, self.size("context_length")?);
        match window {
            Some(window) if window > 0 && context.is_none_or(|context| window < context) => {
                let supported = "none, attention over the whole context";
                Err(self.metadata.unsupported(&self.key("attention.sliding_window"), window, supported))
            }
            _ => Ok(()),
        }
    }

    /// For each layer whether it has the window: as `attention.sliding_window_pattern` lists them; or all but every so manieth, where it is
    /// a number or absent.
    pub fn windowed(&self, layers: usize, default: usize) -> Result<Vec<bool>, Error> {
        const PATTERN: &str = "attention.sliding_window_pattern";
        if let Some(listed) = self.listed(PATTERN, layers)? {
            return Ok(listed);
        }
        let every = self.size(PATTERN)?.unwrap_or(default);
        Ok((0..layers).map(|layer| every == 0 || layer % every < every - 1).collect())
    }

    /// One yes or no a layer, where the key is an array; there may be more of them than layers.
    pub fn listed(&self, part: &str, layers: usize) -> Result<Option<Vec<bool>>, Error> {
        let key = self.key(part);
        let Some(Value::Array(_)) = self.metadata.values.get(&key) else { return Ok(None) };
        self.pass_over(part);
        let listed = self.metadata.ints(&key)?.unwrap_or_default();
        if listed.len() < layers {
            return Err(self.metadata.error(&key, format!("{} values", listed.len()), &format!("{layers}, one a layer")));
        }
        Ok(Some(listed[..layers].iter().map(|&yes| yes != 0).collect()))
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
        let (count, active) = (self.required("expert_count")?, self.required("expert_used_count")?);
        Ok(Experts { count, active, rule, ffn, bias, shared: None })
    }

    /// `rope.freq_base` and `rope.scaling.*`, or `rope.scale_linear` of older files; a factor without a type is linear, as in llama.cpp.
    /// `context` becomes the original one where LongRoPE has factors of its own for longer texts.
    fn rope(&self, (architecture, rotated): (Architecture, usize), found: RopeFactors, context: &mut usize) -> Result<RopeTable, Error> {
        let theta = self.number("rope.freq_base")?.unwrap_or(10_000.0);
        let original = self.size("rope.scaling.original_context_length")?.unwrap_or(*context);
        let kind = self.metadata.text(&self.key("rope.scaling.type"))?.unwrap_or("linear");
        // Zero is no factor.
        let factor = self.number("rope.scaling.factor")?.or(self.number("rope.scale_linear")?).filter(|&f| f != 0.0).unwrap_or(1.0);
        let attention = self.number("rope.scaling.attn_factor")?.unwrap_or(1.0);
        let (mut scaling, factor) = match kind {
            "none" => (None, 1.0),
            "linear" | "longrope" => (None, factor),
            "yarn" => {
                let implied = if factor <= 1.0 { 1.0 } else { 0.1 * libm::log(factor) + 1.0 };
                let yarn = RopeScaling::Yarn {
                    factor,
                    fast: self.number("rope.scaling.yarn_beta_fast")?.unwrap_or(32.0),
                    slow: self.number("rope.scaling.yarn_beta_slow")?.unwrap_or(1.0),
                    // The one architecture whose original does not.
                    truncate: architecture != Architecture::GptOss,
                    original_context: original,
                    attention_factor: implied * attention,
                };
                (Some(yarn), factor)
            }
            other => return Err(self.metadata.unsupported(&self.key("rope.scaling.type"), other, "none, linear, yarn, longrope")),
        };
        for (part, nothing) in [("rope.scaling.yarn_ext_factor", 1.0), ("rope.scaling.yarn_attn_factor", 1.0)] {
            // Architectures here leave both at what the type implies.
            if let Some(value) = self.number(part)?.filter(|&value| value != nothing && value >= 0.0) {
                return Err(self.metadata.unsupported(&self.key(part), value, "1, or models without it"));
            }
        }
        let (factors, long) = match (found.all, found.short, found.long) {
            (None, None, None) => (None, None),
            (Some(factors), None, None) => (Some(factors), None),
            (None, Some(factors), Some(long)) => {
                let long = (original < *context).then_some(LongFactors { factors: long, original_context: original, context: *context });
                *context = (*context).min(original);
                (Some(factors), long)
            }
            (None, short, long) if short.is_some() != long.is_some() => {
                let found = if short.is_some() { "short ones alone" } else { "long ones alone" };
                let expected = "rope_factors_short.weight and rope_factors_long.weight";
                return Err(Error::field(&self.metadata.path, "RoPE factors", found, expected));
            }
            _ => return Err(self.metadata.unsupported(&self.key("rope.scaling.type"), kind, "one kind of scaling, not two")),
        };
        let times = |factors: Vec<f64>| factors.into_iter().map(|f| f * factor).collect::<Vec<_>>();
        match (&scaling, factors) {
            (Some(_), Some(_)) => {
                return Err(self.metadata.unsupported(&self.key("rope.scaling.type"), kind, "one kind of scaling, not two"));
            }
            (Some(_), None) => {}
            (None, Some(factors)) => {
                let long = long.map(|long| LongFactors { factors: times(long.factors), ..long });
                scaling = Some(RopeScaling::Factors { factors: times(factors), attention_factor: attention, long });
            }
            (None, None) if attention != 1.0 => {
                let factors = times(vec![1.0; rotated / 2]);
                scaling = Some(RopeScaling::Factors { factors, attention_factor: attention, long: None });
            }
            (None, None) if factor != 1.0 => scaling = Some(RopeScaling::Linear { factor }),
            (None, None) => {}
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
    let (part, kind) = rest.rsplit_once('.').unwrap_or((rest, ""));
    let number: usize = layer.parse().ok()?;
    if number.to_string() != layer || !matches!(kind, "weight" | "bias" | "") {
        return None;
    }
    let own = spec.names.iter().find(|(gguf, _)| *gguf == part).map(|(_, hf)| *hf);
    let part = match part {
        _ if kind.is_empty() => return Some(format!("model.layers.{number}.{}", own?)),
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
