//! Counts of the units that work on a stream lane by lane: `hw_rope`, `hw_gated_act`, `hw_swiglu`, `hw_relu2`, `hw_add`, `hw_sum`.

use super::cells::{
    bit_length, compare, counter, cut, flops, gates, increment, interpolate, limit, long_product, mux, product, rom, sram, sum,
    tree_and_half,
};
use super::{Census, Module};
use crate::tables::Tables;
use crate::unit::{Activation, GatedActSpec, RopeSpec};
use crate::width::table_bits;

pub fn rope(s: &RopeSpec, v: u64, out: u64) -> Census {
    let bits = u64::from(s.input.bits);
    let words = (u64::from(s.head_dim) / v).max(1);
    // Two inputs and a rotation, four products with each digit, two sums of them.
    let turned = flops(2 * bits + 32) + mux(words, 32) + (product(bits, 10) + product(bits, 7) + flops(2 * bits + 17)).times(4);
    let turned = turned + (tree_and_half(4, bits + 17) + flops(bits + 17) + cut(bits + 17, 14, out)).times(2) + flops(2 * out);
    // Elements that may not turn travel beside the pipeline.
    let beside = if words == 1 && s.rotated == s.head_dim { Census::default() } else { flops(4 * bits + 3) + mux(2, 2 * out) };
    (turned + beside).times(v / 2) + counter(bit_length(words)) + flops(5)
}

pub fn gated_act(s: &GatedActSpec, tables: &Tables, v: u64, out: u64) -> Module {
    let gate = u64::from(s.gate.bits);
    // Without a gate the last product is with a one of two bits.
    let up = s.up.map_or(2, |f| u64::from(f.bits));
    match s.activation {
        Activation::Silu => Module::new("hw_gated_act", table_act(s, &tables.sigmoid, 12, v, up, out)),
        Activation::GeluTanh => Module::new("hw_gated_act", table_act(s, &tables.gelu, 13, v, up, out)),
        Activation::Gelu => Module::new("hw_gated_act", table_act(s, &tables.gelu_erf, 13, v, up, out)),
        Activation::Relu2 => {
            let square = long_product(gate, gate, true) + cut(2 * gate + 1, i64::from(s.gate.frac), gate);
            let lane = flops(2 * gate + 3 * up) + gates(gate) + square + scaled(s, gate, up, out);
            Module::new("hw_relu2", lane.times(v) + flops(8))
        }
        Activation::SwigluClamped { .. } => {
            // Up, limited and one more.
            let raised = up.max(s.up.map_or(0, |f| f.frac.max(0) as u64) + 1) + 1;
            let limited = (compare(gate) + gates(2 * gate)) + (compare(up).times(2) + gates(3 * up)) + increment(raised);
            let limited = limited + flops(gate + raised);
            Module::new("hw_swiglu", table_act(s, &tables.swish, 12, v, raised, out) + limited.times(v) + flops(1))
        }
    }
}

/// `hw_gated_act`: gate and up travel beside the pipeline, five and seven stages.
fn table_act(s: &GatedActSpec, table: &[i32], argument_frac: i16, v: u64, up: u64, out: u64) -> Census {
    let gate = u64::from(s.gate.bits);
    let widths = table_bits(table);
    let shift = i64::from(s.gate.frac - argument_frac);
    let argument = increment(gate) + gates(if shift > 0 { 3 * gate } else { gate }) + cut(gate + 2, shift, 17) + flops(16 + 8);
    let share = interpolate(widths, 8) + flops(2 * 21) + increment(21) + gates(2 * 21);
    let weighed = long_product(gate, 22, true) + flops(gate);
    let lane = flops(5 * gate + 7 * up) + argument + share + weighed + scaled(s, gate, up, out);
    rom(256 * u64::from(widths.0 + widths.1)) + lane.times(v) + flops(10)
}

/// The product with up, rounded.
fn scaled(s: &GatedActSpec, gate: u64, up: u64, out: u64) -> Census {
    long_product(gate, up, true) + cut(gate + up + 1, i64::from(s.shift), out) + flops(out)
}

/// The residual waits in memory; its sum with the branch may wait there too.
pub fn add(len: u64, v: u64, bits: u64, holds: bool) -> Census {
    let beat = bit_length(len.div_ceil(v));
    let lane = sum(bits + 1) + limit(bits + 1, bits) + flops(2 * bits);
    // What was held is written, and played again through the limits' own choice.
    let hold = if holds { mux(2, bits * v) + counter(beat) + flops(5) } else { Census::default() };
    sram(len * bits) + lane.times(v) + hold + counter(3 * beat) + flops(5) + gates(10)
}

pub fn sum_of_two(v: u64, bits: u64) -> Census {
    (sum(bits + 1) + limit(bits + 1, bits) + flops(bits)).times(v) + flops(3)
}
