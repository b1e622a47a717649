//! Encodes a tensor row by row, in parallel, straight into the buffers the program file is written from: no row has a buffer of its
//! own, and what a row proves and loses is summed in row order whatever the thread count.

use super::blocks::Stored;
use super::choice::Width;
use super::compensate::{self, Grid};
use super::curvature::Curvature;
use super::eight::{Book, EIGHT, Eight};
use super::nearest::Scratch;
use super::{blocks, fit, grid, nearest};
use crate::error::Error;
use crate::options::Plan;
use hardwire_models::Tensor;
use hardwire_netlist::program::{pack_row, row_stride, unpack};
use hardwire_netlist::unit::RowPermutation;
use rayon::prelude::*;

/// How a tensor's rows become codes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Coding {
    /// Stored blocks, codes and scales as they are; each stored scale serves `stored / group` chip groups.
    Blocks { stored: usize, code_min: i32, code_bits: u8, has_offset: bool, group: u32 },
    /// Floats that are exactly `q * s`.
    Grid { group: u32 },
    /// Least squared error.
    Nearest { bits: u8, group: u32 },
    /// Least cost by [`compensate`].
    Chosen { width: Width, fitted: bool, group: u32 },
}

/// Widest scale or offset mantissa kept exactly; past it scales are rounded to this width and the matrix is not lossless.
pub(super) const MAX_MANTISSA_BITS: u8 = 28;

impl Coding {
    /// The coding for `tensor` under `plan`; `group` overrides its natural group by a divisor of it, `width` is one chosen for it.
    pub(super) fn of(tensor: &Tensor<'_>, plan: &Plan, group: Option<u32>, width: Option<Width>) -> Result<Coding, Error> {
        let chosen = |width: Width| Coding::Chosen { width, fitted: plan.choice.fitted, group: group.unwrap_or(plan.group) };
        if let Some(width) = width {
            return Ok(chosen(width));
        }
        if plan.bits.is_none() {
            if let Some(f) = tensor.block_format() {
                let range = (f.code_max - f.code_min) as u32;
                let code_bits = match 32 - range.leading_zeros() as u8 {
                    0..=2 => 2,
                    3 => 3,
                    4 => 4,
                    5 | 6 => 6,
                    _ => 8,
                };
                let group = group.unwrap_or(f.group as u32);
                return Ok(Coding::Blocks { stored: f.group, code_min: f.code_min, code_bits, has_offset: f.has_offset, group });
            }
            if grid::is_on_grid(tensor)? {
                return Ok(Coding::Grid { group: group.unwrap_or(grid::GROUP as u32) });
            }
        }
        let bits = plan.bits.unwrap_or(4);
        if plan.choice.is_plain() {
            return Ok(Coding::Nearest { bits, group: group.unwrap_or(plan.group) });
        }
        Ok(chosen(plan.choice.width(bits)))
    }

    pub(super) fn group(&self) -> u32 {
        match self {
            Coding::Blocks { group, .. } | Coding::Grid { group } | Coding::Nearest { group, .. } | Coding::Chosen { group, .. } => *group,
        }
    }
}

/// A whole matrix, encoded.
pub(super) struct Encoded {
    pub inputs: u32,
    pub outputs: u32,
    pub code_bits: u8,
    pub codebook: Vec<i32>,
    pub group: u32,
    /// Packed rows.
    pub codes: Vec<u8>,
    pub scales: Vec<i32>,
    pub scale_bits: u8,
    pub offsets: Vec<i32>,
    pub offset_bits: u8,
    /// `e[n]`.
    pub exponents: Vec<i32>,
    pub acc_bits: u8,
    pub tot_bits: u8,
    pub lossless: bool,
    error: f64,
    energy: f64,
}

/// Bits that scale mantissas gain when they are multiplied with a factor that is no power of two: it is then kept to a part in 2^5 of
/// the smallest mantissa.
const FACTOR_BITS: i32 = 4;

impl Encoded {
    /// Multiplies all weights: exactly for a power of two, otherwise the scales and offsets are rounded again.
    pub(super) fn scale(&mut self, factor: f64) {
        let power = libm::floor(libm::log2(factor)) as i32;
        let mantissa = factor * libm::exp2(f64::from(-power));
        let room = 30 - i32::from(self.scale_bits.max(self.offset_bits));
        let spare = if mantissa == 1.0 { 0 } else { FACTOR_BITS.min(room).max(0) };
        self.exponents.iter_mut().for_each(|e| *e += power - spare);
        if mantissa == 1.0 {
            return;
        }
        let by = mantissa * f64::from(1 << spare);
        for v in self.scales.iter_mut().chain(&mut self.offsets) {
            *v = libm::round(f64::from(*v) * by) as i32;
        }
        self.scale_bits = bits(widest(&self.scales)).max(2);
        if self.offset_bits > 0 {
            self.offset_bits = bits(widest(&self.offsets)).max(2);
        }
        self.lossless = false;
    }

    /// Output `n` as the chip reads it: what each code stands for.
    pub(super) fn row(&self, n: usize, out: &mut [f32]) {
        let (groups, stride) = ((self.inputs).div_ceil(self.group) as usize, row_stride(self.inputs, self.code_bits) as usize);
        let unit = libm::exp2(f64::from(self.exponents[n]));
        for (k, out) in out.iter_mut().enumerate() {
            let at = n * groups + k / self.group as usize;
            let code = unpack(&self.codes[n * stride..][..stride], self.code_bits, k);
            let offset = self.offsets.get(at).copied().unwrap_or(0);
            let value = i64::from(self.scales[at]) * i64::from(self.codebook[usize::from(code)]) + i64::from(offset);
            *out = (value as f64 * unit) as f32;
        }
    }

    pub(super) fn relative_square_error(&self) -> f64 {
        if self.energy > 0.0 { self.error / self.energy } else { 0.0 }
    }
}

/// Where an encoder puts one row.
pub(super) struct RowOut<'a> {
    /// Index into the codebook, one an input.
    pub codes: &'a mut [u8],
    /// One a group: `scale = mantissa * 2^exponent`.
    pub scales: &'a mut [i32],
    /// Empty where the coding has none.
    pub offsets: &'a mut [i32],
}

/// What one encoded row proves and loses.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub exponent: i32,
    pub lossless: bool,
    /// Greatest sum of code magnitudes in a group.
    pub max_group_sum: u64,
    /// Greatest magnitude of the scaled sum, for activations of one.
    pub max_total: u64,
    pub error: f64,
    pub energy: f64,
}

impl Facts {
    /// Takes in a group of `len` codes whose magnitudes sum to `code_sum`.
    pub fn group(&mut self, scale: u64, offset: u64, code_sum: u64, len: usize) {
        self.max_group_sum = self.max_group_sum.max(code_sum);
        self.max_total = self.max_total.saturating_add(scale * code_sum + offset * len as u64);
    }
}

/// Rows a thread takes at a time: enough to be worth the hand-over, few enough to share the last ones.
const TASK_ROWS: usize = EIGHT;

/// Encodes a matrix. `curvature`, where calibration has measured it, is what errors cost; only [`Coding::Chosen`] heeds it.
pub(super) fn encode(
    tensor: &Tensor<'_>,
    order: RowPermutation,
    coding: &Coding,
    act_bits: u8,
    curvature: Option<&Curvature>,
) -> Result<Encoded, Error> {
    let (rows, cols) = (tensor.rows(), tensor.cols());
    let (code_bits, codebook) = codebook(tensor, coding)?;
    let group = coding.group() as usize;
    let groups = cols.div_ceil(group);
    let stride = row_stride(cols as u32, code_bits) as usize;
    let (has_offset, grid) = match coding {
        Coding::Blocks { has_offset, .. } => (*has_offset, None),
        Coding::Chosen { width, .. } => (width.offset > 0, Some(width.grid(Book::new(&codebook), group.min(cols)))),
        Coding::Grid { .. } | Coding::Nearest { .. } => (false, None),
    };
    let (mut codes, mut scales) = (vec![0u8; stride * rows], vec![0i32; groups * rows]);
    let mut offsets = vec![0i32; if has_offset { groups * rows } else { 0 }];
    let mut facts = vec![Facts::default(); rows];
    let mut offset_rows = offsets.chunks_mut(groups * TASK_ROWS);
    let tasks: Vec<_> = codes
        .chunks_mut(stride * TASK_ROWS)
        .zip(scales.chunks_mut(groups * TASK_ROWS))
        .zip(facts.chunks_mut(TASK_ROWS))
        .map(|((codes, scales), facts)| (codes, scales, facts, offset_rows.next().unwrap_or_default()))
        .collect();
    let buffers = || (vec![0f32; cols], vec![0u8; cols], Scratch::default());
    tasks.into_par_iter().enumerate().try_for_each_init(
        buffers,
        |(weights, row_codes, scratch), (task, (codes, scales, facts, offsets))| {
            let count = facts.len();
            let chosen = grid.as_ref().map(|g| choose(tensor, order, task * TASK_ROWS, count, curvature, g)).transpose()?;
            let mut offset_rows = offsets.chunks_mut(groups);
            for (i, (packed, scales)) in codes.chunks_mut(stride).zip(scales.chunks_mut(groups)).enumerate() {
                let n = order.source_row((task * TASK_ROWS + i) as u32) as usize;
                let mut out = RowOut { codes: row_codes, scales, offsets: offset_rows.next().unwrap_or_default() };
                tensor.row_f32(n, weights)?;
                facts[i] = match coding {
                    Coding::Nearest { bits, .. } => nearest::row(weights, *bits, group, scratch, &mut out),
                    Coding::Blocks { stored, code_min, has_offset, .. } => {
                        let stored = Stored { group: *stored, code_min: *code_min, has_offset: *has_offset };
                        let (exponent, lossless) = blocks::row(tensor, n, stored, group, &mut out)?;
                        measure(&out, weights, &codebook, group, exponent, lossless)
                    }
                    Coding::Chosen { .. } => {
                        let chosen = chosen.as_ref().expect("there is a grid");
                        out.codes.iter_mut().zip(&chosen.codes).for_each(|(to, c)| *to = c[i]);
                        out.scales.iter_mut().zip(&chosen.scales).for_each(|(to, s)| *to = s[i] as i32);
                        out.offsets.iter_mut().zip(&chosen.offsets).for_each(|(to, o)| *to = o[i] as i32);
                        let mut facts = measure(&out, weights, &codebook, group, chosen.exponents[i], false);
                        facts.lossless = facts.error == 0.0;
                        facts
                    }
                    Coding::Grid { .. } => {
                        let left = || Error::model(tensor.name, "left its grid");
                        let (exponent, lossless) = grid::row(weights, group, &mut out).ok_or_else(left)?;
                        measure(&out, weights, &codebook, group, exponent, lossless)
                    }
                };
                pack_row(row_codes, code_bits, packed);
            }
            Ok::<(), Error>(())
        },
    )?;
    let amax = (1u64 << (act_bits - 1)) - 1;
    let max_total = facts.iter().map(|f| f.max_total).max().unwrap_or(0);
    let tot_bits = match max_total.checked_mul(amax) {
        Some(m) if m < 1 << 61 => bits(m),
        _ => return Err(Error::model(tensor.name, "its sums need more than 62 bits; recompile with --bits to give it new scales")),
    };
    Ok(Encoded {
        inputs: cols as u32,
        outputs: rows as u32,
        code_bits,
        codebook,
        group: group as u32,
        scale_bits: bits(widest(&scales)).max(2),
        offset_bits: if has_offset { bits(widest(&offsets)).max(2) } else { 0 },
        acc_bits: bits(facts.iter().map(|f| f.max_group_sum).max().unwrap_or(0) * amax),
        tot_bits,
        lossless: facts.iter().all(|f| f.lossless),
        error: facts.iter().map(|f| f.error).sum(),
        energy: facts.iter().map(|f| f.energy).sum(),
        exponents: facts.iter().map(|f| f.exponent).collect(),
        codes,
        scales,
        offsets,
    })
}

/// Bits of a signed number of this magnitude.
fn bits(magnitude: u64) -> u8 {
    (64 - magnitude.leading_zeros() + 1) as u8
}

fn widest(v: &[i32]) -> u64 {
    v.iter().map(|x| u64::from(x.unsigned_abs())).max().unwrap_or(0)
}

/// What a row whose codes were given proves and loses.
fn measure(row: &RowOut<'_>, weights: &[f32], codebook: &[i32], group: usize, exponent: i32, lossless: bool) -> Facts {
    let unit = libm::exp2(f64::from(exponent));
    let mut facts = Facts { exponent, lossless, ..Facts::default() };
    for (g, (codes, weights)) in row.codes.chunks(group).zip(weights.chunks(group)).enumerate() {
        let scale = i64::from(row.scales[g]);
        let offset = row.offsets.get(g).map_or(0, |&o| i64::from(o));
        let mut sum = 0u64;
        for (&c, &w) in codes.iter().zip(weights) {
            let v = i64::from(codebook[usize::from(c)]);
            sum += v.unsigned_abs();
            let lost = f64::from(w) - (scale * v + offset) as f64 * unit;
            facts.error += lost * lost;
            facts.energy += f64::from(w) * f64::from(w);
        }
        facts.group(scale.unsigned_abs(), offset.unsigned_abs(), sum, codes.len());
    }
    facts
}

/// Eight outputs from `first` by least cost; past `count` they are zero.
fn choose(
    tensor: &Tensor<'_>,
    order: RowPermutation,
    first: usize,
    count: usize,
    curvature: Option<&Curvature>,
    grid: &Grid,
) -> Result<compensate::Rows, Error> {
    let mut weights: Vec<Eight> = vec![[0.0; EIGHT]; tensor.cols()];
    let mut row = vec![0f32; tensor.cols()];
    for i in 0..count {
        tensor.row_f32(order.source_row((first + i) as u32) as usize, &mut row)?;
        weights.iter_mut().zip(&row).for_each(|(to, w)| to[i] = *w);
    }
    Ok(compensate::rows(weights, curvature, grid))
}

fn codebook(tensor: &Tensor<'_>, coding: &Coding) -> Result<(u8, Vec<i32>), Error> {
    let range = |first: i32, bits: u8| (bits, (0..1i32 << bits).map(|i| first + i).collect());
    Ok(match coding {
        Coding::Blocks { code_min, code_bits, .. } => range(*code_min, *code_bits),
        Coding::Grid { .. } => range(-8, 4),
        Coding::Nearest { bits, .. } => range(-(1 << (bits - 1)), *bits),
        Coding::Chosen { width, fitted: true, group } if width.code <= 4 => {
            let values = fit::codebook(tensor, width.code, *group as usize, width.offset > 0, width.greatest_value())?;
            (width.code, values)
        }
        Coding::Chosen { width, .. } => range(-(1 << (width.code - 1)), width.code),
    })
}

/// Mantissas of exact floats under one exponent, or rounded ones (`false`) where [`MAX_MANTISSA_BITS`] do not hold them.
pub(super) fn mantissas(values: &[f32]) -> (Vec<i32>, i32, bool) {
    let parts: Vec<(i64, i32)> = values.iter().map(|&v| split(v)).collect();
    let Some(low) = parts.iter().filter(|p| p.0 != 0).map(|p| p.1).min() else { return (vec![0; values.len()], 0, true) };
    let top = parts.iter().filter(|p| p.0 != 0).map(|p| p.1 + (64 - p.0.unsigned_abs().leading_zeros()) as i32).max().unwrap_or(0);
    let exponent = low.max(top - i32::from(MAX_MANTISSA_BITS - 1) + 1);
    let exact = exponent == low;
    let scaled = |&(m, e): &(i64, i32)| {
        let up = e - exponent;
        if up >= 0 { (m << up) as i32 } else { libm::round(m as f64 * libm::exp2(f64::from(up))) as i32 }
    };
    (parts.iter().map(scaled).collect(), exponent, exact)
}

/// `x = m * 2^e` with odd `m`, or (0, 0).
fn split(x: f32) -> (i64, i32) {
    if x == 0.0 {
        return (0, 0);
    }
    let bits = x.to_bits();
    let (field, fraction) = ((bits >> 23 & 0xff) as i32, i64::from(bits & 0x7f_ffff));
    let (m, e) = if field == 0 { (fraction, -149) } else { (fraction | 1 << 23, field - 150) };
    let zeros = m.trailing_zeros();
    let m = m >> zeros;
    (if x < 0.0 { -m } else { m }, e + zeros as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mantissas_reproduce_the_floats() {
        let values = [0.75f32, -3.0, 0.0, 1.0 / 1024.0];
        let (m, e, exact) = mantissas(&values);
        assert!(exact);
        for (v, m) in values.iter().zip(&m) {
            assert_eq!(f64::from(*v), f64::from(*m) * libm::exp2(f64::from(e)));
        }
        let (m, e, exact) = mantissas(&[1.0e20, 1.0e-20]);
        assert!(!exact && m[1] == 0);
        assert!((f64::from(m[0]) * libm::exp2(f64::from(e)) / 1.0e20 - 1.0).abs() < 1e-7);
        assert_eq!(mantissas(&[0.0, 0.0]), (vec![0, 0], 0, true));
    }
}
