//! Counts of `hw_row_feed` and `hw_bit_feed`.

use super::cells::{bit_length, counter, flops, gates, increment, length, mux, round_down, sram, sum};
use super::counts::Census;
use crate::unit::row_feed::RowFeedSpec;
use crate::width::{bits, index_bits};

/// `hw_magnitude`: of a whole vector as it comes in, and the shift that follows.
fn magnitude(s: &RowFeedSpec, v: u64) -> Census {
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
fn above(s: &RowFeedSpec) -> u64 {
    (u64::from(s.input.bits) + 1).saturating_sub(u64::from(s.act_bits))
}

/// An element shifted and rounded to an activation.
fn rounded(s: &RowFeedSpec) -> Census {
    round_down(u64::from(s.input.bits), bit_length(above(s)), u64::from(s.act_bits))
}

pub fn rows(s: &RowFeedSpec, v: u64, sums: bool) -> Census {
    let (wide, act) = (u64::from(s.input.bits), u64::from(s.act_bits));
    let total = act + u64::from(index_bits(s.group));
    let row = u64::from(bits(s.played_rows()));
    let beat = bit_length(u64::from(s.len).div_ceil(v));
    let group_sum = if sums { sum(total) + gates(total) + flops(4 * total + 1) } else { Census::default() };
    // A lane of the word is picked and kept, then shifted.
    let band = mux(v, wide) + flops(wide) + rounded(s) + flops(act) + gates(6 * beat + 3 * row) + group_sum;
    let control = counter(2 * row) + flops(3 * row + 9) + gates(20);
    sram(u64::from(s.len) * wide) + magnitude(s, v) + band.times(u64::from(s.k_tiles())) + control
}

/// A vector waits in memory for its magnitude, then every element stands in a register that shifts out its bits.
pub fn bits_out(s: &RowFeedSpec, v: u64) -> Census {
    let (wide, act, len) = (u64::from(s.input.bits), u64::from(s.act_bits), u64::from(s.len));
    let beat = bit_length(len.div_ceil(v));
    // Filled a beat at a time, then shifted.
    let planes = flops(len * act) + gates(3 * len * act);
    sram(len * wide)
        + magnitude(s, v)
        + (flops(wide) + rounded(s)).times(v)
        + planes
        + counter(beat + bit_length(act))
        + flops(beat + 5)
        + gates(20)
}
