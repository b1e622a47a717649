//! How many bits a matrix gets, and what it is made of them.

use super::compensate::Grid;
use super::row_block::GridValues;

/// How the compiler chooses codes for weights that keep no stored grid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quantizer {
    /// Each weight to the nearest value.
    #[default]
    Nearest,
    /// Each rounding error made up for by the weights after it, with calibration text.
    Gptq,
}

/// Choices past the number of bits.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    pub quantizer: Quantizer,
    /// A codebook of its own for every matrix of up to 4 bits, in place of consecutive integers.
    pub fitted: bool,
    /// Widths of the mantissas; `None` for the width's own.
    pub scale_bits: Option<u8>,
    pub offset_bits: Option<u8>,
    /// Text to calibrate on.
    pub calibration: Option<String>,
    /// Tokens of it.
    pub calibration_tokens: usize,
    /// Bits a weight on average over all matrices, scales and offsets included: each matrix gets its own width.
    pub average_bits: Option<f64>,
}

impl Choice {
    /// True if nothing was asked for but a number of bits.
    pub(super) fn is_plain(&self) -> bool {
        self.quantizer == Quantizer::Nearest
            && !self.fitted
            && self.scale_bits.is_none()
            && self.offset_bits.is_none()
            && self.average_bits.is_none()
    }

    /// Widths for codes of `bits`.
    pub(super) fn width(&self, bits: u8) -> Width {
        self.adjusted(Width::of(bits))
    }

    /// A width with the mantissas asked for, if any were.
    pub(super) fn adjusted(&self, w: Width) -> Width {
        Width { code: w.code, scale: self.scale_bits.unwrap_or(w.scale), offset: self.offset_bits.unwrap_or(w.offset) }
    }
}

/// Bits of a code, a scale and an offset (0: none).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Width {
    pub code: u8,
    pub scale: u8,
    pub offset: u8,
}

impl Width {
    /// Scales fine enough that rounding them costs little beside rounding the codes; offsets in the same unit, which must reach over half
    /// of the codes' range.
    pub const fn of(code: u8) -> Width {
        let (scale, offset) = match code {
            0..=2 => (6, 6),
            3 => (6, 7),
            4 => (7, 9),
            _ => (code + 4, 0),
        };
        Width { code, scale, offset }
    }

    /// Bits a weight in groups of `group`.
    pub fn per_weight(self, inputs: usize, group: usize) -> f64 {
        f64::from(self.code) + f64::from(self.scale + self.offset) * inputs.div_ceil(group) as f64 / inputs as f64
    }

    pub fn grid(self, values: GridValues, group: usize) -> Grid {
        let max = |bits: u8| if bits > 0 { ((1i64 << (bits - 1)) - 1) as f32 } else { 0.0 };
        Grid { values, group, scale_max: max(self.scale), offset_max: max(self.offset) }
    }

    /// Greatest value of a fitted codebook: fine where nothing else depends on it; where an offset is a multiple of the same unit, no finer
    /// than it can reach.
    pub fn greatest_value(self) -> i32 {
        if self.offset > 0 { 15 } else { 127 }
    }
}
