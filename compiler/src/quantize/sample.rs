//! Encodes rows that nobody trained, for the widths that trained ones would need.

use super::encode::{Facts, RowOut};
use super::nearest;
use hardwire_models::synthetic;

/// Accumulator, total and scale widths that `rows` synthetic rows of `inputs` prove.
pub(crate) fn sample(rows: usize, inputs: usize, bits: u8, group: u32, act_bits: u8) -> (u8, u8, u8) {
    let group = group as usize;
    let (mut codes, mut scales) = (vec![0u8; inputs], vec![0i32; inputs.div_ceil(group)]);
    let mut scratch = nearest::Scratch::default();
    let (mut group_sum, mut total) = (0, 0);
    for weights in synthetic::rows(1, inputs, rows) {
        let mut out = RowOut { codes: &mut codes, scales: &mut scales, offsets: &mut [] };
        let facts: Facts = nearest::row(&weights, bits, group, &mut scratch, &mut out);
        group_sum = facts.max_group_sum.max(group_sum);
        total = facts.max_total.max(total);
    }
    let amax = (1u64 << (act_bits - 1)) - 1;
    let width = |magnitude: u64| (64 - magnitude.leading_zeros() + 1) as u8;
    (width(group_sum * amax), width(total.saturating_mul(amax).min(1 << 61)), nearest::scale_bits(bits))
}
