//! The `f32` reference: tokens in blocks of any size over the operator graph, with a KV cache and recurrent states.
//!
//! Every node gives one vector a token; nothing is fused or reordered. Each sum runs in one fixed order, so a text gives the same
//! bits token by token or in blocks, on any number of threads, on any machine.

mod attention;
pub(crate) mod backward;
mod kernels;
mod load;
mod panels;
mod recurrent;
pub(crate) mod stream;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::config::Activation;
use crate::config::{RouteRule, RowOrder};
use crate::{Checkpoint, Error};
use attention::{Cache, Heads};
use kernels::each_token;
use panels::Panels;
use recurrent::{DeltaRule, Past, ShortConv};

/// Tokens of a long text computed at once: enough that reading the weights costs little beside using them, few enough that logits
/// of a large vocabulary stay in some hundred megabytes.
const BLOCK: usize = 256;

/// A model with its weights as `f32`.
#[derive(Clone)]
pub struct FloatModel {
    steps: Vec<Step>,
    /// Step that gives the logits.
    output: usize,
    vocab: usize,
    context: usize,
    /// For each rope table, radians a position for each pair, `[rotated / 2]`.
    frequencies: Vec<Vec<f64>>,
}

/// One node in execution order. Buffers are numbered like steps.
#[derive(Clone)]
struct Step {
    path: String,
    width: usize,
    inputs: Vec<usize>,
    /// Inputs that no later step reads.
    last_reads: Vec<usize>,
    /// If it is part of one: its buffer has only the tokens that chose it.
    expert: Option<Expert>,
    kernel: Kernel,
}

/// One expert of the router at a step.
#[derive(Clone, Copy, PartialEq)]
struct Expert {
    route: usize,
    number: usize,
}

/// An operator with its weights at hand.
#[derive(Clone)]
enum Kernel {
    /// table `[vocab, width]`, positions `[context, width]`
    Embed {
        table: Arc<Panels>,
        scale: f32,
        positions: Option<Arc<Panels>>,
    },
    /// gain `[width / groups]`, the offset already added
    RmsNorm {
        gain: Vec<f32>,
        eps: f32,
    },
    UnitNorm {
        groups: usize,
        eps: f32,
        scale: f32,
    },
    LayerNorm {
        gain: Vec<f32>,
        bias: Option<Vec<f32>>,
        eps: f32,
    },
    /// weight `[outputs, inputs]`, bias `[outputs]`
    Linear {
        weight: Arc<Panels>,
        bias: Option<Vec<f32>>,
    },
    Rope {
        head_dim: usize,
        rotated: usize,
        table: usize,
        order: RowOrder,
    },
    Attention(Heads),
    ShortConv(ShortConv),
    /// `exp(rate)`, `[width]`
    Decay {
        speed: Vec<f32>,
    },
    DeltaRule(DeltaRule),
    GatedAct {
        act: Activation,
    },
    Act {
        act: Activation,
    },
    Route {
        active: usize,
        rule: RouteRule,
    },
    Mix,
    Add,
}

/// What a text in progress has computed so far.
#[derive(Clone)]
pub struct FloatState {
    /// Tokens consumed.
    position: usize,
    memories: Vec<Memory>,
}

/// What one node remembers of a text, whichever of the two it has.
#[derive(Clone, Default)]
struct Memory {
    cache: Cache,
    past: Past,
}

impl FloatState {
    /// Tokens consumed so far: the position of the next one.
    pub fn position(&self) -> usize {
        self.position
    }
}

/// Shown every node's path and output, `[tokens, width]`, as it is computed. An expert's nodes have only the tokens that chose it, in
/// their order; a node that no token chose is shown with none.
pub type Probe<'a> = dyn FnMut(&str, &[f32]) + 'a;

impl FloatModel {
    /// Read and dequantise all weights: 4 bytes a parameter.
    ///
    /// # Errors
    /// A weight is NaN or infinite.
    pub fn new(checkpoint: &Checkpoint) -> Result<FloatModel, Error> {
        let (steps, output) = load::steps(checkpoint)?;
        let config = checkpoint.config();
        Ok(FloatModel { steps, output, vocab: config.vocab, context: config.context, frequencies: config.rope_tables() })
    }

    /// The state before the first token.
    pub fn start(&self) -> FloatState {
        let count = self.steps.iter().filter_map(|s| s.kernel.memory()).max().map_or(0, |last| last + 1);
        FloatState { position: 0, memories: vec![Memory::default(); count] }
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
        let text = self.text(state.position, tokens);
        // [tokens, width] each, from where a node writes it to where the last one reads it
        let mut buffers: Vec<Vec<f32>> = vec![Vec::new(); self.steps.len()];
        for (number, step) in self.steps.iter().enumerate() {
            let rows = if number == self.output { wanted.clone() } else { 0..tokens.len() };
            let out = self.step(number, &step.kernel, &text, rows, &buffers, &mut state.memories);
            probe(&step.path, &out);
            for &read in &step.last_reads {
                buffers[read] = Vec::new();
            }
            buffers[number] = out;
        }
        state.position += tokens.len();
        std::mem::take(&mut buffers[self.output])
    }

    /// Tokens that follow one another from `position`.
    fn text<'a>(&self, position: usize, tokens: &'a [u32]) -> Text<'a> {
        let positions = position..position + tokens.len();
        Text { tokens, positions: positions.clone(), angles: positions.map(|p| self.angles(p)).collect() }
    }

    /// What a step gives with `kernel` for the wanted tokens, or for those among all that chose its expert.
    fn step(
        &self,
        number: usize,
        kernel: &Kernel,
        text: &Text<'_>,
        wanted: Range<usize>,
        buffers: &[Vec<f32>],
        memories: &mut [Memory],
    ) -> Vec<f32> {
        let step = &self.steps[number];
        let rows = match step.expert {
            Some(expert) => self.chose(expert, buffers),
            None => wanted.collect(),
        };
        let inputs: Vec<Cow<[f32]>> = step.inputs.iter().map(|&source| self.gather(step, source, &buffers[source], &rows)).collect();
        let mut out = vec![0.0; rows.len() * step.width];
        let block = Block { width: step.width, rows: &rows, text, inputs: &inputs };
        match kernel {
            Kernel::Mix => self.mix(step, &mut out, buffers),
            kernel => kernel.apply(&mut out, &block, memories),
        }
        out
    }

    /// Tokens whose router gave the expert a weight.
    fn chose(&self, expert: Expert, buffers: &[Vec<f32>]) -> Vec<usize> {
        let weights = buffers[expert.route].chunks_exact(self.steps[expert.route].width);
        weights.enumerate().filter(|(_, w)| w[expert.number] != 0.0).map(|(t, _)| t).collect()
    }

    /// The rows of a producer's buffer that a step computes from.
    fn gather<'a>(&self, step: &Step, source: usize, buffer: &'a [f32], rows: &[usize]) -> Cow<'a, [f32]> {
        let width = self.steps[source].width;
        let (same, tokens) = (self.steps[source].expert == step.expert, buffer.len() / width);
        if matches!(step.kernel, Kernel::Mix) {
            Cow::Borrowed(&[])
        } else if rows.len() == tokens && same {
            Cow::Borrowed(buffer)
        } else if same && step.expert.is_none() {
            // The output's wanted rows follow one another.
            let first = rows.first().copied().unwrap_or_default();
            Cow::Borrowed(&buffer[first * width..(first + rows.len()) * width])
        } else {
            Cow::Owned(rows.iter().flat_map(|&t| &buffer[t * width..(t + 1) * width]).copied().collect())
        }
    }

    /// Experts' outputs times their weights, added in the experts' order.
    fn mix(&self, step: &Step, out: &mut [f32], buffers: &[Vec<f32>]) {
        let (route, experts) = (step.inputs[0], self.steps[step.inputs[0]].width);
        for (number, &source) in step.inputs[1..=experts].iter().enumerate() {
            let tokens = self.chose(Expert { route, number }, buffers);
            for (t, y) in tokens.into_iter().zip(buffers[source].chunks_exact(step.width)) {
                let weight = buffers[route][t * self.steps[route].width + number];
                out[t * step.width..].iter_mut().zip(y).for_each(|(sum, y)| *sum += weight * y);
            }
        }
        if let [weight, shared] = step.inputs[1 + experts..] {
            let outputs = buffers[weight].iter().zip(buffers[shared].chunks_exact(step.width));
            for (out, (weight, y)) in out.chunks_exact_mut(step.width).zip(outputs) {
                out.iter_mut().zip(y).for_each(|(sum, y)| *sum += weight * y);
            }
        }
    }

    /// For each rope table, cos and sin of a position's angle for each pair, `[rotated / 2]`
    fn angles(&self, position: usize) -> Vec<Vec<(f32, f32)>> {
        let angle = |frequency: &f64| {
            let angle = position as f64 * frequency;
            (libm::cos(angle) as f32, libm::sin(angle) as f32)
        };
        self.frequencies.iter().map(|table| table.iter().map(angle).collect()).collect()
    }
}

/// Tokens of a block, and their positions.
struct Text<'a> {
    tokens: &'a [u32],
    positions: Range<usize>,
    /// For each position and rope table (cos, sin) of each pair
    angles: Vec<Vec<Vec<(f32, f32)>>>,
}

/// What a step computes from.
struct Block<'a> {
    width: usize,
    /// Numbers of the tokens it computes for.
    rows: &'a [usize],
    text: &'a Text<'a>,
    /// Each port's vectors, `[rows, width of its producer]`.
    inputs: &'a [Cow<'a, [f32]>],
}

impl Kernel {
    /// Number of its memory in the state, if it has one.
    fn memory(&self) -> Option<usize> {
        match self {
            Kernel::Attention(heads) => Some(heads.memory),
            Kernel::ShortConv(conv) => Some(conv.memory),
            Kernel::DeltaRule(rule) => Some(rule.memory),
            _ => None,
        }
    }

    fn apply(&self, out: &mut [f32], block: &Block<'_>, memories: &mut [Memory]) {
        let (width, input) = (block.width, |port: usize| &*block.inputs[port]);
        let row = |port: usize, t: usize| &input(port)[t * width..(t + 1) * width];
        match self {
            Kernel::Embed { table, scale, positions } => each_token(out, width, |t, y| {
                let (token, position) = (block.text.tokens[block.rows[t]], block.text.positions.start + block.rows[t]);
                y.iter_mut().zip(table.row(token as usize)).for_each(|(y, w)| *y = scale * w);
                if let Some(positions) = positions {
                    y.iter_mut().zip(positions.row(position)).for_each(|(y, p)| *y += p);
                }
            }),
            Kernel::RmsNorm { gain, eps } => each_token(out, width, |t, y| kernels::rms_norm(y, row(0, t), gain, *eps)),
            Kernel::UnitNorm { groups, eps, scale } => {
                each_token(out, width, |t, y| kernels::unit_norm(y, row(0, t), width / groups, *eps, *scale));
            }
            Kernel::LayerNorm { gain, bias, eps } => {
                each_token(out, width, |t, y| kernels::layer_norm(y, row(0, t), gain, bias.as_deref(), *eps));
            }
            Kernel::Linear { weight, bias } => weight.multiply(input(0), bias.as_deref(), out),
            Kernel::Rope { head_dim, rotated, table, order } => each_token(out, width, |t, y| {
                y.copy_from_slice(row(0, t));
                kernels::rope(y, *head_dim, *order, &block.text.angles[block.rows[t]][*table][..rotated / 2]);
            }),
            Kernel::Attention(heads) => {
                let (cache, width) = (&mut memories[heads.memory].cache, heads.kv_heads * heads.head_dim);
                for (keys, values) in input(1).chunks_exact(width).zip(input(2).chunks_exact(width)) {
                    heads.remember(cache, keys, values);
                }
                heads.attend(out, input(0), cache);
            }
            Kernel::ShortConv(conv) => conv.run(out, input(0), &mut memories[conv.memory].past),
            Kernel::Decay { speed } => each_token(out, width, |t, y| {
                for ((y, x), speed) in y.iter_mut().zip(row(0, t)).zip(speed) {
                    *y = kernels::decay(*speed, *x);
                }
            }),
            Kernel::DeltaRule(rule) => {
                let inputs = [input(0), input(1), input(2), input(3), input(4)];
                rule.run(out, inputs, &mut memories[rule.memory].past);
            }
            Kernel::GatedAct { act } => each_token(out, width, |t, y| {
                for ((y, gate), up) in y.iter_mut().zip(row(0, t)).zip(row(1, t)) {
                    *y = kernels::activate(*act, *gate) * kernels::gated(*act, *up);
                }
            }),
            Kernel::Act { act } => each_token(out, width, |t, y| {
                y.iter_mut().zip(row(0, t)).for_each(|(y, x)| *y = kernels::activate(*act, *x));
            }),
            Kernel::Route { active, rule } => each_token(out, width, |t, y| kernels::route(y, row(0, t), *active, *rule)),
            // Reads what each expert gave to its own tokens: `FloatModel::mix`.
            Kernel::Mix => {}
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
