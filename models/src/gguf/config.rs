//! GGUF metadata into a [`ModelConfig`]. Keys as llama.cpp's `llama-arch.cpp` names them.

use std::path::Path;

use super::value::Metadata;
use crate::Error;
use crate::arch::{self, Architecture};
use crate::config::{Activation, ModelConfig, RopeScaling};
use crate::storage::TensorTable;

/// Keys that change the computation in ways no operator here has.
const REFUSED: [&str; 5] = ["attention.scale", "attention.clamp_kqv", "embedding_scale", "residual_scale", "logit_scale"];

/// `general.architecture`, and that this file is a whole model of it.
pub(super) fn architecture(path: &Path, metadata: &Metadata) -> Result<Architecture, Error> {
    const KEY: &str = "general.architecture";
    let name = metadata.required(KEY, metadata.text(KEY)?)?;
    if let Some(parts) = metadata.size("split.count")?
        && parts > 1
    {
        let supported = "one file; hint: join the parts with llama-gguf-split --merge";
        return Err(metadata.unsupported("split.count", parts, supported));
    }
    Architecture::from_name(name).ok_or_else(|| Error::unsupported(path, format!("metadata {KEY}"), name, arch::SUPPORTED))
}

pub(super) fn from_metadata(
    path: &Path,
    architecture: Architecture,
    metadata: &Metadata,
    rope_divisors: Option<Vec<f32>>,
    table: &TensorTable,
) -> Result<ModelConfig, Error> {
    let key = |part: &str| format!("{architecture}.{part}");
    let size = |part: &str| metadata.size(&key(part));
    let required = |part: &str| metadata.required(&key(part), size(part)?);
    let only = |part: &str, least: usize, most: usize, supported: &str| match size(part)? {
        Some(n) if n < least || n > most => Err(metadata.unsupported(&key(part), n, supported)),
        _ => Ok(()),
    };

    for part in REFUSED {
        if let Some(value) = metadata.values.get(&key(part)) {
            let found = value.describe();
            return Err(metadata.unsupported(&key(part), found, "models without it"));
        }
    }
    only("expert_count", 0, 0, "0, a dense feed-forward")?;
    only("attention.sliding_window", 0, 0, "none, attention over the whole context")?;
    let hidden = required("embedding_length")?;
    let heads = required("attention.head_count")?;
    let head_dim = match size("attention.key_length")? {
        Some(width) => width,
        None if heads > 0 && hidden.is_multiple_of(heads) => hidden / heads,
        None => {
            let expected = format!("a divisor of the embedding length {hidden}");
            return Err(metadata.error(&key("attention.head_count"), heads, &expected));
        }
    };
    only("attention.value_length", head_dim, head_dim, "the key length")?;
    only("rope.dimension_count", head_dim, head_dim, "all values of a head")?;

    let vocab = vocabulary(architecture, metadata, table)?;
    let has = |tensor: &str| table.entries.contains_key(tensor);
    let rms_eps_key = key("attention.layer_norm_rms_epsilon");
    let eps = metadata.required(&rms_eps_key, metadata.number(&rms_eps_key)?)?;
    let mut eos: Vec<u32> = Vec::new();
    for key in ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"] {
        eos.extend(metadata.token(key)?.filter(|t| !eos.contains(t)));
    }

    ModelConfig {
        architecture,
        hidden,
        ffn: required("feed_forward_length")?,
        layers: required("block_count")?,
        heads,
        kv_heads: size("attention.head_count_kv")?.unwrap_or(heads),
        head_dim,
        vocab,
        context: required("context_length")?,
        rms_eps: eps as f32,
        rope_theta: metadata.number(&key("rope.freq_base"))?.unwrap_or(10_000.0),
        rope_scaling: scaling(architecture, metadata)?,
        rope_divisors,
        tied_embeddings: !has("lm_head.weight"),
        attention_bias: has("model.layers.0.self_attn.q_proj.bias"),
        mlp_bias: has("model.layers.0.mlp.gate_proj.bias"),
        activation: Activation::Silu,
        bos: metadata.token("tokenizer.ggml.bos_token_id")?,
        eos,
        parameters: 0,
    }
    .checked(path)
}

/// Rows of the embedding; the tokenizer and the declared size must agree with it.
fn vocabulary(architecture: Architecture, metadata: &Metadata, table: &TensorTable) -> Result<usize, Error> {
    const TOKENS: &str = "tokenizer.ggml.tokens";
    let declared = metadata.size(&format!("{architecture}.vocab_size"))?;
    let tokens = metadata.texts(TOKENS)?.map(<[String]>::len);
    let rows = table.entries.get("model.embed_tokens.weight").and_then(|e| e.shape.first().copied());
    if let (Some(tokens), Some(rows)) = (tokens, rows)
        && tokens > rows
    {
        let expected = format!("at most the {rows} rows of token_embd.weight");
        return Err(metadata.error(TOKENS, format!("{tokens} tokens"), &expected));
    }
    let key = format!("{architecture}.vocab_size");
    metadata.required(&key, declared.or(rows).or(tokens))
}

/// `rope.scaling.*`, and `rope.scale_linear` of older files.
fn scaling(architecture: Architecture, metadata: &Metadata) -> Result<Option<RopeScaling>, Error> {
    let key = |part: &str| format!("{architecture}.rope.{part}");
    let kind = match metadata.text(&key("scaling.type"))? {
        Some(kind) => kind,
        None if metadata.number(&key("scale_linear"))?.is_some() => "linear",
        None => "none",
    };
    match kind {
        "none" => Ok(None),
        "linear" => {
            let factor = match metadata.number(&key("scaling.factor"))? {
                Some(factor) => Some(factor),
                None => metadata.number(&key("scale_linear"))?,
            };
            let factor = metadata.required(&key("scaling.factor"), factor)?;
            Ok(Some(RopeScaling::Linear { factor }))
        }
        other => Err(metadata.unsupported(&key("scaling.type"), other, "none, linear")),
    }
}
