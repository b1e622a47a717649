//! What can be said of a chip, as a library: every figure with its provenance, each computed in one place.
//!
//! - [`plan`]: area, speed, energy and cost of a chip from the shape of a model alone, on one or several dies;
//! - [`explore`]: sweeps of targets, the fabric of each matrix, and the points that nothing beats;
//! - [`published`]: published chips from their published design choices, misses shown;
//! - [`load`]: what is asked of a chip, and its speed, energy and power under that load;
//! - [`price`]: what a token of it costs;
//! - [`subject`]: the chip that comparisons and books speak of, compiled or planned;
//! - [`chip`]: everything a report says about a compiled chip, gathered once;
//! - [`memory`]: what a model takes of memory, and what that lets devices do;
//! - [`compare`]: a chip beside devices that fetch their weights, one user and a full queue;
//! - [`books`]: what a token costs on one site, from a chip and from GPUs;
//! - [`pair`]: a chip and a GPU that serve together, prompts read or drafts verified by the GPU;
//! - [`mod@essay`]: the claims of the essay behind this project, answered one by one;
//! - [`flat`]: any of these as a flat list of figures, for CSV and for lists of sources;
//! - [`respin`]: room for other weights on the same die, and the stored bits that they change;
//! - [`generate`]: text from a chip or from its float reference;
//! - [`mod@evaluate`]: how good a chip's integers are beside the float model, and where its error comes from.
//!
//! The command, the report and the viewer only print what this crate gives. Nothing here prints, parses arguments or exits.
//!
//! ```
//! use hardwire_compiler::{Options, shape::Shape};
//! use hardwire_study::plan::plan;
//!
//! let config = br#"{"model_type": "llama", "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 2,
//!     "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 1000, "max_position_embeddings": 256}"#;
//! let shape = Shape::from_json(config, "tiny", "config.json".as_ref())?;
//! let plan = plan(&shape, &Options::default(), None, None)?;
//! let figures = &plan.at.last().expect("one context at least").figures;
//! assert!(figures.low.area_mm2 < figures.middle.area_mm2 && figures.middle.area_mm2 < figures.high.area_mm2);
//! assert!(figures.middle.usd_per_mtoken.is_some());
//! # Ok::<(), hardwire_study::Error>(())
//! ```

pub mod answer;
pub mod books;
pub mod chip;
pub mod compare;
pub mod conversation;
pub mod efficiency;
mod error;
pub mod essay;
pub mod evaluate;
pub mod explore;
pub mod flat;
pub mod generate;
pub mod load;
pub mod memory;
mod model_shape;
pub mod pair;
pub mod plan;
pub mod price;
pub mod published;
pub mod respin;
pub mod sources;
pub mod subject;

pub use error::Error;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
