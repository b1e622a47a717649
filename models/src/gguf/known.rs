//! Which keys of an architecture this reader knows. A key that it does not know could change what is computed, so it is refused by name,
//! unless it says what a file without it says.

use std::collections::BTreeSet;

use super::value::{Metadata, Value};
use crate::Error;

/// Keys that are read, after the architecture's name and a dot (`llama-arch.cpp`).
const READ: [&str; 29] = [
    "attention.causal",
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.layer_norm_epsilon",
    "attention.layer_norm_rms_epsilon",
    "attention.sliding_window",
    "attention.sliding_window_pattern",
    "attention.value_length",
    "block_count",
    "context_length",
    "embedding_length",
    "expert_count",
    "expert_feed_forward_length",
    "expert_used_count",
    "feed_forward_length",
    "rope.dimension_count",
    "rope.freq_base",
    "rope.freq_base_swa",
    "rope.scale_linear",
    "rope.scaling.attn_factor",
    "rope.scaling.factor",
    "rope.scaling.original_context_length",
    "rope.scaling.type",
    "rope.scaling.yarn_attn_factor",
    "rope.scaling.yarn_beta_fast",
    "rope.scaling.yarn_beta_slow",
    "rope.scaling.yarn_ext_factor",
    "vocab_size",
];

/// Keys that describe a file or its making, and nothing that is computed.
const HARMLESS: [&str; 3] = ["rope.scaling.finetuned", "tensor_data_layout", "token_type_count"];

/// Keys that say nothing at 0, at false, in an empty or zero array, as a file without them; those of the second list at 1 too.
const NOTHING_AT_ZERO: [&str; 19] = [
    "attention.clamp_kqv",
    "attention.max_alibi_bias",
    "attention.output_scale",
    "attention.scale",
    "attention.shared_kv_layers",
    "attention.temperature_length",
    "attention.temperature_scale",
    "attn_logit_softcapping",
    "expert_group_count",
    "expert_group_used_count",
    "expert_shared_count",
    "expert_shared_feed_forward_length",
    "final_logit_softcapping",
    "leading_dense_block_count",
    "nextn_predict_layers",
    "pooling_type",
    "rope.dimension_sections",
    "rope.scaling.yarn_log_multiplier",
    "use_parallel_residual",
];
const NOTHING_AT_ONE: [&str; 7] = [
    "attention.value_scale",
    "embedding_scale",
    "expert_weights_scale",
    "interleave_moe_layer_step",
    "logit_scale",
    "residual_scale",
    "rope.scaling.alpha",
];

/// Keys that repeat another's value.
const SAME_AS: [(&str, &str); 4] = [
    ("attention.key_length_swa", "attention.key_length"),
    ("attention.value_length_swa", "attention.value_length"),
    ("embedding_length_out", "embedding_length"),
    ("rope.dimension_count_swa", "rope.dimension_count"),
];

/// How routers score experts, as llama.cpp numbers it (`llama_expert_gating_func_type`); the architectures here take a softmax, before or
/// after the choice.
const GATING: (&str, [i128; 3]) = ("expert_gating_func", [0, 1, 3]);

/// Refuses what is not known of the file's own architecture, but for what it `asked` for, and files that are no model by themselves.
pub(super) fn refuse_unknown(metadata: &Metadata, architecture: &str, asked: &BTreeSet<String>) -> Result<(), Error> {
    const TYPE: &str = "general.type";
    if let Some(kind) = metadata.text(TYPE)?.filter(|&kind| kind != "model") {
        return Err(metadata.unsupported(TYPE, kind, "model"));
    }
    let prefix = format!("{architecture}.");
    for (key, value) in &metadata.values {
        let foreign = ["adapter.", "xielu."].iter().any(|part| key.starts_with(part));
        let Some(part) = key.strip_prefix(&prefix).or(foreign.then_some(key.as_str())) else { continue };
        let twin = SAME_AS.iter().find(|(key, _)| *key == part).and_then(|(_, twin)| metadata.values.get(&format!("{prefix}{twin}")));
        let harmless = READ.contains(&part)
            || asked.contains(key)
            || HARMLESS.contains(&part)
            || (NOTHING_AT_ZERO.contains(&part) && is(value, 0))
            || (NOTHING_AT_ONE.contains(&part) && (is(value, 0) || is(value, 1)))
            || twin == Some(value)
            || (part == GATING.0 && matches!(value, Value::Int(n) if GATING.1.contains(n)))
            || (part == "expert_weights_norm" && *value == Value::Bool(true));
        if !harmless {
            return Err(metadata.unsupported(key, value.describe(), "models without it"));
        }
    }
    Ok(())
}

/// Whether a value is this number, or an array of it.
fn is(value: &Value, number: i64) -> bool {
    use super::value::Array;
    match value {
        Value::Int(n) => *n == number.into(),
        Value::Float(x) => *x == number as f64,
        Value::Bool(b) => i64::from(*b) == number,
        Value::Text(_) => false,
        Value::Array(Array::Ints(v)) => v.iter().all(|&n| n == number),
        Value::Array(Array::Floats(v)) => v.iter().all(|&x| x == number as f32),
        Value::Array(Array::Texts(_) | Array::Other { .. }) => false,
    }
}
