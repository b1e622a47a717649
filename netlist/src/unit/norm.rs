//! RmsNorm, and with a centre LayerNorm (`docs/numerics.md`, section 4): `hw_rms_norm`; `hw_layer_norm` with `hw_centre`.

use super::fixed::{Fixed, greatest};
use super::kind::{Around, Kind, Port, Stored, Working};
use crate::activity::events::Activity;
use crate::census::cells::{
    self, bit_length, counter, cut, flops, gates, increment, interpolate, length, limit, long_product, long_product_by, mux, rom, sram,
    sum, table_rom,
};
use crate::census::counts::{Census, Module};
use crate::check::{MOST_ELEMENTS, equal, format, whole_beats, within, wrong};
use crate::error::Error;
use crate::program::ProgramId;
use crate::tables::{Function, Tables};
use crate::width::{ceil_log, table_bits};
use serde::{Deserialize, Serialize};

/// Bits of a gain, and of the reciprocal of the length.
const GAIN: u8 = 20;
/// Bits of a bias.
const BIAS: u64 = 32;
/// Bits of a centred element, and of one that is multiplied with the root.
const CENTRED: u64 = 32;
/// Fractional bits between two entries of the root's table.
const ROOT_FRACTION: u64 = 16;
/// Registers that an element passes on its way: squared, times the root, times the gain, out.
const STAGES: f64 = 4.0;
/// Bits beside the element in each of them: a share of its products.
const STAGE_BITS: f64 = 40.0;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NormSpec {
    pub len: u32,
    /// Independent groups of `len / groups` elements.
    pub groups: u32,
    /// `E` of section 4, decimal in JSON.
    pub epsilon: u64,
    /// `len / groups` gain mantissas of 20 bits.
    pub gain: ProgramId,
    /// Input format.
    pub input: Fixed,
    /// `shift` of section 4: takes the product with the gain to the output's format.
    pub shift: u8,
    /// What makes it a LayerNorm.
    pub centre: Option<CentreSpec>,
}

/// The mean to subtract, and the bias to add (section 4, LayerNorm).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CentreSpec {
    /// `cm` and `cs`.
    pub mantissa: u32,
    pub shift: u8,
    /// `len` integers in the output's format.
    pub bias: Option<ProgramId>,
}

impl CentreSpec {
    /// `cm` and `cs` for vectors of `len` elements: `1/len ~ cm * 2^-cs`, `cm` of 20 bits.
    pub fn reciprocal(len: u32) -> (u32, u8) {
        let n = u64::from(len.max(1));
        // 2^19 <= 2^cs / n < 2^20, for vectors of at most 2^17.
        let cs = 19 + (64 - (n - 1).leading_zeros());
        ((((1u64 << cs) + n / 2) / n) as u32, cs as u8)
    }
}

impl NormSpec {
    /// Lanes of a beat whose squares are of one group.
    pub fn square_lanes(&self, lanes: u32) -> u32 {
        if self.groups == 1 { lanes } else { lanes.min(self.len / self.groups) }
    }

    /// Bits of `E + sum of squares`.
    pub fn square_bits(&self) -> u32 {
        let most = self.input.max() as u128;
        let q = u128::from(self.epsilon) + most * most * u128::from(self.len / self.groups);
        (128 - q.leading_zeros()).max(26)
    }

    /// Beats after which the gains repeat: the least common multiple of the group's length and the lanes.
    pub fn gain_words(&self, lanes: u32) -> u32 {
        let (m, beats) = (self.len / self.groups, self.len.div_ceil(lanes));
        let mut words = 1;
        while words < beats && !(words * lanes).is_multiple_of(m) {
            words += 1;
        }
        words
    }
}

impl NormSpec {
    /// Bits of its gains in ROM, as often as beats repeat them.
    fn gain_bits(&self, lanes: u32) -> u64 {
        u64::from(self.gain_words(lanes)) * u64::from(lanes) * u64::from(GAIN)
    }

    fn bias_bits(&self) -> u64 {
        if self.centre.as_ref().is_some_and(|c| c.bias.is_some()) { BIAS * u64::from(self.len) } else { 0 }
    }
}

impl Kind for NormSpec {
    fn name(&self) -> &'static str {
        if self.centre.is_some() { "layer_norm" } else { "rms_norm" }
    }

    fn port(&self, _: usize, _: &dyn Around) -> Port {
        Port::new("input", self.len, self.input)
    }

    fn out_len(&self, _: &dyn Around) -> u32 {
        self.len
    }

    fn check(&self, around: &dyn Around) -> Result<(), Error> {
        let path = around.path();
        format(path, "input", self.input)?;
        within(path, "len", self.len, 1..=MOST_ELEMENTS)?;
        within(path, "groups", self.groups, 1..=self.len)?;
        within(path, "epsilon", self.epsilon, 1..=u64::MAX)?;
        if !self.len.is_multiple_of(self.groups) {
            return wrong(path, "groups", self.groups, format!("a divisor of {}", self.len));
        }
        // A product of 32 by 20 bits.
        within(path, "shift", self.shift, 1..=51)?;
        if let Some(c) = &self.centre {
            equal(path, "groups", self.groups, 1)?;
            let (mantissa, shift) = CentreSpec::reciprocal(self.len);
            equal(path, "centre.mantissa", c.mantissa, mantissa)?;
            equal(path, "centre.shift", c.shift, shift)?;
        }
        if self.groups > 1 { whole_beats(path, "groups", self.len / self.groups, around.lanes()) } else { Ok(()) }
    }

    fn modules(&self, around: &dyn Around) -> Vec<Module> {
        let (tables, lanes, out) = (around.tables(), around.lanes(), u64::from(around.out().bits));
        match &self.centre {
            None => vec![Module::new("hw_rms_norm", rms_norm(self, tables, lanes, u64::from(self.input.bits), out))],
            Some(c) => {
                let bias = if c.bias.is_some() { bias(self, lanes, out) } else { Census::default() };
                vec![Module::new("hw_layer_norm", centre(self, c, lanes) + rms_norm(self, tables, lanes, CENTRED, out) + bias)]
            }
        }
    }

    fn own(&self, around: &dyn Around) -> Census {
        rom(self.gain_bits(around.lanes()) + self.bias_bits())
    }

    fn activity(&self, around: &dyn Around, _: &Working) -> Activity {
        let bits = f64::from(self.input.bits);
        let (gain, root) = (f64::from(GAIN), f64::from(table_bits(&around.tables()[Function::Rsqrt]).0));
        // Squared, and the square added up; times the root; times the gain.
        let adds = bits * bits + 2.0 * f64::from(self.square_bits()) + bits * root + CENTRED as f64 * gain;
        let one =
            Activity { rom_bits_read: gain, full_adder_ops: adds, flop_cycles: STAGES * (bits + STAGE_BITS), ..Activity::buffered(bits) };
        let centred = self.centre.as_ref().map_or(Activity::default(), |c| {
            let bias = if c.bias.is_some() { BIAS as f64 } else { 0.0 };
            // Added up, and the mean subtracted; the bias added.
            let total = bits + bit_length(u64::from(self.len)) as f64;
            Activity { rom_bits_read: bias, full_adder_ops: total + bits + bias, flop_cycles: 2.0 * bits, ..Activity::buffered(bits) }
        });
        (one + centred).times(f64::from(self.len))
    }

    fn stored(&self, out: Fixed) -> Vec<Stored<'_>> {
        let gain = Stored::Values { program: self.gain, len: self.len / self.groups, most: greatest(GAIN) };
        let bias = self.centre.iter().filter_map(|c| c.bias);
        let bias = bias.map(|program| Stored::Values { program, len: self.len, most: out.max() });
        std::iter::once(gain).chain(bias).collect()
    }
}

fn rms_norm(s: &NormSpec, tables: &Tables, lanes: u32, bits: u64, out: u64) -> Census {
    let (v, groups, len, gain) = (u64::from(lanes), u64::from(s.groups), u64::from(s.len), u64::from(GAIN));
    let beat = bit_length(len.div_ceil(v));
    let q = u64::from(s.square_bits()).max(if bits == u64::from(s.input.bits) { 0 } else { 2 * bits - 2 + bit_length(len - 1) });
    let size = bit_length(q + 1);
    let widths = table_bits(&tables[Function::Rsqrt]);
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
    let root = mux(groups, q) + flops(q) + length(q) + flops(6 * size) + shifter + flops(24 + 2 * 16) + interpolate(widths, ROOT_FRACTION);
    let root = root + flops(u64::from(widths.0 + widths.1));
    let roots = flops(groups * (value + size)) + mux(groups, value + size);
    // Out: a lane's two products, the first shifted by the root's half length, the second by a constant.
    let shifted = Census { mux2: size * (bits + value + 15 + 33) / 2, ..Census::default() } + increment(CENTRED) + flops(CENTRED);
    let first = flops(bits) + long_product(bits, value, false) + flops(bits + value) + shifted;
    let second = flops(gain) + long_product(CENTRED, gain, true) + cut(CENTRED + 1 + gain, i64::from(s.shift), out) + flops(out);
    // Lanes of one group have one root.
    let root_lanes = if groups == 1 { 1 } else { v };
    let control = flops(2 * (stages + 2) + 14) + counter(2 * beat + 6) + flops(beat) + gates(40);
    sram(len * bits)
        + rom(s.gain_bits(lanes))
        + table_rom(&tables[Function::Rsqrt])
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
    let lane = sum(bits + 2) + limit(bits + 3, CENTRED) + flops(CENTRED);
    sram(len * bits) + sums + mean + lane.times(v) + counter(2 * beat) + flops(beat + 12) + gates(30)
}

/// A bias a lane, a beat behind.
fn bias(s: &NormSpec, lanes: u32, out: u64) -> Census {
    let (v, len) = (u64::from(lanes), u64::from(s.len));
    let lane = flops(2 * out) + sum(BIAS + 1) + limit(BIAS + 1, out);
    rom(s.bias_bits()) + lane.times(v) + counter(bit_length(len.div_ceil(v))) + flops(4)
}
