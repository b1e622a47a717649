//! What others' models of inference say of their own accuracy, each on rows of its own choice.

use serde::{Deserialize, Serialize};

use super::error::GpuError;

const BUNDLED: &str = include_str!("../../data/peers.csv");

/// One other model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    pub name: String,
    pub method: String,
    /// As its makers publish it.
    pub accuracy: String,
    pub source: String,
}

/// Every one known.
///
/// # Errors
/// A bundled table that cannot be read.
pub fn peers() -> Result<Vec<Peer>, GpuError> {
    let rows: Result<Vec<Peer>, _> = csv::Reader::from_reader(BUNDLED.as_bytes()).into_deserialize().collect();
    rows.map_err(|error| GpuError::File { file: "peers.csv".into(), detail: error.to_string(), hint: "restore the bundled table" })
}
