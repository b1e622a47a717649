//! A reported number: its value, its unit and where it came from.
//!
//! ```
//! use hardwire_figure::{Figure, Provenance};
//!
//! let area = Figure::new(815.0, "mm2", Provenance::Cited, "HC1 as announced").between(800.0, 830.0);
//! assert_eq!(serde_json::to_value(&area).unwrap()["provenance"], "cited");
//! ```

use serde::{Deserialize, Serialize};

/// How a figure was obtained. Every figure a report prints carries one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provenance {
    /// Counted or timed on the thing itself.
    Measured,
    /// The outcome of running the chip's simulator.
    Simulated,
    /// Computed by a model from cited or measured constants.
    Estimated,
    /// Taken from a published source.
    Cited,
}

impl std::fmt::Display for Provenance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Provenance::Measured => "measured",
            Provenance::Simulated => "simulated",
            Provenance::Estimated => "estimated",
            Provenance::Cited => "cited",
        })
    }
}

/// A number with its unit, provenance and source; `low` and `high` bound it where they are known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    pub value: f64,
    pub unit: String,
    pub provenance: Provenance,
    pub source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
}

impl Figure {
    pub fn new(value: f64, unit: &str, provenance: Provenance, source: impl Into<String>) -> Self {
        Figure { value, unit: unit.into(), provenance, source: source.into(), low: None, high: None }
    }

    /// The unit as people write it, with raised digits and a real micro sign.
    pub fn shown_unit(&self) -> String {
        match self.unit.as_str() {
            "us" => "µs".into(),
            "transistors" => String::new(),
            unit => unit.replace("um2", "µm²").replace("mm2", "mm²"),
        }
    }

    pub fn between(mut self, low: f64, high: f64) -> Self {
        (self.low, self.high) = (Some(low), Some(high));
        self
    }
}
