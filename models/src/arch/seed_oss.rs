//! Seed-OSS: Llama with biases on queries, keys and values, and heads wider than their share of the stream.

use super::spec::{GgufSpec, Spec, as_is};
use crate::Error;
use crate::config::{Architecture, ModelConfig, RowOrder};
use crate::gguf::config::Keys;
use crate::huggingface::fields::{Defaults, Fields};

pub(super) const SPEC: Spec = Spec {
    model_type: "seed_oss",
    class: "SeedOssForCausalLM",
    also: &[],
    config,
    stored: as_is,
    gguf: Some(GgufSpec {
        name: "seed_oss",
        order: RowOrder::Half,
        config: gguf,
        names: &[("post_attention_norm", "post_attention_layernorm")],
    }),
};

fn config(fields: &Fields) -> Result<ModelConfig, Error> {
    fields.refuse_all_but(&[])?;
    let mut c = fields.decoder(Architecture::SeedOss, Defaults { head_dim: Some(128), ..Defaults::default() })?;
    c.form.qkv_bias = fields.flag("attention_bias")?.unwrap_or(true);
    c.form.output_bias = fields.flag("attention_out_bias")?.unwrap_or(false);
    c.form.mlp_bias = fields.flag("mlp_bias")?.unwrap_or(false);
    Ok(c)
}

fn gguf(keys: &Keys, mut c: ModelConfig) -> Result<ModelConfig, Error> {
    keys.refuse_experts_and_windows()?;
    c.form.qkv_bias = keys.has("model.layers.0.self_attn.q_proj.bias");
    c.form.output_bias = keys.has("model.layers.0.self_attn.o_proj.bias");
    Ok(c)
}
