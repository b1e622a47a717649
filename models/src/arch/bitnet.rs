//! BitNet b1.58: ternary weights, squared ReLU, norms before the output projections.
//!
//! Files hold the ternary weights as floats, or packed with a scale a matrix. Rounding activations to 8 bits, as the original does
//! at run time, is not part of the float reference: the chip has its own activation width.

use super::spec::{Spec, as_is};
use crate::Error;
use crate::config::{Architecture, ModelConfig, Storage};
use crate::huggingface::fields::{Defaults, Fields};

pub(super) const SPEC: Spec = Spec { model_type: "bitnet", class: "BitNetForCausalLM", also: &[], config, stored: as_is, gguf: None };

fn config(fields: &Fields) -> Result<ModelConfig, Error> {
    fields.refuse_all_but(&["quantization_config"])?;
    if let Some(packed) = fields.inner("quantization_config")? {
        let packed = Fields { object: packed, prefix: "quantization_config.", source: fields.source };
        for (field, wanted) in [("quant_method", "bitnet"), ("linear_class", "autobitlinear"), ("quantization_mode", "offline")] {
            let found = packed.text(field)?.unwrap_or("nothing");
            if found != wanted {
                return Err(packed.unsupported(field, found, wanted));
            }
        }
        if packed.flag("use_rms_norm")?.unwrap_or(false) {
            return Err(packed.unsupported("use_rms_norm", true, "false"));
        }
    }
    let defaults = Defaults { rope_theta: 500_000.0, eps: 1e-5, activation: "relu2", ..Defaults::default() };
    let mut c = fields.decoder(Architecture::BitNet, defaults)?;
    let bias = fields.flag("attention_bias")?.unwrap_or(false);
    (c.form.qkv_bias, c.form.output_bias) = (bias, bias);
    c.form.sub_norms = true;
    c.storage = if fields.inner("quantization_config")?.is_some() { Storage::PackedTernary } else { Storage::Ternary };
    Ok(c)
}
