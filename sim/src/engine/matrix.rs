//! A matrix times one vector or many (`docs/numerics.md`, sections 2 and 6).

use super::activations::{Activations, Vector};
use super::arith::{sat, shift_sat};
use super::kernel;
use super::lanes::{self, ROWS};
use super::mantissas::Mantissas;
use super::multiversion::multiversion;
use super::packed::Packed;
use super::team::Team;
use hardwire_netlist::MatrixView;
use hardwire_netlist::unit::{Fixed, MvmSpec};
use rayon::prelude::*;

/// Codes packed for the vector units, where they can be used, else as the chip's file has them.
pub(super) struct Matrix<'c> {
    view: MatrixView<'c>,
    code_bits: u8,
    codebook: Vec<i16>,
    packed: Option<Packed>,
    group: usize,
    groups: usize,
    scales: Mantissas,
    offsets: Option<Mantissas>,
    shifts: Vec<i32>,
    /// The least and the greatest of them.
    shift_range: (i32, i32),
    bias: Option<Vec<i32>>,
}

/// Weights of a piece of work: enough to be worth handing out, few enough that all threads are done at nearly the same time.
const PIECE_WEIGHTS: usize = 1 << 15;
/// Vectors that share a load of weights: eight sums, four weights and an activation fit the sixteen registers.
const VECTORS: usize = 8;
/// Blocks of outputs a task takes where there are many vectors.
const TASK_BLOCKS: usize = 4;

impl<'c> Matrix<'c> {
    /// `packed`: its codes, if the vector units are to be used.
    pub(super) fn new(spec: &MvmSpec, view: MatrixView<'c>, packed: Option<Packed>) -> Self {
        let m = &spec.matrix;
        let (outputs, groups) = (m.outputs as usize, m.groups() as usize);
        let shifts: Vec<i32> = (0..m.outputs).map(|n| view.shift(n)).collect();
        Matrix {
            code_bits: m.code_bits,
            codebook: m.codebook.iter().map(|&v| v as i16).collect(),
            packed,
            group: m.group.min(m.inputs) as usize,
            groups,
            scales: Mantissas::new(outputs, groups, |n, g| view.scale(n, g)),
            offsets: (m.offset_bits > 0).then(|| Mantissas::new(outputs, groups, |n, g| view.offset(n, g))),
            shift_range: (shifts.iter().copied().min().unwrap_or(0), shifts.iter().copied().max().unwrap_or(0)),
            shifts,
            bias: view.bias.map(|b| b.to_vec()),
            view,
        }
    }

    /// What one product reads of it.
    pub(super) fn bytes(&self) -> usize {
        let codes = self.packed.as_ref().map_or(self.view.codes.len(), Packed::bytes);
        codes + self.scales.bytes() + self.offsets.as_ref().map_or(0, Mantissas::bytes)
    }

    /// `y = W a`, in the output format; gives the number of clamped outputs.
    pub(super) fn multiply(&self, a: &Activations, format: Fixed, team: &Team, out: &mut Vec<i32>) -> u64 {
        out.clear();
        out.resize(self.view.outputs as usize, 0);
        let vector = a.vector(self.group, self.packed.as_ref());
        let piece = (PIECE_WEIGHTS / self.view.inputs as usize).max(1).next_multiple_of(ROWS);
        team.pieces(out, piece, |i, out| {
            let (mut row, mut z) = (Vec::new(), vec![0; out.len().next_multiple_of(ROWS)]);
            for (b, z) in z.chunks_exact_mut(ROWS).enumerate() {
                let [sums] = self.sums(i * piece / ROWS + b, [&vector], &mut row);
                z.copy_from_slice(&sums);
            }
            self.finish(i * piece, &z, vector.shift, format, out)
        })
    }

    /// `W a` for every `a`, as [`Matrix::multiply`] for each.
    pub(super) fn multiply_block(&self, inputs: &[&Activations], format: Fixed, outs: &mut [Vec<i32>]) -> u64 {
        let outputs = self.view.outputs as usize;
        let vectors: Vec<Vector<'_>> = inputs.par_iter().map(|a| a.vector(self.group, self.packed.as_ref())).collect();
        // [block][vector][ROWS]
        let mut flat = vec![0i32; outputs.div_ceil(ROWS) * inputs.len() * ROWS];
        let block_len = inputs.len() * ROWS;
        let task = |row: &mut Vec<i16>, (task, flat): (usize, &mut [i32])| -> u64 {
            let mut clamped = 0;
            for (i, flat) in flat.chunks_mut(block_len).enumerate() {
                let block = task * TASK_BLOCKS + i;
                for (vectors, out) in vectors.chunks(VECTORS).zip(flat.chunks_mut(VECTORS * ROWS)) {
                    // A short last chunk repeats its first vector; the extra sums go nowhere.
                    let chunk: [&Vector<'_>; VECTORS] = std::array::from_fn(|t| vectors.get(t).unwrap_or(&vectors[0]));
                    let z = self.sums(block, chunk, row);
                    for ((z, vector), out) in z.iter().zip(vectors).zip(out.chunks_mut(ROWS)) {
                        let count = ROWS.min(outputs - block * ROWS);
                        clamped += self.finish(block * ROWS, z, vector.shift, format, &mut out[..count]);
                    }
                }
            }
            clamped
        };
        let clamped = flat.par_chunks_mut(block_len * TASK_BLOCKS).enumerate().map_init(Vec::new, task).sum();
        outs.par_iter_mut().enumerate().for_each(|(t, out)| {
            out.clear();
            out.extend(flat.chunks(block_len).flat_map(|block| &block[t * ROWS..(t + 1) * ROWS]));
            out.truncate(outputs);
        });
        clamped
    }

    /// Scaled sums of the outputs of a block for each vector; those past the last output mean nothing.
    fn sums<const T: usize>(&self, block: usize, vectors: [&Vector<'_>; T], row: &mut Vec<i16>) -> [[i64; ROWS]; T] {
        #[cfg(target_arch = "x86_64")]
        if let Some(packed) = &self.packed {
            return kernel::multiply(packed, block, vectors, &self.scales, self.offsets.as_ref());
        }
        let mut z = [[0; ROWS]; T];
        row.resize(self.view.inputs as usize, 0);
        for i in 0..ROWS.min(self.view.outputs as usize - block * ROWS) {
            lanes::unpack(self.view.row((block * ROWS + i) as u32), self.code_bits, &self.codebook, row);
            for (z, vector) in z.iter_mut().zip(vectors) {
                for (g, (w, a)) in row.chunks(self.group).zip(vector.a.chunks(self.group)).enumerate() {
                    let at = (block * self.groups + g) * ROWS + i;
                    z[i] += kernel::dot(w, a) * i64::from(self.scales.at(at));
                    if let Some(offsets) = &self.offsets {
                        z[i] += i64::from(offsets.at(at)) * vector.sums[g];
                    }
                }
            }
        }
        z
    }

    /// Outputs from `first` on from their scaled sums, for a vector of shift `shift`; gives how many were clamped.
    fn finish(&self, first: usize, z: &[i64], shift: i32, format: Fixed, out: &mut [i32]) -> u64 {
        let shifts = &self.shifts[first..first + out.len()];
        let (least, most) = self.shift_range;
        let mut clamped = if least - shift >= 1 && most - shift <= 62 {
            round(&z[..out.len()], shifts, shift, format.max(), out)
        } else {
            let mut clamped = 0;
            for ((y, &z), s) in out.iter_mut().zip(z).zip(shifts) {
                *y = shift_sat(z, s - shift, format.max(), &mut clamped);
            }
            clamped
        };
        if let Some(bias) = &self.bias {
            for (y, &b) in out.iter_mut().zip(&bias[first..]) {
                *y = sat(i64::from(*y) + i64::from(b), format.max(), &mut clamped);
            }
        }
        clamped
    }
}

multiversion! {
    /// `sat(rsr(z, shifts - shift))`, where all shifts are to the right and by 62 at most.
    fn round(z: &[i64], shifts: &[i32], shift: i32, max: i64, out: &mut [i32]) -> u64 {
        let mut clamped = 0;
        for ((y, &z), &s) in out.iter_mut().zip(z).zip(shifts) {
            let right = (s - shift) as u32 & 63;
            *y = sat((z + (1i64 << (right - 1))) >> right, max, &mut clamped);
        }
        clamped
    }
}
