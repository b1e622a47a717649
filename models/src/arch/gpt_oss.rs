//! gpt-oss: experts with clamped SwiGLU chosen by a router, attention sinks, a window in every other layer, YaRN.
//!
//! The experts of a layer are stacked, gate and up rows taking turns: as bfloat16 `[experts, inputs, outputs]`, or as MXFP4
//! blocks and scales `[experts, outputs, inputs / 32, ..]`, which the reader gives as one tensor `[experts, outputs, inputs]`.

use super::joined::{Joined, Part, Stored};
use super::spec::{GgufSpec, Spec};
use crate::Error;
use crate::config::{Activation, Architecture, Experts, ModelConfig, Storage};
use crate::config::{RouteRule, RowOrder};
use crate::gguf::config::Keys;
use crate::huggingface::fields::{Defaults, Fields};
use crate::rope::RopeScaling;

pub(super) const SPEC: Spec = Spec {
    model_type: "gpt_oss",
    class: "GptOssForCausalLM",
    also: &[],
    config,
    stored,
    gguf: Some(GgufSpec {
        name: "gpt-oss",
        order: RowOrder::Half,
        config: gguf,
        names: &[("post_attention_norm", "post_attention_layernorm")],
    }),
};

fn config(fields: &Fields) -> Result<ModelConfig, Error> {
    fields.refuse_all_but(&["sliding_window", "layer_types", "num_local_experts", "quantization_config"])?;
    let method = fields.object.get("quantization_config").and_then(|q| q.get("quant_method"));
    if let Some(method) = method
        && method != "mxfp4"
    {
        return Err(fields.unsupported("quantization_config.quant_method", method, "mxfp4"));
    }
    let defaults = Defaults { rope_theta: 150_000.0, eps: 1e-5, head_dim: Some(64), ..Defaults::default() };
    let mut c = fields.decoder(Architecture::GptOss, defaults)?;
    if method.is_some() {
        c.storage = Storage::MxFp4Experts;
    }
    if fields.inner("rope_parameters")?.is_none() && fields.inner("rope_scaling")?.is_none() {
        c.rope[0].scaling = Some(YARN);
    }
    let bias = fields.flag("attention_bias")?.unwrap_or(true);
    (c.form.qkv_bias, c.form.output_bias) = (bias, bias);
    let (alpha, limit) = (fields.number("swiglu_alpha")?.unwrap_or(ALPHA), fields.number("swiglu_limit")?.unwrap_or(LIMIT));
    let window = Some(fields.size("sliding_window")?.unwrap_or(128));
    fields.windows(&mut c, window, |layer| layer.is_multiple_of(2))?;
    let experts = Experts {
        count: fields.size("num_local_experts")?.unwrap_or(128),
        active: fields.size("num_experts_per_tok")?.unwrap_or(4),
        rule: RouteRule::TopThenSoftmax,
        ffn: c.ffn,
        bias: true,
        shared: None,
    };
    form(&mut c, experts, alpha as f32, limit as f32);
    Ok(c)
}

/// What `GptOssConfig` takes for an absent `rope_parameters`; the last is `0.1 ln 32 + 1`.
const YARN: RopeScaling = RopeScaling::Yarn {
    factor: 32.0,
    fast: 32.0,
    slow: 1.0,
    truncate: false,
    original_context: 4096,
    attention_factor: 1.346_573_590_279_972_7,
};

const ALPHA: f64 = 1.702;
const LIMIT: f64 = 7.0;

fn form(c: &mut ModelConfig, experts: Experts, alpha: f32, limit: f32) {
    c.activation = Activation::SwigluClamped { alpha, limit };
    c.form.sinks = true;
    c.experts = Some(experts);
    c.plan.iter_mut().for_each(|layer| layer.experts = true);
}

fn stored(tensor: &str, c: &ModelConfig) -> Option<Stored> {
    if let Some((at, kind)) = tensor.rsplit_once(".router.") {
        return Some(Stored::As(format!("{at}.gate.{kind}")));
    }
    let (at, part) = tensor.rsplit_once('.')?;
    let e = c.experts.as_ref().filter(|_| at.ends_with(".experts"))?;
    let name = |expert: usize, part: &str| format!("{at}.{expert}.{part}");
    let (hidden, ffn) = (c.hidden, e.ffn);
    // One expert's part of the stack: gate and up are every other output.
    type OneExpert<'a> = &'a dyn Fn(usize) -> Vec<Part>;
    let (shape, parts): (Vec<usize>, OneExpert) = match part {
        "gate_up_proj" => (vec![e.count, hidden, 2 * ffn], &|x| {
            let one = |i, part| Part::columns(name(x, part), x * hidden * 2 * ffn, (i, 2, ffn), (hidden, 2 * ffn));
            vec![one(0, "gate_proj.weight"), one(1, "up_proj.weight")]
        }),
        "down_proj" => (vec![e.count, ffn, hidden], &|x| {
            vec![Part::columns(name(x, "down_proj.weight"), x * ffn * hidden, (0, 1, hidden), (ffn, hidden))]
        }),
        "gate_up_proj_mxfp4" => (vec![e.count, 2 * ffn, hidden], &|x| {
            let one = |i, part| Part::rows(name(x, part), x * 2 * ffn + i, 2, ffn, hidden);
            vec![one(0, "gate_proj.weight"), one(1, "up_proj.weight")]
        }),
        "down_proj_mxfp4" => (vec![e.count, hidden, ffn], &|x| vec![Part::rows(name(x, "down_proj.weight"), x * hidden, 1, hidden, ffn)]),
        "gate_up_proj_bias" => (vec![e.count, 2 * ffn], &|x| {
            let one = |i, part| Part::vector(name(x, part), x * 2 * ffn + i, 2, ffn);
            vec![one(0, "gate_proj.bias"), one(1, "up_proj.bias")]
        }),
        "down_proj_bias" => (vec![e.count, hidden], &|x| vec![Part::vector(name(x, "down_proj.bias"), x * hidden, 1, hidden)]),
        _ => return None,
    };
    Some(Stored::Joined(Joined { shape, parts: (0..e.count).flat_map(parts).collect() }))
}

fn gguf(keys: &Keys, mut c: ModelConfig) -> Result<ModelConfig, Error> {
    let experts = keys.experts(RouteRule::TopThenSoftmax, true)?;
    (c.form.qkv_bias, c.form.output_bias) = (true, true);
    let window = keys.size("attention.sliding_window")?.filter(|&window| window > 0);
    for (layer, slides) in c.plan.iter_mut().zip(keys.windowed(c.layers, 2)?) {
        layer.window = window.filter(|_| slides);
    }
    form(&mut c, experts, ALPHA as f32, LIMIT as f32);
    Ok(c)
}
