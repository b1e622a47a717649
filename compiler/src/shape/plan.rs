//! Options for a model that is known by shape only.

use super::{Shape, ShapeChip};
use crate::error::Error;
use crate::options::Options;

/// Plans and builds the chip of `shape`.
///
/// # Errors
/// An option out of range, by name.
pub fn plan(shape: &Shape, options: &Options) -> Result<ShapeChip, Error> {
    let mut options = options.clone();
    // Ternary weights have one scale a matrix, and their codes two bits.
    if shape.ternary {
        options.bits = options.bits.or(Some(2));
        options.group = options.group.or(Some(1 << 20));
    }
    let plan = options.resolve_for(shape.head_dim, shape.hidden, shape.context)?;
    super::build::build(shape, plan)
}
