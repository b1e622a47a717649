//! Qwen3: a norm on each head's queries and keys.

use super::qwen2;
use super::spec::{GgufSpec, Spec, as_is};
use crate::Error;
use crate::config::RowOrder;
use crate::config::{Architecture, ModelConfig, QkNorm};
use crate::gguf::config::Keys;
use crate::huggingface::fields::{Defaults, Fields};

pub(super) const SPEC: Spec = Spec {
    model_type: "qwen3",
    class: "Qwen3ForCausalLM",
    also: &[("qwen3_vl", "Qwen3VLForConditionalGeneration"), ("qwen3_vl_text", "Qwen3VLTextModel")],
    config,
    stored: as_is,
    gguf: Some(GgufSpec { name: "qwen3", order: RowOrder::Half, config: gguf, names: &[] }),
};

fn config(fields: &Fields) -> Result<ModelConfig, Error> {
    fields.refuse_all_but(&["sliding_window", "use_sliding_window", "layer_types"])?;
    let defaults = Defaults { head_dim: Some(128), ..Defaults::default() };
    let mut c = fields.decoder(Architecture::Qwen3, defaults)?;
    c.form.qk_norm = QkNorm::Heads;
    let bias = fields.flag("attention_bias")?.unwrap_or(false);
    (c.form.qkv_bias, c.form.output_bias) = (bias, bias);
    qwen2::upper_windows(fields, &mut c)?;
    Ok(c)
}

fn gguf(keys: &Keys, mut c: ModelConfig) -> Result<ModelConfig, Error> {
    keys.refuse_experts_and_windows()?;
    c.form.qk_norm = QkNorm::Heads;
    Ok(c)
}
