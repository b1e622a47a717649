//! What is checked in a `tokenizer.json` before the `tokenizers` library sees it.
//!
//! The library panics on some contents instead of returning an error, and some settings make
//! encoding random or cut a prompt short. What stands here was found by reading its sources
//! (0.22) and by damaging files.

use serde_json::Value;

/// Parse `tokenizer.json`, refuse all of that, and drop truncation and padding.
pub(super) fn vetted(bytes: &[u8]) -> Result<Value, String> {
    let mut file: Value = serde_json::from_slice(bytes).map_err(|e| format!("JSON: {e}"))?;
    let Some(object) = file.as_object_mut() else {
        return Err("JSON: expected one object".to_owned());
    };
    object.insert("truncation".to_owned(), Value::Null);
    object.insert("padding".to_owned(), Value::Null);
    let empty = |value: &Value| value.is_null() || *value == "" || value.as_f64() == Some(0.0);
    let model = &file["model"];
    if model["type"] != "BPE" && !model["type"].is_null() {
        return Err(format!("model type {} is not supported; supported: BPE", model["type"]));
    }
    for field in ["dropout", "continuing_subword_prefix"] {
        if !empty(&model[field]) {
            return Err(format!("model.{field} {} is not supported; supported: none", model[field]));
        }
    }
    for part in steps(&file["normalizer"], "normalizers") {
        if part["type"] == "Precompiled" || !part["precompiled_charsmap"].is_null() {
            return Err("normalizer Precompiled is not supported".to_owned());
        }
    }
    for part in steps(&file["decoder"], "decoders") {
        if !empty(&part["stop"]) {
            return Err(format!("decoder Strip with stop {} is not supported; supported: 0", part["stop"]));
        }
    }
    for part in steps(&file["post_processor"], "processors") {
        template(part)?;
    }
    Ok(file)
}

/// A template may name only special tokens it defines, and only the one text there is.
fn template(part: &Value) -> Result<(), String> {
    for piece in part["single"].as_array().into_iter().flatten() {
        let token = &piece["SpecialToken"]["id"];
        if let Some(id) = token.as_str()
            && part["special_tokens"][id].is_null()
        {
            return Err(format!("post_processor names special token {token}, which it does not define"));
        }
        let text = &piece["Sequence"]["id"];
        if !text.is_null() && text != "A" {
            return Err(format!("post_processor has text {text}; expected only \"A\""));
        }
    }
    Ok(())
}

/// A component and, of sequences, all components inside.
fn steps<'a>(component: &'a Value, list: &str) -> Vec<&'a Value> {
    let inner = component[list].as_array().into_iter().flatten();
    let mut all: Vec<&Value> = inner.flat_map(|part| steps(part, list)).collect();
    all.push(component);
    all
}
