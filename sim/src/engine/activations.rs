//! What a row feed gives to its matrices (`docs/numerics.md`, section 5), in the orders the kernels take.

use super::arith::quantize;
use super::packed::Packed;
use std::borrow::Cow;

/// Longest step of a packed matrix, in inputs.
const PADDING: usize = 8;

/// Activations of a row feed: 16-bit, padded with zeros to whole steps, with their shift.
#[derive(Default)]
pub(super) struct Activations {
    padded: Vec<i16>,
    len: usize,
    shift: i32,
}

/// A vector of activations as one matrix takes it.
pub(super) struct Vector<'a> {
    /// In the order of the matrix's steps, zero past the inputs.
    pub(super) a: Cow<'a, [i16]>,
    /// Sum of each group.
    pub(super) sums: Vec<i64>,
    pub(super) shift: i32,
}

impl Activations {
    pub(super) fn fill(&mut self, values: &[i32], bits: u8) {
        self.len = values.len();
        self.padded.clear();
        self.padded.resize(values.len().next_multiple_of(PADDING), 0);
        self.shift = quantize(values, bits, &mut self.padded[..values.len()]);
    }

    pub(super) fn values(&self) -> &[i16] {
        &self.padded[..self.len]
    }

    /// For a matrix with groups of `group` inputs, packed or not.
    pub(super) fn vector(&self, group: usize, packed: Option<&Packed>) -> Vector<'_> {
        let sums = self.values().chunks(group).map(|g| g.iter().map(|&a| i64::from(a)).sum()).collect();
        let a = packed.map_or(Cow::Borrowed(&self.padded[..]), |p| p.arrange(self.values(), &self.padded));
        Vector { a, sums, shift: self.shift }
    }
}
