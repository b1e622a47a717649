//! The masks of a compiled chip: what of a model is on which layer, where to the nanometre.
//!
//! - [`process`]: the rules of a process, from a file; `deck`: the same rules as a script for KLayout;
//! - [`sink`]: where geometry goes; [`gds`], [`oasis`]: the two formats, as streams;
//! - [`rom`]: the via-programmed ROM macro: base, program, abstract, times, model, schematic;
//! - [`stored`]: the ROMs of a chip; [`chip`]: its macros placed, drawn, and read back.
//!
//! The base of a chip is the same for every model of its plan; what differs is on one layer, the vias of the ROMs. Which bit a via is, is
//! said by `hardwire_netlist::silicon`, as it is for the emitted ROM images and the viewer; here is only where that bit's via lies.

pub mod chip;
pub mod deck;
mod error;
pub mod gds;
mod glob;
pub mod oasis;
pub mod pen;
pub mod process;
pub mod rom;
pub mod sink;
pub mod stored;

pub use error::Error;
pub use process::{Layer, PROGRAM, Process};
pub use sink::{Out, Place, Sink};
