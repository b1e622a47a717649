//! What an error at each matrix's output costs the model's predictions: the Fisher information of the logits, taken back through the
//! graph.
//!
//! A change `d` of the logits of one token costs `d^T (diag(p) - p p^T) d / 2` nats of KL divergence, `p` their softmax. With a seed
//! `sqrt(p) z - p (sqrt(p) . z)` for random signs `z`, the expected square of `sum(seed * d)` is twice that; so the squares of the
//! slopes `g` that a seed has at a matrix's outputs weigh the errors there: `sum over tokens and outputs of g^2 e^2 / 2`.

use super::curvature::Curvature;
use crate::error::Error;
use hardwire_models::{Checkpoint, FloatPass, Op, Slope};
use petgraph::graph::NodeIndex;

/// A matrix and the square slopes at its outputs. An expert has only the tokens that chose it.
pub(super) struct Weighed<'a> {
    pub node: NodeIndex,
    /// What enters it, `[tokens, inputs]`; nothing for an embedding.
    pub entering: &'a [f32],
    /// `g`, `[tokens, outputs]`.
    pub slopes: &'a [f32],
    /// The mean over outputs of `g^2`, by token.
    pub tokens: Vec<f32>,
    /// The sum over tokens of `g^2`, by output.
    pub outputs: Vec<f32>,
}

/// Takes a text through the model and back, and shows every matrix; the last first. Holds one matrix at a time and all vectors of the text.
pub(super) fn weigh(checkpoint: &Checkpoint, text: &[u32], visit: &mut dyn FnMut(Weighed<'_>) -> Result<(), Error>) -> Result<(), Error> {
    let pass = FloatPass::new(checkpoint, text)?;
    let mut seed = pass.logits().to_vec();
    let mut state = 1;
    seed.chunks_exact_mut(checkpoint.config().vocab).for_each(|logits| root(logits, &mut state));
    pass.backward(seed, &mut |s: &Slope<'_>| {
        let width = s.slope.len() / s.tokens.len().max(1);
        let mut outputs = vec![0f32; width];
        let mut tokens = Vec::with_capacity(s.tokens.len());
        for g in s.slope.chunks_exact(width.max(1)) {
            tokens.push(g.iter().map(|g| g * g).sum::<f32>() / width as f32);
            outputs.iter_mut().zip(g).for_each(|(sum, g)| *sum += g * g);
        }
        visit(Weighed { node: s.node, entering: s.entering, slopes: s.slope, tokens, outputs })
    })
}

/// What errors of the embedding's rows cost: a row is its token's output, so `sum of g g^T` is the curvature of each. `None` if the text is too
/// short to tell.
pub(super) fn of_embedding(checkpoint: &Checkpoint, text: &[u32]) -> Result<Option<Curvature>, Error> {
    let mut found = None;
    if tells(text.len(), checkpoint.config().hidden) {
        weigh(checkpoint, text, &mut |w| {
            if let Op::Embed { .. } = &checkpoint.graph().graph[w.node].op {
                found = curvature(&w);
            }
            Ok(())
        })?;
    }
    Ok(found)
}

/// That of an embedding that was reached.
pub(super) fn curvature(w: &Weighed<'_>) -> Option<Curvature> {
    let n = w.outputs.len();
    tells(w.tokens.len(), n).then(|| Curvature::new(None, w.slopes, n, None))
}

/// Fewer slopes than this leave directions in which errors seem to cost nothing, and codes would put them there.
fn tells(tokens: usize, n: usize) -> bool {
    tokens >= 2 * n
}

/// Logits become a random vector whose second moments are the Fisher information of their softmax.
fn root(logits: &mut [f32], state: &mut u64) {
    let max = logits.iter().fold(f32::NEG_INFINITY, |m, &l| m.max(l));
    let total: f64 = logits.iter().map(|l| f64::from(libm::expf(l - max))).sum();
    let mut along = 0f64;
    for l in &mut *logits {
        let root = libm::sqrt(f64::from(libm::expf(*l - max)) / total);
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *l = if *state >> 63 == 0 { root as f32 } else { -root as f32 };
        along += f64::from(*l);
    }
    logits.iter_mut().for_each(|l| *l -= (f64::from(*l) * f64::from(*l) * along) as f32);
}

#[cfg(test)]
mod tests {
    use super::super::budget::{errors, lanes};
    use super::super::choice::Width;
    use super::super::compensate;
    use super::super::row_block::BLOCK_ROWS;
    use super::*;
    use hardwire_models::FloatModel;

    fn noise(n: usize) -> Vec<f32> {
        let mut state = 7u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        (0..n).map(|_| next() + next()).collect()
    }

    /// Mean over tokens of KL(a || b), nats.
    fn divergence(a: &[f32], b: &[f32], vocab: usize) -> f64 {
        let log_softmax = |x: &[f32]| -> Vec<f64> {
            let sum = x.iter().map(|&x| f64::from(x).exp()).sum::<f64>().ln();
            x.iter().map(|&x| f64::from(x) - sum).collect()
        };
        let of = |(a, b): (&[f32], &[f32])| {
            let (p, q) = (log_softmax(a), log_softmax(b));
            p.iter().zip(q).map(|(p, q)| p.exp() * (p - q)).sum::<f64>()
        };
        a.chunks(vocab).zip(b.chunks(vocab)).map(of).sum::<f64>() / (a.len() / vocab) as f64
    }

    #[test]
    fn told_losses_are_those_of_noise_on_the_weights() {
        let checkpoint = Checkpoint::bundled();
        let (graph, vocab) = (checkpoint.graph(), checkpoint.config().vocab);
        let model = FloatModel::new(&checkpoint).unwrap();
        let text = checkpoint.tokenizer().unwrap().unwrap().encode(crate::CALIBRATION_TEXT).unwrap()[..300].to_vec();
        let right = model.forward_block(&mut model.start(), &text).unwrap();
        for path in ["embed_tokens", "layers.0.self_attn.v_proj", "layers.2.mlp.gate_proj", "layers.4.mlp.down_proj", "lm_head"] {
            let at = graph.find(path).unwrap();
            let tensor = checkpoint.tensor(graph.graph[at].matrix().unwrap()).unwrap();
            let (rows, n) = (tensor.to_f32().unwrap(), tensor.cols());
            let size = (rows.iter().map(|w| w * w).sum::<f32>() / rows.len() as f32).sqrt();
            let off: Vec<f32> = noise(rows.len()).iter().map(|e| 0.1 * size * e).collect();
            let moved = model
                .with_matrices(&mut |p| {
                    let rows = checkpoint.tensor(graph.graph[graph.find(p).unwrap()].matrix().unwrap())?.to_f32()?;
                    Ok::<_, Error>(if p == path { rows.iter().zip(&off).map(|(w, e)| w + e).collect() } else { rows })
                })
                .unwrap();
            let measured = divergence(&right, &moved.forward_block(&mut moved.start(), &text).unwrap(), vocab);
            let mut told = 0f64;
            weigh(&checkpoint, &text, &mut |w| {
                if w.node == at {
                    // The error of every output of every token, its square by the mean slope of the token.
                    for (t, weight) in w.tokens.iter().enumerate() {
                        let square = if w.entering.is_empty() {
                            off[text[t] as usize * n..][..n].iter().map(|e| f64::from(*e).powi(2)).sum::<f64>()
                        } else {
                            let x = &w.entering[t * n..(t + 1) * n];
                            off.chunks(n).map(|e| f64::from(e.iter().zip(x).map(|(e, x)| e * x).sum::<f32>()).powi(2)).sum()
                        };
                        told += 0.5 * f64::from(*weight) * square / text.len() as f64;
                    }
                }
                Ok(())
            })
            .unwrap();
            assert!(told > 0.5 * measured && told < 2.0 * measured, "{path}: {told} told, {measured} measured");
        }
    }

    #[test]
    fn embedding_codes_that_heed_the_slopes_cost_less_by_those_of_another_text() {
        let checkpoint = Checkpoint::bundled();
        let graph = checkpoint.graph();
        let ids = checkpoint.tokenizer().unwrap().unwrap().encode(crate::CALIBRATION_TEXT).unwrap();
        let of = |text: &[u32]| of_embedding(&checkpoint, text).unwrap().unwrap();
        let (calibrating, judging) = (of(&ids[..500]), of(&ids[4000..4500]));
        let tensor = checkpoint.tensor(graph.graph[graph.find("embed_tokens").unwrap()].matrix().unwrap()).unwrap();
        let lost = |heeded: Option<&Curvature>| -> f64 {
            let rows = (0..tensor.rows()).step_by(BLOCK_ROWS).map(|first| (first..first + BLOCK_ROWS).collect::<Vec<_>>());
            let error = |rows: Vec<usize>| errors(&lanes(&tensor, &rows).unwrap(), Width::of(2), 32, heeded);
            rows.flat_map(|rows| compensate::cost(&error(rows), &judging)).map(f64::from).sum()
        };
        let (nearest, heeding) = (lost(None), lost(Some(&calibrating)));
        assert!(heeding < 0.96 * nearest, "{heeding} where the nearest codes cost {nearest}");
    }
}
