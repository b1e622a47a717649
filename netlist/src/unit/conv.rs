//! Short convolution: each element with its own last values (`docs/numerics.md`, section 11), `hw_conv`. The state, the inputs of the last
//! positions of every user, has one size whatever the context.

use super::attention::MOST_USERS;
use super::fixed::{Fixed, greatest};
use super::kind::{Around, Kind, Memory, Port, Stored, Working};
use crate::activity::events::Activity;
use crate::census::cells::{bit_length, counter, cut, flops, gates, product, rom, sram, tree_and_half};
use crate::census::counts::{Census, Module};
use crate::check::{MOST_ELEMENTS, format, within};
use crate::error::Error;
use crate::program::ProgramId;
use serde::{Deserialize, Serialize};

/// Bits of a weight.
const WEIGHT: u8 = 16;
/// Most taps: the products of a value, two digits of a weight each, are added in one stage of eight.
const MOST_TAPS: u32 = 4;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConvSpec {
    pub len: u32,
    /// Positions that a value is made of, its own the last.
    pub taps: u32,
    /// Sequences the state is kept for.
    pub users: u32,
    /// `len` times `taps` weight mantissas of 16 bits, an element's together, its newest input's last.
    pub weights: ProgramId,
    pub input: Fixed,
    /// Takes a sum of products to the output's format.
    pub shift: u8,
}

impl ConvSpec {
    /// Greatest magnitude of a weight.
    pub fn most() -> i64 {
        greatest(WEIGHT)
    }

    /// State of one user, bits.
    pub fn state_bits(&self) -> u64 {
        u64::from(self.len) * u64::from(self.taps - 1) * u64::from(self.input.bits)
    }

    fn weight_bits(&self) -> u64 {
        u64::from(self.len) * u64::from(self.taps) * u64::from(WEIGHT)
    }
}

impl Kind for ConvSpec {
    fn name(&self) -> &'static str {
        "conv"
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
        within(path, "taps", self.taps, 2..=MOST_TAPS)?;
        within(path, "users", self.users, 1..=MOST_USERS)?;
        // A product of 32 by 16 bits.
        within(path, "shift", self.shift, 1..=47)
    }

    fn modules(&self, around: &dyn Around) -> Vec<Module> {
        let (v, out, bits) = (u64::from(around.lanes()), u64::from(around.out().bits), u64::from(self.input.bits));
        let (taps, weight) = (u64::from(self.taps), u64::from(WEIGHT));
        let total = bits + weight + bit_length(taps);
        // Two digits of each weight; the inputs of the last positions are masked at the first.
        let tap = flops(bits + weight) + product(bits, 10) + product(bits, 7) + flops(2 * bits + 17);
        let lane = tap.times(taps) + gates(bits * (taps - 1)) + tree_and_half(2 * taps, total) + flops(total);
        let lane = lane + cut(total, i64::from(self.shift), out) + flops(out);
        let beats = u64::from(self.len).div_ceil(v);
        let address = bit_length(beats * u64::from(self.users));
        let control = counter(bit_length(beats)) + flops(2 * address + 4) + gates(20);
        vec![Module::new("hw_conv", lane.times(v) + control + sram(self.state_bits() * u64::from(self.users)) + rom(self.weight_bits()))]
    }

    fn own(&self, _: &dyn Around) -> Census {
        sram(self.state_bits() * u64::from(self.users)) + rom(self.weight_bits())
    }

    fn memory(&self) -> Option<Memory> {
        let bits = self.state_bits().saturating_mul(u64::from(self.users));
        Some(Memory { users: self.users, bits, rewinds: false })
    }

    fn activity(&self, around: &dyn Around, _: &Working) -> Activity {
        let (taps, bits, weight) = (f64::from(self.taps), f64::from(self.input.bits), f64::from(WEIGHT));
        let state = (taps - 1.0) * bits;
        let one = Activity::product(taps, bits, weight)
            + Activity { sram_bits_read: state, sram_bits_written: state, rom_bits_read: taps * weight, ..Activity::default() };
        one.times(f64::from(around.out_len()))
    }

    fn stored(&self, _: Fixed) -> Vec<Stored<'_>> {
        vec![Stored::Values { program: self.weights, len: self.len * self.taps, most: ConvSpec::most() }]
    }
}
