//! Hardwire sim.
