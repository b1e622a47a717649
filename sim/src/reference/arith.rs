//! Section 1: the four operations everything else is written in.

/// Number of bits of `u`; 0 for 0.
pub fn bitlen(u: u128) -> u32 {
    u128::BITS - u.leading_zeros()
}

/// Rounding shift right: `floor((x + 2^(s-1)) / 2^s)` for `s > 0`, `x * 2^(-s)` otherwise.
///
/// Where the true result lies beyond 128 bits the nearest `i128` stands for it: every left shift of the numerics ends in a
/// clamp to 32 bits or less, which cannot tell the two apart.
pub fn rsr(x: i128, s: i64) -> i128 {
    if s >= 128 {
        // |x| <= 2^127 <= 2^(s-1), so 0 <= x + 2^(s-1) < 2^s.
        0
    } else if s > 0 {
        // The sum with 2^(s-1) carries into bit s exactly when bit s-1 of x is set.
        (x >> s) + ((x >> (s - 1)) & 1)
    } else if x == 0 || s == 0 {
        x
    } else {
        let unbounded = if x > 0 { i128::MAX } else { i128::MIN };
        match u32::try_from(-s) {
            Ok(left) if left < 127 => x.checked_mul(1i128 << left).unwrap_or(unbounded),
            _ => unbounded,
        }
    }
}

/// `x` clamped to `±(2^(bits-1) - 1)`, without a flag. `bits` is 1 to 32.
pub fn clamp(x: i128, bits: u8) -> i32 {
    let max = (1i128 << (bits - 1)) - 1;
    x.clamp(-max, max) as i32
}

/// `x` clamped to `±(2^(bits-1) - 1)`; adds 1 to `clamped` if that changes it.
pub fn sat(x: i128, bits: u8, clamped: &mut u64) -> i32 {
    let y = clamp(x, bits);
    if i128::from(y) != x {
        *clamped += 1;
    }
    y
}

/// `T[j] + rsr((T[j+1] - T[j]) * f, n)`, for `0 <= f < 2^n`.
pub fn lerp(table: &[i32], j: usize, f: i128, n: i64) -> i128 {
    let (here, next) = (i128::from(table[j]), i128::from(table[j + 1]));
    here + rsr((next - here) * f, n)
}
