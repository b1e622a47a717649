//! Integer primitives of `docs/numerics.md`, section 1, for operands proven to fit 62 bits.

use super::multiversion::multiversion;

/// Rounding shift right. `|x| <= 2^62`; a left shift must not overflow (see [`shift_sat`] where it may).
#[inline(always)]
pub(super) fn rsr(x: i64, s: i32) -> i64 {
    if s <= 0 {
        x << -s
    } else if s >= 63 {
        0
    } else {
        (x + (1i64 << (s - 1))) >> s
    }
}

/// `sat(rsr(x, s), bits)` for any shift, where `max` is the greatest magnitude; counts a clamp.
#[inline(always)]
pub(super) fn shift_sat(x: i64, s: i32, max: i64, clamped: &mut u64) -> i32 {
    if s < 0 {
        let left = -s;
        let fits = left < 62 && x.unsigned_abs() <= (max as u64) >> left;
        if fits || x == 0 {
            return (x << (left & 63)) as i32;
        }
        *clamped += 1;
        return (max * x.signum()) as i32;
    }
    sat(rsr(x, s), max, clamped)
}

/// Symmetric clamp; counts when it changes the value.
#[inline(always)]
pub(super) fn sat(x: i64, max: i64, clamped: &mut u64) -> i32 {
    *clamped += u64::from(x > max || x < -max);
    x.clamp(-max, max) as i32
}

/// Linear interpolation in a table.
#[inline(always)]
pub(super) fn lerp(table: &[i32], j: usize, f: i64, n: i32) -> i64 {
    let (a, b) = (i64::from(table[j]), i64::from(table[j + 1]));
    a + rsr((b - a) * f, n)
}

/// A vector cut to `bits`-bit integers with one shift (section 5): fills `out`, gives the shift.
pub(super) fn quantize(values: &[i32], bits: u8, out: &mut [i16]) -> i32 {
    let h = (32 - all_bits(values).leading_zeros() as i32 - (i32::from(bits) - 1)).max(0);
    let max = ((1i32 << (bits - 1)) - 1) as i16;
    shift_right(values, h as u32, max, out);
    h
}

multiversion! {
    /// Bitwise OR of all magnitudes.
    fn all_bits(values: &[i32]) -> u32 {
        values.iter().fold(0u32, |m, v| m | v.unsigned_abs())
    }

    /// `rsr` by `h`, clamped. The bit below the last that stays is what rounds up.
    fn shift_right(values: &[i32], h: u32, max: i16, out: &mut [i16]) {
        let (below, up) = (h.saturating_sub(1), i32::from(h > 0));
        let max = i32::from(max);
        for (o, &v) in out.iter_mut().zip(values) {
            *o = ((v >> h) + ((v >> below) & up)).clamp(-max, max) as i16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_round_half_up_and_saturate() {
        assert_eq!([rsr(5, 1), rsr(-5, 1), rsr(6, 2), rsr(-6, 2), rsr(1 << 61, 70), rsr(3, -2)], [3, -2, 2, -1, 0, 12]);
        let mut n = 0;
        assert_eq!(shift_sat(3, -2, 127, &mut n), 12);
        assert_eq!(n, 0);
        assert_eq!(shift_sat(-100, -1, 127, &mut n), -127);
        assert_eq!(shift_sat(1, -200, 127, &mut n), 127);
        assert_eq!(shift_sat(0, -200, 127, &mut n), 0);
        assert_eq!(shift_sat(255, 1, 127, &mut n), 127);
        assert_eq!(n, 3);
    }

    #[test]
    fn vectors_are_cut_as_one_by_one() {
        for scale in 0..31 {
            let values: Vec<i32> = [i32::MIN + 1, i32::MAX, 3, -3, 0, 5, -5].iter().map(|&v| v >> scale).collect();
            for bits in [2u8, 8, 12, 16] {
                let mut out = vec![0i16; values.len()];
                let h = quantize(&values, bits, &mut out);
                let max = (1i64 << (bits - 1)) - 1;
                let expected: Vec<i16> = values.iter().map(|&v| rsr(i64::from(v), h).clamp(-max, max) as i16).collect();
                assert_eq!(out, expected);
            }
        }
    }
}
