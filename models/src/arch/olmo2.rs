//! OLMo 2: norms after attention and feed-forward only, and one over all heads' queries (and keys) together. OLMo 3 has windows in three of
//! four layers, and scales the rotations of the others alone.

use super::spec::{GgufSpec, Spec, as_is};
use crate::Error;
use crate::config::RowOrder;
use crate::config::{Architecture, ModelConfig, NormPlaces, QkNorm};
use crate::gguf::config::Keys;
use crate::huggingface::fields::{Defaults, Fields};
use crate::rope::RopeTable;

pub(super) const SPEC: Spec = Spec {
    model_type: "olmo2",
    class: "Olmo2ForCausalLM",
    also: &[("olmo3", "Olmo3ForCausalLM")],
    config,
    stored: as_is,
    gguf: Some(GgufSpec {
        name: "olmo2",
        order: RowOrder::Half,
        config: gguf,
        names: &[("post_attention_norm", "post_attention_layernorm"), ("post_ffw_norm", "post_feedforward_layernorm")],
    }),
};

/// OLMo 3: every so manieth layer sees everything.
const PATTERN: usize = 4;
const THETA: f64 = 500_000.0;

fn config(fields: &Fields) -> Result<ModelConfig, Error> {
    let third = fields.text("model_type")? == Some("olmo3");
    fields.refuse_all_but(if third { &["sliding_window", "layer_types"] } else { &[] })?;
    let mut c = fields.decoder(Architecture::Olmo2, Defaults { eps: 1e-5, ..Defaults::default() })?;
    if third {
        let (global, local) = fields.two_rope_tables(c.context, THETA, THETA)?;
        c.rope = vec![global, local];
        let window = fields.size_or("sliding_window", 4096)?;
        fields.windows(&mut c, window, |layer| !(layer + 1).is_multiple_of(PATTERN))?;
        c.plan.iter_mut().for_each(|layer| layer.rope = Some(usize::from(layer.window.is_some())));
    }
    let bias = fields.flag("attention_bias")?.unwrap_or(false);
    (c.form.qkv_bias, c.form.output_bias) = (bias, bias);
    form(&mut c);
    Ok(c)
}

fn form(c: &mut ModelConfig) {
    c.form.norms = NormPlaces::After;
    c.form.qk_norm = QkNorm::Whole;
}

/// OLMo 3's files say `olmo2` too: three of four layers have a window, and rotate unscaled.
fn gguf(keys: &Keys, mut c: ModelConfig) -> Result<ModelConfig, Error> {
    keys.refuse_experts()?;
    form(&mut c);
    if let Some(window) = keys.size("attention.sliding_window")?.filter(|&window| window > 0) {
        let theta = keys.number("rope.freq_base_swa")?.unwrap_or(c.rope[0].theta);
        c.rope.push(RopeTable { theta, scaling: None });
        for (layer, slides) in c.plan.iter_mut().zip(keys.windowed(c.layers, PATTERN)?) {
            layer.window = Some(window).filter(|_| slides);
            layer.rope = Some(usize::from(slides));
        }
    }
    Ok(c)
}
