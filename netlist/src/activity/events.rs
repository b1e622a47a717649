//! The events of a token, and those of the arithmetic that more than one kind of unit has.

use serde::Serialize;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

/// Half of the bits of a changing bus toggle.
pub const TOGGLE: f64 = 0.5;
/// Multiplexer stages of a shift by a run-time amount: as many as number the places of 64 bits.
const SHIFT_STAGES: f64 = 6.0;
/// Registers that a product's operands pass: before it, behind it, behind its shift.
const PRODUCT_REGISTERS: f64 = 3.0;

/// Counted events, of one unit or of a whole chip, while it works on one token. Idle units are clock-gated: they leak but do not switch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Activity {
    pub rom_bits_read: f64,
    pub sram_bits_read: f64,
    pub sram_bits_written: f64,
    /// Flops times the cycles they are clocked.
    pub flop_cycles: f64,
    /// Bits of any adder, each time it adds.
    pub full_adder_ops: f64,
    /// Bits of a two-input multiplexer, each time it selects.
    pub mux2_ops: f64,
    /// Bits that toggle, times the millimetres they are moved.
    pub wire_bit_mm: f64,
}

impl Activity {
    /// Of what does this `n` times, or on that share of the tokens.
    pub fn times(self, n: f64) -> Activity {
        Activity {
            rom_bits_read: self.rom_bits_read * n,
            sram_bits_read: self.sram_bits_read * n,
            sram_bits_written: self.sram_bits_written * n,
            flop_cycles: self.flop_cycles * n,
            full_adder_ops: self.full_adder_ops * n,
            mux2_ops: self.mux2_ops * n,
            wire_bit_mm: self.wire_bit_mm * n,
        }
    }

    /// A result of `products` products of `a` by `b` bits, added and shifted into place.
    pub fn product(products: f64, a: f64, b: f64) -> Activity {
        Activity {
            full_adder_ops: products * a * b + (a + b),
            mux2_ops: (a + b) * SHIFT_STAGES,
            flop_cycles: PRODUCT_REGISTERS * (a + b),
            ..Activity::default()
        }
    }

    /// `bits` written to a memory and read back once.
    pub fn buffered(bits: f64) -> Activity {
        Activity { sram_bits_read: bits, sram_bits_written: bits, ..Activity::default() }
    }
}

impl AddAssign for Activity {
    fn add_assign(&mut self, o: Activity) {
        self.rom_bits_read += o.rom_bits_read;
        self.sram_bits_read += o.sram_bits_read;
        self.sram_bits_written += o.sram_bits_written;
        self.flop_cycles += o.flop_cycles;
        self.full_adder_ops += o.full_adder_ops;
        self.mux2_ops += o.mux2_ops;
        self.wire_bit_mm += o.wire_bit_mm;
    }
}

impl Add for Activity {
    type Output = Activity;
    fn add(mut self, o: Activity) -> Activity {
        self += o;
        self
    }
}

impl Sum for Activity {
    fn sum<I: Iterator<Item = Activity>>(iter: I) -> Activity {
        iter.fold(Activity::default(), Add::add)
    }
}
