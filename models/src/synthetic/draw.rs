//! Values of one synthetic tensor: a table of 65,536 quantiles, indexed by a counter-based generator, so that a value costs a
//! fraction of a multiplication and one load.

use half::bf16;
use rayon::prelude::*;

use crate::graph::WeightSpec;

/// Quantiles in a table: sixteen bits of the generator pick one.
const QUANTILES: usize = 1 << 16;
/// Row tables: rows of trained matrices differ in norm by tens of per cent.
const ROW_SCALES: [f32; 8] = [0.70, 0.85, 0.92, 0.97, 1.02, 1.08, 1.20, 1.45];
/// One input channel in so many is an outlier, at least one a matrix.
const OUTLIER_EVERY: usize = 512;
/// Its weights are this many times larger (LLM.int8(), arXiv 2208.07339: a fraction of a per cent of channels, several times as large).
const OUTLIER_SCALE: f32 = 6.0;
/// Weight of the cubic term that fattens the tails: `z (1 + TAIL z^2)` has an excess kurtosis of about 2, as trained matrices have.
const TAIL: f64 = 0.05;
/// Standard deviation of a matrix of 4096 inputs: the usual initialisation, which training keeps within a factor of two.
const STD_AT_4096: f64 = 0.02;
/// Standard deviation of norm gains around one, and of biases around zero.
const VECTOR_STD: f64 = 0.1;

/// One tensor's values.
pub(super) struct Source {
    seed: u64,
    rows: usize,
    cols: usize,
    /// One table of quantiles for each of `ROW_SCALES`; one for a vector.
    tables: Vec<Vec<[u8; 2]>>,
    outliers: Vec<usize>,
}

impl Source {
    pub fn new(seed: u64, spec: &WeightSpec) -> Source {
        let cols = spec.shape[spec.shape.len() - 1];
        let rows = spec.shape[..spec.shape.len() - 1].iter().product();
        let seed = spec.name.bytes().fold(mix(seed), |s, b| mix(s ^ u64::from(b)));
        let unit = unit_quantiles();
        let table = |mean: f64, std: f64| -> Vec<[u8; 2]> { unit.iter().map(|z| bf16::from_f64(mean + std * z).to_le_bytes()).collect() };
        if spec.shape.len() == 1 {
            let mean = if spec.name.ends_with("bias") { 0.0 } else { 1.0 };
            return Source { seed, rows: 1, cols, tables: vec![table(mean, VECTOR_STD)], outliers: Vec::new() };
        }
        let std = STD_AT_4096 * libm::sqrt(4096.0 / cols as f64);
        let tables = ROW_SCALES.iter().map(|&s| table(0.0, std * f64::from(s))).collect();
        let outliers = (0..cols.div_ceil(OUTLIER_EVERY)).map(|i| (mix(seed ^ i as u64) % cols as u64) as usize).collect();
        Source { seed, rows, cols, tables, outliers }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Rows that fit `bytes`, at least one.
    pub fn rows_within(&self, bytes: usize) -> usize {
        (bytes / (2 * self.cols)).max(1)
    }

    /// Rows `first .. first + rows` as BF16 bytes.
    pub fn fill(&self, first: usize, rows: usize, out: &mut Vec<u8>) {
        out.resize(rows * self.cols * 2, 0);
        out.par_chunks_mut(2 * self.cols).enumerate().for_each(|(i, bytes)| self.row(first + i, bytes));
    }

    fn row(&self, row: usize, bytes: &mut [u8]) {
        let start = mix(self.seed ^ (row as u64).wrapping_mul(0xd134_2543_de82_ef95));
        let table: &[[u8; 2]; QUANTILES] = self.tables[start as usize % self.tables.len()].first_chunk().expect("tables are full");
        let mut state = start;
        for four in bytes.chunks_mut(8) {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut random = mix(state);
            for value in four.as_chunks_mut::<2>().0 {
                *value = table[random as usize & (QUANTILES - 1)];
                random >>= 16;
            }
        }
        let (values, _) = bytes.as_chunks_mut::<2>();
        for &at in &self.outliers {
            values[at] = bf16::from_f32(bf16::from_le_bytes(values[at]).to_f32() * OUTLIER_SCALE).to_le_bytes();
        }
    }
}

/// SplitMix64's finaliser (Steele, Lea, Flood, OOPSLA 2014).
fn mix(x: u64) -> u64 {
    let x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

/// Quantiles of the fat-tailed distribution of mean 0 and variance 1, in rising order.
fn unit_quantiles() -> Vec<f64> {
    let raw: Vec<f64> =
        (0..QUANTILES).map(|i| normal_quantile((i as f64 + 0.5) / QUANTILES as f64)).map(|z| z * (1.0 + TAIL * z * z)).collect();
    let std = libm::sqrt(raw.iter().map(|x| x * x).sum::<f64>() / QUANTILES as f64);
    raw.into_iter().map(|x| x / std).collect()
}

/// Inverse of the normal distribution function to about 4.5e-4 (Abramowitz and Stegun, 26.2.23).
fn normal_quantile(p: f64) -> f64 {
    let tail = p.min(1.0 - p);
    let t = libm::sqrt(-2.0 * libm::log(tail));
    let z = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
    if p < 0.5 { -z } else { z }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_rise_have_unit_variance_and_fat_tails() {
        let q = unit_quantiles();
        assert!(q.windows(2).all(|w| w[0] <= w[1]));
        let moment = |n: i32| q.iter().map(|x| x.powi(n)).sum::<f64>() / QUANTILES as f64;
        assert!(moment(1).abs() < 1e-9 && (moment(2) - 1.0).abs() < 1e-9);
        assert!((4.5..7.0).contains(&moment(4)), "kurtosis {}", moment(4));
    }
}
