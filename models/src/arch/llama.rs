//! Llama: the graph of `LlamaForCausalLM` (Hugging Face transformers, `modeling_llama.py`).

use super::{Builder, Id};
use crate::config::ModelConfig;
use crate::graph::{Op, OpGraph, RowOrder};

const EMBEDDING: &str = "model.embed_tokens.weight";
const HEAD: &str = "lm_head.weight";

/// token → embed → layers × (attention, feed-forward) → norm → head → logits
pub(super) fn build(config: &ModelConfig, order: RowOrder) -> OpGraph {
    let mut b = Builder::new();
    let embed = Op::Embed { weight: EMBEDDING.into(), scale: 1.0 };
    let mut x = b.add("embed_tokens", embed, config.hidden, &[]);
    for layer in 0..config.layers {
        x = attention(&mut b, config, order, layer, x);
        x = feed_forward(&mut b, config, layer, x);
    }
    let x = b.add("norm", norm(config, "model.norm".into()), config.hidden, &[x]);
    let head = Op::Linear {
        weight: if config.tied_embeddings { EMBEDDING } else { HEAD }.into(),
        bias: None,
        inputs: config.hidden,
        outputs: config.vocab,
    };
    let logits = b.add("lm_head", head, config.vocab, &[x]);
    b.finish(logits)
}

/// `x + o(attend(rope(q(n)), rope(k(n)), v(n)))`, `n = norm(x)`
fn attention(b: &mut Builder, config: &ModelConfig, order: RowOrder, layer: usize, x: Id) -> Id {
    let (hidden, head_dim) = (config.hidden, config.head_dim);
    let (q_width, kv_width) = (config.q_width(), config.kv_width());
    let at = |part: &str| format!("layers.{layer}.{part}");
    let project = |b: &mut Builder, part: &str, input: Id, inputs, outputs| {
        let path = at(&format!("self_attn.{part}"));
        let op = linear(&path, config.attention_bias, inputs, outputs);
        b.add(path, op, outputs, &[input])
    };
    let rope = |heads| Op::Rope { heads, head_dim, order };

    let path = at("input_layernorm");
    let n = b.add(path.clone(), norm(config, format!("model.{path}")), hidden, &[x]);
    let q = project(b, "q_proj", n, hidden, q_width);
    let k = project(b, "k_proj", n, hidden, kv_width);
    let v = project(b, "v_proj", n, hidden, kv_width);
    let q = b.add(at("self_attn.q_rope"), rope(config.heads), q_width, &[q]);
    let k = b.add(at("self_attn.k_rope"), rope(config.kv_heads), kv_width, &[k]);
    let attend = Op::Attention {
        heads: config.heads,
        kv_heads: config.kv_heads,
        head_dim,
        scale: (1.0 / (head_dim as f64).sqrt()) as f32,
        window: None,
    };
    let mixed = b.add(at("self_attn.attention"), attend, q_width, &[q, k, v]);
    let branch = project(b, "o_proj", mixed, q_width, hidden);
    b.add(at("self_attn.add"), Op::Add, hidden, &[x, branch])
}

/// `x + down(silu(gate(n)) * up(n))`, `n = norm(x)`
fn feed_forward(b: &mut Builder, config: &ModelConfig, layer: usize, x: Id) -> Id {
    let (hidden, ffn) = (config.hidden, config.ffn);
    let at = |part: &str| format!("layers.{layer}.{part}");
    let project = |b: &mut Builder, part: &str, input: Id, inputs, outputs| {
        let path = at(&format!("mlp.{part}"));
        let op = linear(&path, config.mlp_bias, inputs, outputs);
        b.add(path, op, outputs, &[input])
    };

    let path = at("post_attention_layernorm");
    let n = b.add(path.clone(), norm(config, format!("model.{path}")), hidden, &[x]);
    let gate = project(b, "gate_proj", n, hidden, ffn);
    let up = project(b, "up_proj", n, hidden, ffn);
    let act = Op::GatedAct { act: config.activation };
    let inner = b.add(at("mlp.act"), act, ffn, &[gate, up]);
    let branch = project(b, "down_proj", inner, ffn, hidden);
    b.add(at("mlp.add"), Op::Add, hidden, &[x, branch])
}

fn norm(config: &ModelConfig, stem: String) -> Op {
    Op::RmsNorm { gain: format!("{stem}.weight"), eps: config.rms_eps, gain_offset: 0.0, groups: 1 }
}

fn linear(path: &str, bias: bool, inputs: usize, outputs: usize) -> Op {
    Op::Linear { weight: format!("model.{path}.weight"), bias: bias.then(|| format!("model.{path}.bias")), inputs, outputs }
}

/// Old checkpoints store RoPE's frequencies, which the configuration already gives; tied ones
/// may store the head again, which transformers overwrites with the embedding.
pub(super) fn ignores(tensor: &str, config: &ModelConfig) -> bool {
    tensor.ends_with(".rotary_emb.inv_freq") || (config.tied_embeddings && tensor == HEAD)
}

/// `blk.3.attn_q.weight` is `model.layers.3.self_attn.q_proj.weight` (llama.cpp's
/// `gguf-py/gguf/tensor_mapping.py`, read backwards).
pub(super) fn hf_name_of_gguf(name: &str) -> Option<String> {
    match name {
        "token_embd.weight" => return Some(EMBEDDING.into()),
        "output.weight" => return Some(HEAD.into()),
        "output_norm.weight" => return Some("model.norm.weight".into()),
        _ => {}
    }
    let (layer, rest) = name.strip_prefix("blk.")?.split_once('.')?;
    let (part, kind) = rest.rsplit_once('.')?;
    let number: usize = layer.parse().ok()?;
    if number.to_string() != layer || !matches!(kind, "weight" | "bias") {
        return None;
    }
    let part = match part {
        "attn_norm" => "input_layernorm",
        "attn_q" => "self_attn.q_proj",
        "attn_k" => "self_attn.k_proj",
        "attn_v" => "self_attn.v_proj",
        "attn_output" => "self_attn.o_proj",
        "ffn_norm" => "post_attention_layernorm",
        "ffn_gate" => "mlp.gate_proj",
        "ffn_up" => "mlp.up_proj",
        "ffn_down" => "mlp.down_proj",
        _ => return None,
    };
    Some(format!("model.layers.{number}.{part}.{kind}"))
}
