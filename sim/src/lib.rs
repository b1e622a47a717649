//! Hardwire sim.

pub mod economics;
pub mod energy;
pub mod engine;
pub mod gpu;
pub mod reference;
pub mod sample;
pub mod step;
pub mod timing;
