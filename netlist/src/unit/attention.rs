//! Attention over the KV cache (`docs/numerics.md`, section 7), `hw_attention` and its parts: quantisers, scores, greatest, weights, value
//! sums, and the finish. Input ports: 0 q, 1 k, 2 v.

use super::fixed::{Fixed, greatest};
use super::kind::{Around, Kind, Memory, Port, Stored, Working};
use crate::activity::events::Activity;
use crate::census::cells::{
    self, bit_length, compare, contest, counter, cut, flops, gates, increment, interpolate, length, long_product, mux, product, product_by,
    rom, round, round_down, select, sram, stages, sum, table_rom,
};
use crate::census::counts::{Census, Module};
use crate::check::{ACT_BITS, SCORE_MANTISSA, format, heads, same_format, within, wrong};
use crate::error::Error;
use crate::program::ProgramId;
use crate::tables::{Function, Tables};
use crate::width::{ceil_log, table_bits};
use serde::{Deserialize, Serialize};

/// Most positions of a cache, and most sequences.
pub(crate) const MOST_CONTEXT: u32 = 1 << 24;
pub(crate) const MOST_USERS: u32 = 1 << 16;

/// Bits of a weight, and of a score.
const WEIGHT: u64 = 21;
const SCORE: u64 = 32;
/// Bits of the shift that a vector of keys or values is stored with, and stages of a shift by it.
const VECTOR_SHIFT: u64 = 5;
/// Bits of the constant that makes a score of a dot product.
const MANTISSA: u64 = 16;
/// Fractional bits between two entries of the table of powers.
const POWER_FRACTION: u64 = 9;
/// Register bits that an output element passes: its sum picked, normalised, times the reciprocal in two digits, rounded.
const FINISH: f64 = 120.0;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttentionSpec {
    pub heads: u32,
    pub kv_heads: u32,
    pub head_dim: u32,
    /// Most positions a sequence may hold.
    pub context: u32,
    /// Sequences the cache holds.
    pub users: u32,
    pub window: Option<u32>,
    pub act_bits: u8,
    pub kv_bits: u8,
    /// Cached positions read a cycle.
    pub pos_lanes: u32,
    pub q: Fixed,
    pub k: Fixed,
    pub v: Fixed,
    /// `c` and `kc` of section 7.
    pub score_mantissa: u32,
    pub score_shift: i32,
    /// `heads` scores of the sinks, where the model has them.
    pub sinks: Option<ProgramId>,
}

impl AttentionSpec {
    /// Cache bits of a position: codes and a shift for each key and each value vector.
    pub fn position_bits(&self) -> u64 {
        let vector = u64::from(self.head_dim) * u64::from(self.kv_bits) + VECTOR_SHIFT;
        2 * vector * u64::from(self.kv_heads)
    }

    /// KV cache bits; `u64::MAX` where they do not fit.
    pub fn kv_cache_bits(&self) -> u64 {
        self.position_bits().saturating_mul(u64::from(self.context)).saturating_mul(u64::from(self.users))
    }

    /// Bits of the dot product of a query and a key.
    fn dot_bits(&self) -> u64 {
        u64::from(self.act_bits) + u64::from(self.kv_bits) + bit_length(u64::from(self.head_dim) - 1)
    }

    /// Bits of the sum of all weighted values.
    fn sum_bits(&self) -> u64 {
        WEIGHT + u64::from(self.v.bits) + bit_length(u64::from(self.context))
    }
}

impl Kind for AttentionSpec {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn port_count(&self) -> usize {
        3
    }

    fn port(&self, port: usize, _: &dyn Around) -> Port {
        match port {
            0 => Port::new("q", self.heads * self.head_dim, self.q),
            1 => Port::new("k", self.kv_heads * self.head_dim, self.k),
            _ => Port::new("v", self.kv_heads * self.head_dim, self.v),
        }
    }

    fn out_len(&self, _: &dyn Around) -> u32 {
        self.heads * self.head_dim
    }

    fn check(&self, around: &dyn Around) -> Result<(), Error> {
        let path = around.path();
        for (field, f) in [("q", self.q), ("k", self.k), ("v", self.v)] {
            format(path, field, f)?;
        }
        heads(path, self.heads, self.head_dim, around.lanes())?;
        within(path, "kv_heads", self.kv_heads, 1..=self.heads)?;
        if !self.heads.is_multiple_of(self.kv_heads) {
            return wrong(path, "kv_heads", self.kv_heads, format!("a divisor of {} heads", self.heads));
        }
        within(path, "context", self.context, 1..=MOST_CONTEXT)?;
        within(path, "users", self.users, 1..=MOST_USERS)?;
        within(path, "window", self.window.unwrap_or(1), 1..=u32::MAX)?;
        within(path, "act_bits", self.act_bits, ACT_BITS)?;
        within(path, "kv_bits", self.kv_bits, 2..=12)?;
        within(path, "pos_lanes", self.pos_lanes, 1..=1024)?;
        within(path, "score_mantissa", self.score_mantissa, SCORE_MANTISSA)?;
        within(path, "score_shift", self.score_shift, -1023..=1023)?;
        value_sums(path, self)?;
        same_format(path, "out", around.out(), self.v)
    }

    fn modules(&self, around: &dyn Around) -> Vec<Module> {
        let (tables, v, out) = (around.tables(), u64::from(around.lanes()), u64::from(around.out().bits));
        let (act, kv) = (u64::from(self.act_bits), u64::from(self.kv_bits));
        let (heads, kv_heads) = (u64::from(self.heads), u64::from(self.kv_heads));
        let all = quantize(self, heads, u64::from(self.q.bits), act, v)
            + quantize(self, kv_heads, u64::from(self.k.bits), kv, v)
            + quantize(self, kv_heads, u64::from(self.v.bits), kv, v)
            + score(self)
            + most(self)
            + exponent(self, tables)
            + value(self)
            + finish(self, tables, v, out);
        vec![Module::new("hw_attention", all)]
    }

    fn own(&self, _: &dyn Around) -> Census {
        let sinks = if self.sinks.is_some() { SCORE * u64::from(self.heads) } else { 0 };
        Census { sram_bits: self.kv_cache_bits(), rom_bits: sinks, ..Census::default() }
    }

    fn memory(&self) -> Option<Memory> {
        Some(Memory { users: self.users, bits: self.kv_cache_bits(), rewinds: true })
    }

    /// All cached keys and all values are read once, by every query head of their group at once.
    fn activity(&self, around: &dyn Around, working: &Working) -> Activity {
        let cached = f64::from(working.position) + 1.0;
        let cached = self.window.map_or(cached, |w| cached.min(f64::from(w)));
        let (a, b, dim) = (f64::from(self.act_bits), f64::from(self.kv_bits), f64::from(self.head_dim));
        let (score, weight, sum) = (SCORE as f64, WEIGHT as f64, self.sum_bits() as f64);
        let scored = f64::from(self.heads) * cached;
        // A product of query and key, added up; a product of weight and value, added up.
        let element = (a * b + a + b) + (weight * b + sum);
        // The dot product scaled, and its power interpolated.
        let slope = f64::from(table_bits(&around.tables()[Function::Exp2]).1);
        let position = self.dot_bits() as f64 * MANTISSA as f64 + slope * POWER_FRACTION as f64;
        let shift = VECTOR_SHIFT as f64;
        Activity {
            sram_bits_read: cached * self.position_bits() as f64 + scored * score,
            sram_bits_written: self.position_bits() as f64 + scored * score,
            full_adder_ops: scored * (dim * element + position),
            // The weighted value to the exponent it was stored with.
            mux2_ops: scored * dim * (weight + b) * shift,
            flop_cycles: scored * dim * (a + b + sum) + f64::from(self.heads) * dim * FINISH,
            ..Activity::default()
        }
    }

    fn stored(&self, _: Fixed) -> Vec<Stored<'_>> {
        self.sinks.iter().map(|&program| Stored::Values { program, len: self.heads, most: greatest(SCORE as u8) }).collect()
    }
}

/// Sums of values weighted with 20 fractional bits stay within 62 bits over the whole context.
fn value_sums(path: &str, s: &AttentionSpec) -> Result<(), Error> {
    let positions = s.window.unwrap_or(s.context).min(s.context);
    let bits = 20 + u32::from(s.v.bits) - 1 + (32 - (positions - 1).leading_zeros());
    if bits <= 62 {
        return Ok(());
    }
    wrong(path, "context", positions, format!("at most {} with values of {} bits", 1u64 << (43 - u32::from(s.v.bits)), s.v.bits))
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
    let dot = s.dot_bits();
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
    let widths = table_bits(&tables[Function::Exp2]);
    let p = u64::from(s.pos_lanes);
    let distance = sum(SCORE + 1) + gates(20) + flops(7 + 9 + 5);
    let shift = stages(5, WEIGHT + 1) + increment(WEIGHT) + gates(2 * WEIGHT) + flops(WEIGHT);
    let one = distance + flops(9 + 3 * 5) + interpolate(widths, 9) + flops(u64::from(widths.0)) + shift;
    table_rom(&tables[Function::Exp2]) + one.times(u64::from(s.heads) * p) + flops(4 + 4 * p)
}

/// `hw_value`: a product a dimension, shifted, summed over positions and added up.
fn value(s: &AttentionSpec) -> Census {
    let (b, dim, p) = (u64::from(s.kv_bits), u64::from(s.head_dim), u64::from(s.pos_lanes));
    let context = bit_length(u64::from(s.context));
    let (total, weights) = (s.sum_bits(), WEIGHT + context);
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
    let widths = table_bits(&tables[Function::Recip]);
    let (heads, dim, p) = (u64::from(s.heads), u64::from(s.head_dim), u64::from(s.pos_lanes));
    let context = u64::from(s.context);
    let position = bit_length(context);
    let words = context.div_ceil(p);
    let (word, address) = (bit_length(words), bit_length(words * u64::from(s.users) - 1).max(1));
    let (total, weights) = (s.sum_bits(), WEIGHT + position);
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
    table_rom(&tables[Function::Recip])
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
