//! SmolLM3: Llama with layers that have no RoPE.

use super::spec::{GgufSpec, Spec, as_is};
use crate::Error;
use crate::config::RowOrder;
use crate::config::{Architecture, ModelConfig};
use crate::gguf::config::Keys;
use crate::huggingface::fields::{Defaults, Fields};

pub(super) const SPEC: Spec = Spec {
    model_type: "smollm3",
    class: "SmolLM3ForCausalLM",
    also: &[],
    config,
    stored: as_is,
    gguf: Some(GgufSpec { name: "smollm3", order: RowOrder::Interleaved, config: gguf, names: &[] }),
};

/// One layer in so many has no RoPE.
const INTERVAL: usize = 4;

fn config(fields: &Fields) -> Result<ModelConfig, Error> {
    fields.refuse_all_but(&["sliding_window", "use_sliding_window", "layer_types", "no_rope_layers"])?;
    let mut c = fields.decoder(Architecture::SmolLm3, Defaults { rope_theta: 2_000_000.0, tied: true, ..Defaults::default() })?;
    let bias = fields.flag("attention_bias")?.unwrap_or(false);
    (c.form.qkv_bias, c.form.output_bias) = (bias, bias);
    c.form.mlp_bias = fields.flag("mlp_bias")?.unwrap_or(false);
    // The list says 1 for a layer that has RoPE.
    let listed = fields.sizes("no_rope_layers")?;
    let interval = fields.size("no_rope_layer_interval")?.unwrap_or(INTERVAL);
    if let Some(listed) = &listed
        && listed.len() != c.layers
    {
        return Err(fields.error("no_rope_layers", format!("{} values", listed.len()), &format!("{}, one a layer", c.layers)));
    }
    for (i, layer) in c.plan.iter_mut().enumerate() {
        let rotates = listed.as_ref().map_or(interval == 0 || !(i + 1).is_multiple_of(interval), |l| l[i] != 0);
        layer.rope = layer.rope.filter(|_| rotates);
    }
    let used = fields.flag("use_sliding_window")?.unwrap_or(false);
    let window = fields.size("sliding_window")?.filter(|_| used);
    let plain: Vec<bool> = c.plan.iter().map(|layer| layer.rope.is_none()).collect();
    fields.windows(&mut c, window, |layer| window.is_some() && plain[layer])?;
    Ok(c)
}

fn gguf(keys: &Keys, mut c: ModelConfig) -> Result<ModelConfig, Error> {
    keys.refuse_experts_and_windows()?;
    for (i, layer) in c.plan.iter_mut().enumerate() {
        layer.rope = layer.rope.filter(|_| !(i + 1).is_multiple_of(INTERVAL));
    }
    Ok(c)
}
