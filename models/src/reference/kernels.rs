//! What each operator does to the vectors of a block.

use rayon::prelude::*;

use super::panels::PARALLEL_FROM;
use crate::config::Activation;
use crate::config::{RouteRule, RowOrder};

/// Elements given to a thread at a time.
const ELEMENTS_A_TASK: usize = 1 << 13;

/// Hands each token's number and output, `[width]`, to `work`.
pub(super) fn each_token(out: &mut [f32], width: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    if out.len() < PARALLEL_FROM {
        out.chunks_mut(width).enumerate().for_each(|(t, y)| work(t, y));
    } else {
        out.par_chunks_mut(width).with_min_len(ELEMENTS_A_TASK.div_ceil(width)).enumerate().for_each(|(t, y)| work(t, y));
    }
}

/// `x / sqrt(mean(x^2) + eps) * gain`, over each part of the gain's width.
pub(super) fn rms_norm(out: &mut [f32], x: &[f32], gain: &[f32], eps: f32) {
    for (out, x) in out.chunks_exact_mut(gain.len()).zip(x.chunks_exact(gain.len())) {
        let square: f32 = x.iter().map(|x| x * x).sum();
        let root = (square / x.len() as f32 + eps).sqrt();
        for ((y, x), g) in out.iter_mut().zip(x).zip(gain) {
            *y = x / root * g;
        }
    }
}

/// `x / sqrt(sum(x^2) + eps) * scale`, over each `n` elements.
pub(super) fn unit_norm(out: &mut [f32], x: &[f32], n: usize, eps: f32, scale: f32) {
    for (out, x) in out.chunks_exact_mut(n).zip(x.chunks_exact(n)) {
        let root = (x.iter().map(|x| x * x).sum::<f32>() + eps).sqrt();
        out.iter_mut().zip(x).for_each(|(y, x)| *y = x / root * scale);
    }
}

/// `exp(-speed softplus(x))`
pub(super) fn decay(speed: f32, x: f32) -> f32 {
    let softplus = x.max(0.0) + libm::log1pf(libm::expf(-x.abs()));
    libm::expf(-speed * softplus)
}

/// `(x - mean) / sqrt(variance + eps) * gain + bias`
pub(super) fn layer_norm(out: &mut [f32], x: &[f32], gain: &[f32], bias: Option<&[f32]>, eps: f32) {
    let mean = x.iter().sum::<f32>() / x.len() as f32;
    let variance = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / x.len() as f32;
    let root = (variance + eps).sqrt();
    for (i, (y, x)) in out.iter_mut().zip(x).enumerate() {
        *y = (x - mean) / root * gain[i] + bias.map_or(0.0, |b| b[i]);
    }
}

/// Rotate each pair of the first values of each head, `[heads, head_dim]`, by this position's angles (cos, sin).
pub(super) fn rope(x: &mut [f32], head_dim: usize, order: RowOrder, angles: &[(f32, f32)]) {
    for head in x.chunks_exact_mut(head_dim) {
        for (pair, (cos, sin)) in angles.iter().enumerate() {
            let (a, b) = match order {
                RowOrder::Half => (pair, pair + angles.len()),
                RowOrder::Interleaved => (2 * pair, 2 * pair + 1),
            };
            (head[a], head[b]) = (head[a] * cos - head[b] * sin, head[a] * sin + head[b] * cos);
        }
    }
}

/// `act(x)`
pub(super) fn activate(act: Activation, x: f32) -> f32 {
    match act {
        Activation::Silu => x * sigmoid(x),
        Activation::GeluTanh => {
            let inner = (2.0 / std::f32::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
            0.5 * x * (1.0 + libm::tanhf(inner))
        }
        Activation::Gelu => 0.5 * x * (1.0 + libm::erff(x / std::f32::consts::SQRT_2)),
        Activation::Relu2 => x.max(0.0) * x.max(0.0),
        Activation::Sigmoid => sigmoid(x),
        Activation::SwigluClamped { alpha, limit } => {
            let gate = x.min(limit);
            gate * sigmoid(alpha * gate)
        }
    }
}

/// What the activated gate is multiplied by.
pub(super) fn gated(act: Activation, up: f32) -> f32 {
    match act {
        Activation::SwigluClamped { limit, .. } => up.clamp(-limit, limit) + 1.0,
        _ => up,
    }
}

/// Derivative of [`activate`].
pub(super) fn activate_slope(act: Activation, x: f32) -> f32 {
    match act {
        Activation::Silu => sigmoid(x) * (1.0 + x * (1.0 - sigmoid(x))),
        Activation::GeluTanh => {
            let root = (2.0 / std::f32::consts::PI).sqrt();
            let tanh = libm::tanhf(root * (x + 0.044715 * x * x * x));
            0.5 * (1.0 + tanh) + 0.5 * x * (1.0 - tanh * tanh) * root * (1.0 + 3.0 * 0.044715 * x * x)
        }
        Activation::Gelu => {
            let density = libm::expf(-0.5 * x * x) / (2.0 * std::f32::consts::PI).sqrt();
            0.5 * (1.0 + libm::erff(x / std::f32::consts::SQRT_2)) + x * density
        }
        Activation::Relu2 => 2.0 * x.max(0.0),
        Activation::Sigmoid => sigmoid(x) * (1.0 - sigmoid(x)),
        Activation::SwigluClamped { alpha, limit } => {
            let s = sigmoid(alpha * x);
            if x < limit { s * (1.0 + alpha * x * (1.0 - s)) } else { 0.0 }
        }
    }
}

/// Derivative of [`gated`].
pub(super) fn gated_slope(act: Activation, up: f32) -> f32 {
    match act {
        Activation::SwigluClamped { limit, .. } if up.abs() > limit => 0.0,
        _ => 1.0,
    }
}

pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + libm::expf(-x))
}

/// Router logits into weights, 0 for experts not chosen.
pub(super) fn route(out: &mut [f32], logits: &[f32], active: usize, rule: RouteRule) {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
    let chosen = &order[..active];
    let max = logits[order[0]];
    let exponential = |e: usize| libm::expf(logits[e] - max);
    let total: f32 = match rule {
        RouteRule::SoftmaxThenTop { renormalise: false } => (0..logits.len()).map(exponential).sum(),
        RouteRule::SoftmaxThenTop { renormalise: true } | RouteRule::TopThenSoftmax => chosen.iter().map(|&e| exponential(e)).sum(),
    };
    out.fill(0.0);
    chosen.iter().for_each(|&e| out[e] = exponential(e) / total);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn norm_groups_are_norms_of_their_own() {
        let (x, gain) = ([1.0, -2.0, 3.0, 0.5], [2.0, 0.5]);
        let (mut whole, mut parts) = ([0.0; 4], [0.0; 4]);
        rms_norm(&mut whole, &x, &gain, 1e-5);
        for at in [0, 2] {
            rms_norm(&mut parts[at..at + 2], &x[at..at + 2], &gain, 1e-5);
        }
        assert_eq!(whole, parts);
        let root = (2.5f32 + 1e-5).sqrt();
        assert_eq!(whole[..2], [1.0 / root * 2.0, -2.0 / root * 0.5]);
    }

    #[test]
    fn row_orders_rotate_the_same_pairs_in_other_places() {
        let angles = [(0.6, 0.8), (0.0, 1.0)];
        let (mut half, mut interleaved) = ([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 2.0, 4.0]);
        rope(&mut half, 4, RowOrder::Half, &angles);
        rope(&mut interleaved, 4, RowOrder::Interleaved, &angles);
        assert_eq!(half, [0.6 - 3.0 * 0.8, -4.0, 0.8 + 3.0 * 0.6, 2.0]);
        assert_eq!(interleaved, [half[0], half[2], half[1], half[3]]);
    }

    #[test]
    fn values_past_the_rotated_ones_stay() {
        let mut head = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        rope(&mut head, 6, RowOrder::Half, &[(0.6, 0.8), (0.0, 1.0)]);
        assert_eq!(head, [0.6 - 3.0 * 0.8, -4.0, 0.8 + 3.0 * 0.6, 2.0, 5.0, 6.0]);
    }

    #[test]
    fn routers_choose_the_greatest_and_the_first_of_equals() {
        let logits = [0.5, 2.0, 2.0, -1.0, 2.0];
        let run = |active, rule| {
            let mut out = [9.0; 5];
            route(&mut out, &logits, active, rule);
            out
        };
        assert_eq!(run(2, RouteRule::TopThenSoftmax), [0.0, 0.5, 0.5, 0.0, 0.0]);
        assert_eq!(run(2, RouteRule::SoftmaxThenTop { renormalise: true }), [0.0, 0.5, 0.5, 0.0, 0.0]);
        let all = run(2, RouteRule::SoftmaxThenTop { renormalise: false });
        assert_eq!((all[0], all[3], all[4]), (0.0, 0.0, 0.0));
        assert!((all[1] - 1.0 / (3.0 + (-1.5f32).exp() + (-3.0f32).exp())).abs() < 1e-6 && all[1] == all[2]);
        assert!((run(5, RouteRule::TopThenSoftmax).iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }
}
