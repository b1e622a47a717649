//! How a tile selects: codebooks whose values lie in pairs around a centre need half a selector.
//!
//! With every value `v` paired with `S - v`, a column adds `d` or `-d`, where `2 v = S + d` (for even `S`, `v = S / 2 + d`), so a code is a
//! sign and one of half as many magnitudes. What the centre adds is the same for all columns: the group's sum of activations.

use crate::unit::matrix::MatrixSpec;
use crate::width::range_bits;

/// The paired form of a codebook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// Magnitudes `d` in the order a folded code's low bits count them.
    pub factors: Vec<i32>,
    /// Folded code of each code: its top bit is the sign.
    pub codes: Vec<u8>,
    /// Group sums added to a column's sum,
    pub lift: i32,
    /// which is then halved, or not.
    pub halved: bool,
}

impl MatrixSpec {
    /// Wide codes that count up are numbers of two digits, of which each selects a product, negated or not: bits of a digit `d`, which is
    /// one of `-2^(d-1)..=2^(d-1)`.
    pub fn digits(&self) -> Option<u32> {
        let counts = self.code_bits >= 6 && self.codebook.windows(2).all(|w| w[1] == w[0] + 1);
        counts.then(|| range_bits(self.codebook.iter().map(|&v| i64::from(v))).div_ceil(2))
    }

    /// The values whose products with an activation a tile's columns select from.
    pub fn bank(&self) -> Vec<i32> {
        match (self.digits(), self.fold()) {
            (Some(d), _) => (1..=1 << (d - 1)).collect(),
            (_, Some(fold)) => fold.factors,
            _ => self.codebook.clone(),
        }
    }

    /// The folded codebook; `None` where codes are numbers of two digits or the values do not pair.
    pub fn fold(&self) -> Option<Fold> {
        let n = self.codebook.len();
        if self.digits().is_some() || n < 2 || !n.is_multiple_of(2) {
            return None;
        }
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by_key(|&c| (self.codebook[c], c));
        let value = |rank: usize| self.codebook[order[rank]];
        let sum = value(0) + value(n - 1);
        if (0..n).any(|r| value(r) + value(n - 1 - r) != sum) {
            return None;
        }
        let halved = sum % 2 != 0;
        let factor = |v: i32| if halved { 2 * v - sum } else { v - sum / 2 };
        let half = n / 2;
        let mut codes = vec![0; n];
        for (rank, &code) in order.iter().enumerate() {
            codes[code] = if rank < half { half + half - 1 - rank } else { rank - half } as u8;
        }
        let factors = (half..n).map(|r| factor(value(r))).collect();
        Some(Fold { factors, codes, lift: if halved { sum } else { sum / 2 }, halved })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::ProgramId;

    fn matrix(code_bits: u8, codebook: Vec<i32>) -> MatrixSpec {
        let program = ProgramId(0);
        MatrixSpec {
            tensor: "w".into(),
            inputs: 8,
            outputs: 8,
            code_bits,
            codebook,
            group: 8,
            scale_bits: 8,
            offset_bits: 0,
            bias: false,
            shift_bits: 0,
            rows: crate::unit::RowPermutation::Identity,
            program,
        }
    }

    /// A column's sum, lifted and halved, is the sum of the values, whatever the codes and activations.
    #[test]
    fn folded_sums_are_the_sums() {
        let e2m1 = vec![0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];
        for book in [(-8..8).collect(), (0..16).collect(), (-7..9).collect::<Vec<i32>>(), e2m1] {
            let m = matrix(4, book);
            let f = m.fold().unwrap();
            assert_eq!(f.factors.len(), 8);
            assert!(f.factors.iter().all(|d| *d >= 0));
            let a: Vec<i32> = (0..16).map(|c| (c * 37 % 23) - 11).collect();
            let column: i32 = (0..16)
                .map(|c| {
                    let (sign, at) = (f.codes[c] >= 8, usize::from(f.codes[c] & 7));
                    a[c] * if sign { -f.factors[at] } else { f.factors[at] }
                })
                .sum();
            let lifted = column + f.lift * a.iter().sum::<i32>();
            let exact: i32 = (0..16).map(|c| a[c] * m.codebook[c]).sum();
            assert_eq!(lifted, if f.halved { 2 * exact } else { exact });
        }
        assert_eq!(matrix(4, vec![0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -16]).fold(), None);
        assert_eq!(matrix(8, (-128..128).collect()).fold(), None);
        assert_eq!(matrix(2, vec![0, 1, -2, -1]).fold().unwrap().factors, [1, 3]);
    }
}
