//! The points of a sweep that no other beats in every respect: tokens/s for one user and in aggregate, area, energy and cost.

use crate::plan::Figures;

/// Each respect with its sign: what is negative is better when smaller.
fn merits(e: &Figures) -> [f64; 5] {
    [e.tokens_per_s_single_user, e.tokens_per_s_aggregate, -e.area_mm2, -e.j_per_token_aggregate, -e.usd_per_mtoken]
}

/// Indices of the points nothing beats, in order; of equal ones the first.
pub fn front(points: &[&Figures]) -> Vec<usize> {
    let merits: Vec<[f64; 5]> = points.iter().map(|e| merits(e)).collect();
    let beats = |a: &[f64; 5], b: &[f64; 5]| a.iter().zip(b).all(|(a, b)| a >= b) && a.iter().zip(b).any(|(a, b)| a > b);
    let first = |i: usize| !merits[..i].contains(&merits[i]);
    (0..points.len()).filter(|&i| first(i) && !merits.iter().any(|m| beats(m, &merits[i]))).collect()
}
