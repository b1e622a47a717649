//! The `f32` reference: one token at a time over the operator graph, with a KV cache.
//!
//! Written to be read. Every node writes one buffer of its width; nothing is fused or reordered.
//! Sums run in a fixed order whatever the thread count, so results repeat bit for bit.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayView1, aview1};
use petgraph::graph::NodeIndex;
use rayon::prelude::*;

use crate::config::Activation;
use crate::graph::{Op, RowOrder};
use crate::{Checkpoint, Error};

/// Multiply-adds below which handing rows to other threads costs more than it saves
/// (a few microseconds of work).
const PARALLEL_FROM: usize = 1 << 16;
/// Rows given to a thread at a time.
const ROWS_AT_ONCE: usize = 16;

/// A model with its weights as `f32`.
pub struct FloatModel {
    steps: Vec<Step>,
    /// Buffer that holds the logits at the end.
    output: usize,
    vocab: usize,
    context: usize,
    /// Radians a position for each pair of a head, `[head_dim / 2]`.
    frequencies: Vec<f64>,
}

/// One node in execution order. Buffers are numbered like steps.
struct Step {
    path: String,
    width: usize,
    inputs: Vec<usize>,
    kernel: Kernel,
}

/// An operator with its weights at hand.
enum Kernel {
    /// `[vocab, width]`
    Embed {
        table: Arc<Array2<f32>>,
        scale: f32,
    },
    /// gain `[width / groups]`, the offset already added
    RmsNorm {
        gain: Array1<f32>,
        eps: f32,
        groups: usize,
    },
    /// weight `[outputs, inputs]`, bias `[outputs]`
    Linear {
        weight: Arc<Array2<f32>>,
        bias: Option<Array1<f32>>,
    },
    Rope {
        heads: usize,
        head_dim: usize,
        order: RowOrder,
    },
    /// `cache` numbers this node's keys and values in the state
    Attention(Heads),
    GatedAct {
        act: Activation,
    },
    Add,
}

struct Heads {
    cache: usize,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    scale: f32,
    window: Option<usize>,
}

/// What a text in progress has computed so far.
#[derive(Clone)]
pub struct FloatState {
    /// Tokens consumed.
    position: usize,
    /// One buffer a node, of the node's width.
    buffers: Vec<Vec<f32>>,
    caches: Vec<Cache>,
}

/// Keys and values of one attention node, `[position, kv_heads * head_dim]` each.
#[derive(Clone, Default)]
struct Cache {
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl FloatState {
    /// Tokens consumed so far: the position of the next one.
    pub fn position(&self) -> usize {
        self.position
    }
}

impl FloatModel {
    /// Read and dequantise all weights: 4 bytes a parameter.
    ///
    /// # Errors
    /// A weight is NaN or infinite.
    pub fn new(checkpoint: &Checkpoint) -> Result<FloatModel, Error> {
        let graph = checkpoint.graph();
        let mut weights = Weights { checkpoint, matrices: HashMap::new() };
        let mut number: HashMap<NodeIndex, usize> = HashMap::new();
        let (mut steps, mut caches) = (Vec::new(), 0);
        for index in graph.topological_order() {
            let node = &graph.graph[index];
            let kernel = match &node.op {
                Op::Embed { weight, scale } => Kernel::Embed { table: weights.matrix(weight)?, scale: *scale },
                Op::RmsNorm { gain, eps, gain_offset, groups } => {
                    Kernel::RmsNorm { gain: weights.vector(gain)? + *gain_offset, eps: *eps, groups: *groups }
                }
                Op::Linear { weight, bias, .. } => {
                    Kernel::Linear { weight: weights.matrix(weight)?, bias: bias.as_ref().map(|b| weights.vector(b)).transpose()? }
                }
                Op::Rope { heads, head_dim, order } => Kernel::Rope { heads: *heads, head_dim: *head_dim, order: *order },
                Op::Attention { heads, kv_heads, head_dim, scale, window } => {
                    caches += 1;
                    Kernel::Attention(Heads {
                        cache: caches - 1,
                        heads: *heads,
                        kv_heads: *kv_heads,
                        head_dim: *head_dim,
                        scale: *scale,
                        window: *window,
                    })
                }
                Op::GatedAct { act } => Kernel::GatedAct { act: *act },
                Op::Add => Kernel::Add,
            };
            number.insert(index, steps.len());
            steps.push(Step {
                path: node.path.clone(),
                width: node.width,
                inputs: graph.inputs(index).iter().map(|source| number[source]).collect(),
                kernel,
            });
        }
        Ok(FloatModel {
            steps,
            output: number[&graph.output],
            vocab: checkpoint.config().vocab,
            context: checkpoint.config().context,
            frequencies: checkpoint.config().inverse_frequencies(),
        })
    }

    /// The state before the first token.
    pub fn start(&self) -> FloatState {
        let attentions = |s: &&Step| matches!(s.kernel, Kernel::Attention(_));
        FloatState {
            position: 0,
            buffers: self.steps.iter().map(|s| vec![0.0; s.width]).collect(),
            caches: vec![Cache::default(); self.steps.iter().filter(attentions).count()],
        }
    }

    /// Consume one token; returns the logits for the next, `[vocab]`.
    ///
    /// # Errors
    /// The token is not in the vocabulary, or the context is full. The state is then unchanged.
    pub fn forward(&self, state: &mut FloatState, token: u32) -> Result<Vec<f32>, Error> {
        self.forward_probed(state, token, &mut |_, _| {})
    }

    /// As [`FloatModel::forward`], showing every node's path and output as it is computed.
    ///
    /// # Errors
    /// As [`FloatModel::forward`].
    pub fn forward_probed(&self, state: &mut FloatState, token: u32, probe: &mut dyn FnMut(&str, &[f32])) -> Result<Vec<f32>, Error> {
        if token as usize >= self.vocab {
            let vocab = self.vocab;
            return Err(Error::Token { token, vocab });
        }
        if state.position >= self.context {
            let (position, context) = (state.position, self.context);
            return Err(Error::Context { position, context });
        }
        // cos and sin of this position's angle for each pair, [head_dim / 2]
        let angles: Vec<(f32, f32)> = self
            .frequencies
            .iter()
            .map(|frequency| {
                let angle = state.position as f64 * frequency;
                (libm::cos(angle) as f32, libm::sin(angle) as f32)
            })
            .collect();

        for (number, step) in self.steps.iter().enumerate() {
            // Producers come first, so a step's inputs lie before its own buffer.
            let (before, rest) = state.buffers.split_at_mut(number);
            let out = rest[0].as_mut_slice();
            let input = |port: usize| before[step.inputs[port]].as_slice();
            match &step.kernel {
                Kernel::Embed { table, scale } => {
                    for (y, w) in out.iter_mut().zip(table.row(token as usize)) {
                        *y = scale * w;
                    }
                }
                Kernel::RmsNorm { gain, eps, groups } => {
                    rms_norm(out, input(0), gain, *eps, *groups);
                }
                Kernel::Linear { weight, bias } => linear(out, weight, bias.as_ref(), input(0)),
                Kernel::Rope { heads, head_dim, order } => {
                    out.copy_from_slice(input(0));
                    rope(out, *heads, *head_dim, *order, &angles);
                }
                Kernel::Attention(heads) => {
                    let cache = &mut state.caches[heads.cache];
                    cache.keys.extend_from_slice(input(1));
                    cache.values.extend_from_slice(input(2));
                    attend(out, heads, input(0), cache, state.position + 1);
                }
                Kernel::GatedAct { act: Activation::Silu } => {
                    for ((y, gate), up) in out.iter_mut().zip(input(0)).zip(input(1)) {
                        *y = gate / (1.0 + libm::expf(-gate)) * up;
                    }
                }
                Kernel::Add => {
                    for ((y, residual), branch) in out.iter_mut().zip(input(0)).zip(input(1)) {
                        *y = residual + branch;
                    }
                }
            }
            probe(&step.path, out);
        }
        state.position += 1;
        Ok(state.buffers[self.output].clone())
    }
}

/// `x / sqrt(mean(x^2) + eps) * gain`, over each of `groups` equal parts of `[width]`.
fn rms_norm(out: &mut [f32], x: &[f32], gain: &Array1<f32>, eps: f32, groups: usize) {
    let part = x.len() / groups;
    for (out, x) in out.chunks_exact_mut(part).zip(x.chunks_exact(part)) {
        let x = aview1(x);
        let root = (x.dot(&x) / part as f32 + eps).sqrt();
        for ((y, x), g) in out.iter_mut().zip(x).zip(gain) {
            *y = x / root * g;
        }
    }
}

/// `weight x + bias`: `[outputs, inputs] · [inputs]`, each output one dot product.
fn linear(out: &mut [f32], weight: &Array2<f32>, bias: Option<&Array1<f32>>, x: &[f32]) {
    let x = aview1(x);
    let rows = |(chunk, out): (usize, &mut [f32])| {
        for (i, y) in out.iter_mut().enumerate() {
            let row = chunk * ROWS_AT_ONCE + i;
            *y = weight.row(row).dot(&x) + bias.map_or(0.0, |b| b[row]);
        }
    };
    if weight.len() >= PARALLEL_FROM {
        out.par_chunks_mut(ROWS_AT_ONCE).enumerate().for_each(rows);
    } else {
        out.chunks_mut(ROWS_AT_ONCE).enumerate().for_each(rows);
    }
}

/// Rotate each pair of each head, `[heads, head_dim]`, by this position's angles.
fn rope(x: &mut [f32], heads: usize, head_dim: usize, order: RowOrder, angles: &[(f32, f32)]) {
    for head in x.chunks_exact_mut(head_dim).take(heads) {
        for (pair, (cos, sin)) in angles.iter().enumerate() {
            let (a, b) = match order {
                RowOrder::Half => (pair, pair + head_dim / 2),
                RowOrder::Interleaved => (2 * pair, 2 * pair + 1),
            };
            (head[a], head[b]) = (head[a] * cos - head[b] * sin, head[a] * sin + head[b] * cos);
        }
    }
}

/// Each query head over the keys and values of its group: `out`, `queries` `[heads, head_dim]`.
fn attend(out: &mut [f32], h: &Heads, queries: &[f32], cache: &Cache, positions: usize) {
    let width = h.kv_heads * h.head_dim;
    let share = h.heads / h.kv_heads;
    let first = h.window.map_or(0, |window| positions.saturating_sub(window));
    let at = |side: &'_ [f32], position: usize, kv_head: usize| {
        let start = position * width + kv_head * h.head_dim;
        start..(start + h.head_dim).min(side.len())
    };
    for (head, out) in out.chunks_exact_mut(h.head_dim).enumerate() {
        let query = aview1(&queries[head * h.head_dim..(head + 1) * h.head_dim]);
        let kv_head = head / share;
        // [positions - first]
        let mut scores: Vec<f32> = (first..positions)
            .map(|p| {
                let key: ArrayView1<f32> = aview1(&cache.keys[at(&cache.keys, p, kv_head)]);
                query.dot(&key) * h.scale
            })
            .collect();
        softmax(&mut scores);
        out.fill(0.0);
        for (p, score) in (first..positions).zip(&scores) {
            let value = &cache.values[at(&cache.values, p, kv_head)];
            for (y, v) in out.iter_mut().zip(value) {
                *y += score * v;
            }
        }
    }
}

/// `e^(x - max) / sum`, in place.
fn softmax(x: &mut [f32]) {
    let max = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for v in x.iter_mut() {
        *v = libm::expf(*v - max);
        sum += *v;
    }
    x.iter_mut().for_each(|v| *v /= sum);
}

/// Index of the greatest value, the first of equals; 0 for an empty slice.
pub fn argmax(x: &[f32]) -> u32 {
    let mut best = 0;
    for (i, v) in x.iter().enumerate() {
        if *v > x[best] {
            best = i;
        }
    }
    best as u32
}

/// Tensors as arrays; a matrix that two nodes share is read once.
struct Weights<'a> {
    checkpoint: &'a Checkpoint,
    matrices: HashMap<String, Arc<Array2<f32>>>,
}

impl Weights<'_> {
    fn matrix(&mut self, name: &str) -> Result<Arc<Array2<f32>>, Error> {
        if let Some(matrix) = self.matrices.get(name) {
            return Ok(matrix.clone());
        }
        let tensor = self.checkpoint.tensor(name)?;
        let shape = (tensor.rows(), tensor.cols());
        let matrix =
            Array2::from_shape_vec(shape, tensor.to_f32()?).map_err(|e| Error::Graph { node: name.to_owned(), problem: e.to_string() })?;
        let matrix = Arc::new(matrix);
        self.matrices.insert(name.to_owned(), matrix.clone());
        Ok(matrix)
    }

    fn vector(&self, name: &str) -> Result<Array1<f32>, Error> {
        Ok(Array1::from_vec(self.checkpoint.tensor(name)?.to_f32()?))
    }
}
