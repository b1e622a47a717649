//! The small function tables of the vector units, as ROM contents. Entries and scalings: `docs/numerics.md`, section 9.

use serde::{Deserialize, Serialize};

/// Data of the chip: the compiler fills them, the simulator and the Verilog only read them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// 257 entries, GELU's share of its argument at `-j / 32`.
    pub gelu: Vec<i32>,
    /// 257 entries, `2^20 / (1 + e^(1.702 j / 16))`.
    pub swish: Vec<i32>,
}

impl Tables {
    /// Length each table must have, by name; used when a chip is opened.
    pub fn check(&self) -> Result<(), String> {
        for (name, table, want) in [
            ("rsqrt", &self.rsqrt, 193),
            ("sin", &self.sin, 257),
            ("exp2", &self.exp2, 129),
            ("recip", &self.recip, 257),
            ("sigmoid", &self.sigmoid, 257),
            ("gelu", &self.gelu, 257),
            ("swish", &self.swish, 257),
        ] {
            if table.len() != want {
                return Err(format!("table {name} has {} entries, expected {want}", table.len()));
            }
        }
        Ok(())
    }
}
