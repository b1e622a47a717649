//! RoPE's fields: `rope_theta` and `rope_scaling`, or transformers 5's `rope_parameters`, which holds both.

use serde_json::{Map, Value};

use super::fields::Fields;
use crate::Error;
use crate::rope::{LongFactors, RopeScaling, RopeTable};

/// A JSON object.
type Object = Map<String, Value>;

const KINDS: &str = "default, linear, llama3, yarn, longrope";

/// The table of a model that has one, and the share of a head it rotates.
pub(super) fn table(fields: &Fields, theta: f64, context: usize) -> Result<(RopeTable, f64), Error> {
    let (field, inner) = nested(fields)?;
    // Gemma 3's object has one for each kind of layer: [`two_tables`].
    let empty = Map::new();
    let inner = inner.filter(|inner| !inner.contains_key("full_attention")).unwrap_or(&empty);
    let prefix = format!("{field}.");
    let rope = Fields { object: inner, prefix: &prefix, source: fields.source };
    let theta = fields.number("rope_theta")?.or(rope.number("rope_theta")?).unwrap_or(theta);
    let partial = fields.number("partial_rotary_factor")?.or(rope.number("partial_rotary_factor")?).unwrap_or(1.0);
    if !(partial > 0.0 && partial <= 1.0) {
        return Err(fields.error("partial_rotary_factor", partial, "a number above 0, up to 1"));
    }
    Ok((RopeTable { theta, scaling: scaling(&rope, fields, context)? }, partial))
}

/// Gemma 3's global and local tables: scaling is the global one's alone.
pub(super) fn two_tables(fields: &Fields, global: f64, local: f64) -> Result<(RopeTable, RopeTable), Error> {
    let (field, inner) = nested(fields)?;
    let split = inner.filter(|inner| inner.contains_key("full_attention") || inner.contains_key("sliding_attention"));
    let Some(split) = split else {
        return Ok((table(fields, global, 1)?.0, RopeTable { theta: local, scaling: None }));
    };
    let one = |kind: &str, theta: f64| {
        let empty = Map::new();
        let prefix = format!("{field}.");
        let inner = Fields { object: split, prefix: &prefix, source: fields.source }.inner(kind)?.unwrap_or(&empty);
        let prefix = format!("{field}.{kind}.");
        let rope = Fields { object: inner, prefix: &prefix, source: fields.source };
        if let Some(partial) = rope.number("partial_rotary_factor")?.filter(|&p| p != 1.0) {
            return Err(rope.unsupported("partial_rotary_factor", partial, "1"));
        }
        Ok(RopeTable { theta: rope.number("rope_theta")?.unwrap_or(theta), scaling: scaling(&rope, fields, 1)? })
    };
    Ok((one("full_attention", global)?, one("sliding_attention", local)?))
}

fn nested<'a>(fields: &Fields<'a>) -> Result<(&'static str, Option<&'a Object>), Error> {
    for field in ["rope_parameters", "rope_scaling"] {
        if let Some(inner) = fields.inner(field)? {
            return Ok((field, Some(inner)));
        }
    }
    Ok(("rope_scaling", None))
}

fn scaling(rope: &Fields, fields: &Fields, context: usize) -> Result<Option<RopeScaling>, Error> {
    let kind = match rope.text("rope_type")? {
        Some(kind) => kind,
        None => rope.text("type")?.unwrap_or("default"),
    };
    Ok(match kind {
        "default" => None,
        "linear" => Some(RopeScaling::Linear { factor: rope.required_number("factor")? }),
        "llama3" => Some(RopeScaling::Llama3 {
            factor: rope.required_number("factor")?,
            low: rope.required_number("low_freq_factor")?,
            high: rope.required_number("high_freq_factor")?,
            original_context: rope.required_size("original_max_position_embeddings")?,
        }),
        "yarn" => {
            for field in ["mscale", "mscale_all_dim"] {
                if let Some(value) = rope.number(field)? {
                    return Err(rope.unsupported(field, value, "models without it"));
                }
            }
            let factor = rope.required_number("factor")?;
            Some(RopeScaling::Yarn {
                factor,
                fast: rope.number("beta_fast")?.unwrap_or(32.0),
                slow: rope.number("beta_slow")?.unwrap_or(1.0),
                truncate: rope.flag("truncate")?.unwrap_or(true),
                original_context: rope.required_size("original_max_position_embeddings")?,
                attention_factor: rope.number("attention_factor")?.unwrap_or(if factor <= 1.0 {
                    1.0
                } else {
                    0.1 * libm::log(factor) + 1.0
                }),
            })
        }
        "longrope" | "su" => {
            let list = |field| rope.numbers(field)?.ok_or_else(|| rope.error(field, "nothing", "a list of numbers"));
            let (factors, long) = (list("short_factor")?, list("long_factor")?);
            let original_context = match rope.size("original_max_position_embeddings")? {
                Some(original) => original,
                None => fields.required_size("original_max_position_embeddings")?,
            };
            let original = original_context as f64;
            let factor = rope.number("factor")?.unwrap_or(context as f64 / original);
            let implied = if factor <= 1.0 { 1.0 } else { libm::sqrt(1.0 + libm::log(factor) / libm::log(original)) };
            let attention_factor = rope.number("attention_factor")?.unwrap_or(implied);
            let long = (original_context < context).then_some(LongFactors { factors: long, original_context, context });
            Some(RopeScaling::Factors { factors, attention_factor, long })
        }
        other => return Err(rope.unsupported("rope_type", other, KINDS)),
    })
}
