//! Counts of `hw_route` and `hw_mix`.

use super::Census;
use super::cells::{
    self, bit_length, compare, contest, counter, cut, flops, gates, interpolate, length, long_product, long_product_by, mux, product, rom,
    round_down, select, stages, sum,
};
use crate::tables::Tables;
use crate::unit::{MixSpec, RouteSpec};
use crate::width::{ceil_log, index_bits, table_bits};

/// Bits of a share, and of an expert's weight.
const SHARE: u64 = 21;
const WEIGHT: u64 = 18;

/// All logits in registers, a tree that compares four a stage, then one exponential and one reciprocal for expert after expert.
pub fn route(s: &RouteSpec, tables: &Tables, v: u64) -> Census {
    let (e, k, bits) = (u64::from(s.experts), u64::from(s.active), u64::from(s.logits.bits));
    let index = u64::from(index_bits(s.experts));
    let (exp2, recip) = (table_bits(&tables.exp2), table_bits(&tables.recip));
    let beats = e.div_ceil(v);
    // Stage 0: the logits, and which are free.
    let meeting = |stage: u64| compare(bits) + select(bits + index.min(2 * stage)) + gates(4);
    let rounds = flops(e * (bits + 1)) + gates(2 * e) + contest(e, ceil_log(s.experts, 4).max(1), bits + index + 1, meeting);
    let total = SHARE + bit_length(e);
    let size = bit_length(total + 1);
    let item = bit_length(if s.of_all { k + e } else { k });
    let product = long_product_by(bits, u64::from(s.score_mantissa), true) + cut(bits + 18, i64::from(s.score_shift), 32);
    let score = mux(e, bits) + flops(index + bits) + product + flops(2 * 32);
    let distance = sum(33) + gates(20) + flops(7 + 2 * 9 + 4 * 5);
    let shift = stages(5, SHARE + 1) + gates(SHARE) + flops(SHARE);
    let share = score + distance + interpolate(exp2, 9) + flops(u64::from(exp2.0)) + shift + sum(total) + flops(2 * total);
    let reciprocal = length(total - 16) + stages(size - 1, 24) + flops(size + 15 + 7) + interpolate(recip, 7) + flops(WEIGHT);
    let weigh = mux(k, SHARE) + long_product(SHARE + 1, WEIGHT, false) + flops(40) + round_down(40, size + 1, WEIGHT);
    // What stands until the next token: who was chosen, their powers and weights, and every expert's weight.
    let kept = flops(e + k * (index + SHARE + WEIGHT) + e * WEIGHT) + gates(2 * e + 2 * k);
    let given = (mux(beats, WEIGHT) + flops(WEIGHT)).times(v);
    rom(128 * u64::from(exp2.0 + exp2.1) + 256 * u64::from(recip.0 + recip.1))
        + rounds
        + share
        + reciprocal
        + weigh
        + kept
        + given
        + flops(9 * item + 31)
        + counter(2 * bit_length(beats) + 4 * bit_length(k) + item)
}

/// A crossbar, a product and a share of a sum for each chosen expert, in every lane.
pub fn mix(s: &MixSpec, v: u64, out: u64) -> Census {
    let (e, k, bits) = (u64::from(s.experts), u64::from(s.active), u64::from(s.input.bits));
    let total = bits + WEIGHT + bit_length(k);
    // A crossbar, whose every crossing costs; two digits of a weight, whose products join the others' sum.
    let crossing = Census { mux2: 5 * e * bits / 8, ..Census::default() };
    let mut lane = (crossing + flops(bits) + product(bits, 10) + product(bits, 9) + flops(2 * bits + 19)).times(k);
    let mut left = 2 * k;
    for _ in 0..ceil_log(2 * s.active, 8).max(1) {
        let (next, made) = cells::stage(left, 8, total);
        (left, lane) = (next, lane + made);
    }
    (lane + gates(3 * total) + cut(total, 16, out) + flops(out)).times(v) + flops(6)
}
