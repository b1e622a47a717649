//! Where the rows of a matrix lie beside those of its tensor.

use serde::{Deserialize, Serialize};

/// Order in which rows of the checkpoint's tensor became outputs. Nothing computes with it: it leads from the chip back to the checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowPermutation {
    #[default]
    Identity,
    /// The halves of the rotated part of each head side by side, so that the two elements of a rotation are neighbours: the first
    /// `rotated` of `head_dim` rows, an even number.
    Interleave { head_dim: u32, rotated: u32 },
}

impl RowPermutation {
    pub fn is_identity(&self) -> bool {
        *self == RowPermutation::Identity
    }

    /// Row of the tensor that became output `n`.
    pub fn source_row(self, n: u32) -> u32 {
        match self {
            RowPermutation::Identity => n,
            RowPermutation::Interleave { head_dim, rotated } => {
                let i = n % head_dim;
                n - i + if i < rotated { i / 2 + i % 2 * (rotated / 2) } else { i }
            }
        }
    }

    /// Output that the tensor's row `row` became: inverse of [`RowPermutation::source_row`].
    pub fn output_of(self, row: u32) -> u32 {
        match self {
            RowPermutation::Identity => row,
            RowPermutation::Interleave { head_dim, rotated } => {
                let (i, half) = (row % head_dim, rotated / 2);
                row - i + if i < rotated { i % half * 2 + i / half } else { i }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleaving_pairs_the_halves_of_each_head() {
        let p = RowPermutation::Interleave { head_dim: 4, rotated: 4 };
        let rows: Vec<u32> = (0..8).map(|n| p.source_row(n)).collect();
        assert_eq!(rows, [0, 2, 1, 3, 4, 6, 5, 7]);
        let part: Vec<u32> = (0..6).map(|n| RowPermutation::Interleave { head_dim: 6, rotated: 4 }.source_row(n)).collect();
        assert_eq!(part, [0, 2, 1, 3, 4, 5]);
        for (head_dim, rotated) in [(2, 2), (6, 4), (64, 64), (128, 32)] {
            let p = RowPermutation::Interleave { head_dim, rotated };
            assert!((0..3 * head_dim).all(|n| p.output_of(p.source_row(n)) == n && p.source_row(p.output_of(n)) == n));
        }
    }
}
