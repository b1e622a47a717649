//! Counts of `hw_rms_norm`, `hw_layer_norm` and `hw_centre`.

use super::cells::{
    self, bit_length, counter, cut, flops, gates, increment, interpolate, length, limit, long_product, long_product_by, mux, rom, sram, sum,
};
use super::{Census, Module};
use crate::tables::Tables;
use crate::unit::{CentreSpec, NormSpec};
use crate::width::{ceil_log, table_bits};

/// Bits of a gain, and of the reciprocal of the length.
const GAIN: u64 = 20;

pub fn modules(s: &NormSpec, tables: &Tables, lanes: u32, out: u64) -> Vec<Module> {
    let bits = u64::from(s.input.bits);
    match &s.centre {
        None => vec![Module::new("hw_rms_norm", rms_norm(s, tables, lanes, bits, out))],
        Some(c) => {
            let bias = if c.bias.is_some() { bias(s, lanes, out) } else { Census::default() };
            // A centred vector has 32 bits.
            vec![Module::new("hw_layer_norm", centre(s, c, lanes) + rms_norm(s, tables, lanes, 32, out) + bias)]
        }
    }
}

fn rms_norm(s: &NormSpec, tables: &Tables, lanes: u32, bits: u64, out: u64) -> Census {
    let (v, groups, len) = (u64::from(lanes), u64::from(s.groups), u64::from(s.len));
    let beat = bit_length(len.div_ceil(v));
    let q = u64::from(s.square_bits()).max(if bits == u64::from(s.input.bits) { 0 } else { 2 * bits - 2 + bit_length(len - 1) });
    let size = bit_length(q + 1);
    let widths = table_bits(&tables.rsqrt);
    let value = u64::from(widths.0);
    // In: products with each digit of itself, and their sum.
    let square = 2 * bits - 1;
    let squares = long_product(bits, bits, false) + flops(square);
    // The beat's squares, eight to one a stage, to one sum a group.
    let together = u64::from(s.square_lanes(lanes));
    let parts = v / together;
    let stages = u64::from(ceil_log(s.square_lanes(lanes), 8).max(1));
    let mut sums = Census::default();
    let mut left = together;
    for stage in 1..=stages {
        let wide = (square + 3 * stage).min(q);
        let (next, made) = cells::stage(left, 8, wide);
        (left, sums) = (next, sums + made);
    }
    let totals = (sum(q) + mux(groups, q)).times(parts) + flops(groups * q) + mux(2, groups * q);
    // One group a cycle: length, mantissa, table.
    let shifter = Census { mux2: size.saturating_sub(2) * (q + 12) + 24, ..Census::default() };
    let root = mux(groups, q) + flops(q) + length(q) + flops(6 * size) + shifter + flops(24 + 2 * 16) + interpolate(widths, 16);
    let root = root + flops(u64::from(widths.0 + widths.1));
    let roots = flops(groups * (value + size)) + mux(groups, value + size);
    // Out: a lane's two products, the first shifted by the root's half length, the second by a constant.
    let shifted = Census { mux2: size * (bits + value + 15 + 33) / 2, ..Census::default() } + increment(32) + flops(32);
    let first = flops(bits) + long_product(bits, value, false) + flops(bits + value) + shifted;
    let second = flops(GAIN) + long_product(32, GAIN, true) + cut(33 + GAIN, i64::from(s.shift), out) + flops(out);
    // Lanes of one group have one root.
    let root_lanes = if groups == 1 { 1 } else { v };
    let control = flops(2 * (stages + 2) + 14) + counter(2 * beat + 6) + flops(beat) + gates(40);
    sram(len * bits)
        + rom(u64::from(s.gain_words(lanes)) * v * GAIN)
        + rom(193 * u64::from(widths.0 + widths.1))
        + (squares + first + second).times(v)
        + flops(value + 3 * size).times(root_lanes)
        + sums.times(parts)
        + totals
        + root
        + roots
        + control
}

/// The mean of a stored vector, taken from it as it is played.
fn centre(s: &NormSpec, c: &CentreSpec, lanes: u32) -> Census {
    let (v, len, bits) = (u64::from(lanes), u64::from(s.len), u64::from(s.input.bits));
    let beat = bit_length(len.div_ceil(v));
    let total = bits + bit_length(len + v - 1) + 1;
    // The beat's lanes, eight to one a stage.
    let (mut sums, mut left) = (Census::default(), v);
    for stage in 1..=u64::from(ceil_log(lanes, 8).max(1)) {
        let (next, made) = cells::stage(left, 8, bits + 3 * stage);
        (left, sums) = (next, sums + made);
    }
    sums += sum(total) + gates(total) + flops(total);
    let mean = long_product_by(total, u64::from(c.mantissa), true) + cut(total + 21, i64::from(c.shift), bits + 2) + flops(bits + 2);
    let lane = sum(bits + 2) + limit(bits + 3, 32) + flops(32);
    sram(len * bits) + sums + mean + lane.times(v) + counter(2 * beat) + flops(beat + 12) + gates(30)
}

/// A bias a lane, a beat behind.
fn bias(s: &NormSpec, lanes: u32, out: u64) -> Census {
    let (v, len) = (u64::from(lanes), u64::from(s.len));
    let lane = flops(2 * out) + sum(33) + limit(33, out);
    rom(32 * len) + lane.times(v) + counter(bit_length(len.div_ceil(v))) + flops(4)
}
