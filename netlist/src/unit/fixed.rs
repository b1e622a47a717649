//! The format of a stream: signed fixed point.

use serde::{Deserialize, Serialize};

/// A signed fixed-point format: an integer of `bits` bits standing for `x * 2^-frac`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fixed {
    pub bits: u8,
    pub frac: i16,
}

impl Fixed {
    pub fn new(bits: u8, frac: i16) -> Self {
        Fixed { bits, frac }
    }

    /// Greatest magnitude: formats are symmetric.
    pub fn max(self) -> i64 {
        greatest(self.bits)
    }

    /// The real number `x` stands for.
    pub fn value(self, x: i64) -> f64 {
        x as f64 * (-f64::from(self.frac)).exp2()
    }
}

/// Greatest magnitude in `bits` bits, symmetric.
pub fn greatest(bits: u8) -> i64 {
    (1i64 << (bits - 1)) - 1
}
