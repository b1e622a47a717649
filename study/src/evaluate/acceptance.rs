//! How many of a draft's tokens its verifier would take: the chip drafts, the float model verifies.
//!
//! A position is accepted with probability 1 or 0 where both are greedy (the same token), and with the sum over tokens of min(p, q) where
//! both sample, p the verifier's and q the draft's probability: either way the output is exactly the verifier's (Leviathan et al.,
//! "Fast Inference from Transformers via Speculative Decoding", arXiv 2211.17192, theorem 3.5). The first refusal ends a draft, so what
//! counts is the chance that a whole run is accepted. It is measured as such, over every run of the text: easy passages come together,
//! which powers of the mean do not know.

use serde::{Deserialize, Serialize};

/// Longest draft that is told.
pub const LONGEST: usize = 32;

/// Chance that the first 1, 2, ... tokens of a draft are all accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Acceptance {
    /// Both take their likeliest token.
    pub greedy: Vec<f64>,
    /// Both sample at temperature 1.
    pub sampling: Vec<f64>,
}

/// Acceptance at each position of a text, window by window.
#[derive(Clone, Debug, Default)]
pub(super) struct Accepted {
    windows: Vec<Vec<[f64; 2]>>,
}

impl Accepted {
    pub fn start_window(&mut self) {
        self.windows.push(Vec::new());
    }

    /// A position's acceptance, greedy and by sampling.
    pub fn push(&mut self, greedy: f64, sampling: f64) {
        if let Some(window) = self.windows.last_mut() {
            window.push([greedy, sampling]);
        }
    }

    pub fn acceptance(&self) -> Acceptance {
        Acceptance { greedy: self.runs(0), sampling: self.runs(1) }
    }

    /// For each length the mean over all runs of that length of the product of their positions; no run crosses windows.
    fn runs(&self, which: usize) -> Vec<f64> {
        let longest = self.windows.iter().map(Vec::len).max().unwrap_or(0).min(LONGEST);
        let mut out = Vec::with_capacity(longest);
        let mut products: Vec<Vec<f64>> = self.windows.iter().map(|w| vec![1.0; w.len()]).collect();
        for length in 1..=longest {
            let (mut sum, mut runs) = (0.0, 0u32);
            for (window, products) in self.windows.iter().zip(&mut products) {
                for (start, product) in products.iter_mut().enumerate().take((window.len() + 1).saturating_sub(length)) {
                    *product *= window[start + length - 1][which];
                    sum += *product;
                    runs += 1;
                }
            }
            out.push(sum / f64::from(runs));
        }
        out
    }
}

/// Tokens that a round of a draft of `length` yields, at most as many as `runs` has: the accepted ones and the verifier's own.
///
pub fn tokens_per_round(runs: &[f64], length: usize) -> f64 {
    1.0 + runs.iter().take(length).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_counted_as_they_come_and_do_not_cross_windows() {
        let mut accepted = Accepted::default();
        for window in [&[1.0, 1.0, 0.0, 1.0][..], &[1.0, 1.0]] {
            accepted.start_window();
            window.iter().for_each(|&a| accepted.push(a, 0.5));
        }
        let told = accepted.acceptance();
        // Five of six positions; pairs (1,1) (1,0) (0,1) and (1,1); triples (1,1,0) (1,0,1).
        assert_eq!(told.greedy, [5.0 / 6.0, 2.0 / 4.0, 0.0, 0.0]);
        assert_eq!(told.sampling, [0.5, 0.25, 0.125, 0.0625]);
        assert_eq!(tokens_per_round(&told.greedy, 2), 1.0 + 5.0 / 6.0 + 0.5);
        assert_eq!(tokens_per_round(&told.greedy, 0), 1.0);
    }
}
