//! The counts themselves, and a library module with its own.

use serde::{Deserialize, Serialize};
use std::ops::{Add, AddAssign};

/// Counts of hardware.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    /// Weights held.
    pub weights: u64,
    pub rom_bits: u64,
    pub sram_bits: u64,
    pub flops: u64,
    /// Of carry chains and carry-save rows.
    pub full_adders: u64,
    /// Bits of prefix adders.
    pub adder_bits: u64,
    /// Two-input multiplexer bits.
    pub mux2: u64,
    /// Other two-input gates.
    pub gates: u64,
}

impl AddAssign for Census {
    fn add_assign(&mut self, o: Census) {
        self.weights += o.weights;
        self.rom_bits += o.rom_bits;
        self.sram_bits += o.sram_bits;
        self.flops += o.flops;
        self.full_adders += o.full_adders;
        self.adder_bits += o.adder_bits;
        self.mux2 += o.mux2;
        self.gates += o.gates;
    }
}

impl Add for Census {
    type Output = Census;
    fn add(mut self, o: Census) -> Census {
        self += o;
        self
    }
}

impl std::iter::Sum for Census {
    fn sum<I: Iterator<Item = Census>>(iter: I) -> Census {
        iter.fold(Census::default(), Add::add)
    }
}

impl Census {
    /// 28 a full adder, 24 a flop (OpenTaalas); 6 an SRAM bit, 1 a ROM bit, 6 a multiplexer and 4 a gate in static CMOS; 40 a bit of a prefix
    /// adder: two exclusive ors and two or three prefix cells.
    pub fn transistors(&self) -> u64 {
        let adders = 28 * self.full_adders + 40 * self.adder_bits;
        self.rom_bits + 6 * self.sram_bits + 24 * self.flops + adders + 6 * self.mux2 + 4 * self.gates
    }

    /// `n` of the same.
    pub fn times(self, n: u64) -> Census {
        Census {
            weights: self.weights * n,
            rom_bits: self.rom_bits * n,
            sram_bits: self.sram_bits * n,
            flops: self.flops * n,
            full_adders: self.full_adders * n,
            adder_bits: self.adder_bits * n,
            mux2: self.mux2 * n,
            gates: self.gates * n,
        }
    }
}

/// A library module of a unit, and how many there are of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Module {
    pub name: &'static str,
    pub count: u64,
    /// Of one.
    pub census: Census,
}

impl Module {
    pub fn new(name: &'static str, census: Census) -> Module {
        Module { name, count: 1, census }
    }
}
