//! Qwen3-MoE: Qwen3 whose feed-forward is experts.

use super::spec::{GgufSpec, Spec, as_is};
use crate::Error;
use crate::config::{Architecture, Experts, ModelConfig, QkNorm};
use crate::config::{RouteRule, RowOrder};
use crate::gguf::config::Keys;
use crate::huggingface::fields::{Defaults, Fields};

pub(super) const SPEC: Spec = Spec {
    model_type: "qwen3_moe",
    class: "Qwen3MoeForCausalLM",
    also: &[("qwen3_vl_moe", "Qwen3VLMoeForConditionalGeneration"), ("qwen3_vl_moe_text", "Qwen3VLMoeTextModel")],
    config,
    stored: as_is,
    gguf: Some(GgufSpec { name: "qwen3moe", order: RowOrder::Half, config: gguf, names: &[] }),
};

fn config(fields: &Fields) -> Result<ModelConfig, Error> {
    fields.refuse_all_but(&["sliding_window", "use_sliding_window", "num_experts", "num_local_experts"])?;
    let mut c = fields.decoder(Architecture::Qwen3Moe, Defaults::default())?;
    c.form.qk_norm = QkNorm::Heads;
    let bias = fields.flag("attention_bias")?.unwrap_or(false);
    (c.form.qkv_bias, c.form.output_bias) = (bias, bias);
    if fields.flag("use_sliding_window")?.unwrap_or(false) {
        let window = fields.size_or("sliding_window", 4096)?;
        c.plan.iter_mut().for_each(|layer| layer.window = window);
    }
    c.experts = Some(Experts {
        // transformers 5 saves it under its common name.
        count: fields.size("num_experts")?.or(fields.size("num_local_experts")?).unwrap_or(128),
        active: fields.size("num_experts_per_tok")?.unwrap_or(8),
        rule: RouteRule::SoftmaxThenTop { renormalise: fields.flag("norm_topk_prob")?.unwrap_or(false) },
        ffn: fields.size("moe_intermediate_size")?.unwrap_or(768),
        bias: false,
        shared: None,
    });
    let step = fields.size("decoder_sparse_step")?.unwrap_or(1);
    let dense = fields.sizes("mlp_only_layers")?.unwrap_or_default();
    for (i, layer) in c.plan.iter_mut().enumerate() {
        layer.experts = step > 0 && (i + 1).is_multiple_of(step) && !dense.contains(&i);
    }
    Ok(c)
}

fn gguf(keys: &Keys, mut c: ModelConfig) -> Result<ModelConfig, Error> {
    keys.refuse_windows()?;
    c.form.qk_norm = QkNorm::Heads;
    // llama.cpp renormalises in every file of this architecture (`llm_build_qwen3moe`).
    let rule = RouteRule::SoftmaxThenTop { renormalise: true };
    c.experts = Some(keys.experts(rule, false)?);
    c.plan.iter_mut().for_each(|layer| layer.experts = true);
    Ok(c)
}
