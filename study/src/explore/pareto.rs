//! The points of a sweep that no other beats in every respect: tokens/s for one user and of a full queue, area, energy and cost.

use crate::plan::Figures;

/// Each respect with its sign: what is negative is better when smaller.
fn merits(e: &Figures) -> [f64; 5] {
    let queue = &e.full_queue;
    [e.tokens_per_s_single_user, queue.tokens_per_s, -e.area_mm2, -queue.j_per_token, -e.usd_per_mtoken.unwrap_or(f64::INFINITY)]
}

/// Indices of the points nothing beats, in order; of equal ones the first.
pub fn front(points: &[&Figures]) -> Vec<usize> {
    let merits: Vec<[f64; 5]> = points.iter().map(|e| merits(e)).collect();
    let beats = |a: &[f64; 5], b: &[f64; 5]| a.iter().zip(b).all(|(a, b)| a >= b) && a.iter().zip(b).any(|(a, b)| a > b);
    let first = |i: usize| !merits[..i].contains(&merits[i]);
    (0..points.len()).filter(|&i| first(i) && !merits.iter().any(|m| beats(m, &merits[i]))).collect()
}
