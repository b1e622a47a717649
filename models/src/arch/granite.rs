//! Granite 3: Llama with multipliers of the embedding, the branches, the scores and the logits.
//!
//! None of them needs an operator: the residual is kept divided by the branches' multiplier `r`, which no norm sees once its epsilon is
//! divided by `r^2`, so that branches are added as they are; the embedding takes its multiplier over `r`, attention's scale is the scores',
//! and the last norm's gains are divided by the logits'.

use super::spec::{GgufSpec, Spec, as_is};
use crate::Error;
use crate::config::{Architecture, ModelConfig, RowOrder};
use crate::gguf::config::Keys;
use crate::huggingface::fields::{Defaults, Fields};

pub(super) const SPEC: Spec = Spec {
    model_type: "granite",
    class: "GraniteForCausalLM",
    also: &[],
    config,
    stored: as_is,
    gguf: Some(GgufSpec { name: "granite", order: RowOrder::Interleaved, config: gguf, names: &[] }),
};

/// Multipliers of embedding, branches and scores, and what logits are divided by.
struct Multipliers {
    embedding: f64,
    residual: f64,
    attention: f64,
    logits: f64,
}

impl Multipliers {
    /// A multiplier that is no positive number makes none, which is refused where the configuration is checked.
    fn fold(&self, c: &mut ModelConfig) {
        c.norm_eps = (f64::from(c.norm_eps) / (self.residual * self.residual)) as f32;
        c.form.embed_scale = (self.embedding / self.residual) as f32;
        c.form.score_scale = self.attention;
        c.form.logit_scale = (1.0 / self.logits) as f32;
    }
}

fn config(fields: &Fields) -> Result<ModelConfig, Error> {
    fields.refuse_all_but(&["embedding_multiplier", "residual_multiplier", "attention_multiplier", "logits_scaling"])?;
    let mut c = fields.decoder(Architecture::Granite, Defaults::default())?;
    let bias = fields.flag("attention_bias")?.unwrap_or(false);
    (c.form.qkv_bias, c.form.output_bias) = (bias, bias);
    c.form.mlp_bias = fields.flag("mlp_bias")?.unwrap_or(false);
    let one = |field: &str| Ok::<f64, Error>(fields.number(field)?.unwrap_or(1.0));
    let multipliers = Multipliers {
        embedding: one("embedding_multiplier")?,
        residual: one("residual_multiplier")?,
        attention: one("attention_multiplier")?,
        logits: one("logits_scaling")?,
    };
    multipliers.fold(&mut c);
    Ok(c)
}

fn gguf(keys: &Keys, mut c: ModelConfig) -> Result<ModelConfig, Error> {
    keys.refuse_experts_and_windows()?;
    let multipliers = Multipliers {
        embedding: keys.number("embedding_scale")?.unwrap_or(1.0),
        residual: keys.number("residual_scale")?.unwrap_or(1.0),
        // Absent or zero is the usual one, as in llama.cpp's `llm_build_granite`.
        attention: keys.number("attention.scale")?.filter(|&s| s != 0.0).unwrap_or(c.form.score_scale),
        logits: keys.number("logit_scale")?.unwrap_or(1.0),
    };
    multipliers.fold(&mut c);
    Ok(c)
}
