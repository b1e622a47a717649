//! Codes and scales of least squared error for weights that are on no grid.
//!
//! Eight billion weights go through here, so it is written for the vector units: single precision, eight lanes, every sum in the
//! same order on every machine. Sums are per lane, then over the lanes; nothing is fused; so the same weights give the same codes
//! with AVX-512, with AVX2 and without.

use super::lanes::{Arith, LANES, Lanes, Twin};
use super::row::{Facts, RowOut};
#[cfg(target_arch = "x86_64")]
use super::vectors::{Avx, Avx512};

/// Adding and subtracting 1.5 * 2^23 rounds a small float to the nearest integer; the sum's low bits are that integer.
const ROUND: f32 = 12_582_912.0;
/// A later candidate must beat the best by this much: rounding noise in the sums does not choose.
const BETTER: f64 = 1.0 + 1e-6;

/// Scale mantissa bits, sign included, for codes of `bits` bits: fine enough that rounding the scale costs little beside rounding
/// the codes.
pub(super) fn scale_bits(bits: u8) -> u8 {
    bits + 4
}

/// Where the extreme weight of a group is tried, in tenths of an eighth of the code range around the extreme code. On fat-tailed
/// weights seven candidates and one least-squares step lose no more than nineteen candidates without it up to 4 bits; finer codes
/// need the finer search.
fn candidates(bits: u8) -> &'static [i8] {
    match bits {
        0..=4 => &[0, -3, 3, -6, 6, -9, 9],
        _ => &[0, -1, 1, -2, 2, -3, 3, -4, 4, -5, 5, -6, 6, -7, 7, -8, 8, -9, 9],
    }
}

/// Buffers of one thread.
#[derive(Default)]
pub(super) struct Scratch {
    /// The row times a power of two, each group padded with zeros to whole lanes.
    scaled: Vec<[f32; LANES]>,
    /// Best scale of each group.
    best: Vec<f64>,
}

/// Quantizes a row in groups of `group` to two's complement codes of `bits` bits.
pub(super) fn row(weights: &[f32], bits: u8, group: usize, scratch: &mut Scratch, out: &mut RowOut<'_>) -> Facts {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has just been asked.
        return if std::arch::is_x86_feature_detected!("avx512f") && std::arch::is_x86_feature_detected!("avx512dq") {
            unsafe { row_avx512(weights, bits, group, scratch, out) }
        } else {
            unsafe { row_avx2(weights, bits, group, scratch, out) }
        };
    }
    row_in::<Plain, (Plain, Plain)>(weights, bits, group, scratch, out)
}

type Plain = [f32; LANES];

/// The same arithmetic in wider registers.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn row_avx2(weights: &[f32], bits: u8, group: usize, scratch: &mut Scratch, out: &mut RowOut<'_>) -> Facts {
    row_in::<Avx, (Avx, Avx)>(weights, bits, group, scratch, out)
}

/// Two candidates in one register.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,avx512f,avx512dq")]
fn row_avx512(weights: &[f32], bits: u8, group: usize, scratch: &mut Scratch, out: &mut RowOut<'_>) -> Facts {
    row_in::<Avx, Avx512>(weights, bits, group, scratch, out)
}

#[inline(always)]
fn row_in<L: Lanes, T: Twin>(weights: &[f32], bits: u8, group: usize, scratch: &mut Scratch, out: &mut RowOut<'_>) -> Facts {
    let low = -(1i32 << (bits - 1));
    let power = power_of::<L>(weights);
    scale_row(weights, group, libm::exp2f(power as f32), &mut scratch.scaled);
    let blocks = group.min(weights.len()).div_ceil(LANES);
    scratch.best.clear();
    for g in scratch.scaled.chunks(blocks) {
        let best = best_scale::<L, T>(g, low, candidates(bits));
        scratch.best.push(best);
    }
    let max = scratch.best.iter().fold(0f64, |m, s| m.max(s.abs()));
    let limit = f64::from((1 << (scale_bits(bits) - 1)) - 1);
    let mut exponent = if max == 0.0 { 0 } else { libm::ceil(libm::log2(max / limit)) as i32 };
    while max > limit * libm::exp2(f64::from(exponent)) {
        exponent += 1;
    }
    let unit = libm::exp2(f64::from(exponent));
    let mut facts = Facts { exponent: if max == 0.0 { 0 } else { exponent - power }, lossless: true, ..Facts::default() };
    for (g, (values, codes)) in scratch.scaled.chunks(blocks).zip(out.codes.chunks_mut(group)).enumerate() {
        let mantissa = (scratch.best[g] / unit).round_ties_even() as i32;
        out.scales[g] = mantissa;
        let done = emit::<L>(values, f64::from(mantissa) * unit, low, codes);
        facts.lossless &= done.energy == 0.0;
        facts.group(u64::from(mantissa.unsigned_abs()), 0, done.code_sum as u64, codes.len());
        facts.error += f64::from(done.error);
        facts.energy += f64::from(done.energy);
    }
    // Both were summed over weights times 2^power.
    let back = libm::exp2(-2.0 * f64::from(power));
    facts.error *= back;
    facts.energy *= back;
    facts
}

/// The power of two that brings the row's greatest magnitude near one, where squares neither overflow nor vanish.
#[inline(always)]
fn power_of<L: Lanes>(weights: &[f32]) -> i32 {
    let (whole, rest) = weights.as_chunks::<LANES>();
    let most = whole.iter().fold(L::splat(0.0), |most, w| L::load(w).abs().max(most));
    let most = most.store().iter().chain(rest).fold(0f32, |m, w| m.max(w.abs()));
    if most == 0.0 { 0 } else { -libm::ilogbf(most).clamp(-120, 120) }
}

#[inline(always)]
fn scale_row(weights: &[f32], group: usize, by: f32, scaled: &mut Vec<[f32; LANES]>) {
    scaled.clear();
    for g in weights.chunks(group) {
        let (whole, rest) = g.as_chunks::<LANES>();
        scaled.extend(whole.iter().map(|w| w.map(|w| w * by)));
        if !rest.is_empty() {
            let mut last = [0f32; LANES];
            last.iter_mut().zip(rest).for_each(|(l, w)| *l = w * by);
            scaled.push(last);
        }
    }
}

/// The scale, of either sign, that minimises the squared error of `q * s` with `low <= q < -low`: the best of the candidates
/// around the one that maps the extreme weight to the extreme code, then one step of least squares for its codes.
#[inline(always)]
fn best_scale<L: Lanes, T: Twin>(values: &[[f32; LANES]], low: i32, candidates: &[i8]) -> f64 {
    let (mut least, mut most) = (L::splat(0.0), L::splat(0.0));
    for v in values {
        least = L::load(v).min(least);
        most = L::load(v).max(most);
    }
    let (least, most) = (least.store().iter().fold(0f32, |m, &v| m.min(v)), most.store().iter().fold(0f32, |m, &v| m.max(v)));
    let extreme = if -least > most { least } else { most };
    if extreme == 0.0 {
        return 0.0;
    }
    let mut best = Best { wq: 0.0, qq: 1.0 };
    let inverse = |step: i8| (low as f32 - f32::from(step) * 0.1 / 8.0 * low as f32) / extreme;
    let (pairs, rest) = candidates.as_chunks::<2>();
    for pair in pairs {
        let [first, second] = correlate_both::<T>(values, pair.map(inverse), low as f32);
        best.consider(first);
        best.consider(second);
    }
    for &step in rest {
        best.consider(correlate::<L>(values, inverse(step), low as f32));
    }
    if best.wq != 0.0 {
        best.consider(correlate::<L>(values, (best.qq / best.wq) as f32, low as f32));
    }
    best.wq / best.qq
}

/// The best codes so far. With `s = wq / qq` the squared error is `wq^2 / qq` below the energy of the weights.
struct Best {
    wq: f64,
    qq: f64,
}

impl Best {
    #[inline(always)]
    fn consider(&mut self, (wq, qq): (f32, f32)) {
        let (wq, qq) = (f64::from(wq), f64::from(qq));
        // All codes zero: 0 > 0 is false. No branch: which candidate wins is a toss.
        let better = wq * wq * self.qq > self.wq * self.wq * qq * BETTER;
        self.wq = if better { wq } else { self.wq };
        self.qq = if better { qq } else { self.qq };
    }
}

/// `sum w q` and `sum q^2` for the codes that `inverse` gives.
#[inline(always)]
fn correlate<L: Lanes>(values: &[[f32; LANES]], inverse: f32, low: f32) -> (f32, f32) {
    let (mut wq, mut qq) = (L::splat(0.0), L::splat(0.0));
    let inverse = L::splat(inverse);
    for v in values {
        let v = L::load(v);
        let q = code(v.mul(inverse), low);
        wq = wq.add(v.mul(q));
        qq = qq.add(q.mul(q));
    }
    (wq.total(), qq.total())
}

/// The same for two at once.
#[inline(always)]
fn correlate_both<T: Twin>(values: &[[f32; LANES]], inverse: [f32; 2], low: f32) -> [(f32, f32); 2] {
    let (mut wq, mut qq) = (T::splat(0.0), T::splat(0.0));
    let inverse = T::pair(inverse);
    for v in values {
        let v = T::load(v);
        let q = code(v.mul(inverse), low);
        wq = wq.add(v.mul(q));
        qq = qq.add(q.mul(q));
    }
    let (wq, qq) = (wq.totals(), qq.totals());
    [(wq[0], qq[0]), (wq[1], qq[1])]
}

/// The code values nearest to `x`.
#[inline(always)]
fn code<A: Arith>(x: A, low: f32) -> A {
    let round = A::splat(ROUND);
    x.max(A::splat(low)).min(A::splat(-low - 1.0)).add(round).sub(round)
}

struct Emitted {
    /// Sum of the magnitudes of the codes' values.
    code_sum: f32,
    error: f32,
    energy: f32,
}

/// Writes the codes of one group at its final scale and measures them.
#[inline(always)]
fn emit<L: Lanes>(values: &[[f32; LANES]], scale: f64, low: i32, codes: &mut [u8]) -> Emitted {
    let inverse = L::splat(if scale == 0.0 { 0.0 } else { (1.0 / scale) as f32 });
    let (scale, offset) = (L::splat(scale as f32), low as u8);
    let (mut sums, mut errors, mut energies) = (L::splat(0.0), L::splat(0.0), L::splat(0.0));
    for (v, codes) in values.iter().zip(codes.chunks_mut(LANES)) {
        let v = L::load(v);
        let q = code(v.mul(inverse), low as f32);
        let bits = q.add(L::splat(ROUND)).store().map(|q| (q.to_bits() as u8).wrapping_sub(offset));
        let lost = v.sub(q.mul(scale));
        sums = sums.add(q.abs());
        errors = errors.add(lost.mul(lost));
        energies = energies.add(v.mul(v));
        match codes.as_mut_array::<LANES>() {
            Some(codes) => *codes = bits,
            None => codes.copy_from_slice(&bits[..codes.len()]),
        }
    }
    Emitted { code_sum: sums.total(), error: errors.total(), energy: energies.total() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes, scales and facts of a row.
    fn quantized(weights: &[f32], bits: u8, group: usize) -> (Vec<u8>, Vec<i32>, Facts) {
        let (mut codes, mut scales) = (vec![0u8; weights.len()], vec![0i32; weights.len().div_ceil(group)]);
        let mut out = RowOut { codes: &mut codes, scales: &mut scales, offsets: &mut [] };
        let facts = row(weights, bits, group, &mut Scratch::default(), &mut out);
        (codes, scales, facts)
    }

    /// Relative square error, recomputed in double precision from what was emitted.
    fn error(weights: &[f32], bits: u8, group: usize) -> f64 {
        let (codes, scales, facts) = quantized(weights, bits, group);
        let unit = libm::exp2(f64::from(facts.exponent));
        let low = -(1i32 << (bits - 1));
        let lost = |(k, &w): (usize, &f32)| {
            let q = i32::from(codes[k]) + low;
            (f64::from(w) - f64::from(q * scales[k / group]) * unit).powi(2)
        };
        let energy: f64 = weights.iter().map(|&w| f64::from(w).powi(2)).sum();
        let error = weights.iter().enumerate().map(lost).sum::<f64>() / energy;
        let told = facts.error / facts.energy;
        assert!((told - error).abs() <= 1e-4 * error + 1e-9, "{told} against {error}");
        error
    }

    fn noise(n: usize, seed: u64) -> Vec<f32> {
        let mut state = seed;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        (0..n).map(|_| (0..6).map(|_| uniform()).sum()).collect()
    }

    #[test]
    fn more_bits_lose_less_and_four_bits_lose_about_half_a_percent() {
        let weights = noise(512, 7);
        let errors: Vec<f64> = [2, 3, 4, 6, 8].map(|b| error(&weights, b, 32)).to_vec();
        assert!(errors.windows(2).all(|e| e[1] < e[0] * 0.5), "{errors:?}");
        assert!(errors[2] < 0.008 && errors[4] < 5e-5, "{errors:?}");
    }

    /// What the fast search stands in for: nineteen candidates in double precision.
    fn exhaustive(weights: &[f32], low: i32) -> f64 {
        let extreme = weights.iter().fold(0f64, |m, &w| if f64::from(w).abs() > f64::abs(m) { f64::from(w) } else { m });
        let (mut best, mut gain) = (0f64, 0f64);
        for step in -9..=9 {
            let inverse = (f64::from(low) + f64::from(step) * 0.1 * f64::from(-low) / 8.0) / extreme;
            let (mut wq, mut qq) = (0f64, 0f64);
            for &w in weights {
                let q = (f64::from(w) * inverse).round().clamp(f64::from(low), f64::from(-low - 1));
                wq += f64::from(w) * q;
                qq += q * q;
            }
            if qq > 0.0 && wq * wq > gain * qq {
                (best, gain) = (wq / qq, wq * wq / qq);
            }
        }
        best
    }

    #[test]
    fn the_fast_search_loses_no_more_than_the_exhaustive_one() {
        let weights = noise(32 * 2000, 3);
        for bits in [2u8, 3, 4, 6, 8] {
            let low = -(1i32 << (bits - 1));
            let lost = |scale: &dyn Fn(&[f32]) -> f64| -> f64 {
                let group = |g: &[f32]| {
                    let s = scale(g);
                    let q = |w: f32| (f64::from(w) / s).round().clamp(f64::from(low), f64::from(-low - 1));
                    g.iter().map(|&w| (f64::from(w) - q(w) * s).powi(2)).sum::<f64>()
                };
                weights.chunks(32).map(group).sum()
            };
            let fast = lost(&|g| best_scale::<Plain, (Plain, Plain)>(g.as_chunks::<LANES>().0, low, candidates(bits)));
            let slow = lost(&|g| exhaustive(g, low));
            assert!(fast <= slow * 1.002, "{bits} bits: {fast} against {slow}");
        }
    }

    #[test]
    fn vector_units_change_no_bit() {
        for (n, group) in [(512, 32), (77, 12), (64, 64), (9, 8), (1, 8), (300, 1 << 20)] {
            let weights = noise(n, n as u64);
            for bits in [2, 3, 4, 6, 8] {
                let (codes, scales, facts) = quantized(&weights, bits, group);
                let (mut c, mut s) = (vec![0u8; n], vec![0i32; n.div_ceil(group)]);
                let mut out = RowOut { codes: &mut c, scales: &mut s, offsets: &mut [] };
                let plain = row_in::<Plain, (Plain, Plain)>(&weights, bits, group, &mut Scratch::default(), &mut out);
                assert_eq!((&codes, &scales), (&c, &s), "{n} in groups of {group} at {bits} bits");
                assert_eq!(facts.error.to_bits(), plain.error.to_bits());
                #[cfg(target_arch = "x86_64")]
                if std::arch::is_x86_feature_detected!("avx2") {
                    let mut out = RowOut { codes: &mut c, scales: &mut s, offsets: &mut [] };
                    // SAFETY: the processor has just been asked.
                    let narrow = unsafe { row_avx2(&weights, bits, group, &mut Scratch::default(), &mut out) };
                    assert_eq!((codes, scales), (c, s), "{n} in groups of {group} at {bits} bits");
                    assert_eq!(facts.error.to_bits(), narrow.error.to_bits());
                }
            }
        }
    }

    #[test]
    fn any_magnitude_is_taken_alike() {
        let weights = noise(96, 11);
        let at_one = error(&weights, 4, 32);
        for scale in [1e-30f32, 1e-20, 1e20, 1e37] {
            let scaled: Vec<f32> = weights.iter().map(|w| w * scale).collect();
            assert!((error(&scaled, 4, 32) / at_one - 1.0).abs() < 1e-2, "times {scale}");
        }
    }

    #[test]
    fn constant_and_zero_groups_are_exact() {
        assert_eq!(error(&[0.5; 32], 4, 32), 0.0);
        let (codes, scales, facts) = quantized(&[0.0; 64], 4, 32);
        assert!(facts.lossless && scales == [0, 0] && codes.iter().all(|&c| c == 8));
    }
}
