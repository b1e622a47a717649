//! GPT-2: LayerNorm, learned positions, GELU, and matrices stored transposed (`Conv1D`), queries, keys and values in one.

use super::joined::{Joined, Part, Stored};
use super::spec::{GgufSpec, Spec};
use crate::Error;
use crate::config::RowOrder;
use crate::config::{Activation, Architecture, ModelConfig, Norm};
use crate::gguf::config::Keys;
use crate::graph::POSITIONS;
use crate::huggingface::fields::{Defaults, Fields};

pub(super) const SPEC: Spec = Spec {
    model_type: "gpt2",
    class: "GPT2LMHeadModel",
    also: &[],
    config,
    stored,
    gguf: Some(GgufSpec { name: "gpt2", order: RowOrder::Half, config: gguf, names: &[("attn_qkv", "self_attn.qkv_proj")] }),
};

fn config(fields: &Fields) -> Result<ModelConfig, Error> {
    fields.refuse_all_but(&[])?;
    for (field, wanted) in [("scale_attn_by_inverse_layer_idx", false), ("add_cross_attention", false), ("scale_attn_weights", true)] {
        if let Some(flag) = fields.flag(field)?
            && flag != wanted
        {
            return Err(fields.unsupported(field, flag, &wanted.to_string()));
        }
    }
    let hidden = fields.size_or("n_embd", 768)?.unwrap_or_default();
    let defaults = Defaults {
        names: [
            ("hidden_size", "n_embd"),
            ("num_attention_heads", "n_head"),
            ("num_hidden_layers", "n_layer"),
            ("max_position_embeddings", "n_positions"),
            ("rms_norm_eps", "layer_norm_epsilon"),
        ],
        ffn: Some(fields.size("n_inner")?.unwrap_or(hidden.saturating_mul(4))),
        tied: true,
        eps: 1e-5,
        activation_field: "activation_function",
        activation: "gelu_new",
        ..Defaults::default()
    };
    let mut c = fields.decoder(Architecture::Gpt2, defaults)?;
    form(&mut c);
    Ok(c)
}

fn form(c: &mut ModelConfig) {
    c.form.norm = Norm::Layer;
    (c.form.qkv_bias, c.form.output_bias, c.form.mlp_bias) = (true, true, true);
    c.form.gated = false;
    c.form.positions = true;
    c.rope.clear();
    c.plan.iter_mut().for_each(|layer| layer.rope = None);
}

fn stored(tensor: &str, c: &ModelConfig) -> Option<Stored> {
    let named = |name: &str| Some(Stored::As(name.to_owned()));
    match tensor {
        "wte.weight" => return named(crate::graph::EMBEDDING),
        "wpe.weight" => return named(POSITIONS),
        "ln_f.weight" => return named("model.norm.weight"),
        "ln_f.bias" => return named("model.norm.bias"),
        _ => {}
    }
    let (layer, rest) = tensor.strip_prefix("h.")?.split_once('.')?;
    let (part, kind) = rest.rsplit_once('.')?;
    let name = |part: &str| format!("model.layers.{layer}.{part}.{kind}");
    let transposed = |targets: &[(&str, usize)], inputs: usize| {
        let outputs: usize = targets.iter().map(|t| t.1).sum();
        let (mut first, mut parts) = (0, Vec::new());
        for &(target, count) in targets {
            parts.push(match kind {
                "bias" => Part::vector(name(target), first, 1, count),
                _ => Part::columns(name(target), 0, (first, 1, count), (inputs, outputs)),
            });
            first += count;
        }
        Some(Stored::Joined(Joined { shape: if kind == "bias" { vec![outputs] } else { vec![inputs, outputs] }, parts }))
    };
    match part {
        "ln_1" => named(&name("input_layernorm")),
        "ln_2" => named(&name("post_attention_layernorm")),
        "attn.c_attn" => {
            transposed(&[("self_attn.q_proj", c.hidden), ("self_attn.k_proj", c.hidden), ("self_attn.v_proj", c.hidden)], c.hidden)
        }
        "attn.c_proj" => transposed(&[("self_attn.o_proj", c.hidden)], c.hidden),
        "mlp.c_fc" => transposed(&[("mlp.up_proj", c.ffn)], c.hidden),
        "mlp.c_proj" => transposed(&[("mlp.down_proj", c.hidden)], c.ffn),
        _ => None,
    }
}

fn gguf(keys: &Keys, mut c: ModelConfig) -> Result<ModelConfig, Error> {
    keys.refuse_experts_and_windows()?;
    c.activation = Activation::GeluTanh;
    form(&mut c);
    Ok(c)
}
