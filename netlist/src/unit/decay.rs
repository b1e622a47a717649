//! Decay: what share of a state stays, `exp(-exp(rate) softplus(x))` (`docs/numerics.md`, section 11), `hw_decay`.

use super::fixed::{Fixed, greatest};
use super::kind::{Around, Kind, Port, Stored, Working};
use crate::activity::events::Activity;
use crate::census::cells::{bit_length, counter, cut, flops, gates, increment, interpolate, long_product, rom, stages, sum, table_rom};
use crate::census::counts::{Census, Module};
use crate::check::{MOST_ELEMENTS, format, same_format, within};
use crate::error::Error;
use crate::program::ProgramId;
use crate::tables::Function;
use crate::width::table_bits;
use serde::{Deserialize, Serialize};

/// Bits of a rate mantissa.
const RATE: u8 = 20;
/// Bits of `softplus`, 20 of them fraction, and of the base-2 logarithm of the share.
const SOFTPLUS: u64 = 31;
const LOGARITHM: u64 = 25;
/// Bits of the tables' arguments between two entries.
const ARGUMENT_FRACTION: u64 = 8;
const POWER_FRACTION: u64 = 13;
const SHARE: u64 = 21;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecaySpec {
    pub len: u32,
    /// `len` mantissas of `exp(rate) log2(e)`, 20 bits, none negative.
    pub rates: ProgramId,
    pub input: Fixed,
    /// Takes a product with a rate to a logarithm of 20 fractional bits.
    pub shift: u8,
}

impl DecaySpec {
    /// Shares from 0 to 1.
    pub const OUT: Fixed = Fixed { bits: 22, frac: 20 };

    /// Greatest mantissa.
    pub fn most() -> i64 {
        greatest(RATE)
    }
}

impl Kind for DecaySpec {
    fn name(&self) -> &'static str {
        "decay"
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
        within(path, "shift", self.shift, 1..=50)?;
        same_format(path, "out", around.out(), DecaySpec::OUT)
    }

    fn modules(&self, around: &dyn Around) -> Vec<Module> {
        let (tables, v, bits) = (around.tables(), u64::from(around.lanes()), u64::from(self.input.bits));
        let (softplus, power) = (&tables[Function::Softplus], &tables[Function::Exp2]);
        // What the positive part has of bits; those under the input's last are zero in every stage.
        let held = (bits - 1).saturating_sub(u64::try_from(self.input.frac - 20).unwrap_or(0)).min(SOFTPLUS);
        let positive = cut(bits + 2, i64::from(self.input.frac) - 20, SOFTPLUS + 1) + flops(4 * held + u64::from(RATE));
        let argument = increment(bits) + gates(3 * bits) + cut(bits + 2, i64::from(self.input.frac) - 12, 17) + flops(24);
        let logarithm = interpolate(table_bits(softplus), ARGUMENT_FRACTION) + flops(SHARE) + sum(SOFTPLUS + 1) + flops(SOFTPLUS);
        let scaled = long_product(SOFTPLUS + 1, u64::from(RATE) + 1, true) + cut(SOFTPLUS + 21, i64::from(self.shift), LOGARITHM + 1);
        let share = flops(LOGARITHM + 10)
            + interpolate(table_bits(power), POWER_FRACTION)
            + flops(SHARE)
            + stages(5, SHARE + 1)
            + increment(SHARE)
            + flops(SHARE + 1);
        let lane = positive + argument + logarithm + scaled + share;
        let beats = bit_length(u64::from(self.len).div_ceil(v));
        let own = rom(u64::from(self.len) * u64::from(RATE));
        let all = table_rom(softplus) + table_rom(power) + lane.times(v) + counter(beats) + flops(12) + own;
        vec![Module::new("hw_decay", all)]
    }

    fn own(&self, _: &dyn Around) -> Census {
        rom(u64::from(self.len) * u64::from(RATE))
    }

    fn activity(&self, around: &dyn Around, _: &Working) -> Activity {
        let slope = |f: Function| f64::from(table_bits(&around.tables()[f]).1);
        let tables = Activity::product(1.0, slope(Function::Softplus), ARGUMENT_FRACTION as f64)
            + Activity::product(1.0, slope(Function::Exp2), POWER_FRACTION as f64);
        let rate = Activity { rom_bits_read: f64::from(RATE), ..Activity::product(1.0, SOFTPLUS as f64, f64::from(RATE)) };
        (tables + rate).times(f64::from(self.len))
    }

    fn stored(&self, _: Fixed) -> Vec<Stored<'_>> {
        vec![Stored::Values { program: self.rates, len: self.len, most: DecaySpec::most() }]
    }
}
