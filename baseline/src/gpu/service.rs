//! Accelerators known by their service, not by their memory: published speeds, carried as they are.
//!
//! Groq, Cerebras, SambaNova and hardwired chips hold weights in SRAM or masks, over one chip or many; what bounds them
//! is not in their datasheets, so nothing is predicted for them.

use crate::{Figure, Provenance};
use serde::{Deserialize, Serialize};

use super::error::GpuError;

const BUNDLED: &str = include_str!("../../data/services.csv");

/// One published service speed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Service {
    pub name: String,
    /// Chips that serve the user, where published.
    pub chips: Option<u32>,
    pub model: String,
    pub tokens_per_s_per_user: Figure,
    /// Power of what serves, where published.
    pub power_w: Option<Figure>,
    /// Tokens of one user a joule; for a machine that serves many users at once this understates it.
    pub tokens_per_j_one_user: Option<Figure>,
    pub note: String,
}

#[derive(Deserialize)]
struct Row {
    name: String,
    chips: Option<u32>,
    model: String,
    tokens_per_s_per_user: f64,
    power_w: Option<f64>,
    note: String,
    source: String,
    provenance: String,
}

/// The bundled services.
pub fn services() -> Result<Vec<Service>, GpuError> {
    let mut reader = csv::Reader::from_reader(BUNDLED.as_bytes());
    let rows: Result<Vec<Row>, _> = reader.deserialize().collect();
    let rows =
        rows.map_err(|error| GpuError::File { file: "services.csv".into(), detail: error.to_string(), hint: "restore the bundled table" })?;
    Ok(rows.into_iter().map(service).collect())
}

fn service(row: Row) -> Service {
    let source = format!("{} ({})", row.source, row.provenance);
    let cited = |value, unit| Figure::new(value, unit, Provenance::Cited, source.clone());
    let per_j = row.power_w.map(|power_w| row.tokens_per_s_per_user / power_w);
    Service {
        name: row.name,
        chips: row.chips,
        model: row.model,
        tokens_per_s_per_user: cited(row.tokens_per_s_per_user, "tokens/s"),
        power_w: row.power_w.map(|power_w| cited(power_w, "W")),
        tokens_per_j_one_user: per_j
            .map(|value| Figure::new(value, "tokens/J", Provenance::Estimated, format!("speed / power, both cited: {source}"))),
        note: row.note,
    }
}
