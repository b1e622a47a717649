//! Section 4: root-mean-square norm, over the whole vector or each of its groups, and LayerNorm.

use super::arith::{bitlen, lerp, rsr, sat};
use hardwire_netlist::unit::NormSpec;
use hardwire_netlist::{Fixed, Function, Tables};

/// Normalises each of `spec.groups` equal parts of `x`. `gain` has `x.len() / groups` mantissas of 20 bits; `bias`, of a LayerNorm, as
/// many values as `x`.
pub fn rms_norm(
    spec: &NormSpec,
    x: &[i32],
    gain: &[i32],
    bias: Option<&[i32]>,
    tables: &Tables,
    out: Fixed,
    clamped: &mut u64,
) -> Vec<i32> {
    let x = centred(spec, x, clamped);
    let n = x.len() / spec.groups as usize;
    let mut y = Vec::new();
    for part in x.chunks(n) {
        let mut q = u128::from(spec.epsilon);
        for &xi in part {
            q += u128::from(xi.unsigned_abs()) * u128::from(xi.unsigned_abs());
        }

        // 1 / sqrt(q) ~ inverse * 2^(-16 - s/2)
        let s = bitlen(q).next_multiple_of(2);
        let m = if s <= 24 { q << (24 - s) } else { q >> (s - 24) };
        let inverse = lerp(&tables[Function::Rsqrt], (m >> 16) as usize - 64, (m % (1 << 16)) as i128, 16);

        for (&xi, &gm) in part.iter().zip(gain) {
            let u = rsr(i128::from(xi) * inverse, i64::from(s / 2) - 14);
            y.push(sat(rsr(u * i128::from(gm), i64::from(spec.shift)), out.bits, clamped));
        }
    }
    match bias {
        Some(bias) => y.iter().zip(bias).map(|(&y, &b)| sat(i128::from(y) + i128::from(b), out.bits, clamped)).collect(),
        None => y,
    }
}

/// What a LayerNorm works on: its input less the mean.
fn centred(spec: &NormSpec, x: &[i32], clamped: &mut u64) -> Vec<i32> {
    let Some(centre) = &spec.centre else { return x.to_vec() };
    let sum: i128 = x.iter().map(|&v| i128::from(v)).sum();
    let mean = rsr(sum * i128::from(centre.mantissa), i64::from(centre.shift));
    x.iter().map(|&v| sat(i128::from(v) - mean, 32, clamped)).collect()
}
