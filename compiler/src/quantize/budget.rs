//! Widths under a budget: what each matrix's rounding errors at every width cost the model's predictions is estimated from one pass of
//! text through the model and back; then bits go where they save most.

use super::calibrate;
use super::choice::{Quantizer, Width};
use super::compensate;
use super::curvature::Curvature;
use super::fisher::{self, Weighed};
use super::matrices::tables_of;
use super::row_block::{BLOCK_ROWS, GridValues, RowBlock};
use crate::error::Error;
use crate::options::{Plan, Progress};
use hardwire_models::{Checkpoint, Op, OpGraph, Tensor};
use petgraph::graph::NodeIndex;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Widths to choose from, narrow ones first. Mantissas two bits finer serve weights that lie on a grid of four bits.
const WIDTHS: [Width; 6] = [Width::of(2), Width::of(3), Width::of(4), Width { code: 4, scale: 9, offset: 11 }, Width::of(6), Width::of(8)];
/// Tokens of calibration text that errors are weighed on.
const TOKENS: usize = 1536;
/// Bytes that their vectors may take: 1536 tokens of a model of 135 M take 2.2 GB, one of 8 B has room for some 700.
const MEMORY: usize = 8 << 30;
/// One part of so many of them judges what codes lose that the others have calibrated.
const JUDGES: usize = 3;
/// Rows of a matrix that are rounded at every width.
const ROWS: usize = 48;

struct Matrix {
    id: NodeIndex,
    weights: f64,
    /// Bits a weight and loss (nats a token), by width.
    bits: [f64; WIDTHS.len()],
    loss: [f64; WIDTHS.len()],
    chosen: usize,
}

/// What a budget makes of a model.
pub(super) struct Shares {
    pub widths: BTreeMap<NodeIndex, Width>,
    /// Of the embedding's rows, which the same pass shows.
    pub embedding: Option<Curvature>,
}

/// The text that errors are weighed on: as much of it as the vectors of a pass there and back have room for.
pub(super) fn text(checkpoint: &Checkpoint, plan: &Plan) -> Result<Vec<u32>, Error> {
    let mut text = calibrate::texts(checkpoint, plan, TOKENS.min(plan.choice.calibration_tokens))?.concat();
    text.truncate(checkpoint.config().context.min(MEMORY / bytes_a_token(checkpoint.graph())));
    Ok(text)
}

/// Of the vectors of all nodes.
fn bytes_a_token(graph: &OpGraph) -> usize {
    4 * graph.graph.node_weights().map(|n| n.width).sum::<usize>()
}

/// A width for every matrix, at most `average` bits a weight over all, scales and offsets included.
pub(super) fn widths(
    checkpoint: &Checkpoint,
    plan: &Plan,
    average: f64,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Shares, Error> {
    let graph = checkpoint.graph();
    let text = text(checkpoint, plan)?;
    let gptq = plan.choice.quantizer == Quantizer::Gptq;
    let mut of_embedding = None;
    let options = WIDTHS.map(|w| plan.choice.adjusted(w));
    let order = graph.topological_order();
    let names: Vec<(NodeIndex, &String)> = order.iter().filter_map(|&id| tables_of(graph, id).first().map(|t| (id, t.weight))).collect();
    let mut losses: BTreeMap<NodeIndex, [f64; WIDTHS.len()]> = BTreeMap::new();
    fisher::weigh(checkpoint, &text, &mut |w| {
        let Some(weight) = graph.graph[w.node].matrix() else { return Ok(()) };
        let (node, tensor) = (w.node, checkpoint.tensor(weight)?);
        let group = (plan.group as usize).min(tensor.cols());
        let loss = match &graph.graph[node].op {
            Op::Embed { scale, .. } => {
                let seen: Vec<usize> = text.iter().take(ROWS).map(|&t| t as usize).collect();
                of_embedding = gptq.then(|| fisher::curvature(&w)).flatten();
                embedding(&tensor, &w, &seen, of_embedding.is_some(), &options, group)?.map(|l| l * f64::from(*scale).powi(2))
            }
            _ => linear(&tensor, &w, gptq, &options, group)?,
        };
        tensor.release();
        // Half of the squares, a token's mean.
        losses.insert(node, loss.map(|l| 0.5 * l / text.len() as f64));
        let path = format!("weighing {}", graph.graph[node].path);
        progress(Progress { path: &path, done: losses.len() as u64, total: names.len() as u64 });
        Ok(())
    })?;
    let of = |&(id, weight): &(NodeIndex, &String)| {
        let tensor = checkpoint.tensor(weight)?;
        let (inputs, group) = (tensor.cols(), (plan.group as usize).min(tensor.cols()));
        let weights = (tensor.rows() * inputs) as f64;
        // An expert that no token chose has lost nothing yet.
        let loss = losses.get(&id).copied().unwrap_or_default();
        // Learned positions are few, and get what their embedding gets.
        Ok(Matrix { id, weights, bits: options.map(|w| w.per_weight(inputs, group)), loss, chosen: 0 })
    };
    let mut matrices = names.iter().map(of).collect::<Result<Vec<_>, Error>>()?;
    share(&mut matrices, average)?;
    Ok(Shares { widths: matrices.iter().map(|m| (m.id, options[m.chosen])).collect(), embedding: of_embedding })
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
            for to in m.chosen + 1..WIDTHS.len() {
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

/// `sum over tokens and outputs of g^2 e^2` at each width, from some rows.
fn linear(
    tensor: &Tensor<'_>,
    w: &Weighed<'_>,
    heeds: bool,
    options: &[Width; WIDTHS.len()],
    group: usize,
) -> Result<[f64; WIDTHS.len()], Error> {
    let step = tensor.rows().div_ceil(ROWS).max(1);
    let sampled: Vec<usize> = (0..tensor.rows()).step_by(step).collect();
    let (heeded, judged) = parted(heeds, w.entering, tensor.cols(), Some(&w.tokens));
    // Of each row, its weight times `e H e`.
    let cost = |error: &[RowBlock], rows: &[usize]| {
        rows.iter().zip(compensate::cost(error, &judged)).map(|(&r, c)| f64::from(w.outputs[r]) * f64::from(c)).sum::<f64>()
    };
    let seen: f64 = sampled.iter().map(|&r| f64::from(w.outputs[r])).sum();
    let all: f64 = w.outputs.iter().map(|&o| f64::from(o)).sum();
    let by = if seen > 0.0 { all / seen } else { 0.0 };
    Ok(over(tensor, &sampled, options, group, heeded.as_ref(), &cost)?.map(|l| l * by))
}

/// The same for an embedding, whose rows are its outputs, from the rows of some tokens.
fn embedding(
    tensor: &Tensor<'_>,
    w: &Weighed<'_>,
    seen: &[usize],
    heeds: bool,
    options: &[Width; WIDTHS.len()],
    group: usize,
) -> Result<[f64; WIDTHS.len()], Error> {
    let (heeded, judged) = parted(heeds, w.slopes, tensor.cols(), None);
    let cost =
        |error: &[RowBlock], rows: &[usize]| compensate::cost(error, &judged)[..rows.len()].iter().map(|&c| f64::from(c)).sum::<f64>();
    // A row's cost for a token's mean, the sum over the text's tokens wanted.
    let by = w.tokens.len() as f64 / seen.len() as f64;
    Ok(over(tensor, seen, options, group, heeded.as_ref(), &cost)?.map(|l| l * by))
}

/// Curvature of the vectors that codes heed, if they do, and of those that judge them, weighed: codes look better on the very tokens that
/// have calibrated them.
fn parted(heeds: bool, vectors: &[f32], n: usize, weights: Option<&[f32]>) -> (Option<Curvature>, Curvature) {
    let tokens = vectors.len() / n;
    let first = tokens - tokens.div_ceil(JUDGES);
    let heeded = (heeds && first > 0).then(|| Curvature::new(None, &vectors[..first * n], n, None));
    (heeded, Curvature::new(None, &vectors[first * n..], n, weights.map(|w| &w[first..])))
}

/// The sum of a cost of the errors of some rows, at each width.
fn over(
    tensor: &Tensor<'_>,
    rows: &[usize],
    options: &[Width; WIDTHS.len()],
    group: usize,
    heeded: Option<&Curvature>,
    cost: &(dyn Fn(&[RowBlock], &[usize]) -> f64 + Sync),
) -> Result<[f64; WIDTHS.len()], Error> {
    let one = |rows: &[usize]| {
        let weights = lanes(tensor, rows)?;
        Ok(options.map(|width| cost(&errors(&weights, width, group, heeded), rows)))
    };
    let parts = rows.par_chunks(BLOCK_ROWS).map(one).collect::<Result<Vec<_>, Error>>()?;
    Ok(std::array::from_fn(|i| parts.iter().map(|p| p[i]).sum()))
}

/// Weights less what their codes stand for.
pub(super) fn errors(weights: &[RowBlock], width: Width, group: usize, heeded: Option<&Curvature>) -> Vec<RowBlock> {
    let values: Vec<i32> = (-(1 << (width.code - 1))..1 << (width.code - 1)).collect();
    let rows = compensate::rows(weights.to_vec(), heeded, &width.grid(GridValues::new(&values), group));
    let off = |(k, w): (usize, &RowBlock)| {
        std::array::from_fn(|i| {
            let value = rows.scales[k / group][i] * values[usize::from(rows.codes[k][i])] as f32 + rows.offsets[k / group][i];
            w[i] - value * libm::exp2f(rows.exponents[i] as f32)
        })
    };
    weights.iter().enumerate().map(off).collect()
}

/// Up to eight rows side by side.
pub(super) fn lanes(tensor: &Tensor<'_>, rows: &[usize]) -> Result<Vec<RowBlock>, Error> {
    let mut out = vec![[0f32; BLOCK_ROWS]; tensor.cols()];
    let mut row = vec![0f32; tensor.cols()];
    for (i, &n) in rows.iter().enumerate() {
        tensor.row_f32(n, &mut row)?;
        out.iter_mut().zip(&row).for_each(|(to, w)| to[i] = *w);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(weights: f64, loss: f64) -> Matrix {
        let bits = WIDTHS.map(|w| w.per_weight(512, 32));
        Matrix { id: NodeIndex::new(0), weights, bits, loss: bits.map(|b| loss * libm::exp2(-2.0 * b)), chosen: 0 }
    }

    #[test]
    fn vectors_of_a_pass_have_room() {
        let graph = Checkpoint::bundled().graph().clone();
        // More than a dozen vectors a layer, five layers of 128.
        assert!((4 * 5 * 12 * 128..1 << 20).contains(&bytes_a_token(&graph)), "{}", bytes_a_token(&graph));
        assert!(MEMORY / bytes_a_token(&graph) > TOKENS);
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
            let step = |m: &Matrix| (m.chosen + 1 < WIDTHS.len()).then(|| m.weights * (m.bits[m.chosen + 1] - m.bits[m.chosen]));
            assert!(all.iter().filter_map(step).all(|s| spent + s > average * weights));
            let mean = |rest: usize| all.iter().enumerate().filter(|(i, _)| i % 7 == rest).map(|(_, m)| m.chosen).sum::<usize>();
            assert!(mean(5) >= mean(0), "the more it loses, the more bits");
        }
        assert!(share(&mut [matrix(1.0, 1.0)], 2.3).is_err());
    }
}
