//! Phi-3 and Phi-4-mini: joined projections, partial RoPE, LongRoPE, a sliding window.
//!
//! LongRoPE has two sets of factors, and transformers changes from one to the other when a text outgrows the original context,
//! leaving cached keys as they are. A chip has one, chosen by its context as llama.cpp chooses by its own: the short factors up to the
//! original context, past it the long ones at all positions ([`crate::Checkpoint::lengthen`]).

use super::spec::{GgufSpec, Spec, as_is};
use crate::Error;
use crate::config::RowOrder;
use crate::config::{Architecture, ModelConfig};
use crate::gguf::config::Keys;
use crate::huggingface::fields::{Defaults, Fields};

pub(super) const SPEC: Spec = Spec {
    model_type: "phi3",
    class: "Phi3ForCausalLM",
    also: &[],
    config,
    stored: as_is,
    gguf: Some(GgufSpec {
        name: "phi3",
        order: RowOrder::Half,
        config: gguf,
        names: &[("attn_qkv", "self_attn.qkv_proj"), ("ffn_up", "mlp.gate_up_proj")],
    }),
};

fn config(fields: &Fields) -> Result<ModelConfig, Error> {
    fields.refuse_all_but(&["sliding_window", "partial_rotary_factor"])?;
    let mut c = fields.decoder(Architecture::Phi3, Defaults { eps: 1e-5, ..Defaults::default() })?;
    let window = fields.size("sliding_window")?;
    c.plan.iter_mut().for_each(|layer| layer.window = window);
    Ok(c)
}

fn gguf(keys: &Keys, mut c: ModelConfig) -> Result<ModelConfig, Error> {
    keys.refuse_experts()?;
    // llama.cpp computes the window of early files only; both read nothing as the whole context.
    let window = keys.size("attention.sliding_window")?.filter(|&w| w > 0);
    c.plan.iter_mut().for_each(|layer| layer.window = window);
    Ok(c)
}
