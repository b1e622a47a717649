//! The small function tables of the vector units, as ROM contents. Entries and scalings: `docs/numerics.md`, section 9.

use serde::{Deserialize, Serialize};

/// Data of the chip: the compiler fills them, the simulator and the Verilog only read them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tables {
    /// 193 entries, `2^16 / sqrt((j + 64) / 256)`.
    pub rsqrt: Vec<i32>,
    /// 257 entries, a quarter wave, 14 fractional bits.
    pub sin: Vec<i32>,
    /// 129 entries, `2^20 * 2^(-j / 128)`.
    pub exp2: Vec<i32>,
    /// 257 entries, `2^31 / (2^15 + 128 j)`.
    pub recip: Vec<i32>,
    /// 257 entries, `2^20 / (1 + e^(j / 16))`.
    pub sigmoid: Vec<i32>,
    /// 257 entries, the share of its argument that GELU in its tanh form gives at `-j / 32`.
    pub gelu: Vec<i32>,
    /// The same by the error function.
    pub gelu_erf: Vec<i32>,
    /// 257 entries, `2^20 / (1 + e^(swish_alpha j / 16))`.
    pub swish: Vec<i32>,
    /// From 1, where the table reaches far enough, to 2, where it is still fine enough.
    pub swish_alpha: f64,
}

impl Tables {
    /// gpt-oss's, and that of chips without a clamped SwiGLU.
    pub const SWISH_ALPHA: f64 = 1.702;

    /// Length each table must have, by name; used when a chip is opened.
    pub fn check(&self) -> Result<(), String> {
        for (name, table, want) in [
            ("rsqrt", &self.rsqrt, 193),
            ("sin", &self.sin, 257),
            ("exp2", &self.exp2, 129),
            ("recip", &self.recip, 257),
            ("sigmoid", &self.sigmoid, 257),
            ("gelu", &self.gelu, 257),
            ("gelu_erf", &self.gelu_erf, 257),
            ("swish", &self.swish, 257),
        ] {
            if table.len() != want {
                return Err(format!("table {name} has {} entries, expected {want}", table.len()));
            }
        }
        Ok(())
    }
}
