//! What errors of a matrix's weights cost, measured on calibration text: with `H = X^T X` over the vectors `x` that enter the matrix,
//! an error `e` of one output's weights costs `e H e`. Factored, so that the weights still to be rounded can make up for those that
//! were.

use rayon::prelude::*;

/// Share of the mean diagonal added to it: what calibration text has not shown is not free.
const DAMPING: f64 = 0.01;
/// Columns factored together.
const BLOCK: usize = 48;
/// Vectors summed together, so that they stay in the cache.
const TOKENS: usize = 64;
/// Register tile of a product of columns.
const TILE_ROWS: usize = 4;
const TILE_COLS: usize = 16;

/// The cost of errors in one matrix, and the way to keep it low. All `[n][n]`, row-major, a token's mean.
pub(super) struct Curvature {
    pub n: usize,
    /// `H`, damped.
    pub hessian: Vec<f32>,
    /// `H = M D M^T` with `M` unit upper triangular: row `k` holds column `k` of `M` above its diagonal. An error `e_j` of input `j`
    /// calls for `e_j * feedback[k][j]` more at input `k > j`.
    pub feedback: Vec<f32>,
    /// `D`, `[n]`.
    pub pivots: Vec<f32>,
    /// `(Y - X)^T X`: `X` what enters the matrix on the chip, `Y` what enters it in float. Empty where they are not known apart.
    pub drift: Vec<f32>,
}

impl Curvature {
    /// From the vectors `[tokens][n]` that enter a matrix: `float` as they should be, `chip` as the quantized matrices before it make
    /// them, if they differ. `weights` says how much each token's errors matter; without them all matter alike.
    pub fn new(float: Option<&[f32]>, chip: &[f32], n: usize, weights: Option<&[f32]>) -> Curvature {
        let total = weights.map_or((chip.len() / n) as f32, |w| w.iter().sum());
        let scale = if total > 0.0 { 1.0 / total } else { 1.0 };
        let of = |a: &[f32]| {
            let mut sum = match weights {
                Some(w) => columns(&weighed(a, n, w), chip, n),
                None => columns(a, chip, n),
            };
            sum.par_iter_mut().for_each(|x| *x *= scale);
            sum
        };
        let hessian = of(chip);
        let drift = match float {
            Some(float) => of(&float.par_iter().zip(chip).map(|(y, x)| y - x).collect::<Vec<f32>>()),
            None => Vec::new(),
        };
        Curvature::of(hessian, drift, n)
    }

    fn of(mut hessian: Vec<f32>, drift: Vec<f32>, n: usize) -> Curvature {
        let mean = (0..n).map(|i| f64::from(hessian[i * n + i])).sum::<f64>() / n as f64;
        let mut damping = if mean > 0.0 { DAMPING * mean } else { 1.0 };
        loop {
            let reversed = |at: usize| f64::from(hessian[n * n - 1 - at]) + if at.is_multiple_of(n + 1) { damping } else { 0.0 };
            let mut lower: Vec<f64> = (0..n * n).into_par_iter().map(reversed).collect();
            if cholesky(&mut lower, n) {
                (0..n).for_each(|i| hessian[i * n + i] += damping as f32);
                let diagonal = |k: usize| lower[(n - 1 - k) * (n + 1)];
                let pivots = (0..n).map(|k| (diagonal(k) * diagonal(k)) as f32).collect();
                let element = |at: usize| {
                    let (k, j) = (at / n, at % n);
                    if j < k { (lower[(n - 1 - j) * n + n - 1 - k] / diagonal(k)) as f32 } else { 0.0 }
                };
                let feedback = (0..n * n).into_par_iter().map(element).collect();
                return Curvature { n, hessian, feedback, pivots, drift };
            }
            damping *= 10.0;
        }
    }
}

/// Each token's vector times its weight.
fn weighed(x: &[f32], n: usize, weights: &[f32]) -> Vec<f32> {
    x.par_chunks(n).zip(weights).flat_map_iter(|(x, w)| x.iter().map(move |x| w * x)).collect()
}

/// `A^T B` of vectors `[tokens][n]`.
fn columns(a: &[f32], b: &[f32], n: usize) -> Vec<f32> {
    let mut out = vec![0f32; n * n];
    for (a, b) in a.chunks(TOKENS * n).zip(b.chunks(TOKENS * n)) {
        out.par_chunks_mut(TILE_ROWS * n).enumerate().for_each(|(i, out)| tile_row(a, b, n, i * TILE_ROWS, out));
    }
    out
}

fn tile_row(a: &[f32], b: &[f32], n: usize, first: usize, out: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        // SAFETY: this processor has the features the function is compiled for.
        return unsafe { tile_row_avx2(a, b, n, first, out) };
    }
    tile_row_plain(a, b, n, first, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn tile_row_avx2(a: &[f32], b: &[f32], n: usize, first: usize, out: &mut [f32]) {
    tile_row_plain(a, b, n, first, out);
}

#[inline(always)]
fn tile_row_plain(a: &[f32], b: &[f32], n: usize, first: usize, out: &mut [f32]) {
    let rows = out.len() / n;
    for at in (0..n).step_by(TILE_COLS) {
        let mut sums = [[0f32; TILE_COLS]; TILE_ROWS];
        if at + TILE_COLS <= n && rows == TILE_ROWS {
            for (a, b) in a.chunks_exact(n).zip(b.chunks_exact(n)) {
                let (a, b): (&[f32; TILE_ROWS], &[f32; TILE_COLS]) =
                    (a[first..].first_chunk().expect("whole rows"), b[at..].first_chunk().expect("a whole tile"));
                for (sums, a) in sums.iter_mut().zip(a) {
                    for (sum, b) in sums.iter_mut().zip(b) {
                        *sum = a.mul_add(*b, *sum);
                    }
                }
            }
        } else {
            for (a, b) in a.chunks_exact(n).zip(b.chunks_exact(n)) {
                for (sums, a) in sums.iter_mut().zip(&a[first..first + rows]) {
                    for (sum, b) in sums.iter_mut().zip(&b[at..]) {
                        *sum = a.mul_add(*b, *sum);
                    }
                }
            }
        }
        for (out, sums) in out.chunks_mut(n).zip(&sums) {
            out[at..].iter_mut().zip(sums).for_each(|(y, s)| *y += s);
        }
    }
}

/// `A = L L^T`, in place in the lower triangle; false if `A` is not positive definite to rounding.
fn cholesky(a: &mut [f64], n: usize) -> bool {
    for j in (0..n).step_by(BLOCK) {
        let wide = BLOCK.min(n - j);
        let (top, below) = a.split_at_mut((j + wide) * n);
        for r in j..j + wide {
            let (before, row) = top.split_at_mut(r * n);
            for c in j..r {
                row[c] = (row[c] - dot(&row[..c], &before[c * n..][..c])) / before[c * n + c];
            }
            let rest = row[r] - dot(&row[..r], &row[..r]);
            if !(rest > 0.0 && rest.is_finite()) {
                return false;
            }
            row[r] = rest.sqrt();
        }
        let top = &*top;
        below.par_chunks_mut(n).for_each(|row| {
            for c in j..j + wide {
                row[c] = (row[c] - dot(&row[..c], &top[c * n..][..c])) / top[c * n + c];
            }
        });
    }
    true
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        // SAFETY: this processor has the features the function is compiled for.
        return unsafe { dot_avx2(a, b) };
    }
    dot_plain(a, b)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn dot_avx2(a: &[f64], b: &[f64]) -> f64 {
    dot_plain(a, b)
}

#[inline(always)]
fn dot_plain(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0f64; 16];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    for (a, b) in a.iter().zip(b) {
        for i in 0..16 {
            sums[i] = a[i].mul_add(b[i], sums[i]);
        }
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: usize, seed: u64) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        (0..n).map(|_| next() + next()).collect()
    }

    #[test]
    fn factors_multiply_back_to_the_damped_moments() {
        for (n, tokens) in [(1, 5), (7, 40), (50, 33), (130, 300)] {
            let (x, y) = (noise(n * tokens, 3), noise(n * tokens, 9));
            let c = Curvature::new(Some(&y), &x, n, None);
            let sum = |a: &dyn Fn(usize) -> f64| (0..tokens).map(a).sum::<f64>() / tokens as f64;
            let mean = (0..n).map(|i| sum(&|t| f64::from(x[t * n + i]).powi(2))).sum::<f64>() / n as f64;
            for i in 0..n {
                for j in 0..n {
                    let at = |v: &[f32], t: usize, i: usize| f64::from(v[t * n + i]);
                    let exact = sum(&|t| at(&x, t, i) * at(&x, t, j)) + if i == j { DAMPING * mean } else { 0.0 };
                    assert!((exact - f64::from(c.hessian[i * n + j])).abs() < 1e-5);
                    let m = |i: usize, k: usize| if i == k { 1.0 } else { f64::from(c.feedback[k * n + i]) };
                    let back: f64 = (i.max(j)..n).map(|k| m(i, k) * f64::from(c.pivots[k]) * m(j, k)).sum();
                    assert!((exact - back).abs() < 1e-5, "{n}: {exact} {back}");
                    let apart = sum(&|t| (at(&y, t, i) - at(&x, t, i)) * at(&x, t, j));
                    assert!((apart - f64::from(c.drift[i * n + j])).abs() < 1e-5);
                }
            }
        }
    }

    #[test]
    fn silent_and_repeated_inputs_are_damped_not_refused() {
        let silent = Curvature::new(None, &[0.0; 12], 3, None);
        assert_eq!(silent.pivots, [1.0; 3]);
        let twice: Vec<f32> = noise(40, 1).iter().flat_map(|&x| [x * 1e6, x * 1e6]).collect();
        assert!(Curvature::new(None, &twice, 2, None).pivots.iter().all(|p| p.is_finite() && *p > 0.0));
    }
}
