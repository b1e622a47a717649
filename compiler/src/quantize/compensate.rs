//! Codes and scales of least cost: inputs in order, each group of them on the grid that costs least, every rounding error made up for
//! by the inputs still to come; then sweeps over all of them, each change taken only if the cost falls.
//!
//! The first part is the rounding of GPTQ (Frantar et al. 2022) in the form of LDLQ (Chee et al. 2023), with the target moved for what
//! the matrices before have already lost (GPTAQ, Li et al. 2025); the second is coordinate descent (QuantEase, Behdin et al. 2023) on
//! codes, scales and offsets. Without curvature all inputs cost the same and this is rounding to the nearest.

use super::curvature::Curvature;
use super::row_block::{BLOCK_ROWS, GridValues, RowBlock, add_outer, add_scaled, dot, zip_with};

/// What codes are chosen from.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    pub values: GridValues,
    /// Inputs that share a scale.
    pub group: usize,
    /// Greatest mantissas; 0 for no offsets.
    pub scale_max: f32,
    pub offset_max: f32,
}

/// Share of a group's range that the codes span, tried in turn: clipping a few far weights may serve the others.
const SPANS: [f32; 7] = [1.0, 0.95, 0.9, 0.85, 0.78, 0.7, 0.6];
/// Sweeps of coordinate descent.
const SWEEPS: usize = 3;
/// Share of the drift of the inputs that the target makes up for.
const DRIFT: f32 = 1.0;
/// A change must lower the cost by this share of the largest term: rounding noise decides nothing.
const NOISE: f32 = 1e-5;

/// Eight rows on the chip's grid.
pub(super) struct Rows {
    /// `[inputs]`
    pub codes: Vec<[u8; BLOCK_ROWS]>,
    /// `[groups]`
    pub scales: Vec<RowBlock>,
    pub offsets: Vec<RowBlock>,
    pub exponents: [i32; BLOCK_ROWS],
}

/// Rows being worked on.
struct Work<'a> {
    grid: &'a Grid,
    curvature: Option<&'a Curvature>,
    /// What the codes are to stand for.
    target: Vec<RowBlock>,
    /// Target less what the codes stand for.
    error: Vec<RowBlock>,
    /// What the codes select.
    value: Vec<RowBlock>,
    code: Vec<RowBlock>,
    scale: Vec<RowBlock>,
    offset: Vec<RowBlock>,
    /// `2^exponent`.
    unit: RowBlock,
}

/// Quantizes eight rows, `[inputs]`.
pub(super) fn rows(weights: Vec<RowBlock>, curvature: Option<&Curvature>, grid: &Grid) -> Rows {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        // SAFETY: this processor has the features the function is compiled for.
        return unsafe { rows_avx2(weights, curvature, grid) };
    }
    rows_plain(weights, curvature, grid)
}

/// The same code with vector instructions; without them a fused multiply-add is a call.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn rows_avx2(weights: Vec<RowBlock>, curvature: Option<&Curvature>, grid: &Grid) -> Rows {
    rows_plain(weights, curvature, grid)
}

#[inline(always)]
fn rows_plain(mut weights: Vec<RowBlock>, curvature: Option<&Curvature>, grid: &Grid) -> Rows {
    let powers = normalise(&mut weights);
    let mut work = Work::rounded_in_order(weights.clone(), curvature, grid);
    if let Some(c) = curvature {
        let slope = if c.drift.is_empty() {
            slope_and_cost(&work.error, c).0
        } else {
            // Weights that lie on the grid lose nothing where they are, which may be worth more than following the drift off it.
            follow_drift(&mut weights, c);
            let followed = Work::rounded_in_order(weights.clone(), curvature, grid);
            work.aim(weights);
            work.take_cheaper(followed, c)
        };
        work.descend(c, slope);
    }
    let mantissa = |(m, u): (&RowBlock, RowBlock)| zip_with(*m, u, |m, u| m / u);
    Rows {
        codes: work.code.iter().map(|c| c.map(|c| c as u8)).collect(),
        scales: work.scale.iter().map(|s| mantissa((s, work.unit))).collect(),
        offsets: work.offset.iter().map(|o| mantissa((o, work.unit))).collect(),
        exponents: std::array::from_fn(|i| libm::ilogbf(work.unit[i]) - powers[i]),
    }
}

/// Each row's `error H error`.
pub(super) fn cost(error: &[RowBlock], c: &Curvature) -> RowBlock {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        // SAFETY: this processor has the features the function is compiled for.
        return unsafe { cost_avx2(error, c) };
    }
    slope_and_cost(error, c).1
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn cost_avx2(error: &[RowBlock], c: &Curvature) -> RowBlock {
    slope_and_cost(error, c).1
}

/// `H error`, and each row's `error H error`.
#[inline(always)]
fn slope_and_cost(error: &[RowBlock], c: &Curvature) -> (Vec<RowBlock>, RowBlock) {
    let mut slope = vec![[0f32; BLOCK_ROWS]; c.n];
    for (e, h) in error.iter().zip(c.hessian.chunks_exact(c.n)) {
        add_outer(&mut slope, h, e);
    }
    let cost = error.iter().zip(&slope).fold([0f32; BLOCK_ROWS], |cost, (e, s)| std::array::from_fn(|i| e[i].mul_add(s[i], cost[i])));
    (slope, cost)
}

/// Brings each row's greatest magnitude near one by a power of two, where squares neither overflow nor vanish; gives the powers.
#[inline(always)]
fn normalise(weights: &mut [RowBlock]) -> [i32; BLOCK_ROWS] {
    let most = weights.iter().fold([0f32; BLOCK_ROWS], |m, &w| zip_with(m, w, |m, w| m.max(w.abs())));
    let powers = most.map(|m| if m > 0.0 { -libm::ilogbf(m).clamp(-120, 120) } else { 0 });
    let by = powers.map(|p| libm::exp2f(p as f32));
    weights.iter_mut().for_each(|w| *w = zip_with(*w, by, |w, b| w * b));
    powers
}

/// Moves the target by what the inputs have drifted, so that the outputs are those of the inputs as they should be: `W + W C H^-1` with
/// `C` the drift.
#[inline(always)]
fn follow_drift(w: &mut [RowBlock], c: &Curvature) {
    let n = c.n;
    let mut y = vec![[0f32; BLOCK_ROWS]; n];
    for (w, drift) in w.iter().zip(c.drift.chunks_exact(n)) {
        add_outer(&mut y, drift, w);
    }
    // z M D M^T = y, from the last to the first, then from the first to the last.
    for j in (0..n).rev() {
        let p = y[j];
        add_outer(&mut y[..j], &c.feedback[j * n..j * n + j], &p.map(|p| -p));
    }
    for k in 0..n {
        let made_up = dot(&c.feedback[k * n..k * n + k], &y[..k]);
        let q = y[k].map(|p| p / c.pivots[k]);
        y[k] = zip_with(q, made_up, |q, m| q - m);
    }
    for (w, z) in w.iter_mut().zip(&y) {
        add_scaled(w, DRIFT, z);
    }
}

/// Power of two of each row's mantissas: the widest group's scale and offset just fit.
#[inline(always)]
fn exponents(weights: &[RowBlock], grid: &Grid) -> [i32; BLOCK_ROWS] {
    let mut need = [0f32; BLOCK_ROWS];
    for group in weights.chunks(grid.group) {
        let (scale, offset) = span(group, grid, 1.0);
        need = zip_with(need, scale, |n, s| n.max(s.abs() / grid.scale_max));
        if grid.offset_max > 0.0 {
            need = zip_with(need, offset, |n, o| n.max(o.abs() / grid.offset_max));
        }
    }
    need.map(|n| if n > 0.0 { (libm::ceilf(libm::log2f(n)) as i32).clamp(-126, 120) } else { 0 })
}

/// Scale and offset with which the codes span this share of a group's range.
#[inline(always)]
fn span(group: &[RowBlock], grid: &Grid, share: f32) -> (RowBlock, RowBlock) {
    let least = group.iter().fold([f32::INFINITY; BLOCK_ROWS], |m, &w| zip_with(m, w, f32::min));
    let most = group.iter().fold([f32::NEG_INFINITY; BLOCK_ROWS], |m, &w| zip_with(m, w, f32::max));
    let (low, high) = (grid.values.least(), grid.values.greatest());
    if grid.offset_max > 0.0 {
        let scale = zip_with(most, least, |most, least| (most - least) * share / (high - low));
        let middle = zip_with(most, least, |most, least| (most + least) / 2.0);
        return (scale, zip_with(middle, scale, |m, s| m - s * (low + high) / 2.0));
    }
    // The far side of an uneven codebook takes the far side of the group.
    let far = if -low >= high { low } else { high };
    let scale = zip_with(most, least, |most, least| share * far_side(least, most) / far);
    (scale, [0.0; BLOCK_ROWS])
}

/// The one of greater magnitude.
#[inline(always)]
pub(super) fn far_side(least: f32, most: f32) -> f32 {
    if -least > most { least } else { most }
}

impl<'a> Work<'a> {
    /// Inputs in order, each error made up for by those after it.
    #[inline(always)]
    fn rounded_in_order(weights: Vec<RowBlock>, curvature: Option<&'a Curvature>, grid: &'a Grid) -> Work<'a> {
        let n = weights.len();
        let mut work = Work {
            grid,
            curvature,
            unit: exponents(&weights, grid).map(|e| libm::exp2f(e as f32)),
            error: weights.clone(),
            target: weights,
            value: vec![[0.0; BLOCK_ROWS]; n],
            code: vec![[0.0; BLOCK_ROWS]; n],
            scale: Vec::new(),
            offset: Vec::new(),
        };
        for first in (0..n).step_by(grid.group) {
            work.group(first, grid.group.min(n - first));
        }
        work
    }

    /// Another target for the same codes.
    fn aim(&mut self, target: Vec<RowBlock>) {
        for ((e, was), is) in self.error.iter_mut().zip(&self.target).zip(&target) {
            *e = std::array::from_fn(|i| e[i] + is[i] - was[i]);
        }
        self.target = target;
    }

    /// Takes over the rows that cost `other` less; gives the slope of all.
    #[inline(always)]
    fn take_cheaper(&mut self, other: Work<'_>, c: &Curvature) -> Vec<RowBlock> {
        let ((mut slope, cost), (others, their_cost)) = (slope_and_cost(&self.error, c), slope_and_cost(&other.error, c));
        let theirs: [bool; BLOCK_ROWS] = std::array::from_fn(|i| their_cost[i] < cost[i]);
        let merge = |ours: &mut [RowBlock], others: &[RowBlock]| {
            for (ours, others) in ours.iter_mut().zip(others) {
                *ours = std::array::from_fn(|i| if theirs[i] { others[i] } else { ours[i] });
            }
        };
        merge(&mut slope, &others);
        merge(&mut self.error, &other.error);
        merge(&mut self.value, &other.value);
        merge(&mut self.code, &other.code);
        merge(&mut self.scale, &other.scale);
        merge(&mut self.offset, &other.offset);
        merge(std::slice::from_mut(&mut self.unit), &[other.unit]);
        slope
    }

    fn rounded(&self, x: RowBlock, max: f32) -> RowBlock {
        zip_with(x, self.unit, |x, u| libm::rintf(x / u).max(-max).min(max) * u)
    }

    /// Gives the inputs from `first` their grid and codes.
    #[inline(always)]
    fn group(&mut self, first: usize, len: usize) {
        let range = first..first + len;
        // What the inputs before have left to make up for.
        let mut wanted = self.target[range.clone()].to_vec();
        if let Some(c) = self.curvature {
            for (k, wanted) in wanted.iter_mut().enumerate() {
                let owed = dot(&c.feedback[(first + k) * c.n..][..first], &self.error[..first]);
                *wanted = zip_with(*wanted, owed, |w, o| w + o);
            }
        }
        let mut best = ([f32::INFINITY; BLOCK_ROWS], [0f32; BLOCK_ROWS], [0f32; BLOCK_ROWS]);
        for share in SPANS {
            let (scale, offset) = span(&wanted, self.grid, share);
            let plain = (self.rounded(scale, self.grid.scale_max), self.rounded(offset, self.grid.offset_max));
            let fitted = self.fitted(&wanted, first, plain);
            for (scale, offset) in [plain, fitted] {
                let cost = self.round(&wanted, first, scale, offset);
                for i in 0..BLOCK_ROWS {
                    if cost[i] < best.0[i] {
                        (best.0[i], best.1[i], best.2[i]) = (cost[i], scale[i], offset[i]);
                    }
                }
            }
        }
        self.round(&wanted, first, best.1, best.2);
        self.scale.push(best.1);
        self.offset.push(best.2);
    }

    /// Least squares of scale and offset for the codes nearest under `(scale, offset)`.
    #[inline(always)]
    fn fitted(&self, wanted: &[RowBlock], first: usize, (scale, offset): (RowBlock, RowBlock)) -> (RowBlock, RowBlock) {
        let inverse = scale.map(|s| if s == 0.0 { 0.0 } else { 1.0 / s });
        let [mut d, mut dv, mut dvv, mut dt, mut dtv] = [[0f32; BLOCK_ROWS]; 5];
        for (k, t) in wanted.iter().enumerate() {
            let weight = self.curvature.map_or(1.0, |c| c.pivots[first + k]);
            let x = std::array::from_fn(|i| (t[i] - offset[i]) * inverse[i]);
            let (v, _) = self.grid.values.nearest(&x);
            for i in 0..BLOCK_ROWS {
                d[i] += weight;
                dv[i] += weight * v[i];
                dvv[i] += weight * v[i] * v[i];
                dt[i] += weight * t[i];
                dtv[i] += weight * t[i] * v[i];
            }
        }
        let (mut s, mut o) = (scale, offset);
        for i in 0..BLOCK_ROWS {
            if self.grid.offset_max > 0.0 {
                let determinant = d[i] * dvv[i] - dv[i] * dv[i];
                if determinant > NOISE * d[i] * dvv[i] {
                    s[i] = (d[i] * dtv[i] - dv[i] * dt[i]) / determinant;
                    o[i] = (dt[i] - s[i] * dv[i]) / d[i];
                }
            } else if dvv[i] > 0.0 {
                s[i] = dtv[i] / dvv[i];
            }
        }
        (self.rounded(s, self.grid.scale_max), self.rounded(o, self.grid.offset_max))
    }

    /// Rounds a group on one grid, each error made up for within the group; gives the cost.
    #[inline(always)]
    fn round(&mut self, wanted: &[RowBlock], first: usize, scale: RowBlock, offset: RowBlock) -> RowBlock {
        let inverse = scale.map(|s| if s == 0.0 { 0.0 } else { 1.0 / s });
        let mut cost = [0f32; BLOCK_ROWS];
        for (k, t) in wanted.iter().enumerate() {
            let at = first + k;
            let mut t = *t;
            let mut weight = 1.0;
            if let Some(c) = self.curvature {
                let owed = dot(&c.feedback[at * c.n + first..at * c.n + at], &self.error[first..at]);
                t = zip_with(t, owed, |t, o| t + o);
                weight = c.pivots[at];
            }
            let x = std::array::from_fn(|i| (t[i] - offset[i]) * inverse[i]);
            let (value, code) = self.grid.values.nearest(&x);
            for i in 0..BLOCK_ROWS {
                let stands_for = value[i].mul_add(scale[i], offset[i]);
                let off = t[i] - stands_for;
                cost[i] = (off * off).mul_add(weight, cost[i]);
                self.error[at][i] = self.target[at][i] - stands_for;
            }
            (self.value[at], self.code[at]) = (value, code);
        }
        cost
    }

    /// Sweeps over grids and codes, each change of which lowers `error H error`.
    #[inline(always)]
    fn descend(&mut self, c: &Curvature, mut slope: Vec<RowBlock>) {
        let n = c.n;
        for _ in 0..SWEEPS {
            for g in 0..self.scale.len() {
                let first = g * self.grid.group;
                let last = (first + self.grid.group).min(n);
                self.regrid(c, &mut slope, g, first..last);
                (first..last).for_each(|k| self.recode(c, &mut slope, g, k));
            }
        }
    }

    /// The scale and offset of least cost for a group's codes.
    #[inline(always)]
    fn regrid(&mut self, c: &Curvature, slope: &mut [RowBlock], g: usize, range: std::ops::Range<usize>) {
        let value = &self.value[range.clone()];
        // Slopes and curvature along scale (v) and offset (1).
        let [mut sv, mut s1, mut vv, mut v1] = [[0f32; BLOCK_ROWS]; 4];
        let mut one = 0f32;
        for (i, k) in range.clone().enumerate() {
            let h = &c.hessian[k * c.n..][range.clone()];
            let hv = dot(h, value);
            for l in 0..BLOCK_ROWS {
                sv[l] += value[i][l] * slope[k][l];
                s1[l] += slope[k][l];
                vv[l] += value[i][l] * hv[l];
                v1[l] += hv[l];
            }
            one += h.iter().sum::<f32>();
        }
        let (mut scale, mut offset) = (self.scale[g], self.offset[g]);
        for l in 0..BLOCK_ROWS {
            let determinant = vv[l] * one - v1[l] * v1[l];
            if self.grid.offset_max == 0.0 && vv[l] > 0.0 {
                scale[l] += sv[l] / vv[l];
            } else if determinant > NOISE * vv[l] * one {
                scale[l] += (sv[l] * one - s1[l] * v1[l]) / determinant;
            }
        }
        scale = self.rounded(scale, self.grid.scale_max);
        let by = zip_with(scale, self.scale[g], |a, b| a - b);
        if self.grid.offset_max > 0.0 {
            for l in 0..BLOCK_ROWS {
                offset[l] += (s1[l] - by[l] * v1[l]) / one;
            }
            offset = self.rounded(offset, self.grid.offset_max);
        }
        let up = zip_with(offset, self.offset[g], |a, b| a - b);
        let mut keep = [0f32; BLOCK_ROWS];
        for l in 0..BLOCK_ROWS {
            let gain = 2.0 * (by[l] * sv[l] + up[l] * s1[l]);
            let cost = by[l] * by[l] * vv[l] + 2.0 * by[l] * up[l] * v1[l] + up[l] * up[l] * one;
            if scale[l] != 0.0 && cost - gain < -NOISE * gain.abs() {
                keep[l] = 1.0;
                (self.scale[g][l], self.offset[g][l]) = (scale[l], offset[l]);
            }
        }
        if keep == [0.0; BLOCK_ROWS] {
            return;
        }
        for k in range {
            let moved = std::array::from_fn(|l| -keep[l] * (by[l] * self.value[k][l] + up[l]));
            self.error[k] = zip_with(self.error[k], moved, |e, m| e + m);
            add_outer(slope, &c.hessian[k * c.n..(k + 1) * c.n], &moved);
        }
    }

    /// The code of least cost for one input, all others as they are.
    #[inline(always)]
    fn recode(&mut self, c: &Curvature, slope: &mut [RowBlock], g: usize, k: usize) {
        let h = c.hessian[k * (c.n + 1)];
        let (scale, offset) = (self.scale[g], self.offset[g]);
        let x = std::array::from_fn(|l| {
            let stands_for = self.target[k][l] - self.error[k][l];
            if scale[l] == 0.0 { 0.0 } else { (stands_for + slope[k][l] / h - offset[l]) / scale[l] }
        });
        let (value, code) = self.grid.values.nearest(&x);
        let mut moved = [0f32; BLOCK_ROWS];
        for l in 0..BLOCK_ROWS {
            let by = (value[l] - self.value[k][l]) * scale[l];
            if by != 0.0 && by * by * h < 2.0 * by * slope[k][l] * (1.0 - NOISE) {
                moved[l] = -by;
                (self.value[k][l], self.code[k][l]) = (value[l], code[l]);
            }
        }
        if moved != [0.0; BLOCK_ROWS] {
            self.error[k] = zip_with(self.error[k], moved, |e, m| e + m);
            add_outer(slope, &c.hessian[k * c.n..(k + 1) * c.n], &moved);
        }
    }
}

#[cfg(test)]
mod tests;
