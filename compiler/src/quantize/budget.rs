//! Widths under a budget: every matrix is measured once, by what the model's predictions lose when it alone is coarse; then bits go
//! where they save most.

use super::calibrate::texts;
use super::choice::Width;
use super::compensate;
use super::eight::{Book, EIGHT, Eight};
use super::tables_of;
use crate::Progress;
use crate::error::Error;
use crate::options::Plan;
use hardwire_models::{Checkpoint, FloatModel, FloatPass, Tensor};
use petgraph::graph::NodeIndex;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Code bits to choose from.
const CODES: [u8; 5] = [2, 3, 4, 6, 8];
/// Code bits at which a matrix is measured: coarse enough to tell from rounding noise, fine enough to be small.
const PROBE: usize = 1;
/// Tokens of calibration text the model is measured on.
const TOKENS: usize = 256;
/// Rows of a matrix whose error at every width is measured.
const ROWS: usize = 64;

struct Matrix {
    id: NodeIndex,
    weights: f64,
    /// Bits a weight and loss (nats a token), by [`CODES`].
    bits: [f64; CODES.len()],
    loss: [f64; CODES.len()],
    chosen: usize,
}

/// A width for every matrix, at most `average` bits a weight over all, scales and offsets included.
pub(super) fn widths(
    checkpoint: &Checkpoint,
    plan: &Plan,
    average: f64,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<BTreeMap<NodeIndex, Width>, Error> {
    let graph = checkpoint.graph();
    let model = FloatModel::new(checkpoint)?;
    let text = texts(checkpoint, plan, TOKENS)?;
    let pass = FloatPass::new(&model, &text[0])?;
    let order = graph.topological_order();
    // Learned positions are few, and get what their embedding gets.
    let names: Vec<(NodeIndex, &String)> = order.iter().filter_map(|&id| tables_of(graph, id).first().map(|t| (id, t.weight))).collect();
    let mut matrices = Vec::new();
    for (i, (id, weight)) in names.iter().enumerate() {
        let path = &graph.graph[*id].path;
        let tensor = checkpoint.tensor(weight)?;
        let widths = CODES.map(|code| plan.choice.width(code));
        let group = (plan.group as usize).min(tensor.cols());
        let errors = errors(&tensor, &widths, group)?;
        let coarse = coarse(&tensor, widths[PROBE], group)?;
        let measured = divergence(pass.logits(), &pass.vary(path, &coarse)?, checkpoint.config().vocab);
        let loss = errors.map(|e| if errors[PROBE] > 0.0 { measured * e / errors[PROBE] } else { 0.0 });
        let bits = widths.map(|w| w.per_weight(tensor.cols(), group));
        matrices.push(Matrix { id: *id, weights: (tensor.rows() * tensor.cols()) as f64, bits, loss, chosen: 0 });
        progress(Progress { path: &format!("measuring {path}"), done: i as u64 + 1, total: names.len() as u64 });
    }
    share(&mut matrices, average)?;
    Ok(matrices.iter().map(|m| (m.id, plan.choice.width(CODES[m.chosen]))).collect())
}

/// Gives bits where a bit saves most, until the budget is spent.
fn share(matrices: &mut [Matrix], average: f64) -> Result<(), Error> {
    let weights: f64 = matrices.iter().map(|m| m.weights).sum();
    let least: f64 = matrices.iter().map(|m| m.weights * m.bits[0]).sum();
    let mut left = average * weights - least;
    if left < 0.0 {
        let what = format!("{average}, expected {:.3} at least: 2-bit codes with their scales", least / weights);
        return Err(Error::option("average-bits", what));
    }
    loop {
        let mut best: Option<(f64, usize, usize)> = None;
        for (i, m) in matrices.iter().enumerate() {
            for to in m.chosen + 1..CODES.len() {
                let price = m.weights * (m.bits[to] - m.bits[m.chosen]);
                let rate = (m.loss[m.chosen] - m.loss[to]) / price;
                if price <= left + 1e-6 && rate > 0.0 && best.is_none_or(|b| rate > b.0) {
                    best = Some((rate, i, to));
                }
            }
        }
        let Some((_, i, to)) = best else { return Ok(()) };
        left -= matrices[i].weights * (matrices[i].bits[to] - matrices[i].bits[matrices[i].chosen]);
        matrices[i].chosen = to;
    }
}

/// Relative square error at each width, over some rows.
fn errors(tensor: &Tensor<'_>, widths: &[Width; CODES.len()], group: usize) -> Result<[f64; CODES.len()], Error> {
    let step = tensor.rows().div_ceil(ROWS).max(1);
    let sampled: Vec<usize> = (0..tensor.rows()).step_by(step).collect();
    let weights = sampled.chunks(EIGHT).map(|rows| lanes(tensor, rows)).collect::<Result<Vec<_>, Error>>()?;
    let mut out = [0.0; CODES.len()];
    for (out, width) in out.iter_mut().zip(widths) {
        let (mut lost, mut energy) = (0f64, 0f64);
        let parts: Vec<(f64, f64)> = weights
            .par_iter()
            .map(|w| {
                let back = nearest(w, *width, group);
                let square = |x: &Eight| x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
                let apart = |(a, b): (&Eight, &Eight)| square(&std::array::from_fn(|i| a[i] - b[i]));
                (w.iter().zip(&back).map(apart).sum::<f64>(), w.iter().map(square).sum::<f64>())
            })
            .collect();
        parts.iter().for_each(|(l, e)| (lost, energy) = (lost + l, energy + e));
        *out = if energy > 0.0 { lost / energy } else { 0.0 };
    }
    Ok(out)
}

/// The whole matrix rounded to `width`, row after row.
fn coarse(tensor: &Tensor<'_>, width: Width, group: usize) -> Result<Vec<f32>, Error> {
    let cols = tensor.cols();
    let mut out = vec![0f32; tensor.rows() * cols];
    out.par_chunks_mut(EIGHT * cols).enumerate().try_for_each(|(task, out)| {
        let rows: Vec<usize> = (task * EIGHT..task * EIGHT + out.len() / cols).collect();
        let back = nearest(&lanes(tensor, &rows)?, width, group);
        for (i, row) in out.chunks_mut(cols).enumerate() {
            row.iter_mut().zip(&back).for_each(|(to, b)| *to = b[i]);
        }
        Ok::<(), Error>(())
    })?;
    Ok(out)
}

fn nearest(weights: &[Eight], width: Width, group: usize) -> Vec<Eight> {
    let values: Vec<i32> = (-(1 << (width.code - 1))..1 << (width.code - 1)).collect();
    let rows = compensate::rows(weights.to_vec(), None, &width.grid(Book::new(&values), group));
    let stands_for = |k: usize| {
        std::array::from_fn(|i| {
            let value = rows.scales[k / group][i] * values[usize::from(rows.codes[k][i])] as f32 + rows.offsets[k / group][i];
            value * libm::exp2f(rows.exponents[i] as f32)
        })
    };
    (0..weights.len()).map(stands_for).collect()
}

/// Up to eight rows side by side.
fn lanes(tensor: &Tensor<'_>, rows: &[usize]) -> Result<Vec<Eight>, Error> {
    let mut out = vec![[0f32; EIGHT]; tensor.cols()];
    let mut row = vec![0f32; tensor.cols()];
    for (i, &n) in rows.iter().enumerate() {
        tensor.row_f32(n, &mut row)?;
        out.iter_mut().zip(&row).for_each(|(to, w)| to[i] = *w);
    }
    Ok(out)
}

/// Mean over tokens of KL(a || b), nats, of logits `[tokens, vocab]`.
fn divergence(a: &[f32], b: &[f32], vocab: usize) -> f64 {
    let of = |(a, b): (&[f32], &[f32])| {
        let log_sum = |x: &[f32]| {
            let max = x.iter().fold(f32::NEG_INFINITY, |m, &v| m.max(v));
            f64::from(max) + libm::log(x.iter().map(|&v| libm::exp(f64::from(v - max))).sum::<f64>())
        };
        let (la, lb) = (log_sum(a), log_sum(b));
        let term = |(&a, &b): (&f32, &f32)| {
            let (pa, pb) = (f64::from(a) - la, f64::from(b) - lb);
            libm::exp(pa) * (pa - pb)
        };
        a.iter().zip(b).map(term).sum::<f64>()
    };
    let each: Vec<f64> = a.par_chunks(vocab).zip(b.par_chunks(vocab)).map(of).collect();
    each.iter().sum::<f64>() / each.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(weights: f64, loss: f64) -> Matrix {
        let bits = CODES.map(|c| f64::from(c) + 0.5);
        Matrix { id: NodeIndex::new(0), weights, bits, loss: CODES.map(|c| loss * libm::exp2(-2.0 * f64::from(c))), chosen: 0 }
    }

    #[test]
    fn bits_go_where_they_save_most_and_never_past_the_budget() {
        for average in [2.5, 3.1, 3.5, 4.5, 7.0, 20.0] {
            let mut all: Vec<Matrix> = (0..20).map(|i| matrix(100.0 + i as f64, libm::exp2(f64::from(i % 7)))).collect();
            share(&mut all, average).unwrap();
            let spent: f64 = all.iter().map(|m| m.weights * m.bits[m.chosen]).sum();
            let weights: f64 = all.iter().map(|m| m.weights).sum();
            assert!(spent <= average * weights + 1e-3);
            // No cheapest step is left that would fit.
            let step = |m: &Matrix| (m.chosen + 1 < CODES.len()).then(|| m.weights * (m.bits[m.chosen + 1] - m.bits[m.chosen]));
            assert!(all.iter().filter_map(step).all(|s| spent + s > average * weights));
            let mean = |rest: usize| all.iter().enumerate().filter(|(i, _)| i % 7 == rest).map(|(_, m)| m.chosen).sum::<usize>();
            assert!(mean(5) >= mean(0), "the more it loses, the more bits");
        }
        assert!(share(&mut [matrix(1.0, 1.0)], 2.4).is_err());
    }
}
