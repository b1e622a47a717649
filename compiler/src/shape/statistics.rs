//! What codes of trained weights look like, without weights: a synthetic matrix of the same fan-in goes through the real encoder, and
//! the widths it proves are taken for the matrix. `docs/scale.md` says how far that is from what full matrices prove.

use crate::quantize::sample;
use std::collections::BTreeMap;

/// Rows encoded for one kind of matrix.
const ROWS: usize = 64;
/// A matrix has thousands of rows and its greatest sum decides: over 64 rows the greatest is lower by less than one bit.
const EXTREME_BITS: u8 = 1;

/// Widths of one kind of matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Widths {
    pub acc_bits: u8,
    pub tot_bits: u8,
    pub scale_bits: u8,
}

/// Widths by what decides them, each worked out once.
#[derive(Default)]
pub struct Statistics {
    known: BTreeMap<(u32, u8, u32, u8), Widths>,
}

impl Statistics {
    /// Widths for `inputs` in groups of `group` at `code_bits`, with activations of `act_bits`.
    pub fn widths(&mut self, inputs: u32, code_bits: u8, group: u32, act_bits: u8) -> Widths {
        *self.known.entry((inputs, code_bits, group, act_bits)).or_insert_with(|| {
            let (acc, tot, scale_bits) = sample(ROWS, inputs as usize, code_bits, group, act_bits);
            Widths { acc_bits: (acc + EXTREME_BITS).min(40), tot_bits: (tot + EXTREME_BITS).min(62), scale_bits }
        })
    }
}
