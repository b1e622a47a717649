//! Encodes a tensor row by row, in parallel, straight into the buffers the program file is written from: no row has a buffer of its
//! own, and what a row proves and loses is summed in row order whatever the thread count.

use super::choice::Width;
use super::compensate::{self, Grid};
use super::curvature::Curvature;
use super::nearest::Scratch;
use super::row::{Facts, MAX_MANTISSA_BITS, Mantissas, RowOut, bits};
use super::row_block::{BLOCK_ROWS, GridValues, RowBlock};
use super::{blocks, fit, grid, nearest, onto};
use crate::error::Error;
use crate::options::Plan;
use hardwire_models::{BlockFormat, Dtype, Tensor};
use hardwire_netlist::program::{pack_row, row_stride, unpack};
use hardwire_netlist::unit::{MatrixSpec, RowPermutation};
use rayon::prelude::*;

/// How a tensor's rows become codes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Coding {
    /// Stored blocks, codes and scales as they are; each stored scale serves whole chip groups.
    Blocks { stored: BlockFormat, group: u32 },
    /// Floats that are exactly `q * s`, `q` of `bits` bits.
    Grid { bits: u8, group: u32 },
    /// Least squared error.
    Nearest { bits: u8, group: u32 },
    /// Least cost by [`compensate`].
    Chosen { width: Width, fitted: bool, group: u32 },
}

/// The grid of a tensor that is kept, where one is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kept {
    Nothing,
    Blocks(BlockFormat),
    /// Floats on a grid of so many bits.
    Grid(u8),
}

impl Kept {
    pub(super) fn of(tensor: &Tensor<'_>) -> Result<Kept, Error> {
        Ok(match tensor.block_format() {
            Some(format) => Kept::Blocks(format),
            None => grid::bits(tensor)?.map_or(Kept::Nothing, Kept::Grid),
        })
    }
}

impl Coding {
    /// The coding for `tensor` under `plan`; `group` overrides its natural group by a divisor of it, `width` is one chosen for it.
    pub(super) fn of(tensor: &Tensor<'_>, plan: &Plan, group: Option<u32>, width: Option<Width>) -> Result<Coding, Error> {
        let looked = width.is_none() && plan.bits.is_none();
        let kept = if looked { Kept::of(tensor)? } else { Kept::Nothing };
        Ok(Coding::keeping(kept, tensor.cols(), plan, group, width))
    }

    /// The coding for a tensor of `cols` columns on the grid `kept`, which only bits that were asked for overrule.
    pub(super) fn keeping(kept: Kept, cols: usize, plan: &Plan, group: Option<u32>, width: Option<Width>) -> Coding {
        let chosen = |width: Width| Coding::Chosen { width, fitted: plan.choice.fitted, group: group.unwrap_or(plan.group) };
        match (width, plan.bits, kept) {
            (Some(width), _, _) => chosen(width),
            (None, None, Kept::Blocks(f)) => {
                let natural = if f.one_scale { cols } else { f.group };
                Coding::Blocks { stored: f, group: group.unwrap_or(natural as u32) }
            }
            (None, None, Kept::Grid(bits)) => Coding::Grid { bits, group: group.unwrap_or(grid::GROUP as u32) },
            (None, bits, _) if plan.choice.is_plain() => Coding::Nearest { bits: bits.unwrap_or(4), group: group.unwrap_or(plan.group) },
            (None, bits, _) => chosen(plan.choice.width(bits.unwrap_or(4))),
        }
    }

    /// In words, for who reads of the chip: what became of weights of type `dtype`, as `encoded`.
    pub(super) fn describe(&self, dtype: Dtype, encoded: &Encoded) -> String {
        let kept = match self {
            Coding::Nearest { bits, .. } => return format!("{dtype} to the nearest of {bits} bits"),
            Coding::Chosen { width, .. } => return format!("{dtype} to {} bits of least cost", width.code),
            Coding::Blocks { .. } => format!("{dtype} as stored"),
            Coding::Grid { .. } => format!("{dtype} on its grid"),
        };
        match encoded.factor {
            _ if encoded.exact_bits > MAX_MANTISSA_BITS => {
                format!("{kept}, scales of {} bits rounded to {MAX_MANTISSA_BITS}", encoded.exact_bits)
            }
            Some(factor) => format!("{kept}, times {factor:.4} and rounded"),
            None => kept,
        }
    }

    /// Values that the codes of a stored grid can stand for; none where the compiler chooses codes.
    pub(super) fn stored_values(&self) -> Vec<i32> {
        match self {
            Coding::Blocks { stored: BlockFormat { values: Some(values), .. }, .. } => values.iter().map(|&v| v.into()).collect(),
            Coding::Blocks { stored, .. } => (stored.code_min..=stored.code_max).collect(),
            Coding::Grid { bits, .. } => (1 - (1 << (bits - 1))..1 << (bits - 1)).collect(),
            Coding::Nearest { .. } | Coding::Chosen { .. } => Vec::new(),
        }
    }

    pub(super) fn group(&self) -> u32 {
        match self {
            Coding::Blocks { group, .. } | Coding::Grid { group, .. } | Coding::Nearest { group, .. } | Coding::Chosen { group, .. } => {
                *group
            }
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
    /// Of [`Mantissas`], the most of any row; 0 where nothing was to be kept.
    exact_bits: u32,
    /// What scales and offsets were multiplied with and rounded again.
    factor: Option<f64>,
    error: f64,
    energy: f64,
}

/// Bits that scale mantissas gain when they are multiplied with a factor that is no power of two: it is then kept to a part in 2^5 of
/// the smallest mantissa.
const FACTOR_BITS: i32 = 4;

/// What `factor` does to mantissas of up to `widest` bits: they are multiplied by the second number, 1 for a power of two, and rounded
/// again, and the first is added to their exponent.
fn multiplier(factor: f64, widest: u8) -> (i32, f64) {
    let power = libm::floor(libm::log2(factor)) as i32;
    let mantissa = factor * libm::exp2(f64::from(-power));
    let room = 30 - i32::from(widest);
    let spare = if mantissa == 1.0 { 0 } else { FACTOR_BITS.min(room).max(0) };
    (power - spare, mantissa * f64::from(1 << spare))
}

/// Bits of scales and offsets that fill their width, once all weights are multiplied by `factor`.
pub(super) fn scaled_bits(scale_bits: u8, offset_bits: u8, factor: f64) -> (u8, u8) {
    let (_, by) = multiplier(factor, scale_bits.max(offset_bits));
    let grown = |b: u8| if b == 0 || by == 1.0 { b } else { bits(libm::round(((1u64 << (b - 1)) - 1) as f64 * by) as u64).max(2) };
    (grown(scale_bits), grown(offset_bits))
}

impl Encoded {
    /// Multiplies all weights: exactly for a power of two, otherwise the scales and offsets are rounded again.
    pub(super) fn scale(&mut self, factor: f64) {
        let (exponent, by) = multiplier(factor, self.scale_bits.max(self.offset_bits));
        self.exponents.iter_mut().for_each(|e| *e += exponent);
        if by == 1.0 {
            return;
        }
        for v in self.scales.iter_mut().chain(&mut self.offsets) {
            *v = libm::round(f64::from(*v) * by) as i32;
        }
        self.scale_bits = bits(widest(&self.scales)).max(2);
        if self.offset_bits > 0 {
            self.offset_bits = bits(widest(&self.offsets)).max(2);
        }
        self.lossless = false;
        self.factor = Some(factor);
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

/// Rows a thread takes at a time: enough to be worth the hand-over, few enough to share the last ones.
const TASK_ROWS: usize = BLOCK_ROWS;

/// Encodes a matrix, with the codebook of a `given` one or of its own. `curvature`, where calibration has measured it, is what errors cost;
/// only [`Coding::Chosen`] heeds it.
pub(super) fn encode(
    tensor: &Tensor<'_>,
    order: RowPermutation,
    coding: &Coding,
    given: Option<&MatrixSpec>,
    plan: &Plan,
    curvature: Option<&Curvature>,
) -> Result<Encoded, Error> {
    let (rows, cols) = (tensor.rows(), tensor.cols());
    let (code_bits, codebook) = match given {
        Some(m) => (m.code_bits, m.codebook.clone()),
        None => codebook(tensor, coding, plan.margin.slots)?,
    };
    let group = coding.group() as usize;
    let groups = cols.div_ceil(group);
    let stride = row_stride(cols as u32, code_bits) as usize;
    let (has_offset, grid) = match coding {
        // A die with offsets keeps them for weights that have none.
        Coding::Blocks { .. } | Coding::Grid { .. } if given.is_some_and(|m| m.offset_bits > 0) => (true, None),
        Coding::Blocks { stored, .. } => (stored.has_offset, None),
        Coding::Chosen { width, .. } => (width.offset > 0, Some(width.grid(GridValues::new(&codebook), group.min(cols)))),
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
                    Coding::Blocks { stored, .. } => {
                        let made = blocks::row(tensor, n, stored, &codebook, group, &mut out)?;
                        kept(&out, weights, &codebook, group, &made)
                    }
                    Coding::Chosen { .. } => {
                        let chosen = chosen.as_ref().expect("there is a grid");
                        out.codes.iter_mut().zip(&chosen.codes).for_each(|(to, c)| *to = c[i]);
                        out.scales.iter_mut().zip(&chosen.scales).for_each(|(to, s)| *to = s[i] as i32);
                        out.offsets.iter_mut().zip(&chosen.offsets).for_each(|(to, o)| *to = o[i] as i32);
                        measure(&out, weights, &codebook, group, chosen.exponents[i])
                    }
                    Coding::Grid { .. } => {
                        let left = || Error::model(tensor.name, "left its grid");
                        let made = grid::row(weights, &codebook, group, &mut out).ok_or_else(left)?;
                        kept(&out, weights, &codebook, group, &made)
                    }
                };
                pack_row(row_codes, code_bits, packed);
            }
            Ok::<(), Error>(())
        },
    )?;
    let amax = (1u64 << (plan.act_bits - 1)) - 1;
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
        exact_bits: facts.iter().map(|f| f.exact_bits).max().unwrap_or(0),
        factor: None,
        error: facts.iter().map(|f| f.error).sum(),
        energy: facts.iter().map(|f| f.energy).sum(),
        exponents: facts.iter().map(|f| f.exponent).collect(),
        codes,
        scales,
        offsets,
    })
}

fn widest(v: &[i32]) -> u64 {
    v.iter().map(|x| u64::from(x.unsigned_abs())).max().unwrap_or(0)
}

/// What a row that was to be kept proves and loses.
fn kept(row: &RowOut<'_>, weights: &[f32], codebook: &[i32], group: usize, made: &Mantissas) -> Facts {
    Facts { exact_bits: made.bits, ..measure(row, weights, codebook, group, made.exponent) }
}

/// What a row whose codes were given proves and loses.
fn measure(row: &RowOut<'_>, weights: &[f32], codebook: &[i32], group: usize, exponent: i32) -> Facts {
    let unit = libm::exp2(f64::from(exponent));
    let mut facts = Facts { exponent, ..Facts::default() };
    for (g, (codes, weights)) in row.codes.chunks(group).zip(weights.chunks(group)).enumerate() {
        let scale = i64::from(row.scales[g]);
        let offset = row.offsets.get(g).map_or(0, |&o| i64::from(o));
        let mut sum = 0u64;
        for (&c, &w) in codes.iter().zip(weights) {
            let v = i64::from(codebook[usize::from(c)]);
            sum += v.unsigned_abs();
            // A scaled code and its offset may have more bits than the `f32` they are read as.
            let lost = f64::from(w) - f64::from(((scale * v + offset) as f64 * unit) as f32);
            facts.error += lost * lost;
            facts.energy += f64::from(w) * f64::from(w);
        }
        facts.group(scale.unsigned_abs(), offset.unsigned_abs(), sum, codes.len());
    }
    facts.lossless = facts.error == 0.0;
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
    let mut weights: Vec<RowBlock> = vec![[0.0; BLOCK_ROWS]; tensor.cols()];
    let mut row = vec![0f32; tensor.cols()];
    for i in 0..count {
        tensor.row_f32(order.source_row((first + i) as u32) as usize, &mut row)?;
        weights.iter_mut().zip(&row).for_each(|(to, w)| to[i] = *w);
    }
    Ok(compensate::rows(weights, curvature, grid))
}

fn codebook(tensor: &Tensor<'_>, coding: &Coding, slots: u8) -> Result<(u8, Vec<i32>), Error> {
    if let Coding::Chosen { width, fitted: true, group } = coding
        && width.code <= 4
    {
        let values = fit::codebook(tensor, width.code, *group as usize, width.offset > 0, width.greatest_value())?;
        return Ok((width.code, values));
    }
    Ok(values(coding, slots))
}

/// Bits of a code and what codes stand for, where no tensor has a say; on a stored grid `slots` values that it does not use.
pub(super) fn values(coding: &Coding, slots: u8) -> (u8, Vec<i32>) {
    let range = |first: i32, bits: u8| (bits, (0..1i32 << bits).map(|i| first + i).collect());
    match coding {
        Coding::Blocks { .. } | Coding::Grid { .. } if slots > 0 => onto::with_slots(&coding.stored_values(), slots),
        Coding::Blocks { stored, .. } => blocks::codebook(stored),
        Coding::Grid { bits, .. } => (*bits, grid::codebook(*bits)),
        Coding::Nearest { bits, .. } => range(-(1 << (bits - 1)), *bits),
        Coding::Chosen { width, .. } => range(-(1 << (width.code - 1)), width.code),
    }
}
