//! Qwen3-Next: Qwen3.5 with experts in most layers, whose linear attention stores the rows of a key head's projections together.

use super::joined::{Joined, Part, Stored};
use super::qwen3_5::{experts, gguf_experts, hybrid};
use super::spec::{GgufSpec, Spec};
use crate::Error;
use crate::config::{Architecture, ModelConfig, RowOrder};
use crate::huggingface::fields::Fields;

pub(super) const SPEC: Spec = Spec {
    model_type: "qwen3_next",
    class: "Qwen3NextForCausalLM",
    also: &[],
    config,
    stored,
    gguf: Some(GgufSpec { name: "qwen3next", order: RowOrder::Half, config: gguf_experts, names: NAMES }),
};

/// GGUF's names; older files keep the joined projections of transformers.
const NAMES: &[(&str, &str)] = &[
    ("post_attention_norm", "post_attention_layernorm"),
    ("attn_qkv", "linear_attn.in_proj_qkv"),
    ("attn_gate", "linear_attn.in_proj_z"),
    ("ssm_in", "linear_attn.in_proj_qkvz"),
    ("ssm_ba", "linear_attn.in_proj_ba"),
    ("ssm_conv1d", "linear_attn.conv1d"),
    ("ssm_dt", "linear_attn.dt"),
    ("ssm_a", "linear_attn.A_log"),
    ("ssm_norm", "linear_attn.norm"),
    ("ssm_out", "linear_attn.out_proj"),
    ("ffn_gate_up_exps", "mlp.experts.gate_up_proj"),
    ("ffn_gate_inp_shexp", "mlp.shared_expert_gate"),
    ("ffn_gate_shexp", "mlp.shared_expert.gate_proj"),
    ("ffn_up_shexp", "mlp.shared_expert.up_proj"),
    ("ffn_down_shexp", "mlp.shared_expert.down_proj"),
];

fn config(fields: &Fields) -> Result<ModelConfig, Error> {
    let read = ["num_experts", "num_local_experts"];
    let mut c = hybrid(fields, Architecture::Qwen3Next, &read)?;
    let experts = experts(fields, 512, 10, fields.flag("norm_topk_prob")?.unwrap_or(true))?;
    let step = fields.size("decoder_sparse_step")?.unwrap_or(1);
    let dense = fields.sizes("mlp_only_layers")?.unwrap_or_default();
    for (i, layer) in c.plan.iter_mut().enumerate() {
        layer.experts = experts.count > 0 && step > 0 && (i + 1).is_multiple_of(step) && !dense.contains(&i);
    }
    c.experts = Some(experts).filter(|e| e.count > 0);
    Ok(c)
}

fn stored(tensor: &str, c: &ModelConfig) -> Option<Stored> {
    let linear = c.linear.as_ref()?;
    // Value heads of a key head, and the rows of their values.
    let share = linear.value_heads / linear.key_heads;
    let (keys, values) = (linear.key_dim, share * linear.value_dim);
    let cut = |at: &str, parts: &[(&str, usize)]| {
        let block: usize = parts.iter().map(|p| p.1).sum();
        let mut first = 0;
        let mut all = Vec::new();
        for (name, rows) in parts {
            all.push(Part::blocks(format!("{at}{name}.weight"), (first, *rows), block, linear.key_heads, c.hidden));
            first += rows;
        }
        Some(Stored::Joined(Joined { shape: vec![block * linear.key_heads, c.hidden], parts: all }))
    };
    if let Some(at) = tensor.strip_suffix("in_proj_qkvz.weight") {
        return cut(at, &[("q_proj", keys), ("k_proj", keys), ("v_proj", values), ("in_proj_z", values)]);
    }
    if let Some(at) = tensor.strip_suffix("in_proj_ba.weight") {
        return cut(at, &[("in_proj_b", share), ("in_proj_a", share)]);
    }
    if let Some(at) = tensor.strip_suffix("dt.bias") {
        return Some(Stored::As(format!("{at}dt_bias")));
    }
    super::qwen3_5::stored(tensor, c)
}
