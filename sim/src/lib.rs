//! Hardwire sim.

pub mod reference;
pub mod step;
