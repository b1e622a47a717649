//! The vector units: phases, norm, rotation, gate, residual, argmax (`docs/numerics.md`, sections 3, 4, 7, 8).

use super::arith::{lerp, rsr, sat, shift_sat};
use super::multiversion::multiversion;
use hardwire_netlist::unit::{Activation, CentreSpec, Fixed, GatedActSpec, NormSpec, RopeSpec};
use hardwire_netlist::{Function, Tables};

/// (cos, sin) of every pair at `position`.
pub(super) fn phases(omega: &[u32], position: u32, tables: &Tables) -> Vec<(i32, i32)> {
    let quarter = |r: u32| lerp(&tables[Function::Sin], (r >> 22) as usize, i64::from(r >> 6 & 0xffff), 16) as i32;
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
    out.resize(x.len(), 0);
    let len = (spec.len / spec.groups) as usize;
    for (group, out) in x.chunks_exact(len).zip(out.chunks_exact_mut(len)) {
        let q = u128::from(spec.epsilon) + sum_of_squares(group);
        let s = (128 - q.leading_zeros() as i32 + 1) & !1;
        let m = (if s >= 24 { q >> (s - 24) } else { q << (24 - s) }) as u32;
        let y = lerp(&tables[Function::Rsqrt], (m >> 16) as usize - 64, i64::from(m & 0xffff), 16) as i32;
        clamped += scale_by_gain(group, y, s / 2 - 14, gain, i32::from(spec.shift), format.max(), out);
    }
    if let Some(bias) = &norm.bias {
        clamped += add_to(out, bias, format.max());
    }
    clamped
}

fn sum_of_squares(x: &[i32]) -> u128 {
    let (low, high) = halves_of_squares(x);
    u128::from(low) + (u128::from(high) << 32)
}

multiversion! {
    /// Sums of the low and of the high 32 bits of all squares.
    fn halves_of_squares(x: &[i32]) -> (u64, u64) {
        x.iter().fold((0, 0), |(low, high), &v| {
            let square = (i64::from(v) * i64::from(v)) as u64;
            (low + (square & 0xffff_ffff), high + (square >> 32))
        })
    }

    /// Steps 3 and 4 of section 4: `rsr(rsr(x y, first) gain, second)`, clamped.
    fn scale_by_gain(x: &[i32], y: i32, first: i32, gain: &[i32], second: i32, max: i64, out: &mut [i32]) -> u64 {
        let mut clamped = 0;
        for ((o, &v), &g) in out.iter_mut().zip(x).zip(gain) {
            // At most 1 with 30 fractional bits, and a little over: 32 bits.
            let u = rsr(i64::from(v) * i64::from(y), first) as i32;
            *o = sat(rsr(i64::from(u) * i64::from(g), second), max, &mut clamped);
        }
        clamped
    }

    /// `sat(a + b)` in place.
    fn add_to(a: &mut [i32], b: &[i32], max: i64) -> u64 {
        let mut clamped = 0;
        for (a, &b) in a.iter_mut().zip(b) {
            *a = sat(i64::from(*a) + i64::from(b), max, &mut clamped);
        }
        clamped
    }
}

/// `x` less its mean: 32-bit values have sums of 49 bits, and with a reciprocal of 20 more than 64.
fn centre(spec: &CentreSpec, x: &[i32], clamped: &mut u64) -> Vec<i32> {
    let sum: i64 = x.iter().map(|&v| i64::from(v)).sum();
    let scaled = i128::from(sum) * i128::from(spec.mantissa);
    let mean = ((scaled + (1i128 << spec.shift >> 1)) >> spec.shift) as i64;
    x.iter().map(|&v| sat(i64::from(v) - mean, i64::from(i32::MAX), clamped)).collect()
}

pub(super) fn rope(spec: &RopeSpec, x: &[i32], phases: &[(i32, i32)], format: Fixed, out: &mut Vec<i32>) -> u64 {
    out.clear();
    out.extend_from_slice(x);
    out.chunks_exact_mut(spec.head_dim as usize).map(|head| turn(&mut head[..spec.rotated as usize], phases, format.max())).sum()
}

multiversion! {
    fn turn(head: &mut [i32], phases: &[(i32, i32)], max: i64) -> u64 {
        let mut clamped = 0;
        for (pair, &(cos, sin)) in head.chunks_exact_mut(2).zip(phases) {
            let (a, b, cos, sin) = (i64::from(pair[0]), i64::from(pair[1]), i64::from(cos), i64::from(sin));
            pair[0] = sat(rsr(a * cos - b * sin, 14), max, &mut clamped);
            pair[1] = sat(rsr(a * sin + b * cos, 14), max, &mut clamped);
        }
        clamped
    }
}

/// `up` is empty where the activation has no gate.
pub(super) fn gated_act(spec: &GatedActSpec, gate: &[i32], up: &[i32], tables: &Tables, format: Fixed, out: &mut Vec<i32>) -> u64 {
    let frac = i32::from(spec.gate.frac);
    let table = spec.activation.table().map(|(f, argument)| {
        let entries: &[i32; 257] = tables[f].try_into().expect("checked when the chip was opened");
        (entries, frac - i32::from(argument))
    });
    match (spec.activation, table) {
        (Activation::SwigluClamped { gate_limit, up_limit }, Some((table, to_argument))) => {
            let (gate_limit, up_limit) = (i64::from(gate_limit), i64::from(up_limit));
            let one = 1i64 << spec.up.map_or(0, |f| f.frac);
            let limited = |g: i64, u: i64| (weighed(g.min(gate_limit), to_argument, table), u.clamp(-up_limit, up_limit) + one);
            gated(spec, gate, up, format, out, |g, u, _| limited(g, u))
        }
        (Activation::Sigmoid, Some((table, to_argument))) => {
            gated(spec, gate, up, format, out, |g, u, _| (share(g, to_argument, table), u))
        }
        (_, Some((table, to_argument))) => {
            let ones = if up.is_empty() { vec![1; gate.len()] } else { Vec::new() };
            out.clear();
            out.resize(gate.len(), 0);
            let narrow = spec.gate.bits < 32 && spec.shift > 0;
            let up = if up.is_empty() { &ones } else { up };
            gated_by_table(gate, up, to_argument, table, narrow, i32::from(spec.shift), format.max(), out)
        }
        (_, None) => gated(spec, gate, up, format, out, |g, u, clamped| {
            let g = g.max(0);
            (i64::from(shift_sat(g * g, frac, spec.gate.max(), clamped)), u)
        }),
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

multiversion! {
    /// `gate` times its share by a table, times `up`. `narrow`: gates have less than 32 bits, and `shift` is to the right.
    fn gated_by_table(gate: &[i32], up: &[i32], to_argument: i32, table: &[i32; 257], narrow: bool, shift: i32, max: i64, out: &mut [i32]) -> u64 {
        let mut clamped = 0;
        if narrow {
            for ((o, &g), &u) in out.iter_mut().zip(gate).zip(up) {
                // The share is hardly more than 1, so 32 bits hold its product with the gate.
                let h = weighed(i64::from(g), to_argument, table) as i32;
                *o = sat(rsr(i64::from(h) * i64::from(u), shift), max, &mut clamped);
            }
        } else {
            for ((o, &g), &u) in out.iter_mut().zip(gate).zip(up) {
                *o = shift_sat(weighed(i64::from(g), to_argument, table) * i64::from(u), shift, max, &mut clamped);
            }
        }
        clamped
    }

    /// `sat(a + b)`.
    fn sum(a: &[i32], b: &[i32], max: i64, out: &mut [i32]) -> u64 {
        let mut clamped = 0;
        for ((o, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *o = sat(i64::from(a) + i64::from(b), max, &mut clamped);
        }
        clamped
    }

    fn greatest(values: &[i32]) -> i32 {
        values.iter().fold(i32::MIN, |m, &v| m.max(v))
    }

    fn contains(values: &[i32], x: i32) -> bool {
        values.iter().fold(false, |found, &v| found | (v == x))
    }
}

/// `g` times its share by a table of that of `-|g|`; `to_argument` takes `|g|` to 12 bits past the table's 16.
#[inline(always)]
fn weighed(g: i64, to_argument: i32, table: &[i32; 257]) -> i64 {
    rsr(g * share(g, to_argument, table), 20)
}

/// The share itself, 20 fractional bits.
#[inline(always)]
fn share(g: i64, to_argument: i32, table: &[i32; 257]) -> i64 {
    let z = rsr(g.abs(), to_argument).min(65535);
    let low = lerp(table, (z >> 8) as usize & 0xff, z & 0xff, 8);
    if g >= 0 { (1 << 20) - low } else { low }
}

pub(super) fn add(a: &[i32], b: &[i32], format: Fixed, out: &mut Vec<i32>) -> u64 {
    out.clear();
    out.resize(a.len(), 0);
    sum(a, b, format.max(), out)
}

/// The lowest index of the greatest value.
pub(super) fn argmax(values: &[i32]) -> usize {
    const PIECE: usize = 256;
    let max = greatest(values);
    let piece = values.chunks(PIECE).position(|piece| contains(piece, max)).unwrap_or(0) * PIECE;
    piece + values.iter().skip(piece).position(|&v| v == max).unwrap_or(0)
}
