//! Qwen2 and 2.5: biases on queries, keys and values; in a few, a sliding window in the upper layers.

use super::spec::{GgufSpec, Spec, as_is};
use crate::Error;
use crate::config::RowOrder;
use crate::config::{Architecture, ModelConfig};
use crate::gguf::config::Keys;
use crate::huggingface::fields::{Defaults, Fields};

pub(super) const SPEC: Spec = Spec {
    model_type: "qwen2",
    class: "Qwen2ForCausalLM",
    also: &[
        ("qwen2_vl", "Qwen2VLForConditionalGeneration"),
        ("qwen2_vl_text", "Qwen2VLTextModel"),
        ("qwen2_5_vl", "Qwen2_5_VLForConditionalGeneration"),
        ("qwen2_5_vl_text", "Qwen2_5_VLTextModel"),
    ],
    config,
    stored: as_is,
    gguf: Some(GgufSpec { name: "qwen2", order: RowOrder::Half, config: gguf, names: &[] }),
};

fn config(fields: &Fields) -> Result<ModelConfig, Error> {
    fields.refuse_all_but(&["sliding_window", "use_sliding_window", "layer_types"])?;
    let mut c = fields.decoder(Architecture::Qwen2, Defaults::default())?;
    c.form.qkv_bias = true;
    upper_windows(fields, &mut c)?;
    Ok(c)
}

/// `use_sliding_window`: the window is that of layers `max_window_layers` and up, unless `layer_types` says which.
pub(super) fn upper_windows(fields: &Fields, c: &mut ModelConfig) -> Result<(), Error> {
    let used = fields.flag("use_sliding_window")?.unwrap_or(false);
    let window = fields.size_or("sliding_window", 4096)?.filter(|_| used);
    let first = fields.size("max_window_layers")?.unwrap_or(28);
    fields.windows(c, window, |layer| window.is_some() && layer >= first)
}

fn gguf(keys: &Keys, mut c: ModelConfig) -> Result<ModelConfig, Error> {
    keys.refuse_experts_and_windows()?;
    c.form.qkv_bias = true;
    Ok(c)
}
