//! A matrix times many vectors. Eight outputs are unpacked together as a panel of 16-bit values, the two inputs of a pair side by
//! side, so that one multiply-add takes a pair of every output and no sum ever crosses lanes; eight vectors share each load.

use super::arith::{sat, shift_sat};
use super::kernel::{self, ROWS};
use super::matrix::{Activations, Matrix};
use hardwire_netlist::unit::Fixed;
use rayon::prelude::*;

/// Vectors that share a load of weights: eight sums, a weight and an activation fit the sixteen registers.
const VECTORS: usize = 8;
/// Panels one task takes.
const TASK_PANELS: usize = 4;

/// Buffers of one thread.
#[derive(Default)]
struct Scratch {
    /// `[ROWS][inputs]`
    rows: Vec<i16>,
    /// `[group][pair][ROWS][2]`, groups padded to whole pairs.
    panel: Vec<i16>,
}

impl Matrix<'_> {
    /// `W a` for every `a`; as [`Matrix::multiply`] for each.
    pub(super) fn multiply_block(&self, inputs: &[&Activations], format: Fixed, outs: &mut [Vec<i32>]) -> u64 {
        let outputs = self.view.outputs as usize;
        let vectors: Vec<Vec<i32>> =
            if self.paired { inputs.par_iter().map(|a| pairs(a.padded(), self.group)).collect() } else { Vec::new() };
        let sums: Vec<Vec<i64>> =
            if self.offsets.is_empty() { Vec::new() } else { inputs.iter().map(|a| a.group_sums(self.group)).collect() };
        // [panel][vector][ROWS]
        let mut flat = vec![0i32; outputs.div_ceil(ROWS) * inputs.len() * ROWS];
        let panel_len = inputs.len() * ROWS;
        let task = |scratch: &mut Scratch, (task, flat): (usize, &mut [i32])| -> u64 {
            let mut clamped = 0;
            for (i, flat) in flat.chunks_mut(panel_len).enumerate() {
                let first = (task * TASK_PANELS + i) * ROWS;
                let mut z = vec![[0i64; ROWS]; inputs.len()];
                self.panel_sums(first, inputs, &vectors, scratch, &mut z);
                for (t, (z, out)) in z.iter_mut().zip(flat.chunks_mut(ROWS)).enumerate() {
                    if let Some(sums) = sums.get(t) {
                        self.add_offsets(first, sums, z);
                    }
                    for (i, out) in out.iter_mut().enumerate().take(outputs - first) {
                        *out = self.finish(first + i, z[i], inputs[t], format, &mut clamped);
                    }
                }
            }
            clamped
        };
        let clamped = flat.par_chunks_mut(panel_len * TASK_PANELS).enumerate().map_init(Scratch::default, task).sum();
        outs.par_iter_mut().enumerate().for_each(|(t, out)| {
            out.clear();
            out.extend(flat.chunks(panel_len).flat_map(|panel| &panel[t * ROWS..(t + 1) * ROWS]));
            out.truncate(outputs);
        });
        clamped
    }

    /// The output of row `n`, whose scaled sum is `z`.
    pub(super) fn finish(&self, n: usize, z: i64, a: &Activations, format: Fixed, clamped: &mut u64) -> i32 {
        let y = shift_sat(z, self.shifts[n] - a.shift(), format.max(), clamped);
        match &self.bias {
            Some(bias) => sat(i64::from(y) + i64::from(bias[n]), format.max(), clamped),
            None => y,
        }
    }

    /// Scaled sums of [`ROWS`] outputs from `first` (those past the last stay as they are) for every vector.
    fn panel_sums(&self, first: usize, inputs: &[&Activations], vectors: &[Vec<i32>], scratch: &mut Scratch, z: &mut [[i64; ROWS]]) {
        let len = self.view.inputs as usize;
        scratch.rows.resize(ROWS * len, 0);
        let count = ROWS.min(self.view.outputs as usize - first);
        for (i, row) in scratch.rows.chunks_mut(len).enumerate() {
            // Rows past the last repeat the first; their sums are not read.
            let n = first + if i < count { i } else { 0 };
            kernel::unpack(self.view.row(n as u32), self.code_bits, &self.codebook, row);
        }
        let scales = self.block_scales(first);
        #[cfg(target_arch = "x86_64")]
        if !vectors.is_empty() {
            interleave(&scratch.rows, len, self.group, &mut scratch.panel);
            let per_group = self.group.div_ceil(2);
            for (vectors, z) in vectors.chunks(VECTORS).zip(z.chunks_mut(VECTORS)) {
                // A short last chunk repeats its first vector; the extra sums go nowhere.
                let of = |t: usize| &vectors[if t < vectors.len() { t } else { 0 }][..];
                let mut sums = [[0i64; ROWS]; VECTORS];
                panel_by_vectors(&scratch.panel, &std::array::from_fn(of), per_group, scales, &mut sums);
                z.copy_from_slice(&sums[..z.len()]);
            }
            return;
        }
        for (z, a) in z.iter_mut().zip(inputs) {
            for (i, (z, row)) in z.iter_mut().zip(scratch.rows.chunks(len)).enumerate() {
                for (g, (w, a)) in row.chunks(self.group).zip(a.padded().chunks(self.group)).enumerate() {
                    *z += kernel::dot(w, a) * i64::from(scales[g * ROWS + i]);
                }
            }
        }
    }
}

pub(super) fn wide_registers() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// A vector as pairs of 16-bit values in 32 bits, the first in the low half; every group padded to whole pairs.
fn pairs(a: &[i16], group: usize) -> Vec<i32> {
    let pair = |p: &[i16]| i32::from(p[0] as u16) | i32::from(p.get(1).copied().unwrap_or(0)) << 16;
    a.chunks(group).flat_map(|g| g.chunks(2).map(pair)).collect()
}

/// `[ROWS][len]` to `[group][pair][ROWS][2]`.
#[cfg(target_arch = "x86_64")]
fn interleave(rows: &[i16], len: usize, group: usize, panel: &mut Vec<i16>) {
    let per_group = group.min(len).div_ceil(2);
    panel.clear();
    panel.resize(len.div_ceil(group) * per_group * 2 * ROWS, 0);
    for (i, row) in rows.chunks(len).enumerate() {
        for (g, weights) in row.chunks(group).enumerate() {
            let to = &mut panel[g * per_group * 2 * ROWS..];
            for (to, pair) in to.chunks_mut(2 * ROWS).zip(weights.chunks(2)) {
                to[2 * i..2 * i + pair.len()].copy_from_slice(pair);
            }
        }
    }
}

/// Adds to `z[t][i]` the sum over groups of `scales[g][i] * (row i . vector t in group g)`; any group's sum fits 32 bits.
#[cfg(target_arch = "x86_64")]
fn panel_by_vectors(panel: &[i16], vectors: &[&[i32]; VECTORS], per_group: usize, scales: &[i32], z: &mut [[i64; ROWS]; VECTORS]) {
    let pairs = panel.len() / (2 * ROWS);
    assert!(vectors.iter().all(|v| v.len() >= pairs) && scales.len() >= pairs.div_ceil(per_group) * ROWS);
    // SAFETY: `multiply_block` makes pairs only where AVX2 was detected, and the lengths were just checked.
    unsafe { panel_avx2(panel, vectors, pairs, per_group, scales, z) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn panel_avx2(panel: &[i16], vectors: &[&[i32]; VECTORS], pairs: usize, per_group: usize, scales: &[i32], z: &mut [[i64; ROWS]; VECTORS]) {
    use std::arch::x86_64::*;
    let (mut even, mut odd) = ([_mm256_setzero_si256(); VECTORS], [_mm256_setzero_si256(); VECTORS]);
    for (g, first) in (0..pairs).step_by(per_group).enumerate() {
        let mut sums = [_mm256_setzero_si256(); VECTORS];
        for p in first..(first + per_group).min(pairs) {
            // SAFETY: `p < pairs`, and the caller checked all lengths for that many pairs.
            unsafe {
                let w = _mm256_loadu_si256(panel.as_ptr().add(p * 2 * ROWS).cast());
                for t in 0..VECTORS {
                    let a = _mm256_set1_epi32(*vectors[t].get_unchecked(p));
                    sums[t] = _mm256_add_epi32(sums[t], _mm256_madd_epi16(w, a));
                }
            }
        }
        // SAFETY: a group has ROWS scales, checked by the caller.
        let scale = unsafe { _mm256_loadu_si256(scales.as_ptr().add(g * ROWS).cast()) };
        let odd_scale = _mm256_srli_epi64(scale, 32);
        for t in 0..VECTORS {
            even[t] = _mm256_add_epi64(even[t], _mm256_mul_epi32(sums[t], scale));
            odd[t] = _mm256_add_epi64(odd[t], _mm256_mul_epi32(_mm256_srli_epi64(sums[t], 32), odd_scale));
        }
    }
    for t in 0..VECTORS {
        let (mut e, mut o) = ([0i64; ROWS / 2], [0i64; ROWS / 2]);
        // SAFETY: arrays of four 64-bit integers are one vector each.
        unsafe {
            _mm256_storeu_si256(e.as_mut_ptr().cast(), even[t]);
            _mm256_storeu_si256(o.as_mut_ptr().cast(), odd[t]);
        }
        for i in 0..ROWS / 2 {
            z[t][2 * i] += e[i];
            z[t][2 * i + 1] += o[i];
        }
    }
}
