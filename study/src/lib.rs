//! What can be said of a chip, as a library: every figure with its provenance, each computed in one place.
//!
//! - [`plan`]: area, speed, energy and cost of a chip from the shape of a model alone, on one or several dies;
//! - [`explore`]: sweeps of targets, the fabric of each matrix, and the points that nothing beats;
//! - [`published`]: published chips from their published design choices, misses shown;
//! - [`load`]: what is asked of a chip, and its speed, energy and power under that load;
//! - [`price`]: what a token of it costs;
//! - [`chip`]: everything a report says about a compiled chip, gathered once;
//! - [`compare`]: a chip beside devices that fetch their weights, one user and a full queue;
//! - [`books`]: what a token costs on one site, from a chip and from GPUs;
//! - [`flat`]: any of these as a flat list of figures, for CSV and for lists of sources;
//! - [`generate`]: text from a chip or from its float reference;
//! - [`mod@evaluate`]: how good a chip's integers are beside the float model, and where its error comes from.
//!
//! The command, the report and the viewer only print what this crate gives. Nothing here prints, parses arguments or exits.

pub mod books;
pub mod chip;
pub mod compare;
mod error;
pub mod evaluate;
pub mod explore;
pub mod flat;
pub mod generate;
pub mod load;
mod model_shape;
pub mod plan;
pub mod price;
pub mod published;

pub use error::Error;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
