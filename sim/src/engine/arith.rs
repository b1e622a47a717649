//! Integer primitives of `docs/numerics.md`, section 1, for operands proven to fit 62 bits.

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

/// `bitlen` of the greatest magnitude, from the bitwise OR of all magnitudes.
pub(super) fn magnitude_bits(values: &[i32]) -> i32 {
    let or = values.iter().fold(0u32, |m, v| m | v.unsigned_abs());
    32 - or.leading_zeros() as i32
}

/// Linear interpolation in a table.
#[inline(always)]
pub(super) fn lerp(table: &[i32], j: usize, f: i64, n: i32) -> i64 {
    let (a, b) = (i64::from(table[j]), i64::from(table[j + 1]));
    a + rsr((b - a) * f, n)
}

/// A vector cut to `bits`-bit integers with one shift (section 5): fills `out`, gives the shift.
pub(super) fn quantize(values: &[i32], bits: u8, out: &mut [i16]) -> i32 {
    let h = (magnitude_bits(values) - (i32::from(bits) - 1)).max(0);
    let max = (1i64 << (bits - 1)) - 1;
    for (o, &v) in out.iter_mut().zip(values) {
        *o = rsr(i64::from(v), h).clamp(-max, max) as i16;
    }
    h
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
}
