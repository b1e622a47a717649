//! Sweeps of targets over a model's shape.
//!
//! - [`target`]: what is asked of a chip, and the plan that meets it or the reason none does;
//! - [`frontier`]: which fabric for which matrix;
//! - [`pareto`]: the points that no other beats in every respect.

pub mod frontier;
pub mod pareto;
pub mod target;

use crate::Result;
use hardwire_compiler::shape::Shape;
use rayon::prelude::*;
use serde::Serialize;
use target::{Point, Refusal, Target};

/// What is swept over a model unless asked otherwise, as a target file.
pub const USUAL: &str =
    "node = [\"N7\", \"N6\", \"N5\"]\nbits = [3, 4]\nfabric = [\"tiles\", \"group\"]\ntile_rows = [256, 1024]\nusers = [1, 8]\n";

/// The outcome of a sweep.
#[derive(Debug, Serialize)]
pub struct Exploration {
    /// Targets that are met, in the order they were asked.
    pub points: Vec<Point>,
    /// Indices into `points` of those that nothing beats.
    pub front: Vec<usize>,
    pub refused: Vec<Refusal>,
}

/// Plans every target, in parallel; `tick` is called after each.
///
/// # Errors
/// An option out of range, by name. A target that cannot be met is no error: it is among `refused`.
pub fn explore(shape: &Shape, targets: &[Target], tick: &(dyn Fn() + Sync)) -> Result<Exploration> {
    let planned = targets.par_iter().map(|t| {
        let outcome = target::plan(shape, t);
        tick();
        outcome
    });
    let (mut points, mut refused) = (Vec::new(), Vec::new());
    for outcome in planned.collect::<Result<Vec<_>>>()? {
        match outcome {
            Ok(point) => points.push(point),
            Err(refusal) => refused.push(refusal),
        }
    }
    let front = pareto::front(&points.iter().map(|p| &p.figures).collect::<Vec<_>>());
    Ok(Exploration { points, front, refused })
}
