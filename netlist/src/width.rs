//! Widths of the Verilog that more than one place needs: the emitter sets parameters with them, the census counts with them.

/// Entries of the top-k port.
pub const TOP_K: u32 = 4;

/// Bits that hold the number `n` itself.
pub fn bits(n: u32) -> u32 {
    (32 - n.leading_zeros()).max(1)
}

/// Bits that number `n` things from 0.
pub fn index_bits(n: u32) -> u32 {
    bits(n.saturating_sub(1))
}

/// Least `n` with `base^n >= x`.
pub fn ceil_log(x: u32, base: u32) -> u32 {
    let (mut n, mut left) = (0, x);
    while left > 1 {
        left = left.div_ceil(base);
        n += 1;
    }
    n
}

/// Bits of a signed field that holds all of `lo..=hi`, at least 2.
pub fn signed_bits(lo: i64, hi: i64) -> u32 {
    let bits = |x: i64| 65 - (if x < 0 { !x } else { x }).leading_zeros();
    bits(lo).max(bits(hi)).max(2)
}

/// Bits of a signed field that holds every one of these and 0.
pub fn range_bits(values: impl Iterator<Item = i64>) -> u32 {
    let (lo, hi) = values.fold((0, 0), |(lo, hi), v| (lo.min(v), hi.max(v)));
    signed_bits(lo, hi)
}

/// Bits of a function table's values and of their differences, which its ROM holds side by side.
pub fn table_bits(values: &[i32]) -> (u32, u32) {
    let slopes = values.windows(2).map(|w| i64::from(w[1]) - i64::from(w[0]));
    (range_bits(values.iter().map(|&v| i64::from(v))), range_bits(slopes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signed_fields_are_as_wide_as_needed() {
        for (lo, hi, bits) in [(0, 0, 2), (-8, 7, 4), (-8, 8, 5), (-1, 1, 2), (0, 131_072, 19)] {
            assert_eq!(signed_bits(lo, hi), bits, "{lo}..={hi}");
        }
    }
}
