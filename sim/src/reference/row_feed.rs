//! Section 5: a vector becomes small integers that share one power of two.

use super::arith::{bitlen, clamp, rsr};

/// A vector as `t[i] ~ a[i] * 2^h`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activations {
    pub a: Vec<i32>,
    pub h: u32,
}

/// `t` in integers of `act_bits` bits. The clamp of a value that rounds up past the greatest code sets no flag.
pub fn row_feed(t: &[i32], act_bits: u8) -> Activations {
    let mut magnitude = 0u32;
    for &ti in t {
        magnitude |= ti.unsigned_abs();
    }
    let h = bitlen(u128::from(magnitude)).saturating_sub(u32::from(act_bits) - 1);
    let a = t.iter().map(|&ti| clamp(rsr(i128::from(ti), i64::from(h)), act_bits)).collect();
    Activations { a, h }
}

/// Sum of each run of `group` activations; the last run may be shorter.
pub fn group_sums(a: &[i32], group: u32) -> Vec<i64> {
    a.chunks(group as usize).map(|run| run.iter().map(|&ai| i64::from(ai)).sum()).collect()
}
