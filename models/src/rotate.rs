//! The same model in another basis. An orthogonal `Q` turns the residual stream, another one the values of every head, and both are folded
//! into the matrices around them: what enters the stream is turned, what reads it is turned back, and nothing is left to compute. A
//! norm's gains move into the matrices behind it, since only a norm without gains sees no difference (QuaRot, Ashkboos et al. 2024).
//!
//! `Q` is a diagonal of signs, a Hadamard matrix of the power of two in the width, and a discrete cosine transform over what is left of
//! it: it spreads every weight over a whole row, and a row of n weights is turned in `n log n`.

use std::collections::{BTreeMap, HashMap};

use petgraph::Direction;
use petgraph::graph::NodeIndex;
use rayon::prelude::*;

use crate::graph::{Op, OpGraph};
use crate::{Error, Tensor};

/// How a tensor of the turned model is made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Turn {
    /// The stored tensor.
    pub base: String,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// Gains that have moved.
    Ones,
    Matrix(Sides),
}

/// What a matrix takes up on its two sides; of a bias only what its elements do.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Sides {
    /// Gains of the inputs, and what is added to each.
    gain: Option<(String, f32)>,
    /// Lengths of the turned blocks of a row, and of a column; 0 for none.
    inputs: usize,
    outputs: usize,
}

/// A graph in the other basis, and how its tensors are made.
///
/// # Errors
/// [`Error::Graph`] at the first node that the basis matters to.
pub(crate) fn plan(graph: &OpGraph) -> Result<(OpGraph, BTreeMap<String, Turn>), Error> {
    let mut sides: HashMap<NodeIndex, Sides> = HashMap::new();
    let mut out = graph.clone();
    let mut turns = BTreeMap::new();
    // Nodes whose outputs are in the stream's basis, and the gains of norms still to be applied.
    let mut stream: HashMap<NodeIndex, Option<(String, f32)>> = HashMap::new();
    let refuse = |node: NodeIndex, why: &str| {
        Err(Error::Graph { node: graph.graph[node].path.clone(), problem: format!("{why}, so the stream cannot be rotated") })
    };
    for id in graph.topological_order() {
        let (node, inputs) = (&graph.graph[id], graph.inputs(id));
        let read = inputs.iter().find_map(|i| stream.get(i));
        match (&node.op, read) {
            (Op::Embed { .. }, _) => {
                sides.entry(id).or_default().inputs = node.width;
                stream.insert(id, None);
            }
            (Op::Add, Some(_)) => {
                for branch in inputs.into_iter().filter(|i| !stream.contains_key(i)) {
                    let linear = |&n: &NodeIndex| matches!(graph.graph[n].op, Op::Linear { .. });
                    // All that is mixed but the weights.
                    let sources = match graph.graph[branch].op {
                        Op::Mix { experts, shared } => {
                            let inputs = graph.inputs(branch);
                            inputs[1..=experts].iter().chain(inputs.last().filter(|_| shared)).copied().collect()
                        }
                        _ => vec![branch],
                    };
                    if let Some(&other) = sources.iter().find(|n| !linear(n)) {
                        return refuse(other, "it stands between a matrix and the stream");
                    }
                    sources.into_iter().for_each(|n| sides.entry(n).or_default().outputs = node.width);
                }
                stream.insert(id, None);
            }
            (Op::RmsNorm { gain, gain_offset, groups: 1, .. }, Some(None)) => {
                turns.insert(gain.clone(), Turn { base: gain.clone(), kind: Kind::Ones });
                if let Op::RmsNorm { gain_offset, .. } = &mut out.graph[id].op {
                    *gain_offset = 0.0;
                }
                stream.insert(id, Some((gain.clone(), *gain_offset)));
            }
            (Op::Linear { inputs, .. }, Some(gain)) => {
                let s = sides.entry(id).or_default();
                (s.inputs, s.gain) = (*inputs, gain.clone());
            }
            (Op::LayerNorm { .. }, Some(_)) => return refuse(id, "it takes the mean off each element of the stream"),
            (_, Some(_)) => return refuse(id, "it works on the elements of the stream"),
            (Op::Attention { head_dim, .. }, None) => {
                // Values are averaged element by element, whatever their basis, if nothing but matrices sees them.
                let readers: Vec<NodeIndex> = graph.graph.neighbors_directed(id, Direction::Outgoing).collect();
                if [inputs[2]].iter().chain(&readers).all(|&n| matches!(graph.graph[n].op, Op::Linear { .. })) {
                    sides.entry(inputs[2]).or_default().outputs = *head_dim;
                    readers.into_iter().for_each(|n| sides.entry(n).or_default().inputs = *head_dim);
                }
            }
            _ => {}
        }
    }
    for id in graph.topological_order() {
        let Some(sides) = sides.remove(&id) else { continue };
        let path = out.graph[id].path.clone();
        let mut turn = |name: &mut String, sides: Sides| {
            let turn = Turn { base: name.clone(), kind: Kind::Matrix(sides) };
            // A matrix that two nodes share becomes two.
            if turns.get(name).is_some_and(|other| *other != turn) {
                *name = format!("{path}.weight");
            }
            turns.insert(name.clone(), turn);
        };
        match &mut out.graph[id].op {
            Op::Embed { weight, positions, .. } => {
                positions.iter_mut().for_each(|p| turn(&mut p.weight, sides.clone()));
                turn(weight, sides);
            }
            Op::Linear { weight, bias, .. } => {
                if let (Some(bias), 1..) = (bias, sides.outputs) {
                    turn(bias, Sides { inputs: sides.outputs, ..Sides::default() });
                }
                turn(weight, sides);
            }
            _ => unreachable!("only matrices have sides"),
        }
    }
    Ok((out, turns))
}

/// The values of a turned matrix; `gains` are those of its inputs.
pub(crate) fn turned(base: &Tensor<'_>, sides: &Sides, gains: Option<&Tensor<'_>>) -> Result<Vec<f32>, Error> {
    let cols = base.cols();
    let gains = match (gains, &sides.gain) {
        (Some(gains), Some((_, offset))) => Some(gains.to_f32()?.into_iter().map(|g| g + offset).collect::<Vec<f32>>()),
        _ => None,
    };
    let mut values = vec![0f32; base.rows() * cols];
    values.par_chunks_mut(cols).enumerate().try_for_each(|(n, row)| {
        base.row_f32(n, row)?;
        if let Some(gains) = &gains {
            row.iter_mut().zip(gains).for_each(|(w, g)| *w *= g);
        }
        if sides.inputs > 0 {
            row.chunks_exact_mut(sides.inputs).for_each(|block| rotate(block, 1));
        }
        Ok::<(), Error>(())
    })?;
    if sides.outputs > 0 {
        values.par_chunks_mut(sides.outputs * cols).for_each(|block| rotate(block, cols));
    }
    Ok(values)
}

impl Sides {
    /// The gains its inputs take up.
    pub fn gain(&self) -> Option<&str> {
        self.gain.as_ref().map(|(name, _)| name.as_str())
    }
}

/// Multiplies a row of items, each of `width` values, by `Q`.
fn rotate(items: &mut [f32], width: usize) {
    let n = items.len() / width;
    let power = 1 << n.trailing_zeros();
    let by = 1.0 / (power as f32).sqrt();
    let mut state = 0x9E37_79B9_7F4A_7C15u64 ^ n as u64;
    for item in items.chunks_exact_mut(width) {
        // SplitMix64 (Steele et al. 2014).
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let sign = if (z ^ (z >> 31)) & 1 == 0 { by } else { -by };
        item.iter_mut().for_each(|x| *x *= sign);
    }
    let mut half = 1;
    while half < power {
        for pair in items.chunks_exact_mut(2 * half * width) {
            let (low, high) = pair.split_at_mut(half * width);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
    let rest = n / power;
    if rest == 1 {
        return;
    }
    // Of the orthonormal type II.
    let cosine = |to: usize, from: usize| {
        let angle = std::f64::consts::PI * to as f64 * (2 * from + 1) as f64 / (2 * rest) as f64;
        (libm::cos(angle) * libm::sqrt(if to == 0 { 1.0 } else { 2.0 } / rest as f64)) as f32
    };
    let source = items.to_vec();
    let part = power * width;
    for (to, out) in items.chunks_exact_mut(part).enumerate() {
        out.fill(0.0);
        for (from, input) in source.chunks_exact(part).enumerate() {
            let c = cosine(to, from);
            out.iter_mut().zip(input).for_each(|(o, x)| *o += c * x);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_keeps_lengths_and_angles_and_spreads_one_element() {
        for n in [1, 2, 8, 12, 64, 9, 576] {
            let mut square: Vec<f32> = (0..n * n).map(|i| if i % (n + 1) == 0 { 1.0 } else { 0.0 }).collect();
            let mut across = square.clone();
            square.chunks_exact_mut(n).for_each(|row| rotate(row, 1));
            rotate(&mut across, n);
            for i in 0..n {
                for j in 0..n {
                    let dot: f32 = (0..n).map(|k| square[i * n + k] * square[j * n + k]).sum();
                    assert!((dot - if i == j { 1.0 } else { 0.0 }).abs() < 1e-5, "{n}: rows {i}, {j}: {dot}");
                    // Items in a column are turned as those in a row.
                    assert!((across[j * n + i] - square[i * n + j]).abs() < 1e-6, "{n}: {i}, {j}");
                }
            }
            let most = square.iter().fold(0f32, |m, x| m.max(x.abs()));
            assert!(most <= (2.0 / n as f32).sqrt() + 1e-6, "{n}: {most}");
        }
    }
}
