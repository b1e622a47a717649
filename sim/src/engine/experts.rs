//! The choice of experts and their mix (`docs/numerics.md`, section 10).

use super::arith::{lerp, rsr, sat, shift_sat};
use hardwire_netlist::unit::{Fixed, RouteSpec};
use hardwire_netlist::{Function, Tables};

/// The `active` greatest logits, the lowest index first among equals, greatest first.
fn greatest(logits: &[i32], active: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by_key(|&e| (std::cmp::Reverse(logits[e]), e));
    order.truncate(active);
    order
}

/// Fills `out` with a weight an expert and `chosen` with the experts that work.
pub(super) fn route(spec: &RouteSpec, logits: &[i32], tables: &Tables, chosen: &mut Vec<bool>, out: &mut Vec<i32>) -> u64 {
    let mut clamped = 0;
    let order = greatest(logits, spec.active as usize);
    let mut score = |e: usize| {
        let scaled = i64::from(logits[e]) * i64::from(spec.score_mantissa);
        i64::from(shift_sat(scaled, spec.score_shift, i64::from(i32::MAX), &mut clamped))
    };
    let top = score(order[0]);
    let power = |score: i64| {
        let delta = top - score;
        let f = delta & 0xffff;
        rsr(lerp(&tables[Function::Exp2], (f >> 9) as usize, f & 0x1ff, 9), (delta >> 16) as i32)
    };
    chosen.clear();
    chosen.resize(logits.len(), false);
    order.iter().for_each(|&e| chosen[e] = true);
    let powers: Vec<i64> = (0..logits.len()).map(|e| if spec.of_all || chosen[e] { power(score(e)) } else { 0 }).collect();
    let (z, r) = reciprocal(powers.iter().sum(), tables);
    out.clear();
    out.extend(powers.iter().zip(chosen.iter()).map(|(&p, &chosen)| {
        let share = if chosen { rsr(p * r, z - 1) } else { 0 };
        sat(share, RouteSpec::OUT.max(), &mut clamped)
    }));
    clamped
}

/// The length of `total` and the mantissa of its reciprocal (section 7, step 5).
pub(super) fn reciprocal(total: i64, tables: &Tables) -> (i32, i64) {
    let z = 64 - total.leading_zeros() as i32;
    let p = (total >> (z - 16)) as usize;
    (z, lerp(&tables[Function::Recip], (p - (1 << 15)) >> 7, (p & 0x7f) as i64, 7))
}

/// Weighted sum of the chosen experts' outputs: 1,025 products of 32 by 17 bits fit 62.
pub(super) fn mix<'a>(chosen: impl Iterator<Item = (i32, &'a [i32])>, format: Fixed, len: usize, out: &mut Vec<i32>) -> u64 {
    let mut clamped = 0;
    let mut sums = vec![0i64; len];
    for (weight, x) in chosen {
        for (sum, &v) in sums.iter_mut().zip(x) {
            *sum += i64::from(weight) * i64::from(v);
        }
    }
    out.clear();
    out.extend(sums.iter().map(|&s| sat(rsr(s, 16), format.max(), &mut clamped)));
    clamped
}
