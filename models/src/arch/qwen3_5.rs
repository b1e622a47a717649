//! Qwen3.5, text, dense and with experts: three layers of gated linear attention for each one of attention, whose output is gated; a quarter
//! of each head is rotated. What all hybrid models of this family share is here; [`super::qwen3_next`] is the one before.

use super::joined::{Joined, Part, Stored};
use super::spec::{GgufSpec, Spec};
use crate::Error;
use crate::config::{Architecture, Experts, LinearAttention, ModelConfig, Norm, QkNorm, Rate, RouteRule, RowOrder};
use crate::gguf::config::Keys;
use crate::huggingface::fields::{Defaults, Fields};
use crate::tensor::Tiled;

pub(super) const SPEC: Spec = Spec {
    model_type: "qwen3_5_text",
    class: "Qwen3_5ForCausalLM",
    also: &[("qwen3_5", "Qwen3_5ForConditionalGeneration")],
    config,
    stored,
    gguf: Some(GgufSpec { name: "qwen35", order: RowOrder::Half, config: gguf_dense, names: TILED }),
};

pub(super) const MOE: Spec = Spec {
    model_type: "qwen3_5_moe_text",
    class: "Qwen3_5MoeForCausalLM",
    also: &[("qwen3_5_moe", "Qwen3_5MoeForConditionalGeneration")],
    config: config_moe,
    stored,
    gguf: Some(GgufSpec { name: "qwen35moe", order: RowOrder::Half, config: gguf_experts, names: TILED }),
};

/// GGUF's names of what no other family has. What belongs to value heads lies tiled there, under names of its own here.
const TILED: &[(&str, &str)] = &[
    ("post_attention_norm", "post_attention_layernorm"),
    ("attn_qkv", "linear_attn.tiled.in_proj_qkv"),
    ("attn_gate", "linear_attn.tiled.in_proj_z"),
    ("ssm_conv1d", "linear_attn.tiled.conv1d"),
    ("ssm_dt", "linear_attn.tiled.dt"),
    ("ssm_a", "linear_attn.tiled.A_log"),
    ("ssm_beta", "linear_attn.tiled.in_proj_b"),
    ("ssm_alpha", "linear_attn.tiled.in_proj_a"),
    ("ssm_norm", "linear_attn.norm"),
    ("ssm_out", "linear_attn.tiled.out_proj"),
    ("ffn_gate_up_exps", "mlp.experts.gate_up_proj"),
    ("ffn_gate_inp_shexp", "mlp.shared_expert_gate"),
    ("ffn_gate_shexp", "mlp.shared_expert.gate_proj"),
    ("ffn_up_shexp", "mlp.shared_expert.up_proj"),
    ("ffn_down_shexp", "mlp.shared_expert.down_proj"),
];

/// What the names of tensors begin with that predict further tokens, which the class leaves unread (`_keys_to_ignore_on_load_unexpected`).
pub(super) const FURTHER: &str = "mtp.";
/// Every so manieth layer attends.
const INTERVAL: usize = 4;
/// Share of a head that is rotated where no field says another.
const ROTATED: f64 = 0.25;

fn config(fields: &Fields) -> Result<ModelConfig, Error> {
    hybrid(fields, Architecture::Qwen35, &[])
}

fn config_moe(fields: &Fields) -> Result<ModelConfig, Error> {
    let mut c = hybrid(fields, Architecture::Qwen35Moe, &["num_experts", "num_local_experts"])?;
    // The class divides by the sum whatever `norm_topk_prob` says.
    c.experts = Some(experts(fields, 256, 8, true)?);
    c.plan.iter_mut().for_each(|layer| layer.experts = true);
    Ok(c)
}

/// What configurations of all hybrid models of the family say alike.
pub(super) fn hybrid(fields: &Fields, architecture: Architecture, read: &[&str]) -> Result<ModelConfig, Error> {
    let own = ["layer_types", "attn_output_gate", "partial_rotary_factor"];
    fields.refuse_all_but(&[&own[..], read].concat())?;
    let ffn = if architecture == Architecture::Qwen35Moe { fields.size_or("moe_intermediate_size", 512)? } else { None };
    let mut c = fields.decoder(architecture, Defaults { head_dim: Some(256), rotated: ROTATED, ffn, ..Defaults::default() })?;
    for (field, only) in [("attention_bias", false), ("attn_output_gate", true)] {
        if let Some(other) = fields.flag(field)?.filter(|&flag| flag != only) {
            return Err(fields.unsupported(field, other, &format!("{only}")));
        }
    }
    c.form.norm = Norm::Rms { gain_offset: 1.0 };
    c.form.qk_norm = QkNorm::Heads;
    c.form.attention_gate = true;
    let size = |field: &str, absent: usize| Ok::<usize, Error>(fields.size(field)?.unwrap_or(absent));
    c.linear = Some(LinearAttention {
        key_heads: size("linear_num_key_heads", 16)?,
        value_heads: size("linear_num_value_heads", 32)?,
        key_dim: size("linear_key_head_dim", 128)?,
        value_dim: size("linear_value_head_dim", 128)?,
        taps: size("linear_conv_kernel_dim", 4)?,
        rate: Rate::Logarithm,
    });
    let interval = size("full_attention_interval", INTERVAL)?;
    let kinds = fields.kinds(c.layers, &["full_attention", "linear_attention"])?;
    for (i, layer) in c.plan.iter_mut().enumerate() {
        let attends = kinds.as_ref().map_or(interval > 0 && (i + 1).is_multiple_of(interval), |kinds| kinds[i] == 0);
        layer.linear = !attends;
    }
    Ok(c)
}

/// Experts that are chosen, and one that works on every token.
pub(super) fn experts(fields: &Fields, count: usize, active: usize, renormalise: bool) -> Result<Experts, Error> {
    Ok(Experts {
        // transformers 5 saves it under its common name.
        count: fields.size("num_experts")?.or(fields.size("num_local_experts")?).unwrap_or(count),
        active: fields.size("num_experts_per_tok")?.unwrap_or(active),
        rule: RouteRule::SoftmaxThenTop { renormalise },
        ffn: fields.size("moe_intermediate_size")?.unwrap_or(512),
        bias: false,
        shared: Some(fields.size("shared_expert_intermediate_size")?.unwrap_or(512)),
    })
}

fn gguf_dense(keys: &Keys, c: ModelConfig) -> Result<ModelConfig, Error> {
    keys.refuse_experts()?;
    gguf(keys, c)
}

/// What GGUF files of all hybrid models of the family say alike (llama.cpp's `src/models/qwen3next.cpp`, `qwen35.cpp`): gains have the one
/// added.
fn gguf(keys: &Keys, mut c: ModelConfig) -> Result<ModelConfig, Error> {
    keys.refuse_windows()?;
    // Text moves along all axes of a picture's positions at once.
    keys.pass_over("rope.dimension_sections");
    keys.pass_over("nextn_predict_layers");
    c.form.qk_norm = QkNorm::Heads;
    c.form.attention_gate = true;
    let (inner, value_heads) = (keys.required("ssm.inner_size")?, keys.required("ssm.time_step_rank")?);
    if value_heads == 0 || !inner.is_multiple_of(value_heads) {
        return Err(keys.error("ssm.time_step_rank", value_heads, &format!("a divisor of the inner size {inner}")));
    }
    c.linear = Some(LinearAttention {
        key_heads: keys.required("ssm.group_count")?,
        value_heads,
        key_dim: keys.required("ssm.state_size")?,
        value_dim: inner / value_heads,
        taps: keys.required("ssm.conv_kernel")?,
        rate: Rate::Negative,
    });
    let interval = keys.size("full_attention_interval")?.unwrap_or(INTERVAL);
    let listed = keys.listed("attention.recurrent_layers", c.layers)?;
    for (i, layer) in c.plan.iter_mut().enumerate() {
        let attends = interval > 0 && (i + 1).is_multiple_of(interval);
        layer.linear = listed.as_ref().map_or(!attends, |listed| listed[i]);
    }
    Ok(c)
}

pub(super) fn gguf_experts(keys: &Keys, c: ModelConfig) -> Result<ModelConfig, Error> {
    let mut c = gguf(keys, c)?;
    let mut experts = keys.experts(RouteRule::SoftmaxThenTop { renormalise: true }, false)?;
    let shared = keys.size("expert_shared_feed_forward_length")?.filter(|&width| width > 0);
    experts.shared = Some(shared.map_or_else(|| keys.required("feed_forward_length"), Ok)?);
    c.experts = Some(experts);
    c.plan.iter_mut().for_each(|layer| layer.experts = true);
    Ok(c)
}

pub(super) fn stored(tensor: &str, c: &ModelConfig) -> Option<Stored> {
    let linear = c.linear.as_ref()?;
    let (keys, values) = (linear.keys(), linear.values());
    let joined = |shape: Vec<usize>, parts| Some(Stored::Joined(Joined { shape, parts }));
    if let Some((at, part)) = tensor.split_once("tiled.") {
        return tiled(at, part, c, linear);
    }
    if let Some(at) = tensor.strip_suffix("self_attn.q_proj.weight") {
        // The rows of a head's queries, then those of its gate.
        let part = |name: &str, first| {
            Part::blocks(format!("{at}self_attn.{name}.weight"), (first, c.head_dim), 2 * c.head_dim, c.heads, c.hidden)
        };
        return joined(vec![2 * c.q_width(), c.hidden], vec![part("q_proj", 0), part("gate_proj", c.head_dim)]);
    }
    // Queries, keys and values one after another.
    let three = |at: &str, name: &str, cols: usize| {
        let part = |of: &str, first, count| Part::rows(format!("{at}{of}_{name}.weight"), first, 1, count, cols);
        vec![part("q", 0, keys), part("k", keys, keys), part("v", 2 * keys, values)]
    };
    if let Some(at) = tensor.strip_suffix("conv1d.weight").filter(|at| at.ends_with("linear_attn.")) {
        return joined(vec![linear.channels(), 1, linear.taps], three(at, "conv1d", linear.taps));
    }
    if let Some(at) = tensor.strip_suffix("in_proj_qkv.weight") {
        return joined(vec![linear.channels(), c.hidden], three(at, "proj", c.hidden));
    }
    if tensor.ends_with(".shared_expert_gate.weight") {
        let shape = vec![1, c.hidden];
        return joined(shape, vec![Part::rows(tensor.to_owned(), 0, 1, 1, c.hidden)]);
    }
    let tensor = tensor.strip_suffix(".weight").filter(|stem| stem.ends_with(".experts.gate_up_proj")).unwrap_or(tensor);
    let (at, part) = tensor.rsplit_once('.')?;
    let e = c.experts.as_ref().filter(|_| at.ends_with(".experts"))?;
    let one = |x: usize, name: &str, first, rows, cols| Part::rows(format!("{at}.{x}.{name}.weight"), first, 1, rows, cols);
    match part {
        "gate_up_proj" => {
            let both = |x| [one(x, "gate_proj", 2 * x * e.ffn, e.ffn, c.hidden), one(x, "up_proj", (2 * x + 1) * e.ffn, e.ffn, c.hidden)];
            joined(vec![e.count, 2 * e.ffn, c.hidden], (0..e.count).flat_map(both).collect())
        }
        "down_proj" => {
            let parts = (0..e.count).map(|x| one(x, "down_proj", x * c.hidden, c.hidden, e.ffn)).collect();
            joined(vec![e.count, c.hidden, e.ffn], parts)
        }
        _ => None,
    }
}

/// Tensors of GGUF files whose value heads are tiled over the key heads (`_LinearAttentionVReorderBase` of llama.cpp's converter).
fn tiled(at: &str, part: &str, c: &ModelConfig, linear: &LinearAttention) -> Option<Stored> {
    let (keys, values) = (linear.keys(), linear.values());
    let heads = |width| Tiled { width, groups: linear.key_heads, heads: linear.value_heads / linear.key_heads };
    let joined = |shape: Vec<usize>, parts| Some(Stored::Joined(Joined { shape, parts }));
    let rows = |name: String, first, count, cols, width| Part::rows(name, first, 1, count, cols).with_row_heads(heads(width));
    let vector = |name: &str| {
        let whole = Part::vector(format!("{at}{name}"), 0, 1, linear.value_heads);
        joined(vec![linear.value_heads], vec![whole.with_col_heads(heads(1))])
    };
    // Queries and keys belong to key heads, which lie as they are.
    let three = |name: &str, cols: usize| {
        let part = |of: &str, first| Part::rows(format!("{at}{of}_{name}.weight"), first, 1, keys, cols);
        vec![part("q", 0), part("k", keys), rows(format!("{at}v_{name}.weight"), 2 * keys, values, cols, linear.value_dim)]
    };
    match part.strip_suffix(".weight").unwrap_or(part) {
        "conv1d" => joined(vec![linear.channels(), linear.taps], three("conv1d", linear.taps)),
        "in_proj_qkv" => joined(vec![linear.channels(), c.hidden], three("proj", c.hidden)),
        "in_proj_z" => {
            let z = rows(format!("{at}in_proj_z.weight"), 0, values, c.hidden, linear.value_dim);
            joined(vec![values, c.hidden], vec![z])
        }
        name @ ("in_proj_a" | "in_proj_b") => {
            let whole = rows(format!("{at}{name}.weight"), 0, linear.value_heads, c.hidden, 1);
            joined(vec![linear.value_heads, c.hidden], vec![whole])
        }
        "out_proj" => {
            let whole = Part::rows(format!("{at}out_proj.weight"), 0, 1, c.hidden, values);
            joined(vec![c.hidden, values], vec![whole.with_col_heads(heads(linear.value_dim))])
        }
        "dt.bias" => vector("dt_bias"),
        "A_log" => vector("A_log"),
        _ => None,
    }
}
