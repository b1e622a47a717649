//! ggml's block-quantised rows: stored codes and exact scales, nothing rounded that ggml does not.
//!
//! Layouts from `ggml-common.h` and `ggml-quants.c` of llama.cpp. Every type is brought to one
//! form, `w = scale * code + offset` for groups of 32 columns (16 for Q2_K, Q3_K, Q6_K, 256 for TQ1_0, TQ2_0), where scale and
//! offset are exact in `f32`: an f16 is 11 bits, times at most an 8-bit sub-scale; MXFP4's is a power of two.

use half::f16;

use crate::Dtype;

/// The integer grid that a block-quantised tensor lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockFormat {
    /// Consecutive columns that share one scale and offset.
    pub group: usize,
    /// Least stored code.
    pub code_min: i32,
    /// Greatest stored code.
    pub code_max: i32,
    /// Each group adds an offset of its own.
    pub has_offset: bool,
    /// The values that codes take, rising, where they are not all from `code_min` to `code_max`.
    pub values: Option<&'static [i16]>,
    /// All groups of a row share one scale.
    pub one_scale: bool,
}

/// Twice the magnitudes of FP4 (e2m1), by its lower three bits.
const E2M1: [i16; 8] = [0, 1, 2, 3, 4, 6, 8, 12];
const E2M1_VALUES: [i16; 15] = [-12, -8, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8, 12];

/// The grid of a dtype; `None` for the plain float types.
pub(crate) fn format(dtype: Dtype) -> Option<BlockFormat> {
    let (group, code_min, code_max, has_offset) = match dtype {
        Dtype::F32 | Dtype::F16 | Dtype::BF16 | Dtype::F64 => return None,
        Dtype::Q8_0 => (32, -128, 127, false),
        Dtype::Q4_0 => (32, -8, 7, false),
        Dtype::Q4_1 => (32, 0, 15, true),
        Dtype::Q5_0 => (32, -16, 15, false),
        Dtype::Q5_1 => (32, 0, 31, true),
        Dtype::Q2K => (16, 0, 3, true),
        Dtype::Q3K => (16, -4, 3, false),
        Dtype::Q4K => (32, 0, 15, true),
        Dtype::Q5K => (32, 0, 31, true),
        Dtype::Q6K => (16, -32, 31, false),
        Dtype::MxFp4 => (32, -12, 12, false),
        Dtype::TQ1_0 => (256, -1, 1, false),
        // Two bits hold a fourth value; what is ternary does not use it.
        Dtype::TQ2_0 => (256, -1, 2, false),
        Dtype::Ternary => (32, -1, 1, false),
    };
    let values = (dtype == Dtype::MxFp4).then_some(&E2M1_VALUES[..]);
    Some(BlockFormat { group, code_min, code_max, has_offset, values, one_scale: dtype == Dtype::Ternary })
}

/// Decode one row of whole blocks. Buffer lengths were checked by the caller.
pub(crate) fn decode_row(dtype: Dtype, bytes: &[u8], codes: &mut [i16], scales: &mut [f32], offsets: &mut [f32]) {
    let Some(format) = format(dtype) else { return };
    let (values, stride) = dtype.block();
    let groups = values / format.group;
    for (i, block) in bytes.chunks_exact(stride).enumerate() {
        let codes = &mut codes[i * values..(i + 1) * values];
        let scales = &mut scales[i * groups..(i + 1) * groups];
        let offsets = &mut offsets[i * groups..(i + 1) * groups];
        match dtype {
            Dtype::F32 | Dtype::F16 | Dtype::BF16 | Dtype::F64 => return,
            Dtype::Q8_0 => {
                (scales[0], offsets[0]) = (half_at(block, 0), 0.0);
                for (code, byte) in codes.iter_mut().zip(&block[2..]) {
                    *code = i16::from(*byte as i8);
                }
            }
            Dtype::Q4_0 => {
                (scales[0], offsets[0]) = (half_at(block, 0), 0.0);
                nibbles(&block[2..18], codes, -8);
            }
            Dtype::Q4_1 => {
                (scales[0], offsets[0]) = (half_at(block, 0), half_at(block, 2));
                nibbles(&block[4..20], codes, 0);
            }
            Dtype::Q5_0 => {
                (scales[0], offsets[0]) = (half_at(block, 0), 0.0);
                nibbles(&block[6..22], codes, -16);
                fifth_bits(&block[2..6], codes);
            }
            Dtype::Q5_1 => {
                (scales[0], offsets[0]) = (half_at(block, 0), half_at(block, 2));
                nibbles(&block[8..24], codes, 0);
                fifth_bits(&block[4..8], codes);
            }
            Dtype::Ternary => {
                (scales[0], offsets[0]) = (f32::from_le_bytes([block[0], block[1], block[2], block[3]]), 0.0);
                codes.iter_mut().zip(&block[4..]).for_each(|(code, byte)| *code = i16::from(*byte) - 1);
            }
            Dtype::Q2K => q2_k(block, codes, scales, offsets),
            Dtype::Q3K => q3_k(block, codes, scales, offsets),
            Dtype::Q4K => {
                sub_scales(block, scales, offsets);
                nibble_runs(&block[16..144], codes);
            }
            Dtype::Q5K => {
                sub_scales(block, scales, offsets);
                nibble_runs(&block[48..176], codes);
                for (g, run) in codes.chunks_exact_mut(32).enumerate() {
                    for (code, high) in run.iter_mut().zip(&block[16..48]) {
                        *code += i16::from(high >> g & 1) << 4;
                    }
                }
            }
            Dtype::Q6K => q6_k(block, codes, scales, offsets),
            Dtype::TQ1_0 => {
                (scales[0], offsets[0]) = (half_at(block, 52), 0.0);
                trits(&block[..52], codes);
            }
            Dtype::TQ2_0 => {
                (scales[0], offsets[0]) = (half_at(block, 64), 0.0);
                bit_pairs(&block[..64], codes);
                codes.iter_mut().for_each(|code| *code -= 1);
            }
            Dtype::MxFp4 => {
                (scales[0], offsets[0]) = (e8m0_half(block[0]), 0.0);
                nibbles(&block[1..17], codes, 0);
                for code in codes {
                    let magnitude = E2M1[(*code & 7) as usize];
                    *code = if *code & 8 == 0 { magnitude } else { -magnitude };
                }
            }
        }
    }
}

/// One row as `f32`, in ggml's order of operations: round(scale * code), then round(+ offset).
pub(crate) fn dequantize_row(dtype: Dtype, bytes: &[u8], out: &mut [f32]) {
    let Some(format) = format(dtype) else { return };
    let (values, stride) = dtype.block();
    let mut codes = [0i16; 256];
    let (mut scales, mut offsets) = ([0f32; 16], [0f32; 16]);
    for (block, out) in bytes.chunks_exact(stride).zip(out.chunks_exact_mut(values)) {
        let groups = values / format.group;
        let codes = &mut codes[..values];
        decode_row(dtype, block, codes, &mut scales[..groups], &mut offsets[..groups]);
        for (g, (out, codes)) in out.chunks_exact_mut(format.group).zip(codes.chunks_exact(format.group)).enumerate() {
            for (w, code) in out.iter_mut().zip(codes) {
                *w = scales[g] * f32::from(*code);
            }
            // Adding a zero offset would turn -0 into +0, which ggml does not do.
            if format.has_offset {
                out.iter_mut().for_each(|w| *w += offsets[g]);
            }
        }
    }
}

fn half_at(block: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

/// Half of MXFP4's scale `2^(e - 127)`, as E2M1's values are doubled; 255 is its NaN.
fn e8m0_half(e: u8) -> f32 {
    if e == 255 { f32::NAN } else { libm::exp2f(f32::from(e) - 128.0) }
}

/// MXFP4 as safetensors keep it, scales apart and pairs of neighbours in a byte, into ggml's blocks.
pub(crate) fn joined_mxfp4(pairs: &[u8], scales: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(scales.len() * 17);
    for (block, scale) in pairs.chunks_exact(16).zip(scales) {
        let code = |i: usize| block[i / 2] >> (4 * (i % 2)) & 15;
        out.push(*scale);
        out.extend((0..16).map(|i| code(i) | code(i + 16) << 4));
    }
    out
}

/// One row of packed ternary codes: a byte holds a column of rows `r`, `r + rows / 4`, and so on, lowest bits first. `None` for a
/// code that is none of the three.
pub(crate) fn joined_ternary(packed: &[u8], row: usize, rows: usize, columns: usize, scale: f32) -> Option<Vec<u8>> {
    let (line, shift) = (row % (rows / 4), 2 * (row / (rows / 4)));
    let codes = packed[line * columns..(line + 1) * columns].iter().map(|byte| byte >> shift & 3);
    let mut out = Vec::with_capacity(columns / 32 * 36);
    for (i, code) in codes.enumerate() {
        if code == 3 {
            return None;
        }
        if i % 32 == 0 {
            out.extend(scale.to_le_bytes());
        }
        out.push(code);
    }
    Some(out)
}

/// 16 bytes hold 32 codes: low nibbles are columns 0..16, high nibbles 16..32.
fn nibbles(packed: &[u8], codes: &mut [i16], bias: i16) {
    let (low, high) = codes.split_at_mut(16);
    for ((byte, low), high) in packed.iter().zip(low).zip(high) {
        *low = i16::from(byte & 15) + bias;
        *high = i16::from(byte >> 4) + bias;
    }
}

/// Bit `c` of a little-endian u32 is bit 4 of column `c`'s code.
fn fifth_bits(packed: &[u8], codes: &mut [i16]) {
    for (c, code) in codes.iter_mut().enumerate() {
        *code += i16::from(packed[c / 8] >> (c % 8) & 1) << 4;
    }
}

/// K-quants: each 32 bytes hold 64 codes, low nibbles the first 32 columns.
fn nibble_runs(packed: &[u8], codes: &mut [i16]) {
    for (bytes, codes) in packed.chunks_exact(32).zip(codes.chunks_exact_mut(64)) {
        for (i, byte) in bytes.iter().enumerate() {
            codes[i] = i16::from(byte & 15);
            codes[i + 32] = i16::from(byte >> 4);
        }
    }
}

/// Q4_K and Q5_K: f16 `d`, f16 `dmin`, then eight 6-bit scales and mins packed in 12 bytes.
fn sub_scales(block: &[u8], scales: &mut [f32], offsets: &mut [f32]) {
    let (d, d_min) = (half_at(block, 0), half_at(block, 2));
    let packed = &block[4..16];
    for g in 0..8 {
        let (scale, min) = if g < 4 {
            (packed[g] & 63, packed[g + 4] & 63)
        } else {
            let both = packed[g + 4];
            let (scale_top, min_top) = (packed[g - 4] >> 6, packed[g] >> 6);
            (both & 15 | scale_top << 4, both >> 4 | min_top << 4)
        };
        scales[g] = d * f32::from(scale);
        offsets[g] = -(d_min * f32::from(min));
    }
}

/// Q2_K: 16 bytes of 4-bit scale and min, 64 bytes of bit pairs, f16 `d`, f16 `dmin`.
fn q2_k(block: &[u8], codes: &mut [i16], scales: &mut [f32], offsets: &mut [f32]) {
    let (d, d_min) = (half_at(block, 80), half_at(block, 82));
    for (g, byte) in block[..16].iter().enumerate() {
        scales[g] = d * f32::from(byte & 15);
        offsets[g] = -(d_min * f32::from(byte >> 4));
    }
    bit_pairs(&block[16..80], codes);
}

/// Q3_K: 32 bytes of high bits, 64 of low bit pairs, 16 scales of 6 bits in 12 bytes, f16 `d`.
fn q3_k(block: &[u8], codes: &mut [i16], scales: &mut [f32], offsets: &mut [f32]) {
    let (d, packed) = (half_at(block, 108), &block[96..108]);
    for g in 0..16 {
        let low = packed[g % 8] >> (4 * (g / 8)) & 15;
        let high = packed[8 + g % 4] >> (2 * (g / 4)) & 3;
        scales[g] = d * (f32::from(low | high << 4) - 32.0);
        offsets[g] = 0.0;
    }
    bit_pairs(&block[32..96], codes);
    for (run, codes) in codes.chunks_exact_mut(32).enumerate() {
        for (code, high) in codes.iter_mut().zip(&block[..32]) {
            *code += i16::from(high >> run & 1) * 4 - 4;
        }
    }
}

/// Each 32 bytes hold 128 codes, lowest bit pairs the first 32 columns.
fn bit_pairs(packed: &[u8], codes: &mut [i16]) {
    for (bytes, codes) in packed.chunks_exact(32).zip(codes.chunks_exact_mut(128)) {
        for (pair, codes) in codes.chunks_exact_mut(32).enumerate() {
            codes.iter_mut().zip(bytes).for_each(|(code, byte)| *code = i16::from(byte >> (2 * pair) & 3));
        }
    }
}

/// TQ1_0: a byte is the fraction `b / 256` whose first digits to the base of 3 are codes. The first digits of 32 bytes, then their second
/// and so on to the fifth; so the next 16 bytes; of the last four, four digits.
fn trits(packed: &[u8], codes: &mut [i16]) {
    let mut codes = codes.iter_mut();
    for (bytes, digits) in [(&packed[..32], 5), (&packed[32..48], 5), (&packed[48..], 4)] {
        for digit in 0..digits {
            for (byte, code) in bytes.iter().zip(&mut codes) {
                let rest = byte.wrapping_mul(3u8.pow(digit));
                *code = ((i16::from(rest) * 3) >> 8) - 1;
            }
        }
    }
}

/// Q6_K: 128 bytes of low nibbles, 64 of high bit pairs, 16 signed scales, f16 `d`.
fn q6_k(block: &[u8], codes: &mut [i16], scales: &mut [f32], offsets: &mut [f32]) {
    let (low, high) = (&block[..128], &block[128..192]);
    let d = half_at(block, 208);
    for (g, byte) in block[192..208].iter().enumerate() {
        scales[g] = d * f32::from(*byte as i8);
        offsets[g] = 0.0;
    }
    for (half, codes) in codes.chunks_exact_mut(128).enumerate() {
        let low = &low[half * 64..half * 64 + 64];
        let high = &high[half * 32..half * 32 + 32];
        for i in 0..32 {
            let pairs = high[i];
            let code = |nibble: u8, shift: u32| i16::from(nibble | (pairs >> shift & 3) << 4) - 32;
            codes[i] = code(low[i] & 15, 0);
            codes[i + 32] = code(low[i + 32] & 15, 2);
            codes[i + 64] = code(low[i] >> 4, 4);
            codes[i + 96] = code(low[i + 32] >> 4, 6);
        }
    }
}
