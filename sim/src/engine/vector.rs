//! The vector units: phases, norm, rotation, gate, residual, argmax (`docs/numerics.md`, sections 3, 4, 7, 8).

use super::arith::{lerp, rsr, sat, shift_sat};
use hardwire_netlist::Tables;
use hardwire_netlist::unit::{Activation, CentreSpec, Fixed, GatedActSpec, NormSpec, RopeSpec};

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

/// The programs of a norm: gain mantissas, and a LayerNorm's bias.
pub(super) struct Norm<'c> {
    pub spec: &'c NormSpec,
    pub gain: Vec<i32>,
    pub bias: Option<Vec<i32>>,
}

pub(super) fn rms_norm(norm: &Norm<'_>, x: &[i32], tables: &Tables, format: Fixed, out: &mut Vec<i32>) -> u64 {
    let (spec, gain) = (norm.spec, &norm.gain);
    let mut clamped = 0;
    let centred = spec.centre.as_ref().map(|c| centre(c, x, &mut clamped));
    let x = centred.as_deref().unwrap_or(x);
    out.clear();
    for group in x.chunks_exact((spec.len / spec.groups) as usize) {
        let sum: u128 = group.iter().map(|&v| u128::from(i64::from(v).unsigned_abs().pow(2))).sum();
        let q = u128::from(spec.epsilon) + sum;
        let s = (128 - q.leading_zeros() as i32 + 1) & !1;
        let m = (if s >= 24 { q >> (s - 24) } else { q << (24 - s) }) as u32;
        let y = lerp(&tables.rsqrt, (m >> 16) as usize - 64, i64::from(m & 0xffff), 16);
        for (&v, &g) in group.iter().zip(gain) {
            let u = rsr(i64::from(v) * y, s / 2 - 14);
            out.push(sat(rsr(u * i64::from(g), i32::from(spec.shift)), format.max(), &mut clamped));
        }
    }
    for (y, &b) in out.iter_mut().zip(norm.bias.iter().flatten()) {
        *y = sat(i64::from(*y) + i64::from(b), format.max(), &mut clamped);
    }
    clamped
}

/// `x` less its mean: 32-bit values have sums of 49 bits, and with a reciprocal of 20 more than 64.
fn centre(spec: &CentreSpec, x: &[i32], clamped: &mut u64) -> Vec<i32> {
    let sum: i64 = x.iter().map(|&v| i64::from(v)).sum();
    let scaled = i128::from(sum) * i128::from(spec.mantissa);
    let mean = ((scaled + (1i128 << spec.shift >> 1)) >> spec.shift) as i64;
    x.iter().map(|&v| sat(i64::from(v) - mean, i64::from(i32::MAX), clamped)).collect()
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

/// `up` is empty where the activation has no gate.
pub(super) fn gated_act(spec: &GatedActSpec, gate: &[i32], up: &[i32], tables: &Tables, format: Fixed, out: &mut Vec<i32>) -> u64 {
    let frac = i32::from(spec.gate.frac);
    match spec.activation {
        Activation::Silu => gated(spec, gate, up, format, out, |g, u, _| (weighed(g, frac - 12, &tables.sigmoid), u)),
        Activation::GeluTanh => gated(spec, gate, up, format, out, |g, u, _| (weighed(g, frac - 13, &tables.gelu), u)),
        Activation::Gelu => gated(spec, gate, up, format, out, |g, u, _| (weighed(g, frac - 13, &tables.gelu_erf), u)),
        Activation::Relu2 => gated(spec, gate, up, format, out, |g, u, clamped| {
            let g = g.max(0);
            (i64::from(shift_sat(g * g, frac, spec.gate.max(), clamped)), u)
        }),
        Activation::SwigluClamped { gate_limit, up_limit } => {
            let (gate_limit, up_limit) = (i64::from(gate_limit), i64::from(up_limit));
            let one = 1i64 << spec.up.map_or(0, |f| f.frac);
            gated(spec, gate, up, format, out, |g, u, _| {
                (weighed(g.min(gate_limit), frac - 12, &tables.swish), u.clamp(-up_limit, up_limit) + one)
            })
        }
    }
}

/// Product of what `act` makes of gate and up, element by element.
#[inline(always)]
fn gated(
    spec: &GatedActSpec,
    gate: &[i32],
    up: &[i32],
    format: Fixed,
    out: &mut Vec<i32>,
    act: impl Fn(i64, i64, &mut u64) -> (i64, i64),
) -> u64 {
    let (shift, most, mut clamped) = (i32::from(spec.shift), format.max(), 0);
    out.clear();
    let ones = std::iter::repeat_n(&1, gate.len() - up.len());
    out.extend(gate.iter().zip(up.iter().chain(ones)).map(|(&g, &u)| {
        let (h, u) = act(i64::from(g), i64::from(u), &mut clamped);
        shift_sat(h * u, shift, most, &mut clamped)
    }));
    clamped
}

/// `g` times its share by a table of that of `-|g|`; `to_argument` takes `|g|` to 12 bits past the table's 16.
#[inline(always)]
fn weighed(g: i64, to_argument: i32, table: &[i32]) -> i64 {
    let z = rsr(g.abs(), to_argument).min(65535);
    let low = lerp(table, (z >> 8) as usize, z & 0xff, 8);
    rsr(g * if g >= 0 { (1 << 20) - low } else { low }, 20)
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
