//! Arcee (AFM): Llama whose feed-forward has no gate: `down(relu(up(x))^2)`.

use super::spec::{GgufSpec, Spec, as_is};
use crate::Error;
use crate::config::{Activation, Architecture, ModelConfig, RowOrder};
use crate::gguf::config::Keys;
use crate::huggingface::fields::{Defaults, Fields};

pub(super) const SPEC: Spec = Spec {
    model_type: "arcee",
    class: "ArceeForCausalLM",
    also: &[],
    config,
    stored: as_is,
    gguf: Some(GgufSpec { name: "arcee", order: RowOrder::Interleaved, config: gguf, names: &[] }),
};

fn config(fields: &Fields) -> Result<ModelConfig, Error> {
    fields.refuse_all_but(&[])?;
    let mut c = fields.decoder(Architecture::Arcee, Defaults { eps: 1e-5, activation: "relu2", ..Defaults::default() })?;
    let bias = fields.flag("attention_bias")?.unwrap_or(false);
    (c.form.qkv_bias, c.form.output_bias) = (bias, bias);
    c.form.mlp_bias = fields.flag("mlp_bias")?.unwrap_or(false);
    c.form.gated = false;
    Ok(c)
}

fn gguf(keys: &Keys, mut c: ModelConfig) -> Result<ModelConfig, Error> {
    keys.refuse_experts_and_windows()?;
    c.activation = Activation::Relu2;
    c.form.gated = false;
    Ok(c)
}
