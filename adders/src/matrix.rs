//! The constant matrix: one row of weights for each input, one column for each output, as in `y = x · M`.

use crate::error::Error;

/// Largest magnitude of a weight: its digits' shifts then stay far below what a term holds.
pub const MOST_WEIGHT: i64 = 1 << 31;

/// Most pairs of digits over all columns: what the first pass counts one by one. A dense 8-bit matrix of 512 x 512 has half as many.
pub const MOST_PAIRS: u64 = 1 << 30;

/// Integer weights, `[inputs][outputs]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    inputs: usize,
    outputs: usize,
    weights: Vec<i64>,
}

impl Matrix {
    /// A matrix from its weights, input by input.
    ///
    /// # Errors
    /// Where the shape is empty or does not hold that many weights, a weight exceeds [`MOST_WEIGHT`], or the matrix is too large for an
    /// adder graph ([`MOST_PAIRS`]).
    pub fn new(inputs: usize, outputs: usize, weights: Vec<i64>) -> Result<Matrix, Error> {
        if inputs == 0 || outputs == 0 {
            return Err(Error::Empty { inputs, outputs });
        }
        if inputs.checked_mul(outputs) != Some(weights.len()) {
            return Err(Error::Shape { inputs, outputs, weights: weights.len() });
        }
        if let Some(at) = weights.iter().position(|w| w.unsigned_abs() > MOST_WEIGHT as u64) {
            return Err(Error::Weight { input: at / outputs, output: at % outputs, weight: weights[at] });
        }
        let matrix = Matrix { inputs, outputs, weights };
        let pairs = matrix.pairs();
        if pairs > MOST_PAIRS {
            return Err(Error::TooLarge { inputs, outputs, pairs });
        }
        Ok(matrix)
    }

    /// Length of `x`.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Length of `y`.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The weight that takes input `input` to output `output`.
    pub fn at(&self, input: usize, output: usize) -> i64 {
        self.weights[input * self.outputs + output]
    }

    /// The matrix with inputs and outputs exchanged.
    pub fn transposed(&self) -> Matrix {
        let weights = (0..self.outputs).flat_map(|o| (0..self.inputs).map(move |i| (i, o))).map(|(i, o)| self.at(i, o)).collect();
        Matrix { inputs: self.outputs, outputs: self.inputs, weights }
    }

    /// Pairs of digits over all columns.
    pub(crate) fn pairs(&self) -> u64 {
        let digits = |o: usize| (0..self.inputs).map(|i| u64::from(weight_of(self.at(i, o)))).sum::<u64>();
        (0..self.outputs).map(digits).fold(0, |sum, d| sum.saturating_add(d.saturating_mul(d) / 2))
    }

    /// `x · M`, the product that every graph of this matrix must give.
    pub fn product(&self, x: &[i64]) -> Vec<i128> {
        (0..self.outputs).map(|o| x.iter().enumerate().map(|(i, x)| i128::from(*x) * i128::from(self.at(i, o))).sum()).collect()
    }
}

/// Nonzero digits of a weight in canonical signed digits.
pub(crate) fn weight_of(n: i64) -> u32 {
    // Digits stand where n and 3n differ: Prodinger, "On binary representations of integers with digits -1, 0, 1" (Integers 2000).
    let n = i128::from(n).unsigned_abs();
    (n ^ (3 * n)).count_ones()
}
