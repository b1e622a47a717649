//! The `f32` reference: tokens in blocks of any size over the operator graph, with a KV cache.
//!
//! Every node gives one vector a token; nothing is fused or reordered. Each sum runs in one fixed order, so a text gives the same
//! bits token by token or in blocks, on any number of threads, on any machine.

mod attention;
mod kernels;
mod load;
mod panels;

use std::ops::Range;
use std::sync::Arc;

use crate::config::Activation;
use crate::graph::RowOrder;
use crate::{Checkpoint, Error};
use attention::{Cache, Heads};
use kernels::each_token;
use panels::Panels;

/// Tokens of a long text computed at once: enough that reading the weights costs little beside using them, few enough that logits
/// of a large vocabulary stay in some hundred megabytes.
const BLOCK: usize = 256;

/// A model with its weights as `f32`.
pub struct FloatModel {
    steps: Vec<Step>,
    /// Step that gives the logits.
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
    /// Inputs that no later step reads.
    last_reads: Vec<usize>,
    kernel: Kernel,
}

/// An operator with its weights at hand.
enum Kernel {
    /// `[vocab, width]`
    Embed {
        table: Arc<Panels>,
        scale: f32,
    },
    /// gain `[width / groups]`, the offset already added
    RmsNorm {
        gain: Vec<f32>,
        eps: f32,
    },
    /// weight `[outputs, inputs]`, bias `[outputs]`
    Linear {
        weight: Arc<Panels>,
        bias: Option<Vec<f32>>,
    },
    Rope {
        head_dim: usize,
        order: RowOrder,
    },
    Attention(Heads),
    GatedAct {
        act: Activation,
    },
    Add,
}

/// What a text in progress has computed so far.
#[derive(Clone)]
pub struct FloatState {
    /// Tokens consumed.
    position: usize,
    caches: Vec<Cache>,
}

impl FloatState {
    /// Tokens consumed so far: the position of the next one.
    pub fn position(&self) -> usize {
        self.position
    }
}

/// Shown every node's path and output, `[tokens, width]`, as it is computed.
pub type Probe<'a> = dyn FnMut(&str, &[f32]) + 'a;

impl FloatModel {
    /// Read and dequantise all weights: 4 bytes a parameter.
    ///
    /// # Errors
    /// A weight is NaN or infinite.
    pub fn new(checkpoint: &Checkpoint) -> Result<FloatModel, Error> {
        let (steps, output) = load::steps(checkpoint)?;
        let config = checkpoint.config();
        Ok(FloatModel { steps, output, vocab: config.vocab, context: config.context, frequencies: config.inverse_frequencies() })
    }

    /// The state before the first token.
    pub fn start(&self) -> FloatState {
        let attentions = self.steps.iter().filter(|s| matches!(s.kernel, Kernel::Attention(_))).count();
        FloatState { position: 0, caches: vec![Cache::default(); attentions] }
    }

    /// Consume one token; returns the logits for the next, `[vocab]`.
    ///
    /// # Errors
    /// The token is not in the vocabulary, or the context is full. The state is then unchanged.
    pub fn forward(&self, state: &mut FloatState, token: u32) -> Result<Vec<f32>, Error> {
        self.forward_block(state, &[token])
    }

    /// Consume tokens at once; returns the logits after each, `[tokens, vocab]`. The same bits as one by one. Memory grows with
    /// the block; long texts are for [`FloatModel::prefill`] and [`FloatModel::losses`].
    ///
    /// # Errors
    /// As [`FloatModel::forward`].
    pub fn forward_block(&self, state: &mut FloatState, tokens: &[u32]) -> Result<Vec<f32>, Error> {
        self.forward_probed(state, tokens, &mut |_, _| {})
    }

    /// As [`FloatModel::forward_block`], showing every node's output.
    ///
    /// # Errors
    /// As [`FloatModel::forward`].
    pub fn forward_probed(&self, state: &mut FloatState, tokens: &[u32], probe: &mut Probe<'_>) -> Result<Vec<f32>, Error> {
        self.check(state, tokens)?;
        Ok(self.block(state, tokens, 0..tokens.len(), probe))
    }

    /// Consume a text of any length in blocks; returns the logits after its last token, `[vocab]`; none for an empty text.
    ///
    /// # Errors
    /// As [`FloatModel::forward`].
    pub fn prefill(&self, state: &mut FloatState, tokens: &[u32]) -> Result<Vec<f32>, Error> {
        self.check(state, tokens)?;
        let mut logits = Vec::new();
        for (i, block) in tokens.chunks(BLOCK).enumerate() {
            let last = if i * BLOCK + block.len() == tokens.len() { block.len() - 1 } else { block.len() };
            logits = self.block(state, block, last..block.len(), &mut |_, _| {});
        }
        Ok(logits)
    }

    /// Consume a text of any length in blocks; returns `-ln p` of each token but the first, given those before it: `tokens - 1`
    /// values in nats.
    ///
    /// # Errors
    /// As [`FloatModel::forward`].
    pub fn losses(&self, state: &mut FloatState, tokens: &[u32]) -> Result<Vec<f64>, Error> {
        self.check(state, tokens)?;
        let mut losses = Vec::with_capacity(tokens.len());
        for (i, block) in tokens.chunks(BLOCK).enumerate() {
            let next = &tokens[i * BLOCK + 1..];
            let logits = self.block(state, block, 0..block.len().min(next.len()), &mut |_, _| {});
            losses.extend(logits.chunks_exact(self.vocab).zip(next).map(|(logits, &next)| loss(logits, next)));
        }
        Ok(losses)
    }

    fn check(&self, state: &FloatState, tokens: &[u32]) -> Result<(), Error> {
        if let Some(&token) = tokens.iter().find(|&&t| t as usize >= self.vocab) {
            return Err(Error::Token { token, vocab: self.vocab });
        }
        if state.position + tokens.len() > self.context {
            return Err(Error::Context { position: state.position.max(self.context), context: self.context });
        }
        Ok(())
    }

    /// The graph on checked tokens; logits only for `wanted` of them.
    fn block(&self, state: &mut FloatState, tokens: &[u32], wanted: Range<usize>, probe: &mut Probe<'_>) -> Vec<f32> {
        let angles: Vec<Vec<(f32, f32)>> = (state.position..state.position + tokens.len()).map(|p| self.angles(p)).collect();
        // [tokens, width] each, from where a node writes it to where the last one reads it
        let mut buffers: Vec<Vec<f32>> = vec![Vec::new(); self.steps.len()];
        for (number, step) in self.steps.iter().enumerate() {
            let rows = if number == self.output { wanted.clone() } else { 0..tokens.len() };
            let mut out = vec![0.0; rows.len() * step.width];
            let input = |port: usize| {
                let width = self.steps[step.inputs[port]].width;
                &buffers[step.inputs[port]][rows.start * width..rows.end * width]
            };
            let block = Block { width: step.width, tokens: &tokens[rows.clone()], angles: &angles[rows.clone()], input: &input };
            step.kernel.apply(&mut out, &block, &mut state.caches);
            probe(&step.path, &out);
            for &read in &step.last_reads {
                buffers[read] = Vec::new();
            }
            buffers[number] = out;
        }
        state.position += tokens.len();
        std::mem::take(&mut buffers[self.output])
    }

    /// cos and sin of a position's angle for each pair, `[head_dim / 2]`
    fn angles(&self, position: usize) -> Vec<(f32, f32)> {
        let angle = |frequency: &f64| {
            let angle = position as f64 * frequency;
            (libm::cos(angle) as f32, libm::sin(angle) as f32)
        };
        self.frequencies.iter().map(angle).collect()
    }
}

/// What a step computes from.
struct Block<'a> {
    width: usize,
    tokens: &'a [u32],
    /// (cos, sin) of each token's position for each pair
    angles: &'a [Vec<(f32, f32)>],
    /// A port's vectors, `[tokens, width of its producer]`.
    input: &'a (dyn Fn(usize) -> &'a [f32] + Sync),
}

impl Kernel {
    fn apply(&self, out: &mut [f32], block: &Block<'_>, caches: &mut [Cache]) {
        let (width, input) = (block.width, block.input);
        let row = |port: usize, t: usize| &input(port)[t * width..(t + 1) * width];
        match self {
            Kernel::Embed { table, scale } => each_token(out, width, |t, y| {
                y.iter_mut().zip(table.row(block.tokens[t] as usize)).for_each(|(y, w)| *y = scale * w);
            }),
            Kernel::RmsNorm { gain, eps } => each_token(out, width, |t, y| kernels::rms_norm(y, row(0, t), gain, *eps)),
            Kernel::Linear { weight, bias } => weight.multiply(input(0), bias.as_deref(), out),
            Kernel::Rope { head_dim, order } => each_token(out, width, |t, y| {
                y.copy_from_slice(row(0, t));
                kernels::rope(y, *head_dim, *order, &block.angles[t]);
            }),
            Kernel::Attention(heads) => {
                let (cache, width) = (&mut caches[heads.cache], heads.kv_heads * heads.head_dim);
                for (keys, values) in input(1).chunks_exact(width).zip(input(2).chunks_exact(width)) {
                    heads.remember(cache, keys, values);
                }
                heads.attend(out, input(0), cache);
            }
            Kernel::GatedAct { act: Activation::Silu } => each_token(out, width, |t, y| {
                for ((y, gate), up) in y.iter_mut().zip(row(0, t)).zip(row(1, t)) {
                    *y = kernels::silu(*gate) * up;
                }
            }),
            Kernel::Add => each_token(out, width, |t, y| {
                for ((y, residual), branch) in y.iter_mut().zip(row(0, t)).zip(row(1, t)) {
                    *y = residual + branch;
                }
            }),
        }
    }
}

/// `-ln softmax(logits)[token]`, in double precision.
fn loss(logits: &[f32], token: u32) -> f64 {
    let max = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = logits.iter().map(|&l| libm::exp(f64::from(l) - max)).sum();
    max + libm::log(sum) - f64::from(logits[token as usize])
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
