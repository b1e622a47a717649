//! What a chip is held against: devices that fetch their weights for every token, and the books of a token factory.
//!
//! - [`gpu`]: decode, prefill, saturated serving and power of GPUs, validated against published measurements.
//! - [`economics`]: what a token costs on units of any kind, given their speed, power and price.
//!
//! Nothing of ours is imported: a chip comes in as plain numbers. Formulas, fit and errors: `docs/baseline.md`.

pub mod economics;
mod figure;
pub mod gpu;

pub use figure::{Figure, Provenance};
