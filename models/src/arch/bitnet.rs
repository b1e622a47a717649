//! BitNet b1.58: ternary weights, squared ReLU, norms before the output projections.

use super::{Architecture, Spec, as_is};
use crate::Error;
use crate::config::ModelConfig;
use crate::huggingface::{Defaults, Fields};

pub(super) const SPEC: Spec = Spec { model_type: "bitnet", class: "BitNetForCausalLM", config, stored: as_is, gguf: None };

fn config(fields: &Fields) -> Result<ModelConfig, Error> {
    fields.refuse_all_but(&[])?;
    let defaults = Defaults { rope_theta: 500_000.0, eps: 1e-5, activation: "relu2", ..Defaults::default() };
    let mut c = fields.decoder(Architecture::BitNet, defaults)?;
    let bias = fields.flag("attention_bias")?.unwrap_or(false);
    (c.form.qkv_bias, c.form.output_bias) = (bias, bias);
    c.form.sub_norms = true;
    Ok(c)
}
