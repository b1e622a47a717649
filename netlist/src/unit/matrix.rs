//! The number system of one matrix in ROM (section 2 of `docs/numerics.md`).

use super::RowPermutation;
use crate::program::ProgramId;
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
    /// Which row of the tensor each output is.
    #[serde(default, skip_serializing_if = "RowPermutation::is_identity")]
    pub rows: RowPermutation,
    pub program: ProgramId,
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
