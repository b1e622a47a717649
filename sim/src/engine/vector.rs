//! The vector units: phases, norm, rotation, gate, residual, argmax (`docs/numerics.md`, sections 3, 4, 7, 8).

use super::arith::{lerp, rsr, sat, shift_sat};
use hardwire_netlist::Tables;
use hardwire_netlist::unit::{Activation, Fixed, GatedActSpec, NormSpec, RopeSpec};

/// (cos, sin) of every pair at `position`.
pub(super) fn phases(omega: &[u32], position: u32, tables: &Tables) -> Vec<(i32, i32)> {
    let quarter = |r: u32| lerp(&tables.sin, (r >> 22) as usize, i64::from(r >> 6 & 0xffff), 16) as i32;
    omega
        .iter()
        .map(|w| {
            let phi = position.wrapping_mul(*w);
            let r = phi & 0x3fff_ffff;
            let (s, c) = (quarter(r), quarter(0x3fff_ffff - r));
            match phi >> 30 {
                0 => (c, s),
                1 => (-s, c),
                2 => (-c, -s),
                _ => (s, -c),
            }
        })
        .collect()
}

pub(super) fn rms_norm(spec: &NormSpec, gain: &[i32], x: &[i32], tables: &Tables, format: Fixed, out: &mut Vec<i32>) -> u64 {
    let mut clamped = 0;
    out.clear();
    for group in x.chunks_exact((spec.len / spec.groups) as usize) {
        let sum: u128 = group.iter().map(|&v| u128::from(i64::from(v).unsigned_abs().pow(2))).sum();
        let q = u128::from(spec.epsilon) + sum;
        let s = (128 - q.leading_zeros() as i32 + 1) & !1;
        let m = (if s >= 24 { q >> (s - 24) } else { q << (24 - s) }) as u32;
        let y = lerp(&tables.rsqrt, (m >> 16) as usize - 64, i64::from(m & 0xffff), 16);
        for (&v, &g) in group.iter().zip(gain) {
            let u = rsr(i64::from(v) * y, s / 2 - 14);
            out.push(sat(rsr(u * i64::from(g), 19), format.max(), &mut clamped));
        }
    }
    clamped
}

pub(super) fn rope(spec: &RopeSpec, x: &[i32], phases: &[(i32, i32)], format: Fixed, out: &mut Vec<i32>) -> u64 {
    let mut clamped = 0;
    out.clear();
    for head in x.chunks_exact(spec.head_dim as usize) {
        let (turned, rest) = head.split_at(spec.rotated as usize);
        for (pair, &(cos, sin)) in turned.chunks_exact(2).zip(phases) {
            let (a, b, cos, sin) = (i64::from(pair[0]), i64::from(pair[1]), i64::from(cos), i64::from(sin));
            out.push(sat(rsr(a * cos - b * sin, 14), format.max(), &mut clamped));
            out.push(sat(rsr(a * sin + b * cos, 14), format.max(), &mut clamped));
        }
        out.extend_from_slice(rest);
    }
    clamped
}

pub(super) fn gated_act(spec: &GatedActSpec, gate: &[i32], up: &[i32], tables: &Tables, format: Fixed, out: &mut Vec<i32>) -> u64 {
    let Activation::Silu = spec.activation;
    let mut clamped = 0;
    out.clear();
    let to_q12 = i32::from(spec.gate.frac) - 12;
    out.extend(gate.iter().zip(up).map(|(&g, &u)| {
        let g = i64::from(g);
        let z = rsr(g.abs(), to_q12).min(65535);
        let low = lerp(&tables.sigmoid, (z >> 8) as usize, z & 0xff, 8);
        let sigma = if g >= 0 { (1 << 20) - low } else { low };
        shift_sat(rsr(g * sigma, 20) * i64::from(u), i32::from(spec.shift), format.max(), &mut clamped)
    }));
    clamped
}

pub(super) fn add(a: &[i32], b: &[i32], format: Fixed, out: &mut Vec<i32>) -> u64 {
    let mut clamped = 0;
    out.clear();
    out.extend(a.iter().zip(b).map(|(&a, &b)| sat(i64::from(a) + i64::from(b), format.max(), &mut clamped)));
    clamped
}

/// The lowest index of the greatest value.
pub(super) fn argmax(values: &[i32]) -> usize {
    let max = values.iter().copied().max().unwrap_or(0);
    values.iter().position(|&v| v == max).unwrap_or(0)
}
