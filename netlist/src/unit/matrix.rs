//! The number system of one matrix in ROM (section 2 of `docs/numerics.md`).

use crate::check::{equal, within, wrong};
use crate::error::Error;
use crate::permutation::RowPermutation;
use crate::program::ProgramId;
use crate::width::signed_bits;
use serde::{Deserialize, Serialize};

/// The number system of one matrix in ROM: codes, codebook, scales (section 2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MatrixSpec {
    /// Checkpoint tensor it holds.
    pub tensor: String,
    /// K.
    pub inputs: u32,
    /// N.
    pub outputs: u32,
    /// 2, 3, 4, 6 or 8.
    pub code_bits: u8,
    /// `2^code_bits` values.
    pub codebook: Vec<i32>,
    /// Inputs that share a scale; `>= inputs` means one scale an output.
    pub group: u32,
    /// Width of the signed scale mantissa.
    pub scale_bits: u8,
    /// Width of the signed offset mantissa; 0 = no offsets.
    pub offset_bits: u8,
    pub bias: bool,
    /// Least bits of an output's shift in ROM, where a margin is reserved for the weights of later chips of the die; 0: those that the
    /// program needs.
    #[serde(default, skip_serializing_if = "is_nought")]
    pub shift_bits: u8,
    /// Which row of the tensor each output is.
    #[serde(default, skip_serializing_if = "RowPermutation::is_identity")]
    pub rows: RowPermutation,
    pub program: ProgramId,
}

fn is_nought(bits: &u8) -> bool {
    *bits == 0
}

impl MatrixSpec {
    /// Scale groups along the inputs.
    pub fn groups(&self) -> u32 {
        self.inputs.div_ceil(self.group)
    }

    pub fn weights(&self) -> u64 {
        u64::from(self.inputs) * u64::from(self.outputs)
    }

    /// Bits a weight costs in ROM, scales and offsets included.
    pub fn bits_per_weight(&self) -> f64 {
        let per_group = f64::from(self.scale_bits) + f64::from(self.offset_bits);
        f64::from(self.code_bits) + per_group * f64::from(self.groups()) / f64::from(self.inputs)
    }

    /// Greatest magnitude in the codebook.
    pub fn max_value(&self) -> i32 {
        self.codebook.iter().map(|v| v.abs()).max().unwrap_or(0)
    }
}

/// Most inputs or outputs: the program file must hold them, but counts come before the file.
pub(crate) const MOST: u32 = 1 << 24;
/// Bits of an output's shift in ROM: it counts to 127 either way.
pub const LEAST_SHIFT_BITS: u8 = 6;
pub const MOST_SHIFT_BITS: u8 = 8;

/// Bits that hold these output shifts in ROM.
pub fn shift_bits(shifts: impl Iterator<Item = i32>) -> u8 {
    let (lo, hi) = shifts.fold((0, 0), |(lo, hi), k| (lo.min(i64::from(k)), hi.max(i64::from(k))));
    (signed_bits(lo, hi) as u8).max(LEAST_SHIFT_BITS)
}

impl MatrixSpec {
    /// Checks codes, codebook and scale widths (`docs/numerics.md`, section 2) of a matrix of the unit at `path`.
    pub(crate) fn check(&self, path: &str) -> Result<(), Error> {
        within(path, "matrix.inputs", self.inputs, 1..=MOST)?;
        within(path, "matrix.outputs", self.outputs, 1..=MOST)?;
        within(path, "matrix.group", self.group, 1..=u32::MAX)?;
        if !matches!(self.code_bits, 2 | 3 | 4 | 6 | 8) {
            return wrong(path, "matrix.code_bits", self.code_bits, "2, 3, 4, 6 or 8");
        }
        within(path, "matrix.scale_bits", self.scale_bits, 2..=32)?;
        if self.offset_bits != 0 {
            within(path, "matrix.offset_bits", self.offset_bits, 2..=32)?;
        }
        if self.shift_bits != 0 {
            within(path, "matrix.shift_bits", self.shift_bits, LEAST_SHIFT_BITS..=MOST_SHIFT_BITS)?;
        }
        self.check_codebook(path)?;
        match self.rows {
            RowPermutation::Interleave { head_dim, rotated } => {
                if head_dim == 0 || !self.outputs.is_multiple_of(head_dim) {
                    let expected = format!("a divisor of {} outputs", self.outputs);
                    return wrong(path, "matrix.rows.interleave.head_dim", head_dim, expected);
                }
                if rotated < 2 || rotated > head_dim || rotated % 2 != 0 {
                    let expected = format!("an even number from 2 to {head_dim}");
                    return wrong(path, "matrix.rows.interleave.rotated", rotated, expected);
                }
                Ok(())
            }
            RowPermutation::Identity => Ok(()),
        }
    }

    /// Values are 8-bit: a product bank and the simulators' 32-bit partial sums are made for that. Eight-bit codes select from a bank for
    /// each nibble, so their values are a sum of one value for each.
    fn check_codebook(&self, path: &str) -> Result<(), Error> {
        let v = &self.codebook;
        equal(path, "matrix.codebook", v.len(), 1 << self.code_bits)?;
        if let Some(bad) = v.iter().find(|v| i8::try_from(**v).is_err()) {
            return wrong(path, "matrix.codebook", bad, "values from -128 to 127");
        }
        if self.code_bits == 8 && (0..256).any(|c| v[c] != v[c & 0xf0] + v[c & 0x0f] - v[0]) {
            return wrong(path, "matrix.codebook", "a free list", "for 8-bit codes, a value of the high nibble plus one of the low");
        }
        Ok(())
    }
}
