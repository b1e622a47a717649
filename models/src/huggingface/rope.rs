//! RoPE's fields: `rope_theta` and `rope_scaling`, or transformers 5's `rope_parameters`, which holds both.
//!
//! Where a number stands twice, transformers 5's order counts (`modeling_rope_utils.py`): `rope_scaling`, if it says anything, is taken in
//! the place of `rope_parameters`; what that object holds comes before `rope_theta` and `partial_rotary_factor` beside it; and
//! `original_max_position_embeddings` beside it before the object's own, which without either is the context.

use serde_json::{Map, Value};

use super::fields::Fields;
use crate::Error;
use crate::rope::{LongFactors, RopeScaling, RopeTable};

/// A JSON object.
type Object = Map<String, Value>;

const KINDS: &str = "default, linear, dynamic, llama3, yarn, longrope";
const ORIGINAL: &str = "original_max_position_embeddings";

/// Context after and before scaling, the latter where a class has one of its own.
#[derive(Clone, Copy)]
struct Contexts {
    whole: usize,
    class_original: Option<usize>,
}

/// The table of a model that has one, and the share of a head it rotates.
pub(super) fn table(
    fields: &Fields,
    (theta, rotated): (f64, f64),
    context: usize,
    class_original: Option<usize>,
) -> Result<(RopeTable, f64), Error> {
    let (field, inner) = nested(fields)?;
    // Gemma 3's object has one for each kind of layer: [`two_tables`].
    let empty = Map::new();
    let inner = inner.filter(|inner| !inner.contains_key("full_attention")).unwrap_or(&empty);
    let prefix = format!("{field}.");
    let rope = Fields { object: inner, prefix: &prefix, source: fields.source };
    let theta = rope.number("rope_theta")?.or(fields.number("rope_theta")?).unwrap_or(theta);
    let partial = rope.number("partial_rotary_factor")?.or(fields.number("partial_rotary_factor")?).unwrap_or(rotated);
    if !(partial > 0.0 && partial <= 1.0) {
        return Err(fields.error("partial_rotary_factor", partial, "a number above 0, up to 1"));
    }
    let contexts = Contexts { whole: context, class_original };
    Ok((RopeTable { theta, scaling: scaling(&rope, fields, contexts)? }, partial))
}

/// Gemma 3's global and local tables: `rope_scaling` is the global one's alone, and what stands apart for either fills what its object
/// leaves out.
pub(super) fn two_tables(fields: &Fields, context: usize, global: f64, local: f64) -> Result<(RopeTable, RopeTable), Error> {
    let split = fields.inner("rope_parameters")?;
    let old = fields.inner("rope_scaling")?.filter(|old| !old.is_empty());
    let one = |kind: &str, theta: Option<f64>, default: f64, scaled: Option<&Object>| {
        let outer = Fields { object: fields.object, prefix: "rope_parameters.", source: fields.source };
        let inner = match split.and_then(|split| split.get(kind)) {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(inner)) => inner.clone(),
            Some(other) => return Err(outer.error(kind, other, "an object")),
        };
        let object: Object = inner.into_iter().chain(scaled.into_iter().flatten().map(|(k, v)| (k.clone(), v.clone()))).collect();
        let prefix = format!("rope_parameters.{kind}.");
        let rope = Fields { object: &object, prefix: &prefix, source: fields.source };
        if let Some(partial) = rope.number("partial_rotary_factor")?.filter(|&p| p != 1.0) {
            return Err(rope.unsupported("partial_rotary_factor", partial, "1"));
        }
        let contexts = Contexts { whole: context, class_original: None };
        let theta = rope.number("rope_theta")?.or(theta).unwrap_or(default);
        Ok(RopeTable { theta, scaling: scaling(&rope, fields, contexts)? })
    };
    let full = one("full_attention", fields.number("rope_theta")?, global, old)?;
    Ok((full, one("sliding_attention", fields.number("rope_local_base_freq")?, local, None)?))
}

fn nested<'a>(fields: &Fields<'a>) -> Result<(&'static str, Option<&'a Object>), Error> {
    for field in ["rope_scaling", "rope_parameters"] {
        if let Some(inner) = fields.inner(field)?.filter(|inner| !inner.is_empty()) {
            return Ok((field, Some(inner)));
        }
    }
    Ok(("rope_scaling", None))
}

fn scaling(rope: &Fields, fields: &Fields, contexts: Contexts) -> Result<Option<RopeScaling>, Error> {
    let kind = match rope.text("rope_type")? {
        Some(kind) => kind,
        None => rope.text("type")?.unwrap_or("default"),
    };
    // A class with a field of its own reads that one, and no other (Phi-3).
    let beside = || Ok::<_, Error>(fields.size(ORIGINAL)?.or(contexts.class_original));
    let original = || Ok::<_, Error>(beside()?.or(rope.size(ORIGINAL)?).unwrap_or(contexts.whole));
    Ok(match kind {
        "default" => None,
        // Text moves along all axes of a picture's positions at once.
        "mrope" if rope.object.contains_key("mrope_section") => None,
        "linear" => Some(RopeScaling::Linear { factor: rope.required_number("factor")? }),
        // Frequencies change with a text that outgrows the context; up to there they are the plain ones.
        "dynamic" => {
            rope.required_number("factor")?;
            None
        }
        "llama3" => Some(RopeScaling::Llama3 {
            factor: rope.required_number("factor")?,
            low: rope.required_number("low_freq_factor")?,
            high: rope.required_number("high_freq_factor")?,
            original_context: original()?,
        }),
        "yarn" => {
            let original_context = original()?;
            let factor = match rope.number("factor")? {
                Some(factor) => factor,
                None if rope.object.contains_key("factor") => contexts.whole as f64 / original_context as f64,
                None => rope.required_number("factor")?,
            };
            let stretch = |mscale: f64| if factor <= 1.0 { 1.0 } else { 0.1 * mscale * libm::log(factor) + 1.0 };
            // Zero says nothing, as in Python.
            let said = |field: &str| Ok::<_, Error>(rope.number(field)?.filter(|&value| value != 0.0));
            let implied = match (said("mscale")?, said("mscale_all_dim")?) {
                (Some(mscale), Some(all_dim)) => stretch(mscale) / stretch(all_dim),
                _ => stretch(1.0),
            };
            Some(RopeScaling::Yarn {
                factor,
                fast: said("beta_fast")?.unwrap_or(32.0),
                slow: said("beta_slow")?.unwrap_or(1.0),
                truncate: rope.flag("truncate")?.unwrap_or(true),
                original_context,
                attention_factor: rope.number("attention_factor")?.unwrap_or(implied),
            })
        }
        "longrope" | "su" => {
            let list = |field| rope.numbers(field)?.ok_or_else(|| rope.error(field, "nothing", "a list of numbers"));
            let (factors, long) = (list("short_factor")?, list("long_factor")?);
            let (original_context, context) = (original()?, contexts.whole);
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
