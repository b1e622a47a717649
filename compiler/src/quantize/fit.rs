//! A codebook of its own for a matrix: the values that stand for its weights with least squared error. The product bank multiplies by any
//! short list of integers, so a fitted list costs no more silicon than a regular one.

use super::compensate::far_side;
use crate::error::Error;
use hardwire_models::Tensor;
use rayon::prelude::*;

/// Rows looked at: enough groups for a distribution.
const SAMPLED_ROWS: usize = 512;
/// Resolution of the distribution, each side of zero.
const BINS: usize = 512;
const ROUNDS: usize = 60;

/// `2^bits` rising values of magnitude up to `most`, for groups of `group` inputs that are scaled to their far weight, or to their range
/// where they have `offsets`.
pub(super) fn codebook(tensor: &Tensor<'_>, bits: u8, group: usize, offsets: bool, most: i32) -> Result<Vec<i32>, Error> {
    let step = tensor.rows().div_ceil(SAMPLED_ROWS).max(1);
    let rows: Vec<usize> = (0..tensor.rows()).step_by(step).collect();
    let mut histogram = vec![0f64; 2 * BINS + 1];
    for chunk in rows.chunks(64) {
        let part = |&n: &usize| {
            let mut row = vec![0f32; tensor.cols()];
            tensor.row_f32(n, &mut row)?;
            Ok(row)
        };
        for row in chunk.par_iter().map(part).collect::<Result<Vec<_>, Error>>()? {
            row.chunks(group).for_each(|g| count(g, offsets, &mut histogram));
        }
    }
    let levels = lloyd(&histogram, 1 << bits);
    Ok(integers(&levels, most))
}

/// Adds a group's weights, scaled into -1 to 1, each with the square of the scale: what an error there costs.
fn count(group: &[f32], offsets: bool, histogram: &mut [f64]) {
    let (least, most) = group.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), &w| (a.min(w), b.max(w)));
    let (middle, scale) = if offsets { ((least + most) / 2.0, (most - least) / 2.0) } else { (0.0, far_side(least, most)) };
    if scale == 0.0 {
        return;
    }
    for w in group {
        let at = f64::from((w - middle) / scale).clamp(-1.0, 1.0) * BINS as f64 + BINS as f64;
        histogram[libm::round(at) as usize] += f64::from(scale) * f64::from(scale);
    }
}

/// `count` values of least squared error for a distribution over -1 to 1, from evenly spaced ones.
fn lloyd(histogram: &[f64], count: usize) -> Vec<f64> {
    let x = |bin: usize| bin as f64 / BINS as f64 - 1.0;
    let mut levels: Vec<f64> = (0..count).map(|i| 2.0 * i as f64 / (count - 1) as f64 - 1.0).collect();
    for _ in 0..ROUNDS {
        let mut sums = vec![(0f64, 0f64); count];
        let mut at = 0;
        for (bin, &weight) in histogram.iter().enumerate() {
            while at + 1 < count && x(bin) > (levels[at] + levels[at + 1]) / 2.0 {
                at += 1;
            }
            sums[at].0 += weight;
            sums[at].1 += weight * x(bin);
        }
        for (level, (weight, sum)) in levels.iter_mut().zip(sums) {
            if weight > 0.0 {
                *level = sum / weight;
            }
        }
    }
    levels
}

/// The levels as rising integers, the farthest at `most`.
fn integers(levels: &[f64], most: i32) -> Vec<i32> {
    let far = levels.iter().fold(0f64, |m, l| m.max(l.abs())).max(1e-9);
    let mut values: Vec<i32> = levels.iter().map(|l| libm::round(l / far * f64::from(most)) as i32).collect();
    // Neighbours that round alike move apart, away from the far end.
    for i in 1..values.len() {
        values[i] = values[i].max(values[i - 1] + 1);
    }
    let over = (values[values.len() - 1] - most).max(0);
    for i in (0..values.len()).rev() {
        let limit = most - (values.len() - 1 - i) as i32;
        values[i] = if over > 0 { values[i].min(limit) } else { values[i] };
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fitted_values_rise_fit_their_width_and_follow_the_weights() {
        let mut histogram = vec![0f64; 2 * BINS + 1];
        for (i, h) in histogram.iter_mut().enumerate() {
            let x = i as f64 / BINS as f64 - 1.0;
            *h = libm::exp(-x * x * 8.0);
        }
        for (bits, most) in [(2u32, 127), (3, 31), (3, 4), (4, 15)] {
            let levels = lloyd(&histogram, 1 << bits);
            let values = integers(&levels, most);
            assert!(values.windows(2).all(|v| v[0] < v[1]) && values.iter().all(|v| v.abs() <= most), "{values:?}");
        }
        let levels = lloyd(&histogram, 8);
        assert!(levels[4] - levels[3] < levels[7] - levels[6], "dense where weights are: {levels:?}");
    }
}
