//! Counts of the two ends of a chip: `hw_embed` with `hw_phase`, `hw_argmax` with `hw_topk`.

use super::cells::{bit_length, compare, contest, counter, flops, gates, increment, interpolate, mux, product, rom, round, select, sum};
use super::{Census, Module, matrix_rom, stream};
use crate::graph::Netlist;
use crate::unit::{EmbedSpec, MatrixSpec, UnitKind};
use crate::width::{TOP_K, ceil_log, index_bits, range_bits, table_bits};

/// The token's row; that of its position and their sum, where positions are learned; or its rotations.
pub fn embed(s: &EmbedSpec, netlist: &Netlist, out: u64) -> Vec<Module> {
    let v = u64::from(netlist.lanes);
    let mut all = vec![Module::new("hw_embed", row(&s.matrix, v, out))];
    if let Some(p) = &s.positions {
        all.push(Module::new("hw_embed", row(p, v, out)));
        all.push(Module::new("hw_sum", stream::sum_of_two(v, out)));
    }
    if !s.omega.is_empty() {
        all.push(Module::new("hw_phase", phases(s, netlist)));
    }
    all
}

/// `hw_embed`: codes become values, times their scales, rounded.
fn row(m: &MatrixSpec, v: u64, out: u64) -> Census {
    let (scale, offset) = (u64::from(m.scale_bits), u64::from(m.offset_bits));
    let value = u64::from(range_bits(m.codebook.iter().map(|&v| i64::from(v))));
    let beats = u64::from(m.inputs).div_ceil(v);
    let (token, address) = (u64::from(index_bits(m.outputs)), bit_length(u64::from(m.outputs) * beats));
    let wide = (value + scale).max(offset.max(1)) + 1;
    let groups = u64::from(m.groups());
    // A table of values is a few gates a bit; the scale is chosen among the groups'.
    let lane = gates(value << u64::from(m.code_bits.min(4))) + mux(groups, scale + offset) + flops(value + scale + 2 * offset);
    let product = product(value, scale) + flops(value + scale) + if offset > 0 { sum(wide) } else { Census::default() } + flops(wide);
    let lane = lane + product + round(wide, out) + flops(out);
    // Lanes of one group have one scale.
    let control = flops(token + address) + sum(address) + counter(bit_length(beats)) + flops(bit_length(beats) + 24);
    matrix_rom(m) + lane.times(v) + control
}

/// `hw_phase`: turns of the position, and sine and cosine by one table read twice.
fn phases(s: &EmbedSpec, netlist: &Netlist) -> Census {
    let pairs: u64 = s.omega.iter().map(|t| t.len() as u64).sum();
    let at_once = u64::from(netlist.pairs_a_beat(s));
    let widths = table_bits(&netlist.tables.sin);
    let beats = pairs.div_ceil(at_once).max(1);
    let position = bit_length(netlist.positions());
    // The product wraps at a turn: what lies above it is never formed.
    let mut turn = product(32 - position / 2, position) + flops(32 + 32);
    let wave = interpolate(widths, 16) + flops(2 * 16 + u64::from(widths.0 + widths.1)) + increment(16) + gates(16) + mux(2, 16);
    turn += wave.times(2) + flops(3 * 2) + flops(32);
    rom(32 * beats * at_once + 256 * u64::from(widths.0 + widths.1))
        + turn.times(at_once)
        + counter(bit_length(beats))
        + flops(position + 8)
}

/// A tree that compares four a stage, and the best so far.
pub fn argmax(len: u32, bits: u64, v: u64) -> Census {
    let index = u64::from(index_bits(len));
    let levels = ceil_log(v as u32, 4).max(1);
    // Indices of one beat differ in their lowest bits.
    let tree = contest(v, levels, bits + index, |level| compare(bits) + select(bits + index.min(2 * level)));
    let so_far = compare(bits) + select(bits + index) + flops(bits + index + 1);
    tree + so_far + flops(3 * u64::from(levels)) + gates(60) + counter(bit_length(u64::from(len).div_ceil(v)))
}

/// The greatest of every lane by insertion; then rounds that compare the lanes' heads.
pub fn top_k(len: u32, bits: u64, v: u64) -> Census {
    let (index, k, lane_bits) = (u64::from(index_bits(len)), u64::from(TOP_K), bit_length(v - 1));
    let entry = bits + index;
    let place = compare(bits) + select(entry) + gates(2 * entry) + flops(entry);
    // Of up to four heads every pair meets at once.
    let best_of = |n: u64| compare(bits + index).times(n * (n - 1) / 2) + mux(n, entry + lane_bits) + gates(2 * n);
    let (mut heads, mut left) = (Census::default(), v);
    for _ in 0..ceil_log(v as u32, 4).max(1) {
        let rest = left % 4;
        heads += best_of(4).times(left / 4) + if rest > 0 { best_of(rest) } else { Census::default() };
        left = left.div_ceil(4);
        heads += flops(left * (entry + lane_bits));
    }
    place.times(v * k) + heads + flops(entry + 3) + counter(bit_length(u64::from(len).div_ceil(v)) + 6)
}

/// Positions a netlist's embedding counts: those of its caches.
impl Netlist {
    fn positions(&self) -> u64 {
        let context = |k: &UnitKind| if let UnitKind::Attention(a) = k { u64::from(a.context) } else { 1 };
        self.units().map(|(_, u)| context(&u.kind)).max().unwrap_or(1)
    }
}
