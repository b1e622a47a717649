//! Counts of what all row feeds have in common.

use super::design::Feed;
use crate::census::cells::{bit_length, counter, flops, gates, increment, length, round_down};
use crate::census::counts::Census;

/// `hw_magnitude`: of a whole vector as it comes in, and the shift that follows.
pub fn magnitude(s: &Feed, v: u64) -> Census {
    let wide = u64::from(s.input.bits);
    let beat = bit_length(u64::from(s.len).div_ceil(v));
    let above = above(s);
    (increment(wide) + gates(wide)).times(v)
        + gates(wide)
        + flops(wide)
        + length(above)
        + flops(bit_length(above))
        + counter(beat)
        + flops(1)
}

/// Bits of the magnitude above the activation's own: as many as it may be shifted by.
fn above(s: &Feed) -> u64 {
    (u64::from(s.input.bits) + 1).saturating_sub(u64::from(s.act_bits))
}

/// An element shifted and rounded to an activation.
pub fn rounded(s: &Feed) -> Census {
    round_down(u64::from(s.input.bits), bit_length(above(s)), u64::from(s.act_bits))
}
