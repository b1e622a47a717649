//! Embed: a token id in, its residual and its rotation phases out (`docs/numerics.md`, section 3). First station only. Its modules are
//! `hw_embed`, and `hw_phase` or, where positions are learned, a second `hw_embed` and `hw_sum`.

use super::fixed::Fixed;
use super::kind::{Around, Kind, Port, Stored, Working};
use super::matrix::MatrixSpec;
use crate::activity::events::Activity;
use crate::census::cells::{bit_length, counter, flops, gates, increment, interpolate, limit, mux, product, rom, round, sum, table_rom};
use crate::census::counts::{Census, Module};
use crate::census::matrix::{matrix_rom, scale_record};
use crate::check::{MOST_ELEMENTS, equal, within, wrong};
use crate::error::Error;
use crate::tables::Function;
use crate::width::{index_bits, range_bits, table_bits};
use serde::{Deserialize, Serialize};

/// Bits of a phase and of an entry of `omega`: a turn in units of 2^-32.
const PHASE: u64 = 32;
/// Fractional bits between two entries of the sine table.
const SINE_FRACTION: u64 = 16;
/// Most rope tables: more than any model has kinds of layers.
const MOST_TABLES: usize = 256;

/// Token embedding ROM and the generator of the rotation phases that travel with each token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmbedSpec {
    /// `outputs` = vocabulary, `inputs` = hidden size.
    pub matrix: MatrixSpec,
    /// Learned positions: `outputs` = positions, `inputs` = hidden size. Then there are no rope tables.
    pub positions: Option<MatrixSpec>,
    /// Per rope table, per pair: turns a position in units of 2^-32.
    pub omega: Vec<Vec<u32>>,
}

impl EmbedSpec {
    /// Pairs of all tables.
    pub fn pairs(&self) -> u32 {
        self.omega.iter().map(|t| t.len() as u32).sum()
    }

    /// Pairs of the rotation vector in a beat of `lanes`: as many as a head of `head_dim` elements takes a beat, and no more beats than
    /// the residual has.
    pub fn pairs_a_beat(&self, lanes: u32, head_dim: Option<u32>) -> u32 {
        let beats = self.matrix.inputs.div_ceil(lanes);
        head_dim.map_or(1, |d| lanes.min(d) / 2).max(self.pairs().div_ceil(beats)).max(1)
    }

    fn tables(&self) -> impl Iterator<Item = &MatrixSpec> {
        std::iter::once(&self.matrix).chain(&self.positions)
    }
}

impl Kind for EmbedSpec {
    fn name(&self) -> &'static str {
        "embed"
    }

    fn port_count(&self) -> usize {
        0
    }

    fn port(&self, _: usize, _: &dyn Around) -> Port {
        Port { name: "none", len: None, format: None }
    }

    fn out_len(&self, _: &dyn Around) -> u32 {
        self.matrix.inputs
    }

    fn check(&self, around: &dyn Around) -> Result<(), Error> {
        let path = around.path();
        self.matrix.check(path)?;
        within(path, "omega", self.omega.len(), 0..=MOST_TABLES)?;
        if self.omega.iter().any(|t| t.len() > MOST_ELEMENTS as usize) {
            return wrong(path, "omega", "a longer table", format!("at most {MOST_ELEMENTS} pairs a table"));
        }
        if let Some(p) = &self.positions {
            p.check(path)?;
            equal(path, "positions.inputs", p.inputs, self.matrix.inputs)?;
            equal(path, "positions.bias", p.bias, false)?;
            equal(path, "omega with positions", self.omega.len(), 0)?;
        }
        equal(path, "matrix.bias", self.matrix.bias, false)
    }

    fn modules(&self, around: &dyn Around) -> Vec<Module> {
        let (v, out) = (u64::from(around.lanes()), u64::from(around.out().bits));
        let mut all: Vec<Module> = self.tables().map(|m| Module::new("hw_embed", row(m, v, out))).collect();
        if self.positions.is_some() {
            all.push(Module::new("hw_sum", sum_of_two(v, out)));
        }
        if !self.omega.is_empty() {
            all.push(Module::new("hw_phase", phases(self, around)));
        }
        all
    }

    fn activity(&self, around: &dyn Around, _: &Working) -> Activity {
        self.tables().map(|m| read_row(m, around.out())).sum()
    }

    fn stored(&self, _: Fixed) -> Vec<Stored<'_>> {
        self.tables().map(|matrix| Stored::Matrix { matrix, act_bits: None }).collect()
    }
}

/// Bits of a code's value.
fn value_bits(m: &MatrixSpec) -> u32 {
    range_bits(m.codebook.iter().map(|&v| i64::from(v)))
}

/// `hw_embed`: codes become values, times their scales, rounded.
fn row(m: &MatrixSpec, v: u64, out: u64) -> Census {
    let (scale, offset) = (u64::from(m.scale_bits), u64::from(m.offset_bits));
    let value = u64::from(value_bits(m));
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

/// One row read, each value times its scale.
fn read_row(m: &MatrixSpec, out: Fixed) -> Activity {
    let n = f64::from(m.inputs);
    let mut e = Activity::product(1.0, f64::from(m.scale_bits), f64::from(value_bits(m))).times(n);
    e.rom_bits_read = n * f64::from(m.code_bits) + f64::from(m.groups()) * scale_record(m) as f64;
    e.flop_cycles += n * f64::from(out.bits);
    e
}

/// `hw_phase`: turns of the position, and sine and cosine by one table read twice.
fn phases(s: &EmbedSpec, around: &dyn Around) -> Census {
    let at_once = u64::from(s.pairs_a_beat(around.lanes(), around.head_dim()));
    let table = &around.tables()[Function::Sin];
    let widths = table_bits(table);
    let beats = u64::from(s.pairs()).div_ceil(at_once).max(1);
    let position = bit_length(u64::from(around.positions()));
    // The product wraps at a turn: what lies above it is never formed.
    let mut turn = product(PHASE - position / 2, position) + flops(2 * PHASE);
    let wave = interpolate(widths, SINE_FRACTION) + flops(2 * 16 + u64::from(widths.0 + widths.1)) + increment(16) + gates(16) + mux(2, 16);
    turn += wave.times(2) + flops(3 * 2) + flops(32);
    rom(PHASE * beats * at_once) + table_rom(table) + turn.times(at_once) + counter(bit_length(beats)) + flops(position + 8)
}

/// `hw_sum`: two streams of `bits`, added lane by lane.
fn sum_of_two(v: u64, bits: u64) -> Census {
    (sum(bits + 1) + limit(bits + 1, bits) + flops(bits)).times(v) + flops(3)
}
