//! ERNIE 4.5, dense: Llama whose rotations take neighbours, in both kinds of file.

use super::spec::{GgufSpec, Spec, as_is};
use crate::Error;
use crate::config::{Architecture, ModelConfig, RowOrder};
use crate::gguf::config::Keys;
use crate::huggingface::fields::{Defaults, Fields};

pub(super) const SPEC: Spec = Spec {
    model_type: "ernie4_5",
    class: "Ernie4_5ForCausalLM",
    also: &[],
    config,
    stored: as_is,
    gguf: Some(GgufSpec { name: "ernie4_5", order: RowOrder::Interleaved, config: gguf, names: &[] }),
};

fn config(fields: &Fields) -> Result<ModelConfig, Error> {
    fields.refuse_all_but(&[])?;
    let defaults = Defaults { rope_theta: 500_000.0, eps: 1e-5, tied: true, head_dim: Some(128), ..Defaults::default() };
    let mut c = fields.decoder(Architecture::Ernie45, defaults)?;
    let bias = fields.flag("use_bias")?.unwrap_or(false);
    (c.form.qkv_bias, c.form.output_bias, c.form.mlp_bias) = (bias, bias, bias);
    Ok(c)
}

fn gguf(keys: &Keys, mut c: ModelConfig) -> Result<ModelConfig, Error> {
    keys.refuse_experts_and_windows()?;
    c.form.qkv_bias = keys.has("model.layers.0.self_attn.q_proj.bias");
    c.form.output_bias = keys.has("model.layers.0.self_attn.o_proj.bias");
    c.form.mlp_bias = keys.has("model.layers.0.mlp.gate_proj.bias");
    Ok(c)
}
