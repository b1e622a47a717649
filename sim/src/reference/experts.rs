//! Section 10: the choice of experts and their mix.

use super::arith::{bitlen, rsr, sat};
use super::attention::{power, reciprocal};
use hardwire_netlist::unit::RouteSpec;
use hardwire_netlist::{Fixed, Tables};

/// Which experts work, and with what weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub chosen: Vec<bool>,
    /// One an expert, 16 fractional bits; 0 where not chosen.
    pub weights: Vec<i32>,
}

/// The choice by the router's `logits`.
pub fn route(spec: &RouteSpec, logits: &[i32], tables: &Tables, clamped: &mut u64) -> Choice {
    let mut chosen = vec![false; logits.len()];
    let mut first = None;
    for _ in 0..spec.active {
        let mut best = None;
        for (e, &l) in logits.iter().enumerate() {
            if !chosen[e] && best.is_none_or(|b: usize| l > logits[b]) {
                best = Some(e);
            }
        }
        if let Some(e) = best {
            chosen[e] = true;
            first = first.or(best);
        }
    }

    let mut score = |l: i32| sat(rsr(i128::from(l) * i128::from(spec.score_mantissa), i64::from(spec.score_shift)), 32, clamped);
    let greatest = first.map_or(0, |e| score(logits[e]));
    let mut powers = vec![0; logits.len()];
    for (e, &l) in logits.iter().enumerate() {
        if spec.of_all || chosen[e] {
            powers[e] = power(i64::from(greatest) - i64::from(score(l)), tables);
        }
    }
    let total: i128 = powers.iter().sum();
    let z = i64::from(bitlen(total as u128));
    let r = reciprocal(total, tables);
    let weight = |e: usize| if chosen[e] { sat(rsr(powers[e] * r, z - 1), RouteSpec::OUT.bits, clamped) } else { 0 };
    let weights = (0..logits.len()).map(weight).collect();
    Choice { chosen, weights }
}

/// The chosen experts' outputs, weighted, and the weight and output of a `shared` one; `outputs` holds one an expert, empty where it was not
/// chosen.
pub fn mix(choice: &Choice, outputs: &[&[i32]], shared: Option<(i32, &[i32])>, len: usize, out: Fixed, clamped: &mut u64) -> Vec<i32> {
    let mut y = Vec::new();
    for i in 0..len {
        let mut sum = 0i128;
        for (e, x) in outputs.iter().enumerate() {
            if choice.chosen[e] {
                sum += i128::from(choice.weights[e]) * i128::from(x[i]);
            }
        }
        if let Some((weight, x)) = shared {
            sum += i128::from(weight) * i128::from(x[i]);
        }
        y.push(sat(rsr(sum, 16), out.bits, clamped));
    }
    y
}
