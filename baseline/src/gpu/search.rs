//! A small derivative-free search: turn one parameter at a time by a factor, keep what helps, halve what does not.
//!
//! Coordinate pattern search (Hooke and Jeeves, J. ACM 8(2), 1961) on the logarithms; deterministic, and enough for the
//! handful of positive parameters here.

/// First factor tried: e^0.3.
const FIRST_STEP: f64 = 0.3;
const ROUNDS: usize = 10_000;

/// Positive parameters, none above its `caps`, that locally minimise `loss`, from `start`; each is settled when a factor of
/// e^`settled` no longer helps.
pub fn minimise(start: &[f64], caps: &[f64], settled: f64, loss: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let mut best = start.to_vec();
    let mut least = loss(&best);
    let mut steps = vec![FIRST_STEP; best.len()];
    for _ in 0..ROUNDS {
        if steps.iter().all(|step| *step < settled) {
            break;
        }
        for index in 0..best.len() {
            let helped = [steps[index], -steps[index]].into_iter().any(|step| {
                let mut tried = best.clone();
                tried[index] = (tried[index] * step.exp()).min(caps[index]);
                let found = loss(&tried);
                if found < least {
                    (best, least) = (tried, found);
                    true
                } else {
                    false
                }
            });
            steps[index] *= if helped { 1.2 } else { 0.5 };
        }
    }
    best
}
