//! Qwen3.5, text: three layers of gated linear attention for each one of attention, whose output is gated. Known by shape only: it can
//! be planned, and its checkpoints are refused.

use super::spec::{Spec, as_is};
use crate::Error;
use crate::config::{Architecture, LinearAttention, ModelConfig, Norm, QkNorm};
use crate::huggingface::fields::{Defaults, Fields};

pub(super) const SPEC: Spec = Spec {
    model_type: "qwen3_5_text",
    class: "Qwen3_5ForCausalLM",
    whole: Some(("qwen3_5", "Qwen3_5ForConditionalGeneration")),
    config,
    stored: as_is,
    gguf: None,
};

/// Every so manieth layer attends.
const INTERVAL: usize = 4;

fn config(fields: &Fields) -> Result<ModelConfig, Error> {
    fields.refuse_all_but(&["layer_types", "attn_output_gate", "partial_rotary_factor"])?;
    let mut c = fields.decoder(Architecture::Qwen35, Defaults { head_dim: Some(256), ..Defaults::default() })?;
    let bias = fields.flag("attention_bias")?.unwrap_or(false);
    (c.form.qkv_bias, c.form.output_bias) = (bias, bias);
    c.form.norm = Norm::Rms { gain_offset: 1.0 };
    c.form.qk_norm = QkNorm::Heads;
    c.form.attention_gate = fields.flag("attn_output_gate")?.unwrap_or(true);
    c.linear = Some(LinearAttention {
        key_heads: fields.required_size("linear_num_key_heads")?,
        value_heads: fields.required_size("linear_num_value_heads")?,
        key_dim: fields.required_size("linear_key_head_dim")?,
        value_dim: fields.required_size("linear_value_head_dim")?,
        taps: fields.required_size("linear_conv_kernel_dim")?,
    });
    let interval = fields.size("full_attention_interval")?.unwrap_or(INTERVAL);
    let kinds = fields.kinds(c.layers, &["full_attention", "linear_attention"])?;
    for (i, layer) in c.plan.iter_mut().enumerate() {
        let attends = kinds.as_ref().map_or(interval > 0 && (i + 1).is_multiple_of(interval), |kinds| kinds[i] == 0);
        layer.linear = !attends;
    }
    Ok(c)
}
