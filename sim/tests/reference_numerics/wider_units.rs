//! Sections 4 (LayerNorm), 8 (activations other than SiLU) and 10, beside real numbers.

use crate::support::{Random, assert_close, gelu_erf_share, gelu_share, tables};
use hardwire_netlist::unit::{Activation, CentreSpec, GatedActSpec, NormSpec, RouteSpec};
use hardwire_netlist::{Fixed, ProgramId};
use hardwire_sim::reference::{gated_act, mix, rms_norm, route};

const WIDE: Fixed = Fixed { bits: 32, frac: 0 };
const FRAC: i16 = 12;

#[test]
fn layer_norm_is_centred_scaled_and_shifted() {
    let (t, mut random, mut clamped) = (tables(), Random(31), 0);
    for len in [3usize, 24, 64, 100] {
        let (mantissa, shift) = CentreSpec::reciprocal(len as u32);
        let centre = Some(CentreSpec { mantissa, shift, bias: Some(ProgramId(0)) });
        let spec = NormSpec { len: len as u32, groups: 1, epsilon: 1, gain: ProgramId(0), input: WIDE, shift: 19, centre };
        let x: Vec<i32> = random.vector(len, 1 << 20).iter().map(|v| v + (1 << 19)).collect();
        let (gain, bias) = (random.vector(len, (1 << 19) - 1), random.vector(len, 1 << 20));
        let y = rms_norm(&spec, &x, &gain, Some(&bias), &t, WIDE, &mut clamped);
        let mean = x.iter().map(|&v| f64::from(v)).sum::<f64>() / len as f64;
        let q = 1.0 + x.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>();
        let parts = x.iter().zip(&gain).zip(&bias);
        let real: Vec<f64> =
            parts.map(|((&v, &g), &b)| (f64::from(v) - mean) / q.sqrt() * f64::from(g) * 2f64.powi(11) + f64::from(b)).collect();
        // As RmsNorm's; and the mean, to a half and a part in 2^20, in units of the root.
        let of_mean = (0.5 + mean.abs() * 2f64.powi(-20)) / q.sqrt() * 2f64.powi(30);
        assert_close(&y, &real, |e| (e.abs() + f64::from(1 << 20)) * 3.2e-5 + of_mean + 1.0);
    }
    assert_eq!(clamped, 0);
}

/// One activation of `g` and `u`, both with 12 fractional bits, as a real number.
fn act(activation: Activation, up: bool, g: i32, u: i32, clamped: &mut u64) -> f64 {
    let format = Fixed::new(24, FRAC);
    let spec = GatedActSpec { activation, gate: format, up: up.then_some(format), shift: if up { FRAC } else { 0 }, holds: false };
    let y = gated_act(&spec, &[g], up.then_some(&[u][..]), &tables(), WIDE, clamped);
    f64::from(y[0]) / f64::from(1 << FRAC)
}

#[test]
fn other_activations_are_near_their_functions() {
    let (mut random, mut clamped) = (Random(32), 0);
    let one = f64::from(1 << FRAC);
    for _ in 0..2000 {
        let (g, u) = (random.within(-10 << FRAC, 10 << FRAC), random.within(-9 << FRAC, 9 << FRAC));
        let (x, v) = (f64::from(g) / one, f64::from(u) / one);
        // The table's interpolation, 6e-5 of the argument, and a half for each rounding.
        let bound = |h: f64| (x.abs() * 1e-4 + 1.0 / one) * (1.0 + h.abs());
        for (got, want, h) in [
            (act(Activation::GeluTanh, false, g, 0, &mut clamped), x * gelu_share(x), 0.0),
            (act(Activation::GeluTanh, true, g, u, &mut clamped), x * gelu_share(x) * v, v),
            (act(Activation::Gelu, false, g, 0, &mut clamped), x * gelu_erf_share(x), 0.0),
            (act(Activation::Gelu, true, g, u, &mut clamped), x * gelu_erf_share(x) * v, v),
            (act(Activation::Relu2, true, g, u, &mut clamped), x.max(0.0).powi(2) * v, v),
        ] {
            assert!((got - want).abs() <= bound(h), "{x}, {v}: {got}, expected {want}");
        }
        let limited = Activation::SwigluClamped { gate_limit: 7 << FRAC, up_limit: 7 << FRAC };
        let (a, b) = (x.min(7.0), v.clamp(-7.0, 7.0) + 1.0);
        let want = a / (1.0 + (-1.702 * a).exp()) * b;
        // The steeper table bends more.
        let got = act(limited, true, g, u, &mut clamped);
        assert!((got - want).abs() <= (a.abs() * 2e-4 + 1.0 / one) * (1.0 + b.abs()), "{x}, {v}: {got}, expected {want}");
    }
    assert_eq!(clamped, 0);
    // A square past the gate's format is clamped, and said so.
    assert_eq!(act(Activation::Relu2, false, (1 << 23) - 1, 0, &mut clamped), f64::from((1 << 23) - 1) / one);
    assert_eq!(clamped, 1);
}

#[test]
fn routes_choose_the_greatest_and_weigh_them_by_softmax() {
    let (t, mut random, mut clamped) = (tables(), Random(33), 0);
    for of_all in [false, true] {
        for _ in 0..200 {
            let logits = random.vector(6, 4 << FRAC);
            let spec = RouteSpec {
                experts: 6,
                active: 2,
                of_all,
                logits: Fixed::new(24, FRAC),
                score_mantissa: 47_274,
                score_shift: 15 + i32::from(FRAC) - 16,
            };
            let choice = route(&spec, &logits, &t, &mut clamped);
            let mut order: Vec<usize> = (0..6).collect();
            order.sort_by_key(|&e| std::cmp::Reverse(logits[e]));
            let power = |e: usize| (f64::from(logits[e]) / f64::from(1 << FRAC)).exp();
            let total: f64 = order.iter().take(if of_all { 6 } else { 2 }).map(|&e| power(e)).sum();
            for e in 0..6 {
                let chosen = order[..2].contains(&e);
                assert_eq!(choice.chosen[e], chosen);
                let want = if chosen { power(e) / total } else { 0.0 };
                assert!((f64::from(choice.weights[e]) / 65536.0 - want).abs() < 2e-4, "{logits:?}: {choice:?}");
            }
            let outputs: Vec<Vec<i32>> = (0..6).map(|e| if choice.chosen[e] { vec![1000 * e as i32, -7] } else { Vec::new() }).collect();
            let outputs: Vec<&[i32]> = outputs.iter().map(Vec::as_slice).collect();
            let y = mix(&choice, &outputs, None, 2, WIDE, &mut clamped);
            let weighed = |x: &dyn Fn(usize) -> f64| (0..6).map(|e| f64::from(choice.weights[e]) / 65536.0 * x(e)).sum::<f64>();
            assert_close(&y, &[weighed(&|e| 1000.0 * e as f64), weighed(&|_| -7.0)], |_| 0.5);
        }
    }
    assert_eq!(clamped, 0);
    // Equals: the lowest numbers.
    let spec = RouteSpec { experts: 4, active: 2, of_all: false, logits: WIDE, score_mantissa: 47_274, score_shift: 15 - 16 };
    assert_eq!(route(&spec, &[5, 5, 5, 5], &t, &mut clamped).weights, [1 << 15, 1 << 15, 0, 0]);
}
