//! What each operator does to the vectors of a block.

use rayon::prelude::*;

use super::panels::PARALLEL_FROM;
use crate::graph::RowOrder;

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

/// Rotate each pair of each head, `[heads, head_dim]`, by this position's angles (cos, sin).
pub(super) fn rope(x: &mut [f32], head_dim: usize, order: RowOrder, angles: &[(f32, f32)]) {
    for head in x.chunks_exact_mut(head_dim) {
        for (pair, (cos, sin)) in angles.iter().enumerate() {
            let (a, b) = match order {
                RowOrder::Half => (pair, pair + head_dim / 2),
                RowOrder::Interleaved => (2 * pair, 2 * pair + 1),
            };
            (head[a], head[b]) = (head[a] * cos - head[b] * sin, head[a] * sin + head[b] * cos);
        }
    }
}

/// `x / (1 + e^-x)`
pub(super) fn silu(x: f32) -> f32 {
    x / (1.0 + libm::expf(-x))
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
}
