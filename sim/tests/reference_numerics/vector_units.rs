//! Sections 3 (rotations), 4, 5, 7 (rope) and 8.

use crate::support::{Random, assert_close, tables};
use hardwire_netlist::unit::{Activation, GatedActSpec, NormSpec};
use hardwire_netlist::{Fixed, Function, ProgramId};
use hardwire_sim::reference::{Rotation, add, argmax, gated_act, group_sums, rms_norm, rope, rotations, row_feed};
use std::f64::consts::TAU;

const WIDE: Fixed = Fixed { bits: 32, frac: 0 };

// RmsNorm

/// Relative error of the norm's `1 / sqrt(Q)`: interpolation 3/2^17 where the curve is steepest, table and interpolation
/// rounding 1/2^17 there and 1/2^16 where it is flat, 24 bits of `Q` 2^-23.
const RSQRT_ERROR: f64 = 3.2e-5;

/// A norm whose output has 11 fractional bits less than a normalised value and its gain have.
fn norm(len: usize, groups: usize, epsilon: u64) -> NormSpec {
    NormSpec { len: len as u32, groups: groups as u32, epsilon, gain: ProgramId(0), input: WIDE, shift: 19, centre: None }
}

fn real_norm(x: &[i32], gain: &[i32], groups: usize, epsilon: u64) -> Vec<f64> {
    let n = x.len() / groups;
    let mut y = Vec::new();
    for part in x.chunks(n) {
        let q = epsilon as f64 + part.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>();
        // 30 fractional bits of u, less the 19 of the last shift.
        y.extend(part.iter().zip(gain).map(|(&v, &g)| f64::from(v) / q.sqrt() * f64::from(g) * 2f64.powi(11)));
    }
    y
}

#[test]
fn norm_is_within_its_error_at_every_magnitude() {
    let (t, mut random, mut clamped) = (tables(), Random(1), 0);
    for bits in 1..=31 {
        for groups in [1usize, 3] {
            let gain = random.vector(64, (1 << 19) - 1);
            let x = random.vector(64 * groups, (1i64 << bits) - 1);
            let epsilon = 1 + random.next() % (1 << bits);
            let y = rms_norm(&norm(x.len(), groups, epsilon), &x, &gain, None, &t, WIDE, &mut clamped);
            // One of rounding: a half for u times a gain below 2^19, a half for y.
            assert_close(&y, &real_norm(&x, &gain, groups, epsilon), |e| e.abs() * RSQRT_ERROR + 1.0);
        }
    }
    assert_eq!(clamped, 0);
}

#[test]
fn norm_of_the_worked_example() {
    // Q = 1 + 9 + 16 = 26, L = 5, s = 6, M = 26 * 2^18, so j = 40 and no fraction:
    // Y = 65536 / sqrt(104/256) = 102821, u = 3 * 102821 * 2^11, y = u / 2.
    let y = rms_norm(&norm(2, 1, 1), &[3, 4], &[1 << 18, 1 << 18], None, &tables(), WIDE, &mut 0);
    assert_eq!(y, [3 * 102_821 * 1024, 4 * 102_821 * 1024]);
}

#[test]
fn norm_at_the_edges() {
    let (t, mut clamped) = (tables(), 0);
    let top = (1 << 19) - 1;
    assert_eq!(rms_norm(&norm(8, 1, 1), &[0; 8], &[top; 8], None, &t, WIDE, &mut clamped), [0; 8]);
    for x in [[i32::MIN; 4], [i32::MAX; 4], [-1, 0, 0, 0]] {
        let y = rms_norm(&norm(4, 1, 1), &x, &[top; 4], None, &t, WIDE, &mut clamped);
        assert_close(&y, &real_norm(&x, &[top; 4], 1, 1), |e| e.abs() * RSQRT_ERROR + 1.0);
    }
    let all = u64::MAX;
    let y = rms_norm(&norm(4, 1, all), &[i32::MIN; 4], &[top; 4], None, &t, WIDE, &mut clamped);
    assert_close(&y, &real_norm(&[i32::MIN; 4], &[top; 4], 1, all), |e| e.abs() * RSQRT_ERROR + 1.0);
    assert_eq!(clamped, 0);
    let y = rms_norm(&norm(2, 1, 1), &[7, -7], &[top, top], None, &t, Fixed::new(16, 0), &mut clamped);
    assert_eq!((y, clamped), (vec![32767, -32767], 2));
}

// RowFeed

#[test]
fn row_feed_keeps_the_leading_bits() {
    let mut random = Random(2);
    for act_bits in [4u8, 8, 10, 12, 16] {
        for bits in 1..=31u32 {
            let t = random.vector(33, (1i64 << bits) - 1);
            let fed = row_feed(&t, act_bits);
            let (greatest, step) = ((1i64 << (act_bits - 1)) - 1, 1i64 << fed.h);
            for (&ti, &ai) in t.iter().zip(&fed.a) {
                assert!(i64::from(ai).abs() <= greatest);
                let error = (i64::from(ti) - i64::from(ai) * step).abs();
                let clamped = i64::from(ai).abs() == greatest;
                assert!(2 * error <= step || clamped && error <= step, "{ti} became {ai} * 2^{}", fed.h);
            }
            // No shift larger than needed: the greatest element still has its leading bit.
            assert!(fed.h == 0 || t.iter().any(|ti| ti.unsigned_abs() >> fed.h >= 1 << (act_bits - 2)));
        }
    }
}

#[test]
fn row_feed_at_the_edges() {
    for (t, bits, a, h) in [
        (vec![0, 0], 8, vec![0, 0], 0),
        (vec![127, -127], 8, vec![127, -127], 0),
        (vec![128, 1], 8, vec![64, 1], 1),
        // 255 / 2 = 127.5 rounds to 128 and is clamped; -127.5 rounds to -127.
        (vec![255, -255], 8, vec![127, -127], 1),
        (vec![i32::MIN, i32::MAX], 8, vec![-64, 64], 25),
        (vec![i32::MAX, -i32::MAX], 12, vec![2047, -2047], 20),
    ] {
        let fed = row_feed(&t, bits);
        assert_eq!((fed.a, fed.h), (a, h), "{t:?} in {bits} bits");
    }
    assert_eq!(group_sums(&[1, 2, 3, -4, 5], 2), [3, -1, 5]);
    assert_eq!(group_sums(&[1, 2], u32::MAX), [3]);
}

// Rotations and rope

/// Of a sine or cosine: interpolation 0.08, table and interpolation rounding 1, `r'` short by 2^-30, in units of 2^-14.
const SINE_ERROR: f64 = 1.1 / 16384.0;

#[test]
fn rotations_are_sines_and_cosines_of_the_wrapped_phase() {
    let (t, mut random) = (tables(), Random(3));
    for _ in 0..20_000 {
        let (omega, position) = (random.next() as u32, random.next() as u32);
        let phase = (u128::from(omega) * u128::from(position)) % (1 << 32);
        let angle = phase as f64 / 2f64.powi(32) * TAU;
        let r = rotations(&[omega], position, &t)[0];
        assert!((f64::from(r.sin) / 16384.0 - angle.sin()).abs() <= SINE_ERROR, "{phase:#x}: {r:?}");
        assert!((f64::from(r.cos) / 16384.0 - angle.cos()).abs() <= SINE_ERROR, "{phase:#x}: {r:?}");
    }
}

#[test]
fn quarter_turns_are_exact() {
    let turns = rotations(&[0, 1 << 30, 1 << 31, 3 << 30], 1, &tables());
    let want = [(0, 16384), (16384, 0), (0, -16384), (-16384, 0)];
    assert_eq!(turns, want.map(|(sin, cos)| Rotation { sin, cos }));
    // Five positions of a quarter turn are one.
    assert_eq!(rotations(&[1 << 30], 5, &tables())[0], turns[1]);
}

#[test]
fn rope_turns_pairs_of_each_head_and_passes_the_rest() {
    let (t, mut random, mut clamped) = (tables(), Random(4), 0);
    let out = Fixed::new(20, 10);
    let omega: Vec<u32> = (0..3).map(|_| random.next() as u32).collect();
    for position in [0u32, 1, 77, u32::MAX] {
        let q = random.vector(2 * 8, 300_000);
        let y = rope(&q, 8, 6, &rotations(&omega, position, &t), out, &mut clamped);
        for head in 0..2 {
            for i in 0..3 {
                let (x0, x1) = (f64::from(q[head * 8 + 2 * i]), f64::from(q[head * 8 + 2 * i + 1]));
                let angle = f64::from(omega[i].wrapping_mul(position)) / 2f64.powi(32) * TAU;
                let want = [x0 * angle.cos() - x1 * angle.sin(), x0 * angle.sin() + x1 * angle.cos()];
                let bound = (x0.abs() + x1.abs()) * SINE_ERROR + 0.5;
                assert_close(&y[head * 8 + 2 * i..][..2], &want, |_| bound);
            }
            assert_eq!(y[head * 8 + 6..][..2], q[head * 8 + 6..][..2]);
        }
    }
    assert_eq!(clamped, 0);
}

#[test]
fn rope_clamps_what_leaves_its_format() {
    let eighth = [Rotation { sin: 11585, cos: 11585 }];
    let mut clamped = 0;
    // An eighth turn of (-m, m): x' = -1.41 m, y' = 0; of (m, m): x' = 0, y' = 1.41 m.
    assert_eq!(rope(&[-511, 511], 2, 2, &eighth, Fixed::new(10, 0), &mut clamped), [-511, 0]);
    assert_eq!(rope(&[511, 511], 2, 2, &eighth, Fixed::new(10, 0), &mut clamped), [0, 511]);
    assert_eq!(clamped, 2);
    let y = rope(&[i32::MIN, i32::MIN], 2, 2, &eighth, WIDE, &mut clamped);
    assert_eq!((y, clamped), (vec![0, -i32::MAX], 3));
}

// GatedAct

fn silu(gate: Fixed, shift: i16) -> GatedActSpec {
    GatedActSpec { activation: Activation::Silu, gate, up: Some(WIDE), shift, holds: false }
}

#[test]
fn gated_act_is_silu_times_up() {
    let (t, mut random, mut clamped) = (tables(), Random(5), 0);
    for frac in [4i16, 8, 12, 14] {
        let (format, shift) = (Fixed::new(20, frac), 8);
        let gate = random.vector(4000, (1 << (frac + 5)) - 1);
        let up = random.vector(4000, 1000);
        let y = gated_act(&silu(format, shift), &gate, Some(&up), &t, WIDE, &mut clamped);
        for ((&g, &u), &got) in gate.iter().zip(&up).zip(&y) {
            let real = format.value(i64::from(g));
            let want = f64::from(g) / (1.0 + (-real).exp()) * f64::from(u) / 256.0;
            // Of sigma: interpolation 4.7e-5, z to 12 bits 3.1e-5, rounding 1e-6. Then a half for h, a half for y.
            let bound = (f64::from(g).abs() * 8e-5 + 0.5) * f64::from(u).abs() / 256.0 + 0.5;
            assert!((f64::from(got) - want).abs() <= bound, "silu({real}) * {u}: {got}, expected {want} within {bound}");
        }
    }
    assert_eq!(clamped, 0);
}

#[test]
fn gated_act_at_the_edges() {
    let (t, mut clamped) = (tables(), 0);
    let act = |g, u, frac, shift, bits, clamped: &mut u64| {
        gated_act(&silu(Fixed::new(32, frac), shift), &[g], Some(&[u]), &t, Fixed::new(bits, 0), clamped)[0]
    };
    assert_eq!(act(0, i32::MAX, 12, 0, 32, &mut clamped), 0);
    // sigma(16 and more) is 1 less the table's last value, 2^20 / (1 + e^16) = 0.12, which is 0, interpolated from 1 / 2^20.
    assert_eq!(act(100 << 12, 3, 12, 0, 32, &mut clamped), 3 * (100 << 12));
    assert_eq!(act(-(100 << 12), 3, 12, 0, 32, &mut clamped), 0);
    // A format of few or negative fractional bits saturates z, never wraps it.
    assert_eq!(act(1000, 1, -30, 0, 32, &mut clamped), 1000);
    assert_eq!(act(1000, 1, i16::MIN, 0, 32, &mut clamped), 1000);
    assert_eq!(act(-1000, 1, i16::MIN, 0, 32, &mut clamped), 0);
    // One of very many sees no gate at all: sigma(0) = 1/2.
    assert_eq!(act(1000, 1, i16::MAX, 0, 32, &mut clamped), 500);
    assert_eq!(clamped, 0);
    assert_eq!(act(i32::MIN, i32::MIN, i16::MAX, 0, 32, &mut clamped), i32::MAX);
    assert_eq!(act(i32::MAX, i32::MIN, 0, 0, 32, &mut clamped), -i32::MAX);
    assert_eq!(act(200 << 12, 1, 12, 0, 16, &mut clamped), 32767);
    assert_eq!(clamped, 3);
    // A left shift past every width saturates, and a zero stays zero.
    assert_eq!(act(1 << 20, 1, 12, -1000, 32, &mut clamped), i32::MAX);
    assert_eq!(act(1 << 20, 0, 12, -1000, 32, &mut clamped), 0);
    assert_eq!(clamped, 4);
}

#[test]
fn gated_act_reads_its_table_to_the_end() {
    // The real table ends in zeros; one that does not shows the last z, 65535: 255/256 of the way to the last entry.
    let mut t = tables();
    t[Function::Sigmoid][256] = 1 << 20;
    for g in [-(16 << 12), -(1 << 30), i32::MIN] {
        let y = gated_act(&silu(Fixed::new(32, 12), 0), &[g], Some(&[1]), &t, WIDE, &mut 0);
        assert_eq!(y, [g / 256 * 255]);
    }
}

// Add, Argmax

#[test]
fn add_saturates_and_counts() {
    let mut clamped = 0;
    let (big, out) = (i32::MAX, WIDE);
    assert_eq!(add(&[big, -big, big, 3], &[1, -1, -big, -5], out, &mut clamped), [big, -big, 0, -2]);
    assert_eq!(clamped, 2);
    assert_eq!(add(&[i32::MIN], &[0], out, &mut clamped), [-big]);
    assert_eq!(clamped, 3);
}

#[test]
fn argmax_takes_the_lowest_of_equals() {
    assert_eq!(argmax(&[i32::MIN, i32::MIN]), 0);
    assert_eq!(argmax(&[-5, 7, 7, 6]), 1);
    assert_eq!(argmax(&[1, 2, 3]), 2);
}
