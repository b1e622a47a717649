//! Llama 2 and 3, SmolLM2, TinyLlama: `LlamaForCausalLM`.

use super::spec::{GgufSpec, Spec, as_is};
use crate::Error;
use crate::config::RowOrder;
use crate::config::{Architecture, ModelConfig};
use crate::gguf::config::Keys;
use crate::huggingface::fields::{Defaults, Fields};

pub(super) const SPEC: Spec = Spec {
    model_type: "llama",
    class: "LlamaForCausalLM",
    also: &[],
    config,
    stored: as_is,
    gguf: Some(GgufSpec { name: "llama", order: RowOrder::Interleaved, config: gguf, names: &[] }),
};

fn config(fields: &Fields) -> Result<ModelConfig, Error> {
    fields.refuse_all_but(&[])?;
    let mut c = fields.decoder(Architecture::Llama, Defaults::default())?;
    let bias = fields.flag("attention_bias")?.unwrap_or(false);
    (c.form.qkv_bias, c.form.output_bias) = (bias, bias);
    c.form.mlp_bias = fields.flag("mlp_bias")?.unwrap_or(false);
    Ok(c)
}

fn gguf(keys: &Keys, mut c: ModelConfig) -> Result<ModelConfig, Error> {
    keys.refuse_experts_and_windows()?;
    let bias = keys.has("model.layers.0.self_attn.q_proj.bias");
    (c.form.qkv_bias, c.form.output_bias) = (bias, bias);
    c.form.mlp_bias = keys.has("model.layers.0.mlp.gate_proj.bias");
    Ok(c)
}
