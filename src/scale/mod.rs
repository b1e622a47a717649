//! Chips by shape, at any size: what they cost and how fast they are, what binds them, and where they stand beside published silicon.
//!
//! - [`evaluate`]: area, speed, energy and cost of one [`hardwire_compiler::shape::ShapeChip`] on one or several dies;
//! - [`frontier`]: which fabric for which matrix;
//! - [`target`]: what a user asks of a chip, and the plan that meets it or the reason none does;
//! - [`pareto`]: the points of a sweep that nothing beats, as a plot in [`plot`];
//! - [`published`]: published chips, from their published design choices alone.

pub mod evaluate;
pub mod frontier;
pub mod pareto;
pub mod plot;
pub mod published;
pub mod target;
