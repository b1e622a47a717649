//! `config.json` into a [`ModelConfig`]. Where a field is absent or stands twice, what transformers 5 makes of it counts; fields that
//! would change the computation are refused by name, those that the family's class does not read are passed over.

use std::path::Path;

use serde_json::Value;

use super::fields::Fields;
use super::json;
use crate::Error;
use crate::arch;
use crate::config::{Architecture, ModelConfig};

/// The configuration, and what was passed over.
pub(crate) fn parse_config(text: &[u8], source: &Path) -> Result<(ModelConfig, Vec<String>), Error> {
    let mut object = json::parse(text, source)?;
    // A multimodal model's text part is a configuration of its own; what it leaves out stands outside.
    let whole = object.get("model_type").and_then(Value::as_str).and_then(Architecture::from_name);
    if let Some(Value::Object(text)) = object.get("text_config").filter(|_| whole.is_some_and(|a| !a.spec().also.is_empty())).cloned() {
        for (field, value) in text {
            // A null gives way to what stands outside, and is not the same as no field.
            if !value.is_null() || !object.contains_key(&field) {
                object.insert(field, value);
            }
        }
    }
    let fields = Fields { object: &object, prefix: "", source };
    let architecture = architecture(&fields)?;
    let config = (architecture.spec().config)(&fields)?;
    if config.rotated != config.head_dim && !architecture.rotates_parts() && !config.rope.is_empty() {
        let found = format!("{} of {} values a head", config.rotated, config.head_dim);
        return Err(fields.unsupported("partial_rotary_factor", found, "1"));
    }
    let config = config.checked(source)?;
    let warnings = fields.passed_over(config.vocab);
    Ok((config, warnings))
}

fn architecture(fields: &Fields) -> Result<Architecture, Error> {
    let name = fields.text("model_type")?.ok_or_else(|| fields.error("model_type", "nothing", "the architecture's name"))?;
    let architecture = Architecture::from_name(name)
        .ok_or_else(|| fields.unsupported("model_type", name, &arch::missing::instead(name, arch::supported())))?;
    // A classifier or reward model has the same model_type and another head.
    let spec = architecture.spec();
    let class = spec.class;
    let is = |c: &Value| c == class || spec.also.iter().any(|(_, also)| c == also);
    if let Some(classes) = fields.object.get("architectures").and_then(Value::as_array)
        && !classes.is_empty()
        && !classes.iter().any(is)
    {
        return Err(fields.unsupported("architectures", Value::from(classes.clone()), class));
    }
    Ok(architecture)
}
