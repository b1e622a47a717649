//! `config.json` into a [`ModelConfig`]. Absent fields get the defaults that transformers' configuration classes document;
//! fields that would change the computation are refused by name.

use std::path::Path;

use serde_json::Value;

use super::fields::Fields;
use crate::Error;
use crate::arch::{self, Architecture};
use crate::config::ModelConfig;

pub(crate) fn parse_config(text: &[u8], source: &Path) -> Result<ModelConfig, Error> {
    let value: Value = serde_json::from_slice(text).map_err(|e| Error::field(source, "JSON", e, "one JSON object"))?;
    let Value::Object(object) = value else {
        return Err(Error::field(source, "JSON", "another value", "one JSON object"));
    };
    let fields = Fields { object: &object, prefix: "", source };
    let architecture = architecture(&fields)?;
    let config = (architecture.spec().config)(&fields)?;
    if config.rotated != config.head_dim && architecture != Architecture::Phi3 && !config.rope.is_empty() {
        let found = format!("{} of {} values a head", config.rotated, config.head_dim);
        return Err(fields.unsupported("partial_rotary_factor", found, "1"));
    }
    config.checked(source)
}

fn architecture(fields: &Fields) -> Result<Architecture, Error> {
    let name = fields.text("model_type")?.ok_or_else(|| fields.error("model_type", "nothing", "the architecture's name"))?;
    let architecture = Architecture::from_name(name).ok_or_else(|| fields.unsupported("model_type", name, &arch::supported()))?;
    // A classifier or reward model has the same model_type and another head.
    let class = architecture.spec().class;
    if let Some(classes) = fields.object.get("architectures").and_then(Value::as_array)
        && !classes.is_empty()
        && !classes.iter().any(|c| c == class)
    {
        return Err(fields.unsupported("architectures", Value::from(classes.clone()), class));
    }
    Ok(architecture)
}
