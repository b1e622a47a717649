//! Counts of `hw_attention` and its parts: quantisers, scores, greatest, weights, value sums, and the finish.

use super::cells::{
    self, bit_length, compare, contest, counter, cut, flops, gates, increment, interpolate, length, long_product, mux, product, product_by,
    rom, round, round_down, select, sram, stages, sum,
};
use super::{Census, Module};
use crate::tables::Tables;
use crate::unit::AttentionSpec;
use crate::width::{ceil_log, table_bits};

/// Bits of a weight, and of a score.
const WEIGHT: u64 = 21;
const SCORE: u64 = 32;

pub fn modules(s: &AttentionSpec, tables: &Tables, v: u64, out: u64) -> Vec<Module> {
    let (act, kv) = (u64::from(s.act_bits), u64::from(s.kv_bits));
    let (heads, kv_heads) = (u64::from(s.heads), u64::from(s.kv_heads));
    let all = quantize(s, heads, u64::from(s.q.bits), act, v)
        + quantize(s, kv_heads, u64::from(s.k.bits), kv, v)
        + quantize(s, kv_heads, u64::from(s.v.bits), kv, v)
        + score(s)
        + most(s)
        + exponent(s, tables)
        + value(s)
        + finish(s, tables, v, out);
    vec![Module::new("hw_attention", all)]
}

/// `hw_quantize`: a vector is kept with its heads' magnitudes and replayed through a shift; all codes stand in registers.
fn quantize(s: &AttentionSpec, heads: u64, bits: u64, code: u64, v: u64) -> Census {
    let len = heads * u64::from(s.head_dim);
    let beats = len.div_ceil(v);
    let beat = bit_length(beats);
    // Heads that a lane may lie in.
    let lane = increment(bits) + gates(bits) + mux(heads, 5) + round_down(bits, 5, code) + flops(code);
    let head = flops(bits) + gates(3 * bits) + length((bits + 1).saturating_sub(code)) + flops(5);
    sram(len * bits)
        + lane.times(v)
        + head.times(heads)
        + flops(beats * v * code)
        + gates(beats * 4)
        + counter(2 * beat)
        + flops(2 * beat + 4)
}

/// `hw_score`: a product a dimension, summed eight to one a stage, scaled and rounded.
fn score(s: &AttentionSpec) -> Census {
    let (a, b, dim) = (u64::from(s.act_bits), u64::from(s.kv_bits), u64::from(s.head_dim));
    let p = u64::from(s.pos_lanes);
    let dot = a + b + bit_length(dim - 1);
    let levels = u64::from(ceil_log(s.head_dim, 8));
    let mut one = (product(a, b) + flops(a + b)).times(dim);
    let mut left = dim;
    for stage in 1..=levels {
        let wide = (a + b + 3 * stage).min(dot);
        let (next, made) = cells::stage(left, 8, wide);
        (left, one) = (next, one + made);
    }
    let shifts = sum(10).times(2) + gates(20) + flops(7 * (levels + 2));
    one += product_by(dot, u64::from(s.score_mantissa)) + flops(dot + 17) + round(dot + 17, SCORE) + flops(SCORE) + shifts;
    one.times(u64::from(s.heads) * p) + flops((levels + 3) * (p + 1) + 1)
}

/// `hw_most`: the positions of a word, four to one a stage; and the greatest so far.
fn most(s: &AttentionSpec) -> Census {
    let p = u64::from(s.pos_lanes);
    let one = contest(p, ceil_log(s.pos_lanes, 4), SCORE, |_| compare(SCORE) + select(SCORE));
    let masks = if p > 1 { gates(p * SCORE) } else { Census::default() };
    let so_far = compare(SCORE) + select(SCORE) + flops(SCORE);
    (one + masks + so_far).times(u64::from(s.heads))
}

/// `hw_exponent`: the distance to the greatest, a table, a shift.
fn exponent(s: &AttentionSpec, tables: &Tables) -> Census {
    let widths = table_bits(&tables.exp2);
    let p = u64::from(s.pos_lanes);
    let distance = sum(SCORE + 1) + gates(20) + flops(7 + 9 + 5);
    let shift = stages(5, WEIGHT + 1) + increment(WEIGHT) + gates(2 * WEIGHT) + flops(WEIGHT);
    let one = distance + flops(9 + 3 * 5) + interpolate(widths, 9) + flops(u64::from(widths.0)) + shift;
    rom(128 * u64::from(widths.0 + widths.1)) + one.times(u64::from(s.heads) * p) + flops(4 + 4 * p)
}

/// `hw_value`: a product a dimension, shifted, summed over positions and added up.
fn value(s: &AttentionSpec) -> Census {
    let (b, dim, p) = (u64::from(s.kv_bits), u64::from(s.head_dim), u64::from(s.pos_lanes));
    let context = bit_length(u64::from(s.context));
    let (total, weights) = (WEIGHT + u64::from(s.v.bits) + context, WEIGHT + context);
    let term = product(b, WEIGHT + 1) + gates(b + WEIGHT) + flops(b + WEIGHT) + stages(5, (total + b + WEIGHT) / 2) + flops(total);
    let mut head = term.times(dim * p) + (flops(5) + gates(5)).times(p);
    let mut part = flops(WEIGHT * p);
    let mut left = p;
    for _ in 0..ceil_log(s.pos_lanes, 8) {
        let (next, terms) = cells::stage(left, 8, total);
        head += terms.times(dim);
        part += cells::stage(left, 8, weights).1;
        left = next;
    }
    let sums = (sum(total) + gates(total) + flops(total)).times(dim) + sum(weights) + gates(weights) + flops(weights);
    (head + part + sums).times(u64::from(s.heads)) + flops(4)
}

/// The rest of `hw_attention`: cache and score memories and their addresses, reciprocals of the sums, the outputs.
fn finish(s: &AttentionSpec, tables: &Tables, v: u64, out: u64) -> Census {
    let widths = table_bits(&tables.recip);
    let (heads, dim, p) = (u64::from(s.heads), u64::from(s.head_dim), u64::from(s.pos_lanes));
    let context = u64::from(s.context);
    let position = bit_length(context);
    let words = context.div_ceil(p);
    let (word, address) = (bit_length(words), bit_length(words * u64::from(s.users) - 1).max(1));
    let (total, weights) = (WEIGHT + u64::from(s.v.bits) + position, WEIGHT + position);
    let size = bit_length(weights + 1);
    let beats = (heads * dim).div_ceil(v);
    // Words played and the places of their scores; masks of the positions.
    let play = counter(5 * word) + flops(9 * word + address + position) + sum(address).times(3) + sum(word) + flops(24) + gates(80);
    let masks = (compare(position).times(2) + gates(4)).times(3 * p);
    // Reciprocals, as many a cycle as a beat has heads.
    let lanes = if v > dim { v.div_ceil(dim) } else { 1 };
    let reciprocal = mux(heads.div_ceil(lanes), weights)
        + flops(weights)
        + length(weights - 16)
        + stages(size - 1, 24)
        + flops(15 + 7 + size)
        + interpolate(widths, 7);
    let kept = flops(heads * (u64::from(widths.0) + size));
    // Outputs: the sum, over weights normalised to 16 bits in all, times its reciprocal, rounded.
    let normal = u64::from(s.v.bits) + 17;
    let shifted = stages(size, normal + 1) + increment(normal) + flops(normal);
    let lane = mux(beats, total)
        + flops(total)
        + mux(heads, size + u64::from(widths.0))
        + flops(size + 18)
        + shifted
        + long_product(18, normal, true)
        + cut(normal + 18, 31, out)
        + flops(out);
    let sinks = if s.sinks.is_some() { rom(SCORE * heads) + mux(2, SCORE * p * heads) } else { Census::default() };
    rom(256 * u64::from(widths.0 + widths.1))
        + sram(s.kv_cache_bits() + SCORE * p * heads * words)
        + play
        + masks
        + reciprocal.times(lanes)
        + kept
        + lane.times(v)
        + counter(bit_length(beats))
        + flops(2 * bit_length(beats) + 20)
        + sinks
}
