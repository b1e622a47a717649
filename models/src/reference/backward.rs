//! What a change anywhere in the model does to its logits, to first order: a text's pass taken backwards through the graph.

use petgraph::graph::NodeIndex;
use rayon::prelude::*;

use super::attention::Heads;
use super::kernels::{self, each_token};
use super::panels::Panels;
use super::stream::FloatPass;
use super::{Block, Expert, Kernel, Step};
use crate::Error;
use crate::config::RouteRule;

/// A matrix that [`FloatPass::backward`] has come to. An expert's has only the tokens that chose it.
pub struct Slope<'a> {
    pub node: NodeIndex,
    /// The tokens' numbers in the text.
    pub tokens: &'a [usize],
    /// What enters the matrix, `[tokens, inputs]`; nothing for an embedding.
    pub entering: &'a [f32],
    /// The derivative of `sum(seed * logits)` by what leaves it, `[tokens, outputs]`.
    pub slope: &'a [f32],
}

impl FloatPass<'_> {
    /// Takes `seed`, `[tokens, vocab]`, backwards from the logits and shows every matrix the derivative of `sum(seed * logits)` by its
    /// output; the last matrix first.
    ///
    /// # Errors
    /// What `visit` says, or a weight that can no longer be read.
    ///
    /// # Panics
    /// If `seed` is not of the logits' size.
    pub fn backward<E: From<Error>>(&self, seed: Vec<f32>, visit: &mut dyn FnMut(&Slope<'_>) -> Result<(), E>) -> Result<(), E> {
        let (model, tokens) = (&self.model, self.text.len());
        assert_eq!(seed.len(), tokens * model.vocab, "a seed for every logit");
        let text = model.text(0, &self.text);
        let mut slopes: Vec<Vec<f32>> = vec![Vec::new(); model.steps.len()];
        slopes[model.output] = seed;
        for (number, node) in self.nodes().into_iter().enumerate().rev() {
            let step = &model.steps[number];
            let dy = std::mem::take(&mut slopes[number]);
            if dy.is_empty() {
                continue;
            }
            let rows: Vec<usize> = step.expert.map_or_else(|| (0..tokens).collect(), |e| model.chose(e, &self.buffers));
            let inputs: Vec<_> = step.inputs.iter().map(|&i| model.gather(step, i, &self.buffers[i], &rows)).collect();
            if let Kernel::Embed { .. } | Kernel::Linear { .. } = step.kernel {
                visit(&Slope { node, tokens: &rows, entering: inputs.first().map_or(&[], |x| x), slope: &dy })?;
            }
            if let Kernel::Mix = step.kernel {
                self.mix_back(step, &dy, &mut slopes);
                continue;
            }
            let kernel = self.kernel(number, node)?;
            let block = Block { width: step.width, rows: &rows, text: &text, inputs: &inputs };
            let widths: Vec<usize> = step.inputs.iter().map(|&i| model.steps[i].width).collect();
            for ((&source, width), dx) in step.inputs.iter().zip(widths).zip(kernel.back(&dy, &block)) {
                // A source outside the expert has the vectors of all tokens.
                let apart = model.steps[source].expert != step.expert;
                let all = &mut slopes[source];
                all.resize(if apart { tokens * width } else { dx.len() }, 0.0);
                for (t, dx) in dx.chunks_exact(width).enumerate() {
                    let t = if apart { rows[t] } else { t };
                    all[t * width..].iter_mut().zip(dx).for_each(|(sum, d)| *sum += d);
                }
            }
        }
        Ok(())
    }

    /// Each expert's output weighs by its router's weight, and the other way round.
    fn mix_back(&self, step: &Step, dy: &[f32], slopes: &mut [Vec<f32>]) {
        let (route, width) = (step.inputs[0], step.width);
        let experts = self.model.steps[route].width;
        slopes[route].resize(self.buffers[route].len(), 0.0);
        if let [weight, shared] = step.inputs[1 + experts..] {
            let (weights, outputs) = (&self.buffers[weight], &self.buffers[shared]);
            let rows = || dy.chunks_exact(width).zip(outputs.chunks_exact(width));
            slopes[weight] = rows().map(|(dy, y)| dy.iter().zip(y).map(|(a, b)| a * b).sum()).collect();
            slopes[shared] = dy.chunks_exact(width).zip(weights).flat_map(|(dy, w)| dy.iter().map(move |d| w * d)).collect();
        }
        for (number, &source) in step.inputs[1..=experts].iter().enumerate() {
            let chose = self.model.chose(Expert { route, number }, &self.buffers);
            let mut dx = vec![0.0; chose.len() * width];
            for ((t, dx), y) in chose.iter().zip(dx.chunks_exact_mut(width)).zip(self.buffers[source].chunks_exact(width)) {
                let dy = &dy[t * width..(t + 1) * width];
                let weight = self.buffers[route][t * experts + number];
                dx.iter_mut().zip(dy).for_each(|(d, dy)| *d = weight * dy);
                slopes[route][t * experts + number] += dy.iter().zip(y).map(|(a, b)| a * b).sum::<f32>();
            }
            slopes[source] = dx;
        }
    }
}

impl Kernel {
    /// The derivative by each input from that by the output.
    fn back(&self, dy: &[f32], block: &Block<'_>) -> Vec<Vec<f32>> {
        let (width, input) = (block.width, |port: usize| &*block.inputs[port]);
        let row = |port: usize, t: usize| &input(port)[t * width..(t + 1) * width];
        let slope = |t: usize| &dy[t * width..(t + 1) * width];
        let each = |work: &(dyn Fn(usize, &mut [f32]) + Sync)| {
            let mut dx = vec![0.0; dy.len()];
            each_token(&mut dx, width, work);
            dx
        };
        match self {
            Kernel::Embed { .. } => vec![],
            Kernel::RmsNorm { gain, eps } => vec![each(&|t, dx| rms_norm(dx, row(0, t), slope(t), gain, *eps))],
            Kernel::UnitNorm { groups, eps, scale } => {
                vec![each(&|t, dx| unit_norm(dx, row(0, t), slope(t), width / groups, *eps, *scale))]
            }
            Kernel::LayerNorm { gain, eps, .. } => vec![each(&|t, dx| layer_norm(dx, row(0, t), slope(t), gain, *eps))],
            Kernel::Linear { weight, .. } => vec![weight.transposed_multiply(dy)],
            Kernel::Rope { head_dim, rotated, table, order } => vec![each(&|t, dx| {
                dx.copy_from_slice(slope(t));
                let angles = &block.text.angles[block.rows[t]][*table][..rotated / 2];
                let back: Vec<(f32, f32)> = angles.iter().map(|(cos, sin)| (*cos, -sin)).collect();
                kernels::rope(dx, *head_dim, *order, &back);
            })],
            Kernel::Attention(heads) => heads.back(dy, input(0), input(1), input(2)),
            Kernel::ShortConv(conv) => vec![conv.back(dy)],
            Kernel::Decay { speed } => vec![each(&|t, dx| {
                for (((d, dy), x), speed) in dx.iter_mut().zip(slope(t)).zip(row(0, t)).zip(speed) {
                    *d = -dy * kernels::decay(*speed, *x) * speed * kernels::sigmoid(*x);
                }
            })],
            Kernel::DeltaRule(rule) => rule.back(dy, [input(0), input(1), input(2), input(3), input(4)]),
            Kernel::GatedAct { act } => vec![
                each(&|t, dx| {
                    for (((d, dy), gate), up) in dx.iter_mut().zip(slope(t)).zip(row(0, t)).zip(row(1, t)) {
                        *d = dy * kernels::activate_slope(*act, *gate) * kernels::gated(*act, *up);
                    }
                }),
                each(&|t, dx| {
                    for (((d, dy), gate), up) in dx.iter_mut().zip(slope(t)).zip(row(0, t)).zip(row(1, t)) {
                        *d = dy * kernels::activate(*act, *gate) * kernels::gated_slope(*act, *up);
                    }
                }),
            ],
            Kernel::Act { act } => vec![each(&|t, dx| {
                for ((d, dy), x) in dx.iter_mut().zip(slope(t)).zip(row(0, t)) {
                    *d = dy * kernels::activate_slope(*act, *x);
                }
            })],
            Kernel::Route { active, rule } => vec![each(&|t, dx| route(dx, row(0, t), slope(t), *active, *rule))],
            // Reaches its experts through `FloatPass::mix_back`.
            Kernel::Mix => vec![],
            Kernel::Add => vec![dy.to_vec(), dy.to_vec()],
        }
    }
}

impl Panels {
    /// `y W` for vectors `[tokens, outputs]`: `[tokens, inputs]`.
    fn transposed_multiply(&self, y: &[f32]) -> Vec<f32> {
        let (outputs, inputs) = self.size();
        let transposed = Panels::read(inputs, outputs, |n, row| {
            self.column(n, row);
            Ok::<(), std::convert::Infallible>(())
        });
        let Ok(transposed) = transposed;
        let mut x = vec![0.0; y.len() / outputs * inputs];
        transposed.multiply(y, None, &mut x);
        x
    }
}

fn rms_norm(dx: &mut [f32], x: &[f32], dy: &[f32], gain: &[f32], eps: f32) {
    let n = gain.len();
    for ((dx, x), dy) in dx.chunks_exact_mut(n).zip(x.chunks_exact(n)).zip(dy.chunks_exact(n)) {
        let inverse = 1.0 / (x.iter().map(|x| x * x).sum::<f32>() / n as f32 + eps).sqrt();
        let along: f32 = x.iter().zip(dy).zip(gain).map(|((x, d), g)| x * d * g).sum();
        let pull = along * inverse * inverse / n as f32;
        for (((d, x), dy), g) in dx.iter_mut().zip(x).zip(dy).zip(gain) {
            *d = inverse * (dy * g - pull * x);
        }
    }
}

fn unit_norm(dx: &mut [f32], x: &[f32], dy: &[f32], n: usize, eps: f32, scale: f32) {
    for ((dx, x), dy) in dx.chunks_exact_mut(n).zip(x.chunks_exact(n)).zip(dy.chunks_exact(n)) {
        let inverse = 1.0 / (x.iter().map(|x| x * x).sum::<f32>() + eps).sqrt();
        let pull = x.iter().zip(dy).map(|(x, d)| x * d).sum::<f32>() * inverse * inverse;
        for ((d, x), dy) in dx.iter_mut().zip(x).zip(dy) {
            *d = scale * inverse * (dy - pull * x);
        }
    }
}

fn layer_norm(dx: &mut [f32], x: &[f32], dy: &[f32], gain: &[f32], eps: f32) {
    let n = x.len() as f32;
    let mean = x.iter().sum::<f32>() / n;
    let inverse = 1.0 / (x.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / n + eps).sqrt();
    let by = |i: usize| dy[i] * gain[i];
    let level = (0..x.len()).map(by).sum::<f32>() / n;
    let pull = (0..x.len()).map(|i| by(i) * (x[i] - mean)).sum::<f32>() * inverse * inverse / n;
    for (i, d) in dx.iter_mut().enumerate() {
        *d = inverse * (by(i) - level - pull * (x[i] - mean));
    }
}

/// Of a router's weights by its logits; which experts are chosen stays.
fn route(dx: &mut [f32], logits: &[f32], dy: &[f32], active: usize, rule: RouteRule) {
    let mut weights = vec![0.0; logits.len()];
    kernels::route(&mut weights, logits, active, rule);
    let along: f32 = weights.iter().zip(dy).map(|(w, d)| w * d).sum();
    // What the shares are shares of: all experts, or those chosen.
    let mut shares = weights.clone();
    if let RouteRule::SoftmaxThenTop { renormalise: false } = rule {
        kernels::route(&mut shares, logits, logits.len(), rule);
    }
    for (e, d) in dx.iter_mut().enumerate() {
        *d = weights[e] * dy[e] - shares[e] * along;
    }
}

impl Heads {
    /// By queries, keys and values of a whole text that starts at position 0.
    fn back(&self, dy: &[f32], queries: &[f32], keys: &[f32], values: &[f32]) -> Vec<Vec<f32>> {
        let (d, share) = (self.head_dim, self.heads / self.kv_heads);
        let tokens = keys.len() / (self.kv_heads * d);
        // Each key-value head by itself, `[tokens, share * d]` and twice `[tokens, d]`.
        let heads: Vec<[Vec<f32>; 3]> = (0..self.kv_heads)
            .into_par_iter()
            .map(|kv| {
                let part = |x: &[f32], heads: usize, first: usize, count: usize| -> Vec<f32> {
                    x.chunks_exact(heads * d).flat_map(|x| &x[first * d..(first + count) * d]).copied().collect()
                };
                let (k, v) = (part(keys, self.kv_heads, kv, 1), part(values, self.kv_heads, kv, 1));
                let (q, dy) = (part(queries, self.heads, kv * share, share), part(dy, self.heads, kv * share, share));
                let mut out = [vec![0.0; q.len()], vec![0.0; k.len()], vec![0.0; v.len()]];
                let (k_across, v_across) = (across(&k, d), across(&v, d));
                for (row, (q, dy)) in q.chunks_exact(d).zip(dy.chunks_exact(d)).enumerate() {
                    let position = row / share;
                    let seen = self.window.map_or(0, |w| (position + 1).saturating_sub(w))..position + 1;
                    let sink = self.sinks.as_ref().map(|s| s[kv * share + row % share]);
                    let mut p = dots(&k_across, tokens, seen.clone(), q);
                    softmax(&mut p, self.scale, sink);
                    let mut ds = dots(&v_across, tokens, seen.clone(), dy);
                    let mean: f32 = p.iter().zip(&ds).map(|(p, d)| p * d).sum();
                    ds.iter_mut().zip(&p).for_each(|(d, p)| *d = self.scale * p * (*d - mean));
                    for ((s, ds), p) in seen.zip(&ds).zip(&p) {
                        let at = s * d..(s + 1) * d;
                        add(&mut out[0][row * d..(row + 1) * d], *ds, &k[at.clone()]);
                        add(&mut out[1][at.clone()], *ds, q);
                        add(&mut out[2][at], *p, dy);
                    }
                }
                out
            })
            .collect();
        let widths = [share * d, d, d];
        (0..3)
            .map(|port| {
                let width = widths[port];
                (0..tokens).flat_map(|t| heads.iter().flat_map(move |h| &h[port][t * width..(t + 1) * width])).copied().collect()
            })
            .collect()
    }
}

/// `[rows, d]` as `[d, rows]`.
fn across(x: &[f32], d: usize) -> Vec<f32> {
    (0..d).flat_map(|i| x.iter().skip(i).step_by(d)).copied().collect()
}

/// `by` times each vector in the range, of vectors `[d, count]`.
fn dots(across: &[f32], count: usize, range: std::ops::Range<usize>, by: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; range.len()];
    for (x, by) in across.chunks_exact(count).zip(by) {
        add(&mut out, *by, &x[range.clone()]);
    }
    out
}

fn add(sum: &mut [f32], by: f32, x: &[f32]) {
    sum.iter_mut().zip(x).for_each(|(s, x)| *s += by * x);
}

fn softmax(scores: &mut [f32], scale: f32, sink: Option<f32>) {
    let max = scores.iter().map(|s| s * scale).fold(sink.unwrap_or(f32::NEG_INFINITY), f32::max);
    scores.iter_mut().for_each(|s| *s = libm::expf(*s * scale - max));
    let sum = scores.iter().sum::<f32>() + sink.map_or(0.0, |sink| libm::expf(sink - max));
    scores.iter_mut().for_each(|s| *s /= sum);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Checkpoint, FloatModel};

    fn noise(i: usize) -> f32 {
        ((i * 2_654_435_761) % 1009) as f32 / 504.5 - 1.0
    }

    /// Every architecture's tiny checkpoint, and the bundled model.
    fn checkpoints() -> Vec<Checkpoint> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
        let mut paths: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).filter(|p| p.join("config.json").is_file()).collect();
        paths.sort();
        assert!(paths.len() > 10);
        paths.iter().map(|p| Checkpoint::open(p).unwrap()).chain([Checkpoint::bundled()]).collect()
    }

    #[test]
    fn slopes_are_those_of_small_changes_in_every_architecture() {
        for checkpoint in checkpoints() {
            let model = FloatModel::new(&checkpoint).unwrap();
            let graph = checkpoint.graph();
            let text: Vec<u32> = (0..9u32).map(|i| (i * 7 + 3) % checkpoint.config().vocab as u32).collect();
            let pass = FloatPass::new(&checkpoint, &text).unwrap();
            let seed: Vec<f32> = (0..pass.logits().len()).map(noise).collect();
            let value = |logits: &[f32]| logits.iter().zip(&seed).map(|(l, s)| f64::from(*l) * f64::from(*s)).sum::<f64>();
            let mut matrices = Vec::new();
            pass.backward(seed.clone(), &mut |s: &Slope<'_>| {
                matrices.push((graph.graph[s.node].path.clone(), s.entering.to_vec(), s.slope.to_vec(), s.tokens.to_vec()));
                Ok::<_, Error>(())
            })
            .unwrap();
            let missed = graph.graph.node_weights().filter(|n| n.matrix().is_some()).count() - matrices.len();
            assert!(missed == 0 || matrices.iter().any(|m| m.0.contains("expert")), "{missed} matrices");
            for (path, entering, slope, tokens) in matrices {
                let at = model.steps.iter().find(|s| s.path == path).unwrap();
                let (Kernel::Embed { table: matrix, .. } | Kernel::Linear { weight: matrix, .. }) = &at.kernel else { unreachable!() };
                let (outputs, inputs) = matrix.size();
                let rows: Vec<f32> = (0..outputs).flat_map(|n| matrix.row(n).collect::<Vec<_>>()).collect();
                let moved: Vec<f32> = (0..rows.len()).map(|i| noise(i + 31)).collect();
                let most = rows.iter().fold(0f32, |m, w| m.max(w.abs()));
                let by = |change: f32| {
                    let rows: Vec<f32> = rows.iter().zip(&moved).map(|(w, m)| w + change * m).collect();
                    let of = &mut |at: &str| {
                        let tensor = checkpoint.tensor(graph.graph[graph.find(at).unwrap()].matrix().unwrap())?;
                        if at == path { Ok(rows.clone()) } else { tensor.to_f32() }
                    };
                    let moved = model.with_matrices::<Error>(of).unwrap();
                    value(&moved.forward_block(&mut moved.start(), &text).unwrap())
                };
                // A large step meets curvature, or another choice of experts; a small one rounding.
                let slopes = [1e-3, 3e-4, 1e-4].map(|step| (by(step * most) - by(-step * most)) / f64::from(2.0 * step * most));
                let mut told = 0f64;
                for (i, &t) in tokens.iter().enumerate() {
                    let change = |n: usize| match &at.kernel {
                        Kernel::Embed { scale, .. } => f64::from(scale * moved[text[t] as usize * inputs + n]),
                        _ => (0..inputs).map(|k| f64::from(moved[n * inputs + k]) * f64::from(entering[i * inputs + k])).sum(),
                    };
                    told += (0..at.width).map(|n| f64::from(slope[i * at.width + n]) * change(n)).sum::<f64>();
                }
                let size = f64::from(slope.iter().map(|s| s * s).sum::<f32>().sqrt());
                let near = |measured: &f64| (measured - told).abs() < 0.02 * (measured.abs() + size);
                assert!(slopes.iter().any(near), "{path}: {slopes:?} measured, {told} told");
            }
        }
    }
}
