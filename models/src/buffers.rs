//! Stored tensors that no operator reads: what a training framework keeps beside a model's weights.
//!
//! They are known by name alone, before dtype and shape are looked at: files have them as booleans, bytes, integers of any width or floats.
//! A tensor that belongs to nothing known is refused, with the quantization it comes from if its name tells.

use crate::storage::Raw;

/// Caches of rotations, of keys and values, masks, positions and counters, by the last part of the name.
const NAMES: [&str; 32] = [
    "attention_mask",
    "attn_mask",
    "cache_k",
    "cache_v",
    "causal_mask",
    "causal_mask_cache",
    "cos_cache",
    "cos_cached",
    "embed_positions_buffer",
    "_extra_state",
    "freqs",
    "freqs_cis",
    "freqs_cos",
    "freqs_sin",
    "inv_freq",
    "k_cache",
    "key_cache",
    "kv_cache",
    "mask",
    "masked_bias",
    "num_batches_tracked",
    "original_inv_freq",
    "past_key",
    "past_key_values",
    "past_value",
    "position_ids",
    "rope_cache",
    "sin_cache",
    "sin_cached",
    "token_type_ids",
    "v_cache",
    "value_cache",
];

/// Names of attention modules whose `bias`, where it is no vector, is the causal mask.
const ATTENTION: [&str; 4] = ["attn", "attention", "crossattention", "self_attn"];

/// Whether a tensor that the graph does not read is one that no model reads.
pub(crate) fn is_buffer(name: &str, shape: &[usize]) -> bool {
    let mut parts = name.rsplit('.');
    let (last, module) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    // An empty tensor holds nothing that could be read.
    shape.contains(&0)
        || NAMES.contains(&last)
        || (last == "bias" && ATTENTION.contains(&module) && shape.len() > 1)
        || module.contains("rotary")
        || (last.ends_with("_position_ids") || last.ends_with("_inv_freq"))
}

/// The quantization whose files have tensors of this name or type.
pub(crate) fn quantization(name: &str, raw: Option<&Raw>) -> Option<&'static str> {
    let last = name.rsplit('.').next().unwrap_or_default();
    match last {
        "qweight" | "qzeros" | "g_idx" => Some("AWQ or GPTQ"),
        "weight_packed" | "weight_shape" | "weight_zero_point" | "weight_g_idx" | "weight_global_scale" => Some("compressed-tensors"),
        "absmax" | "quant_map" | "nested_absmax" | "nested_quant_map" | "SCB" | "weight_format" => Some("bitsandbytes"),
        _ if last.starts_with("quant_state") || last.starts_with("bitsandbytes") => Some("bitsandbytes"),
        "weight_scale_inv" | "weight_scale" | "input_scale" | "activation_scale" => Some("FP8 with scales"),
        "scales" | "biases" => Some("MLX, AWQ or GPTQ"),
        "W_q" | "meta" | "zero" | "scale" => Some("HQQ"),
        "codebooks" | "codes" => Some("AQLM"),
        _ => match raw?.dtype.as_str() {
            dtype if dtype.starts_with("F8") => Some("FP8"),
            dtype if dtype.starts_with("F4") || dtype.starts_with("F6") => Some("microscaled floats"),
            "U32" => Some("MLX"),
            "I8" => Some("int8"),
            _ => None,
        },
    }
}
