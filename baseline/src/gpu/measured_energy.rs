//! Published energies a token: the program's own table and files of the same columns.

use serde::Serialize;

use super::error::GpuError;
use super::measured::{Measured, Task, row};
use super::rows::Rows;

const BUNDLED: &str = include_str!("../../data/gpu_energy.csv");

/// What was metered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Boundary {
    /// The devices alone, by their own meters.
    Devices,
    /// Machines at the plug.
    Wall,
}

/// One published energy.
#[derive(Clone, Debug, Serialize)]
pub struct MeasuredEnergy {
    /// The run it belongs to, with its speed.
    pub run: Measured,
    pub boundary: Boundary,
    /// A peak at the plug bounds the mean from above.
    pub peak: bool,
    pub j_per_token: f64,
}

/// The bundled energies.
pub fn measured_energy() -> Result<Vec<MeasuredEnergy>, GpuError> {
    parse_measured_energy(BUNDLED, "gpu_energy.csv")
}

/// Energies of a CSV text with the columns of the bundled `gpu_energy.csv`; `file` is only named in errors.
pub fn parse_measured_energy(text: &str, file: &str) -> Result<Vec<MeasuredEnergy>, GpuError> {
    let mut rows = Rows::open(text, file, &["device", "model", "quant", "batch", "workload", "tok_s", "J_per_token", "power_boundary"])?;
    let mut out = Vec::new();
    while rows.next()? {
        let workload = rows.text("workload");
        let task = Task { context: workload, source: rows.text("source"), note: rows.text("certainty"), split: rows.text("parallel") };
        let mut run = row(&rows, &task)?;
        run.tokens_per_s = rows.positive("tok_s")?;
        run.token_latency_ms = rows.optional_positive("median_itl_ms")?;
        let words = rows.required("power_boundary")?.to_lowercase();
        let boundary = match (words.contains("wall"), words.contains("gpu") || words.contains("device")) {
            (true, _) => Boundary::Wall,
            (false, true) => Boundary::Devices,
            (false, false) => return Err(rows.refuse("power_boundary", "words that name the GPU or the wall")),
        };
        out.push(MeasuredEnergy { run, boundary, peak: words.contains("peak"), j_per_token: rows.positive("J_per_token")? });
    }
    Ok(out)
}
