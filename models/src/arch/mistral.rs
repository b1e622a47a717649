//! Mistral: Llama with a sliding window. Its GGUF files say `llama`.

use super::spec::{Spec, as_is};
use crate::Error;
use crate::config::{Architecture, ModelConfig};
use crate::huggingface::fields::{Defaults, Fields};

pub(super) const SPEC: Spec = Spec {
    model_type: "mistral",
    class: "MistralForCausalLM",
    also: &[("mistral3", "Mistral3ForConditionalGeneration")],
    config,
    stored: as_is,
    gguf: None,
};

fn config(fields: &Fields) -> Result<ModelConfig, Error> {
    fields.refuse_all_but(&["sliding_window"])?;
    let mut c = fields.decoder(Architecture::Mistral, Defaults::default())?;
    let window = fields.size_or("sliding_window", 4096)?;
    c.plan.iter_mut().for_each(|layer| layer.window = window);
    Ok(c)
}
