//! Route: the choice of experts (section 10).

use super::Fixed;
use serde::{Deserialize, Serialize};

/// The choice of experts (section 10).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RouteSpec {
    pub experts: u32,
    /// Experts chosen for a token.
    pub active: u32,
    /// The weights are shares of all experts' sum, not of the chosen ones'.
    pub of_all: bool,
    /// Format of the logits.
    pub logits: Fixed,
    /// `c` and `kc`.
    pub score_mantissa: u32,
    pub score_shift: i32,
}

impl RouteSpec {
    /// Format of the weights.
    pub const OUT: Fixed = Fixed { bits: 18, frac: 16 };
}
