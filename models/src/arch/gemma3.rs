//! Gemma 3, text: four norms a layer whose gain is the weight plus one, norms on each head's queries and keys, GeGLU, a scaled
//! embedding, and five layers with a window and fast RoPE for each one with neither.

use super::spec::{GgufSpec, Spec, as_is};
use crate::Error;
use crate::config::RowOrder;
use crate::config::{Activation, Architecture, ModelConfig, Norm, NormPlaces, QkNorm};
use crate::gguf::config::Keys;
use crate::huggingface::fields::{Defaults, Fields};
use crate::rope::RopeTable;

pub(super) const SPEC: Spec = Spec {
    model_type: "gemma3_text",
    class: "Gemma3ForCausalLM",
    also: &[("gemma3", "Gemma3ForConditionalGeneration")],
    config,
    stored: as_is,
    gguf: Some(GgufSpec {
        name: "gemma3",
        order: RowOrder::Half,
        config: gguf,
        names: &[
            ("post_attention_norm", "post_attention_layernorm"),
            ("ffn_norm", "pre_feedforward_layernorm"),
            ("post_ffw_norm", "post_feedforward_layernorm"),
        ],
    }),
};

/// Every so manieth layer is global.
const PATTERN: usize = 6;
const GLOBAL_THETA: f64 = 1_000_000.0;
const LOCAL_THETA: f64 = 10_000.0;

fn config(fields: &Fields) -> Result<ModelConfig, Error> {
    fields.refuse_all_but(&["sliding_window", "layer_types", "rope_local_base_freq", "query_pre_attn_scalar", "rope_parameters"])?;
    let defaults = Defaults {
        rope_theta: GLOBAL_THETA,
        tied: true,
        head_dim: Some(256),
        activation_field: "hidden_activation",
        activation: "gelu_pytorch_tanh",
        ..Defaults::default()
    };
    let mut c = fields.decoder(Architecture::Gemma3, defaults)?;
    let bias = fields.flag("attention_bias")?.unwrap_or(false);
    (c.form.qkv_bias, c.form.output_bias) = (bias, bias);
    let scalar = fields.size("query_pre_attn_scalar")?.unwrap_or(256);
    form(&mut c, scalar, 1.0);
    let (global, local) = fields.two_rope_tables(c.context, GLOBAL_THETA, LOCAL_THETA)?;
    c.rope = vec![global, local];
    let window = Some(fields.size("sliding_window")?.unwrap_or(4096));
    let pattern = fields.size("sliding_window_pattern")?.unwrap_or(PATTERN);
    fields.windows(&mut c, window, |layer| pattern == 0 || !(layer + 1).is_multiple_of(pattern))?;
    local_tables(&mut c);
    Ok(c)
}

fn form(c: &mut ModelConfig, scalar: usize, gain_offset: f32) {
    c.form.norm = Norm::Rms { gain_offset };
    c.form.norms = NormPlaces::Both;
    c.form.qk_norm = QkNorm::Heads;
    c.form.embed_scale = (c.hidden as f32).sqrt();
    c.form.score_scale = 1.0 / (scalar as f64).sqrt();
}

/// Layers with a window rotate by the second table.
fn local_tables(c: &mut ModelConfig) {
    c.plan.iter_mut().for_each(|layer| layer.rope = Some(usize::from(layer.window.is_some())));
}

fn gguf(keys: &Keys, mut c: ModelConfig) -> Result<ModelConfig, Error> {
    keys.refuse_experts()?;
    c.activation = Activation::GeluTanh;
    // Converted gains have the one added. Scores: only the 27B model (62 layers) divides by its heads' share of the width, as in
    // llama.cpp's `llama-model.cpp`.
    let scalar = if c.layers == 62 { c.hidden / c.heads } else { c.head_dim };
    form(&mut c, scalar, 0.0);
    let window = keys.size("attention.sliding_window")?.filter(|&window| window > 0);
    let slides = keys.windowed(c.layers, PATTERN)?;
    let local = keys.number("rope.freq_base_swa")?.unwrap_or(LOCAL_THETA);
    c.rope.push(RopeTable { theta: local, scaling: None });
    for (layer, slides) in c.plan.iter_mut().zip(slides) {
        layer.window = window.filter(|_| slides);
    }
    local_tables(&mut c);
    Ok(c)
}
