//! Hardwire sim.

pub mod energy;
pub mod engine;
pub mod reference;
pub mod sample;
pub mod step;
pub mod timing;
