//! A ROM macro's words and bits, and where each bit's via lies. A ROM too large for one macro is several: banks of words, slices of bits.

use super::dims::Dims;
use super::frame::Frame;
use crate::process::Process;
use std::fmt;

/// Columns that share a sense inverter: two to sixteen, so that an inverter fits below them.
const MUXES: [u32; 4] = [2, 4, 8, 16];

/// A macro: `words` of `bits`, `mux` words in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Macro {
    pub words: u32,
    pub bits: u32,
    pub mux: u32,
}

impl fmt::Display for Macro {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rom_{}x{}m{}", self.words, self.bits, self.mux)
    }
}

impl Macro {
    /// Rows of the array, whole pairs.
    pub fn rows(&self) -> u32 {
        self.words.div_ceil(self.mux).next_multiple_of(2)
    }

    pub fn columns(&self) -> u32 {
        self.bits * self.mux
    }

    /// Bits of an address: those of the column low, those of the row above.
    pub fn address_bits(&self) -> u32 {
        self.mux.ilog2() + self.row_bits()
    }

    pub fn row_bits(&self) -> u32 {
        self.rows().next_power_of_two().ilog2()
    }

    /// Row and column of the bit `bit` of the word at `address`.
    pub fn site(&self, address: u32, bit: u32) -> (u32, u32) {
        (address / self.mux, bit * self.mux + address % self.mux)
    }

    /// Inverse of [`Macro::site`].
    pub fn word_at(&self, row: u32, column: u32) -> (u32, u32) {
        (row * self.mux + column % self.mux, column / self.mux)
    }
}

/// A ROM in macros of one kind: word `w` is in bank `w / words`, bit `b` in slice `b / bits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    pub of: Macro,
    pub banks: u32,
    pub slices: u32,
}

impl Partition {
    /// The division of a ROM of `words` of `bits` that takes least area.
    pub fn best(process: &Process, dims: &Dims, words: u64, bits: u32) -> Partition {
        let (words, bits) = (words.max(1), bits.max(1));
        let mut best: Option<(i128, Partition)> = None;
        for mux in MUXES {
            let most_words = u64::from(process.device.most_rows) * u64::from(mux);
            let banks = words.div_ceil(most_words).max(1);
            let slices = bits.div_ceil((process.device.most_columns / mux).max(1));
            let of = Macro { words: words.div_ceil(banks) as u32, bits: bits.div_ceil(slices), mux };
            let frame = Frame::of(process, dims, of);
            let area = i128::from(frame.width) * i128::from(frame.height) * i128::from(banks) * i128::from(slices);
            let partition = Partition { of, banks: banks as u32, slices };
            if best.as_ref().is_none_or(|(least, _)| area < *least) {
                best = Some((area, partition));
            }
        }
        best.expect("there is a multiplexer").1
    }

    pub fn macros(&self) -> u64 {
        u64::from(self.banks) * u64::from(self.slices)
    }
}
