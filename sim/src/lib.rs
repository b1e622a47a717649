//! Hardwire sim.

pub mod reference;
pub mod step;
pub mod timing;
