//! Shapes of published models: their `config.json`, facts with the source of each. No weights.

use crate::config::ModelConfig;
use crate::error::Error;
use serde::Deserialize;
use std::path::PathBuf;

/// A published model's configuration.
#[derive(Clone, Copy, Debug)]
pub struct KnownShape {
    pub name: &'static str,
    /// Its `config.json`, the fields that give its shape.
    pub json: &'static str,
}

macro_rules! shapes {
    ($($name:literal),* $(,)?) => {
        &[$(KnownShape { name: $name, json: include_str!(concat!("../shapes/", $name, ".json")) }),*]
    };
}

/// All of them, by name.
pub const SHAPES: &[KnownShape] = shapes![
    "BitNet-b1.58-2B-4T",
    "Llama-3.1-8B",
    "Llama-3.2-1B",
    "Llama-3.2-3B",
    "Mistral-7B-v0.3",
    "Qwen2.5-0.5B",
    "Qwen2.5-7B",
    "Qwen3-0.6B",
    "Qwen3-32B",
    "Qwen3-8B",
    "Qwen3.5-27B",
    "SmolLM2-135M",
    "TinyLlama-1.1B",
    "gemma-3-1b",
    "gemma-3-270m",
    "gemma-3-27b",
    "gpt-oss-120b",
    "gpt-oss-20b",
    "stories15M",
    "stories260K",
];

#[derive(Deserialize)]
struct Sourced {
    #[serde(rename = "_source")]
    source: String,
}

impl KnownShape {
    /// By its name, whatever the case.
    pub fn find(name: &str) -> Option<&'static KnownShape> {
        SHAPES.iter().find(|s| s.name.eq_ignore_ascii_case(name))
    }

    /// Where the shape comes from; empty if it does not say.
    pub fn source(&self) -> String {
        serde_json::from_str::<Sourced>(self.json).map(|s| s.source).unwrap_or_default()
    }

    /// The name errors give it in place of a file's.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(self.name)
    }

    /// # Errors
    /// As [`ModelConfig::from_json`].
    pub fn config(&self) -> Result<ModelConfig, Error> {
        ModelConfig::from_json(self.json.as_bytes(), &self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_read_and_says_its_source() {
        for shape in SHAPES {
            assert!(!shape.source().is_empty(), "{}", shape.name);
            let config = shape.config().unwrap_or_else(|e| panic!("{e}"));
            assert!(config.layers > 0 && config.parameters > 0);
        }
        assert_eq!(KnownShape::find("llama-3.1-8b").unwrap().config().unwrap().parameters, 8_030_261_248);
        assert!(KnownShape::find("llama").is_none());
    }
}
