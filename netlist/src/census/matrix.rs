//! ROM of a matrix: codes, scales and offsets, and what its outputs have of their own.

use super::counts::Census;
use crate::unit::matrix::MatrixSpec;

/// Bits of an output's shift, and of its bias (`docs/numerics.md`, section 6).
pub const SHIFT: u64 = 8;
pub const BIAS: u64 = 32;

/// All of a matrix.
pub fn matrix_rom(m: &MatrixSpec) -> Census {
    let scales = u64::from(m.outputs) * u64::from(m.groups()) * scale_record(m);
    Census { weights: m.weights(), rom_bits: m.weights() * u64::from(m.code_bits) + scales + output_rom(m), ..Census::default() }
}

/// Bits of the scale, and the offset, of one group of one output.
pub fn scale_record(m: &MatrixSpec) -> u64 {
    u64::from(m.scale_bits) + u64::from(m.offset_bits)
}

/// Shift and bias of every output.
pub fn output_rom(m: &MatrixSpec) -> u64 {
    u64::from(m.outputs) * (SHIFT + if m.bias { BIAS } else { 0 })
}
