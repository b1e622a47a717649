//! RmsNorm, and with a centre LayerNorm (section 4).

use super::Fixed;
use crate::program::ProgramId;
use serde::{Deserialize, Serialize};

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
