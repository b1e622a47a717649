//! What a model's matrices become, told without its weights: the coding that follows from the options and from how its files store them,
//! and the widths that codes of trained weights need. Those come from synthetic rows of the same length, which go through the real
//! encoders (`docs/scale.md` says how far that is from what whole matrices prove).

use super::encode::{self, Coding, Kept};
use super::matrices::{QuantizedMatrix, QuantizedModel, Table, shared_group, tables_of};
use super::nearest;
use super::row::{Facts, RowOut, bits, mantissas};
use crate::error::Error;
use crate::folding::Folding;
use crate::formats;
use crate::options::Plan;
use crate::order::row_order;
use crate::weights::Usual;
use half::f16;
use hardwire_models::{BlockFormat, Dtype, Numbers, Op, OpGraph, Shape, synthetic};
use hardwire_netlist::ProgramId;
use hardwire_netlist::unit::{MatrixSpec, shift_bits};
use std::collections::BTreeMap;

/// Rows encoded for one kind of matrix, and most values of them.
const ROWS: usize = 64;
const VALUES: usize = 1 << 22;
/// A matrix has thousands of rows and its greatest sum decides: over 64 rows the greatest is lower by less than one bit.
const EXTREME_BITS: u8 = 1;
/// A trained scale of a whole matrix: any number whose mantissa is as long as its type has room for.
const TRAINED_SCALE: f32 = 0.503_906_25;

/// Every matrix of `shape` as `plan` has it, codes and scales apart. Numbers in the program file are those that [`super::quantize`]
/// gives.
///
/// # Errors
/// An option that no answer without weights exists to.
pub(crate) fn expected(shape: &Shape, plan: &Plan, folding: &Folding) -> Result<QuantizedModel, Error> {
    if plan.choice.average_bits.is_some() {
        return Err(Error::option("average-bits", "bits are shared out by what weights lose, and there are no weights: give --bits"));
    }
    let weights = Usual(shape);
    let graph = &shape.graph;
    let mut known: Vec<(Numbers, Coding, u32, Widths)> = Vec::new();
    let mut matrices = BTreeMap::new();
    for table in graph.topological_order().into_iter().flat_map(|id| tables_of(graph, id)) {
        let Table { id, path, weight, scale } = table;
        let (outputs, inputs) = size(graph, &path, id);
        let numbers = shape.numbers(weight);
        let coding = |weight: &str, inputs: u32, group| Coding::keeping(kept(shape.numbers(weight)), inputs as usize, plan, group, None);
        let group = shared_group(graph, id, |_, sibling| Ok(coding(sibling, inputs, None).group()))?;
        let coding = coding(weight, inputs, group);
        let widths = match known.iter().find(|k| (k.0, &k.1, k.2) == (numbers, &coding, inputs)) {
            Some(known) => known.3,
            None => {
                let widths = sample(numbers, &coding, inputs as usize, plan.act_bits);
                known.push((numbers, coding.clone(), inputs, widths));
                widths
            }
        };
        let (code_bits, codebook) = encode::values(&coding, plan.margin.slots);
        let (scale_bits, offset_bits) = encode::scaled_bits(widths.scale_bits, widths.offset_bits, f64::from(scale));
        let bias = matches!(graph.graph[id].op, Op::Linear { bias: Some(_), .. });
        let spec = MatrixSpec {
            tensor: weight.clone(),
            inputs,
            outputs,
            code_bits,
            codebook,
            group: coding.group(),
            scale_bits,
            offset_bits,
            bias,
            shift_bits: 0,
            rows: row_order(graph, id),
            program: ProgramId(matrices.len() as u32),
        };
        let (acc_bits, tot_bits) = (widths.acc_bits, widths.tot_bits);
        let matrix = QuantizedMatrix {
            spec,
            acc_bits,
            tot_bits,
            shift_bits: shift_bits(std::iter::empty()),
            lossless: false,
            relative_square_error: 0.0,
            coding: "by shape".to_string(),
        };
        matrices.insert(path, matrix);
    }
    super::matrices::widen(folding, &mut matrices);
    super::reserve::reserve(plan.margin, plan.act_bits, &mut matrices);
    Ok(QuantizedModel { matrices, formats: formats::formats(&weights, folding, plan)? })
}

fn kept(numbers: Numbers) -> Kept {
    match numbers {
        Numbers::Floats => Kept::Nothing,
        Numbers::Ternary => Kept::Grid(2),
        Numbers::Blocks(_, format) => Kept::Blocks(format),
    }
}

/// Rows and columns.
fn size(graph: &OpGraph, path: &str, id: petgraph::graph::NodeIndex) -> (u32, u32) {
    let node = &graph.graph[id];
    let (rows, cols) = match &node.op {
        Op::Linear { inputs, outputs, .. } => (*outputs, *inputs),
        Op::Embed { positions: Some(p), .. } if path != node.path => (p.count, node.width),
        _ => (graph.graph[graph.output].width, node.width),
    };
    (rows as u32, cols as u32)
}

/// Widths of one kind of matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Widths {
    acc_bits: u8,
    tot_bits: u8,
    scale_bits: u8,
    offset_bits: u8,
}

/// What synthetic rows of `inputs` prove.
fn sample(numbers: Numbers, coding: &Coding, inputs: usize, act_bits: u8) -> Widths {
    let (code_bits, codebook) = encode::values(coding, 0);
    let group = (coding.group() as usize).min(inputs);
    let rows = synthetic::rows(1, inputs, ROWS.min(VALUES / inputs).max(4));
    let (mut scale_bits, mut offset_bits) = (2, 0);
    let (mut group_sum, mut total) = (0, 0);
    let mut see = |facts: &Facts| {
        group_sum = facts.max_group_sum.max(group_sum);
        total = facts.max_total.max(total);
    };
    let nearest = |see: &mut dyn FnMut(&Facts)| {
        let (mut codes, mut scales) = (vec![0u8; inputs], vec![0i32; inputs.div_ceil(group)]);
        let mut scratch = nearest::Scratch::default();
        for row in &rows {
            let mut out = RowOut { codes: &mut codes, scales: &mut scales, offsets: &mut [] };
            see(&nearest::row(row, code_bits, group, &mut scratch, &mut out));
        }
    };
    match (coding, numbers) {
        (Coding::Chosen { width, .. }, _) => {
            nearest(&mut see);
            (scale_bits, offset_bits) = (width.scale, width.offset);
        }
        (Coding::Blocks { stored, .. }, Numbers::Blocks(dtype, _)) if !stored.one_scale => {
            for row in &rows {
                let (scales, offsets, sums) = blocks(dtype, stored, row);
                let made = mantissas(&[&scales[..], &offsets[..]].concat());
                let of = |i: usize| u64::from(made.values[i].unsigned_abs());
                let mut facts = Facts::default();
                for (g, &sum) in sums.iter().enumerate() {
                    let offset = if offsets.is_empty() { 0 } else { of(scales.len() + g) };
                    scale_bits = scale_bits.max(bits(of(g)));
                    offset_bits = offset_bits.max(if offsets.is_empty() { 0 } else { bits(offset).max(2) });
                    facts.group(of(g), offset, sum, stored.group);
                }
                see(&facts);
            }
        }
        (Coding::Grid { .. } | Coding::Blocks { .. }, _) => {
            // Ternary: every weight beyond half of the mean magnitude is one (BitNet b1.58's absmean rounding).
            let scale = u64::from(mantissas(&[TRAINED_SCALE]).values[0].unsigned_abs());
            scale_bits = bits(scale);
            for row in &rows {
                let mean = row.iter().map(|w| w.abs()).sum::<f32>() / inputs as f32;
                let mut facts = Facts::default();
                for g in row.chunks(group) {
                    facts.group(scale, 0, g.iter().filter(|w| w.abs() > mean / 2.0).count() as u64, g.len());
                }
                see(&facts);
            }
        }
        (Coding::Nearest { bits, .. }, _) => {
            nearest(&mut see);
            scale_bits = nearest::scale_bits(*bits);
        }
    }
    let amax = (1u64 << (act_bits - 1)) - 1;
    // No group sums to more than its greatest code everywhere.
    let most = codebook.iter().map(|v| u64::from(v.unsigned_abs())).max().unwrap_or(1) * group as u64;
    let acc = (bits(group_sum * amax) + EXTREME_BITS).min(bits(most * amax));
    let tot = bits(total.saturating_mul(amax).min(1 << 61)) + EXTREME_BITS;
    Widths { acc_bits: acc.min(40), tot_bits: tot.min(62), scale_bits, offset_bits }
}

/// A row in stored blocks as the writers of such files round it: scales, offsets where the format has them, and the sum of the code
/// magnitudes of each.
fn blocks(dtype: Dtype, format: &BlockFormat, row: &[f32]) -> (Vec<f32>, Vec<f32>, Vec<u64>) {
    let half = |x: f32| f16::from_f32(x).to_f32();
    let groups: Vec<&[f32]> = row.chunks(format.group).collect();
    let reach = |g: &[f32]| {
        let (least, most) = g.iter().fold((0f32, 0f32), |(a, b), &w| (a.min(w), b.max(w)));
        match format.has_offset {
            true => ((most - least) / format.code_max as f32, least),
            false => (least.abs().max(most) / format.code_max.max(-format.code_min) as f32, 0.0),
        }
    };
    let raw: Vec<(f32, f32)> = groups.iter().map(|g| reach(g)).collect();
    // Scales of scales: a half for 256 values, and whole numbers of it for each group (`ggml-quants.c`).
    let whole = match dtype {
        Dtype::Q2K => 15.0,
        Dtype::Q3K => 31.0,
        Dtype::Q4K | Dtype::Q5K => 63.0,
        Dtype::Q6K => 127.0,
        _ => 0.0,
    };
    let rounded = |values: Vec<f32>| -> Vec<f32> {
        let power = |x: f32| libm::exp2f(libm::floorf(libm::log2f(x.max(f32::MIN_POSITIVE))));
        match dtype {
            // A scale of its exponent alone, for the greatest code of 6 = 1.5 * 2^2, stored doubled.
            Dtype::MxFp4 => values.iter().map(|v| power(v * 12.0) / 8.0).collect(),
            _ if whole > 0.0 => values
                .chunks(256 / format.group)
                .flat_map(|block| {
                    let unit = half(block.iter().fold(0f32, |m, v| m.max(v.abs())) / whole);
                    block.iter().map(move |v| if unit > 0.0 { unit * (v / unit).round() } else { 0.0 })
                })
                .collect(),
            _ => values.into_iter().map(half).collect(),
        }
    };
    let scales = rounded(raw.iter().map(|r| r.0).collect());
    let offsets = if format.has_offset { rounded(raw.iter().map(|r| r.1).collect()) } else { Vec::new() };
    let magnitude = |w: f32, scale: f32, offset: f32| {
        let q = if scale == 0.0 { 0.0 } else { ((w - offset) / scale).round() };
        q.clamp(format.code_min as f32, format.code_max as f32).abs() as u64
    };
    let sum = |(g, values): (usize, &&[f32])| {
        values.iter().map(|&w| magnitude(w, scales[g], offsets.get(g).copied().unwrap_or(0.0))).sum::<u64>()
    };
    let sums = groups.iter().enumerate().map(sum).collect();
    (scales, offsets, sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_synthetic_rows_have_the_widths_of_their_formats() {
        let rows = synthetic::rows(3, 512, 2);
        let widest = |scales: &[f32]| mantissas(scales).bits;
        let format =
            |group, code_min, code_max, has_offset| BlockFormat { group, code_min, code_max, has_offset, values: None, one_scale: false };
        // Powers of two that differ by a few; halves of 11 bits that do; products of a half and six bits.
        let (scales, _, sums) = blocks(Dtype::MxFp4, &format(32, -12, 12, false), &rows[0]);
        assert!((1..=7).contains(&widest(&scales)) && scales.len() == 16, "{scales:?}");
        assert!(sums.iter().all(|&s| s > 0 && s <= 32 * 12));
        let (scales, _, _) = blocks(Dtype::Q8_0, &format(32, -128, 127, false), &rows[0]);
        assert!((10..=16).contains(&widest(&scales)), "{}", widest(&scales));
        let (scales, offsets, _) = blocks(Dtype::Q4K, &format(32, 0, 15, true), &rows[1]);
        assert!((14..=22).contains(&widest(&scales)) && offsets.len() == scales.len(), "{}", widest(&scales));
    }
}
