//! A report's JSON as a flat list of figures: CSV for a spreadsheet, and the list of sources at a page's end.
//!
//! Paths follow the JSON; an element of a list goes by its name where it has one: `compare.gpus[L40S].single.tokens_per_s`.

use crate::{Error, Result};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Fields that name an element of a list, the first that is there.
const NAMES: [&str; 13] =
    ["device", "name", "gpu", "what", "input", "kind", "class", "context", "prompt", "tensor", "changes_per_year", "x", "batch"];

/// One number of a report. Plain numbers carry their unit in their name and have no source of their own.
pub struct Flat {
    pub path: String,
    pub value: f64,
    pub unit: String,
    pub provenance: String,
    pub source: String,
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// Every number of `report`, in its order.
pub fn flatten(report: &impl Serialize) -> Result<Vec<Flat>> {
    let mut out = Vec::new();
    let value = serde_json::to_value(report).map_err(|e| Error::asked("report", e.to_string()))?;
    walk(&value, String::new(), &mut out);
    Ok(out)
}

fn walk(value: &Value, path: String, out: &mut Vec<Flat>) {
    match value {
        Value::Number(number) => {
            let value = number.as_f64().unwrap_or(f64::NAN);
            out.push(Flat { path, value, unit: String::new(), provenance: String::new(), source: String::new(), low: None, high: None });
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let name = NAMES.iter().find_map(|name| item.get(*name)).map(|name| match name {
                    Value::String(name) => name.clone(),
                    other => other.to_string(),
                });
                walk(item, format!("{path}[{}]", name.unwrap_or(index.to_string())), out);
            }
        }
        Value::Object(fields) => {
            let text = |key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
            let number = |key: &str| fields.get(key).and_then(Value::as_f64);
            if let (Some(value), Some(unit), Some(source)) = (number("value"), text("unit"), text("source")) {
                let provenance = text("provenance").unwrap_or_default();
                out.push(Flat { path, value, unit, provenance, source, low: number("low"), high: number("high") });
                return;
            }
            for (key, field) in fields {
                walk(field, if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, out);
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Every number of `report` as CSV.
pub fn csv(report: &impl Serialize) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut rows = vec![["path", "value", "unit", "provenance", "source", "low", "high"].map(str::to_owned)];
    rows.extend(flatten(report)?.into_iter().map(|flat| {
        let end = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let (low, high) = (end(flat.low), end(flat.high));
        [text(flat.path), flat.value.to_string(), text(flat.unit), text(flat.provenance), text(flat.source), low, high]
    }));
    let written = rows.iter().try_for_each(|row| writer.write_record(row));
    let bytes = written.and_then(|()| Ok(writer.into_inner().map_err(|e| e.into_error())?));
    bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).map_err(|e| Error::asked("report as CSV", e.to_string()))
}

/// Text as a cell: a spreadsheet computes what begins as a formula, and an apostrophe before it makes it text.
pub fn text(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}

/// Sources with their provenance and how many figures rest on each, the most used first.
pub fn sources(report: &impl Serialize) -> Result<Vec<(String, String, usize)>> {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for flat in flatten(report)?.into_iter().filter(|flat| !flat.source.is_empty()) {
        // Inputs of the books carry a source and no provenance; theirs says "assumption" where nobody published it.
        let provenance = match flat.provenance.as_str() {
            "" if flat.source.starts_with("assumption") => "assumed".into(),
            "" => "cited".into(),
            _ => flat.provenance,
        };
        *counts.entry((provenance, flat.source)).or_default() += 1;
    }
    let mut out: Vec<_> = counts.into_iter().map(|((provenance, source), count)| (provenance, source, count)).collect();
    out.sort_by_key(|(_, _, count)| std::cmp::Reverse(*count));
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn figures_go_by_their_path() {
        let report = json!({"gpus": [{"device": "L40S", "speed": {"value": 2.5, "unit": "tokens/s", "provenance": "cited", "source": "a, b"}}], "n": 3});
        assert_eq!(
            csv(&report).unwrap(),
            "path,value,unit,provenance,source,low,high\ngpus[L40S].speed,2.5,tokens/s,cited,\"a, b\",,\nn,3,,,,,\n"
        );
        assert_eq!(sources(&report).unwrap(), [("cited".into(), "a, b".into(), 1)]);
    }
}
