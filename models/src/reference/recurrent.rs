//! Operators whose memory of a text has one size, however long it is: short convolutions and the gated delta rule. Forwards token by
//! token, and backwards through a whole text.

use rayon::prelude::*;

use super::kernels::each_token;
use crate::config::LinearAttention;

/// What a node of this kind remembers: a convolution its last inputs `[taps - 1, width]`, oldest first, a delta rule its states
/// `[value_heads, key_dim, value_dim]`. Empty before the first token, which stands for zeros.
pub(super) type Past = Vec<f32>;

/// Causal convolution of each element with its own past.
#[derive(Clone)]
pub(super) struct ShortConv {
    /// Number of this node's memory in the state.
    pub memory: usize,
    pub taps: usize,
    /// `[width, taps]`, the newest input's last.
    pub weight: Vec<f32>,
}

impl ShortConv {
    fn width(&self) -> usize {
        self.weight.len() / self.taps
    }

    /// `out`, `x` `[tokens, width]`.
    pub fn run(&self, out: &mut [f32], x: &[f32], past: &mut Past) {
        let (width, kept) = (self.width(), (self.taps - 1) * self.width());
        past.resize(kept, 0.0);
        past.extend_from_slice(x);
        each_token(out, width, |t, y| {
            for (i, (y, weight)) in y.iter_mut().zip(self.weight.chunks_exact(self.taps)).enumerate() {
                *y = weight.iter().enumerate().map(|(j, w)| w * past[(t + j) * width + i]).sum();
            }
        });
        past.drain(..past.len() - kept);
    }

    /// The derivative by the inputs of a whole text.
    pub fn back(&self, dy: &[f32]) -> Vec<f32> {
        let width = self.width();
        let tokens = dy.len() / width;
        let mut dx = vec![0.0; dy.len()];
        each_token(&mut dx, width, |t, dx| {
            for (i, (d, weight)) in dx.iter_mut().zip(self.weight.chunks_exact(self.taps)).enumerate() {
                let later = weight.iter().rev().enumerate().take(tokens - t);
                *d = later.map(|(ago, w)| w * dy[(t + ago) * width + i]).sum();
            }
        });
        dx
    }
}

/// The gated delta rule of all heads.
#[derive(Clone)]
pub(super) struct DeltaRule {
    /// Number of this node's memory in the state.
    pub memory: usize,
    pub shape: LinearAttention,
}

/// Queries and keys `[tokens, keys]`, values `[tokens, values]`, decay and step `[tokens, value_heads]`.
pub(super) type Inputs<'a> = [&'a [f32]; 5];

/// What one value head reads of one token.
struct Token<'a> {
    q: &'a [f32],
    k: &'a [f32],
    v: &'a [f32],
    decay: f32,
    step: f32,
}

impl DeltaRule {
    fn token<'a>(&self, [q, k, v, decay, step]: Inputs<'a>, t: usize, head: usize) -> Token<'a> {
        let s = &self.shape;
        let key = (t * s.key_heads + head / (s.value_heads / s.key_heads)) * s.key_dim;
        let at = t * s.value_heads + head;
        Token {
            q: &q[key..key + s.key_dim],
            k: &k[key..key + s.key_dim],
            v: &v[at * s.value_dim..(at + 1) * s.value_dim],
            decay: decay[at],
            step: step[at],
        }
    }

    /// `out` is `[tokens, values]`.
    pub fn run(&self, out: &mut [f32], inputs: Inputs<'_>, past: &mut Past) {
        let s = &self.shape;
        let tokens = out.len() / s.values();
        past.resize(s.values() * s.key_dim, 0.0);
        let heads: Vec<Vec<f32>> = past
            .par_chunks_mut(s.key_dim * s.value_dim)
            .enumerate()
            .map(|(head, state)| {
                let mut outs = vec![0.0; tokens * s.value_dim];
                for (t, out) in outs.chunks_exact_mut(s.value_dim).enumerate() {
                    let token = self.token(inputs, t, head);
                    update(state, &token);
                    transposed(state, token.q, out);
                }
                outs
            })
            .collect();
        for (head, outs) in heads.iter().enumerate() {
            for (t, o) in outs.chunks_exact(s.value_dim).enumerate() {
                out[(t * s.value_heads + head) * s.value_dim..][..s.value_dim].copy_from_slice(o);
            }
        }
    }

    /// The derivative by each input of a whole text that starts at position 0. Holds every state of the text, of as many heads as there are
    /// threads.
    pub fn back(&self, dy: &[f32], inputs: Inputs<'_>) -> Vec<Vec<f32>> {
        let s = &self.shape;
        let heads: Vec<[Vec<f32>; 5]> = (0..s.value_heads).into_par_iter().map(|head| self.head_back(dy, inputs, head)).collect();
        let mut all: Vec<Vec<f32>> = inputs.iter().map(|x| vec![0.0; x.len()]).collect();
        let share = s.value_heads / s.key_heads;
        let places = [
            (share, s.key_heads, s.key_dim),
            (share, s.key_heads, s.key_dim),
            (1, s.value_heads, s.value_dim),
            (1, s.value_heads, 1),
            (1, s.value_heads, 1),
        ];
        for (head, parts) in heads.iter().enumerate() {
            for ((all, part), (share, count, width)) in all.iter_mut().zip(parts).zip(places) {
                for (t, d) in part.chunks_exact(width).enumerate() {
                    all[(t * count + head / share) * width..].iter_mut().zip(d).for_each(|(sum, d)| *sum += d);
                }
            }
        }
        all
    }

    fn head_back(&self, dy: &[f32], inputs: Inputs<'_>, head: usize) -> [Vec<f32>; 5] {
        let s = &self.shape;
        let (dk, dv) = (s.key_dim, s.value_dim);
        let tokens = dy.len() / s.values();
        let mut states = vec![0.0; (tokens + 1) * dk * dv];
        for t in 0..tokens {
            let (before, after) = states[t * dk * dv..].split_at_mut(dk * dv);
            after[..dk * dv].copy_from_slice(before);
            update(&mut after[..dk * dv], &self.token(inputs, t, head));
        }
        let (mut q_back, mut k_back, mut v_back) = (vec![0.0; tokens * dk], vec![0.0; tokens * dk], vec![0.0; tokens * dv]);
        let (mut decay_back, mut step_back) = (vec![0.0; tokens], vec![0.0; tokens]);
        // By the state after the token.
        let mut slope = vec![0.0; dk * dv];
        let mut row = vec![0.0; dv];
        for t in (0..tokens).rev() {
            let (token, dy) = (self.token(inputs, t, head), &dy[(t * s.value_heads + head) * dv..][..dv]);
            let (before, after) = (&states[t * dk * dv..][..dk * dv], &states[(t + 1) * dk * dv..][..dk * dv]);
            plain(after, dy, &mut q_back[t * dk..(t + 1) * dk]);
            outer(&mut slope, token.q, dy);
            // Prediction and what is written again, as in the update.
            let decayed: Vec<f32> = before.iter().map(|x| token.decay * x).collect();
            transposed(&decayed, token.k, &mut row);
            let error: Vec<f32> = token.v.iter().zip(&row).map(|(v, r)| v - r).collect();
            let written: Vec<f32> = error.iter().map(|e| token.step * e).collect();
            let dk_back = &mut k_back[t * dk..(t + 1) * dk];
            plain(&slope, &written, dk_back);
            transposed(&slope, token.k, &mut row);
            step_back[t] = row.iter().zip(&error).map(|(d, e)| d * e).sum();
            let error_back: Vec<f32> = row.iter().map(|d| token.step * d).collect();
            v_back[t * dv..(t + 1) * dv].copy_from_slice(&error_back);
            let mut through = vec![0.0; dk];
            plain(&decayed, &error_back, &mut through);
            dk_back.iter_mut().zip(&through).for_each(|(d, x)| *d -= x);
            let minus: Vec<f32> = error_back.iter().map(|d| -d).collect();
            outer(&mut slope, token.k, &minus);
            decay_back[t] = slope.iter().zip(before).map(|(d, x)| d * x).sum();
            slope.iter_mut().for_each(|d| *d *= token.decay);
        }
        [q_back, k_back, v_back, decay_back, step_back]
    }
}

/// `S <- decay S + k (step (v - decay S^T k))^T`
fn update(state: &mut [f32], token: &Token<'_>) {
    state.iter_mut().for_each(|x| *x *= token.decay);
    let mut predicted = vec![0.0; token.v.len()];
    transposed(state, token.k, &mut predicted);
    let written: Vec<f32> = token.v.iter().zip(&predicted).map(|(v, r)| (v - r) * token.step).collect();
    outer(state, token.k, &written);
}

/// `out = S^T x`, the rows of `S` added up first to last.
fn transposed(state: &[f32], x: &[f32], out: &mut [f32]) {
    out.fill(0.0);
    for (row, x) in state.chunks_exact(out.len()).zip(x) {
        out.iter_mut().zip(row).for_each(|(sum, s)| *sum += x * s);
    }
}

/// `out = S y`
fn plain(state: &[f32], y: &[f32], out: &mut [f32]) {
    for (row, out) in state.chunks_exact(y.len()).zip(out) {
        *out = row.iter().zip(y).map(|(s, y)| s * y).sum();
    }
}

/// `S += x y^T`
fn outer(state: &mut [f32], x: &[f32], y: &[f32]) {
    for (row, x) in state.chunks_exact_mut(y.len()).zip(x) {
        row.iter_mut().zip(y).for_each(|(s, y)| *s += x * y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: LinearAttention =
        LinearAttention { key_heads: 1, value_heads: 2, key_dim: 3, value_dim: 2, taps: 4, rate: crate::config::Rate::Logarithm };

    /// Numbers between -1 and 1 that follow from `seed`.
    fn numbers(seed: u32, count: usize) -> Vec<f32> {
        (0..count as u32).map(|i| ((seed * 7919 + i * 104_729) % 2003) as f32 / 1001.0 - 1.0).collect()
    }

    fn loss(out: &[f32], seed: &[f32]) -> f64 {
        out.iter().zip(seed).map(|(a, b)| f64::from(a * b)).sum()
    }

    #[test]
    fn a_delta_rule_overwrites_what_its_key_held() {
        let rule = DeltaRule { memory: 0, shape: LinearAttention { value_heads: 1, ..SHAPE } };
        let key = [0.6, 0.0, 0.8];
        let (keys, values) = ([key, key].concat(), [3.0, -1.0, 5.0, 2.0]);
        let (mut out, mut past) = ([0.0; 4], Past::new());
        rule.run(&mut out, [&keys, &keys, &values, &[1.0, 1.0], &[1.0, 1.0]], &mut past);
        assert!(out.iter().zip(values).all(|(a, b)| (a - b).abs() < 1e-5), "{out:?}");
        // Half a step goes half the way, and what is kept decays first.
        rule.run(&mut out[..2], [&key, &key, &[1.0, 0.0], &[0.5], &[0.5]], &mut past);
        assert!((out[0] - 1.75).abs() < 1e-5 && (out[1] - 0.5).abs() < 1e-5, "{out:?}");
    }

    #[test]
    fn slopes_are_those_of_small_steps() {
        let tokens = 5;
        let rule = DeltaRule { memory: 0, shape: SHAPE };
        let share = |x: Vec<f32>| x.iter().map(|x| 0.5 + 0.4 * x).collect::<Vec<f32>>();
        let inputs = [
            numbers(1, tokens * 3),
            numbers(2, tokens * 3),
            numbers(3, tokens * 4),
            share(numbers(4, tokens * 2)),
            share(numbers(5, tokens * 2)),
        ];
        let seed = numbers(6, tokens * 4);
        let run = |inputs: &[Vec<f32>; 5]| {
            let mut out = vec![0.0; tokens * 4];
            rule.run(&mut out, inputs.each_ref().map(|x| &x[..]), &mut Past::new());
            loss(&out, &seed)
        };
        let slopes = rule.back(&seed, inputs.each_ref().map(|x| &x[..]));
        const STEP: f32 = 1e-2;
        for (port, slopes) in slopes.iter().enumerate() {
            for (i, slope) in slopes.iter().enumerate() {
                let at = |step: f32| {
                    let mut moved = inputs.clone();
                    moved[port][i] += step;
                    run(&moved)
                };
                let found = (at(STEP) - at(-STEP)) / f64::from(2.0 * STEP);
                assert!((found - f64::from(*slope)).abs() < 2e-3 * found.abs().max(1.0), "port {port}, {i}: {slope} against {found}");
            }
        }
        let conv = ShortConv { memory: 0, taps: 4, weight: numbers(7, 8) };
        let (x, seed) = (numbers(8, tokens * 2), numbers(9, tokens * 2));
        let run = |x: &[f32]| {
            let mut out = vec![0.0; x.len()];
            conv.run(&mut out, x, &mut Past::new());
            loss(&out, &seed)
        };
        for (i, slope) in conv.back(&seed).iter().enumerate() {
            let at = |step: f32| run(&x.iter().enumerate().map(|(n, x)| if n == i { x + step } else { *x }).collect::<Vec<_>>());
            let found = (at(STEP) - at(-STEP)) / f64::from(2.0 * STEP);
            assert!((found - f64::from(*slope)).abs() < 1e-3, "{i}: {slope} against {found}");
        }
    }
}
