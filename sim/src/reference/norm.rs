//! Section 4: root-mean-square norm, over the whole vector or each of its groups.

use super::arith::{bitlen, lerp, rsr, sat};
use hardwire_netlist::{Fixed, Tables};

/// Normalises each of `groups` equal parts of `x`. `gain` has `x.len() / groups` mantissas of 20 bits, `epsilon >= 1`.
pub fn rms_norm(x: &[i32], gain: &[i32], groups: u32, epsilon: u64, tables: &Tables, out: Fixed, clamped: &mut u64) -> Vec<i32> {
    let n = x.len() / groups as usize;
    let mut y = Vec::new();
    for part in x.chunks(n) {
        let mut q = u128::from(epsilon);
        for &xi in part {
            q += u128::from(xi.unsigned_abs()) * u128::from(xi.unsigned_abs());
        }

        // 1 / sqrt(q) ~ inverse * 2^(-16 - s/2)
        let s = bitlen(q).next_multiple_of(2);
        let m = if s <= 24 { q << (24 - s) } else { q >> (s - 24) };
        let inverse = lerp(&tables.rsqrt, (m >> 16) as usize - 64, (m % (1 << 16)) as i128, 16);

        for (&xi, &gm) in part.iter().zip(gain) {
            let u = rsr(i128::from(xi) * inverse, i64::from(s / 2) - 14);
            y.push(sat(rsr(u * i128::from(gm), 19), out.bits, clamped));
        }
    }
    y
}
