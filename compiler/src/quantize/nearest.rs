//! Codes and scales of least squared error for weights that are on no grid.

use super::encode::Row;

/// Scale mantissa bits, sign included, for codes of `bits` bits: fine enough that rounding the scale costs little beside rounding
/// the codes.
fn scale_bits(bits: u8) -> u8 {
    bits + 4
}

/// Quantizes a row in groups of `group` to two's complement codes of `bits` bits.
pub(super) fn row(weights: &[f32], bits: u8, group: usize) -> Row {
    let low = -(1i32 << (bits - 1));
    let best: Vec<f64> = weights.chunks(group).map(|g| best_scale(g, low)).collect();
    let max = best.iter().fold(0f64, |m, s| m.max(s.abs()));
    let limit = f64::from((1 << (scale_bits(bits) - 1)) - 1);
    let mut exponent = if max == 0.0 { 0 } else { libm::ceil(libm::log2(max / limit)) as i32 };
    while max > limit * libm::exp2(f64::from(exponent)) {
        exponent += 1;
    }
    let unit = libm::exp2(f64::from(exponent));
    let scales: Vec<i32> = best.iter().map(|s| libm::round(s / unit) as i32).collect();
    let code = |(k, &w): (usize, &f32)| {
        let s = f64::from(scales[k / group]) * unit;
        let q = if s == 0.0 { 0 } else { libm::round(f64::from(w) / s) as i32 };
        (q.clamp(low, -low - 1) - low) as u8
    };
    let codes = weights.iter().enumerate().map(code).collect();
    let lossless = weights.iter().all(|&w| w == 0.0);
    Row { codes, scales, offsets: Vec::new(), exponent, lossless }
}

/// The scale, of either sign, that minimises the squared error of `q * s` with `low <= q < -low`: candidates around the one that
/// maps the extreme weight to the extreme code, each refined by least squares for its codes.
fn best_scale(weights: &[f32], low: i32) -> f64 {
    let extreme = weights.iter().fold(0f64, |m, &w| if f64::from(w).abs() > f64::abs(m) { f64::from(w) } else { m });
    if extreme == 0.0 {
        return 0.0;
    }
    let (mut best, mut gain) = (0f64, 0f64);
    for step in -9..=9 {
        // Tenths of a code around the extreme code.
        let inverse = (f64::from(low) + f64::from(step) * 0.1 * f64::from(-low) / 8.0) / extreme;
        let (mut wq, mut qq) = (0f64, 0f64);
        for &w in weights {
            let q = (f64::from(w) * inverse).round().clamp(f64::from(low), f64::from(-low - 1));
            wq += f64::from(w) * q;
            qq += q * q;
        }
        // With s = wq / qq the error falls by wq^2 / qq.
        if qq > 0.0 && wq * wq > gain * qq {
            (best, gain) = (wq / qq, wq * wq / qq);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(weights: &[f32], bits: u8) -> f64 {
        let row = row(weights, bits, 32);
        let unit = libm::exp2(f64::from(row.exponent));
        let low = -(1i32 << (bits - 1));
        let lost = |(k, &w): (usize, &f32)| {
            let q = i32::from(row.codes[k]) + low;
            (f64::from(w) - f64::from(q * row.scales[k / 32]) * unit).powi(2)
        };
        let energy: f64 = weights.iter().map(|&w| f64::from(w).powi(2)).sum();
        weights.iter().enumerate().map(lost).sum::<f64>() / energy
    }

    #[test]
    fn more_bits_lose_less_and_four_bits_lose_about_half_a_percent() {
        let mut state = 7u64;
        let weights: Vec<f32> = (0..512)
            .map(|_| {
                let mut sum = 0f32;
                for _ in 0..6 {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    sum += (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5;
                }
                sum
            })
            .collect();
        let errors: Vec<f64> = [2, 3, 4, 6, 8].map(|b| error(&weights, b)).to_vec();
        assert!(errors.windows(2).all(|e| e[1] < e[0] * 0.5), "{errors:?}");
        assert!(errors[2] < 0.008 && errors[4] < 5e-5, "{errors:?}");
    }

    #[test]
    fn constant_and_zero_groups_are_exact() {
        assert_eq!(error(&[0.5; 32], 4), 0.0);
        let zero = row(&[0.0; 64], 4, 32);
        assert!(zero.lossless && zero.scales == [0, 0] && zero.codes.iter().all(|&c| c == 8));
    }
}
