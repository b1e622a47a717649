//! `config.json` into a [`ModelConfig`]. Absent fields get the defaults that transformers'
//! `LlamaConfig` documents; fields that would change the computation are refused by name.

use std::path::Path;

use serde_json::{Map, Value};

use crate::Error;
use crate::arch::{self, Architecture};
use crate::config::{Activation, ModelConfig, RopeScaling};

/// Fields whose presence (not null, not empty, not false) means a computation we do not have.
const REFUSED: [&str; 3] = ["quantization_config", "sliding_window", "num_local_experts"];

pub(crate) fn parse_config(text: &[u8], source: &Path) -> Result<ModelConfig, Error> {
    let value: Value = serde_json::from_slice(text).map_err(|e| Error::field(source, "JSON", e, "one JSON object"))?;
    let Value::Object(object) = value else {
        return Err(Error::field(source, "JSON", "another value", "one JSON object"));
    };
    let fields = Fields { object: &object, prefix: "", source };

    let architecture = architecture(&fields)?;
    for field in REFUSED {
        match object.get(field) {
            None | Some(Value::Null | Value::Bool(false)) => {}
            Some(value) => {
                return Err(Error::unsupported(source, field, value, "models without it"));
            }
        }
    }
    if let Some(factor) = fields.number("partial_rotary_factor")?
        && factor != 1.0
    {
        return Err(Error::unsupported(source, "partial_rotary_factor", factor, "1"));
    }
    let hidden = fields.required_size("hidden_size")?;
    let heads = fields.required_size("num_attention_heads")?;
    let head_dim = match fields.size("head_dim")? {
        Some(size) => size,
        None if heads > 0 && hidden.is_multiple_of(heads) => hidden / heads,
        None => {
            let expected = format!("a divisor of hidden_size {hidden}, or head_dim");
            return Err(Error::field(source, "num_attention_heads", heads, expected));
        }
    };
    // transformers 5 moved rope_theta into rope_parameters beside the scaling.
    let rope = ["rope_parameters", "rope_scaling"].into_iter().find(|field| object.get(*field).is_some_and(|v| !v.is_null()));
    let (mut rope_theta, mut rope_scaling) = (fields.number("rope_theta")?, None);
    if let Some(field) = rope {
        let Some(Value::Object(inner)) = object.get(field) else {
            return Err(Error::field(source, field, &object[field], "an object"));
        };
        let prefix = format!("{field}.");
        let rope = Fields { object: inner, prefix: &prefix, source };
        rope_theta = rope_theta.or(rope.number("rope_theta")?);
        rope_scaling = scaling(&rope)?;
    }

    ModelConfig {
        architecture,
        hidden,
        ffn: fields.required_size("intermediate_size")?,
        layers: fields.required_size("num_hidden_layers")?,
        heads,
        kv_heads: fields.size("num_key_value_heads")?.unwrap_or(heads),
        head_dim,
        vocab: fields.required_size("vocab_size")?,
        context: fields.required_size("max_position_embeddings")?,
        rms_eps: fields.number("rms_norm_eps")?.unwrap_or(1e-6) as f32,
        rope_theta: rope_theta.unwrap_or(10_000.0),
        rope_scaling,
        rope_divisors: None,
        tied_embeddings: fields.flag("tie_word_embeddings")?.unwrap_or(false),
        attention_bias: fields.flag("attention_bias")?.unwrap_or(false),
        mlp_bias: fields.flag("mlp_bias")?.unwrap_or(false),
        activation: activation(&fields)?,
        bos: fields.tokens("bos_token_id")?.first().copied(),
        eos: fields.tokens("eos_token_id")?,
        parameters: 0,
    }
    .checked(source)
}

fn architecture(fields: &Fields) -> Result<Architecture, Error> {
    let source = fields.source;
    let name = fields.text("model_type")?.ok_or_else(|| Error::field(source, "model_type", "nothing", "the architecture's name"))?;
    let architecture = Architecture::from_name(name).ok_or_else(|| Error::unsupported(source, "model_type", name, arch::SUPPORTED))?;
    // A classifier or reward model has the same model_type and another head.
    if let Some(classes) = fields.object.get("architectures").and_then(Value::as_array)
        && !classes.is_empty()
        && !classes.iter().any(|c| c == architecture.hf_class())
    {
        let found = Value::from(classes.clone());
        return Err(Error::unsupported(source, "architectures", found, architecture.hf_class()));
    }
    Ok(architecture)
}

fn activation(fields: &Fields) -> Result<Activation, Error> {
    match fields.text("hidden_act")?.unwrap_or("silu") {
        "silu" | "swish" => Ok(Activation::Silu),
        other => Err(Error::unsupported(fields.source, "hidden_act", other, "silu")),
    }
}

fn scaling(rope: &Fields) -> Result<Option<RopeScaling>, Error> {
    let kind = match rope.text("rope_type")? {
        Some(kind) => kind,
        None => rope.text("type")?.unwrap_or("default"),
    };
    match kind {
        "default" => Ok(None),
        "linear" => Ok(Some(RopeScaling::Linear { factor: rope.required_number("factor")? })),
        "llama3" => Ok(Some(RopeScaling::Llama3 {
            factor: rope.required_number("factor")?,
            low: rope.required_number("low_freq_factor")?,
            high: rope.required_number("high_freq_factor")?,
            original_context: rope.required_size("original_max_position_embeddings")?,
        })),
        other => {
            let field = format!("{}rope_type", rope.prefix);
            Err(Error::unsupported(rope.source, field, other, "default, linear, llama3"))
        }
    }
}

/// Typed reads of a JSON object's fields; null counts as absent, as in transformers.
struct Fields<'a> {
    object: &'a Map<String, Value>,
    /// Put before field names in errors.
    prefix: &'a str,
    source: &'a Path,
}

impl<'a> Fields<'a> {
    fn read<T>(&self, field: &str, expected: &str, convert: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>, Error> {
        match self.object.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match convert(value) {
                Some(converted) => Ok(Some(converted)),
                None => Err(self.error(field, value, expected)),
            },
        }
    }

    fn required<T>(&self, field: &str, expected: &str, found: Option<T>) -> Result<T, Error> {
        found.ok_or_else(|| self.error(field, "nothing", expected))
    }

    fn error(&self, field: &str, found: impl ToString, expected: &str) -> Error {
        Error::field(self.source, format!("{}{field}", self.prefix), found, expected)
    }

    fn size(&self, field: &str) -> Result<Option<usize>, Error> {
        self.read(field, "a whole number", |v| v.as_u64().and_then(|n| usize::try_from(n).ok()))
    }

    fn required_size(&self, field: &str) -> Result<usize, Error> {
        let found = self.size(field)?;
        self.required(field, "a whole number", found)
    }

    fn number(&self, field: &str) -> Result<Option<f64>, Error> {
        self.read(field, "a number", Value::as_f64)
    }

    fn required_number(&self, field: &str) -> Result<f64, Error> {
        let found = self.number(field)?;
        self.required(field, "a number", found)
    }

    fn flag(&self, field: &str) -> Result<Option<bool>, Error> {
        self.read(field, "true or false", Value::as_bool)
    }

    fn text(&self, field: &str) -> Result<Option<&'a str>, Error> {
        self.read(field, "a string", Value::as_str)
    }

    /// One token id or a list of them.
    fn tokens(&self, field: &str) -> Result<Vec<u32>, Error> {
        let id = |v: &Value| v.as_u64().and_then(|n| u32::try_from(n).ok());
        let found = self.read(field, "a token id or a list of them", |v| match v {
            Value::Array(ids) => ids.iter().map(id).collect(),
            single => id(single).map(|id| vec![id]),
        })?;
        Ok(found.unwrap_or_default())
    }
}
