//! Matrices and activations, made ready for the kernels (`docs/numerics.md`, sections 2, 3, 5, 6).

use super::arith::{quantize, shift_sat};
use super::kernel::{self, LANES, ROWS};
use hardwire_netlist::MatrixView;
use hardwire_netlist::unit::{Fixed, MatrixSpec, MvmSpec};
use rayon::prelude::*;

/// Activations of a row feed: 16-bit, padded with zeros to whole vectors, with their shift.
#[derive(Default)]
pub(super) struct Activations {
    padded: Vec<i16>,
    /// The same, even and odd inputs of every 32 apart: the order in which nibbles unpack.
    split: Vec<i16>,
    len: usize,
    shift: i32,
}

impl Activations {
    pub(super) fn fill(&mut self, values: &[i32], bits: u8) {
        self.len = values.len();
        self.padded.clear();
        self.padded.resize(values.len().next_multiple_of(2 * LANES), 0);
        self.shift = quantize(values, bits, &mut self.padded[..values.len()]);
        self.split.clear();
        for block in self.padded.chunks_exact(LANES) {
            self.split.extend(block.iter().step_by(2));
            self.split.extend(block.iter().skip(1).step_by(2));
        }
    }

    pub(super) fn values(&self) -> impl Iterator<Item = i16> + '_ {
        self.padded[..self.len].iter().copied()
    }

    /// Zeros follow up to a whole number of vectors.
    pub(super) fn padded(&self) -> &[i16] {
        &self.padded
    }

    pub(super) fn shift(&self) -> i32 {
        self.shift
    }

    pub(super) fn group_sums(&self, group: usize) -> Vec<i64> {
        self.padded[..self.len].chunks(group).map(|g| g.iter().map(|&a| i64::from(a)).sum()).collect()
    }
}

/// One matrix: codes mapped from the chip, scales transposed in blocks of [`ROWS`] outputs: `[block][group][row]`.
pub(super) struct Matrix<'c> {
    pub(super) view: MatrixView<'c>,
    pub(super) code_bits: u8,
    pub(super) codebook: Vec<i16>,
    pub(super) group: usize,
    groups: usize,
    scales: Vec<i32>,
    pub(super) offsets: Vec<i32>,
    pub(super) shifts: Vec<i32>,
    pub(super) bias: Option<Vec<i32>>,
    kernel: Kernel,
    /// Whether many vectors go through panels of pairs.
    pub(super) paired: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Kernel {
    /// Four-bit codes with an 8-bit codebook and whole 32-input groups: looked up sixteen at a time.
    #[cfg(target_arch = "x86_64")]
    Nibbles,
    /// Eight-bit codes of consecutive values and whole groups: widened sixteen at a time.
    #[cfg(target_arch = "x86_64")]
    Bytes,
    /// Any codes: a row is unpacked to 16 bits first.
    Unpacked,
}

/// Rows one task takes: enough work to be worth a task.
const TASK_WEIGHTS: usize = 1 << 16;

impl<'c> Matrix<'c> {
    /// `vector_units`: whether this machine's may be used.
    pub(super) fn new(spec: &MvmSpec, view: MatrixView<'c>, vector_units: bool) -> Self {
        let m = &spec.matrix;
        let group = m.group.min(m.inputs) as usize;
        let groups = m.groups() as usize;
        let transpose = |get: &dyn Fn(u32, u32) -> i32| {
            let blocks = (m.outputs as usize).div_ceil(ROWS);
            let mut out = vec![0; blocks * groups * ROWS];
            for n in 0..m.outputs {
                for g in 0..groups {
                    out[(n as usize / ROWS * groups + g) * ROWS + n as usize % ROWS] = get(n, g as u32);
                }
            }
            out
        };
        Matrix {
            code_bits: m.code_bits,
            codebook: m.codebook.iter().map(|&v| v as i16).collect(),
            group,
            groups,
            scales: transpose(&|n, g| view.scale(n, g)),
            offsets: if m.offset_bits > 0 { transpose(&|n, g| view.offset(n, g)) } else { Vec::new() },
            shifts: (0..m.outputs).map(|n| view.shift(n)).collect(),
            bias: view.bias.map(|b| b.to_vec()),
            kernel: if vector_units { choose(m, group, spec.acc_bits) } else { Kernel::Unpacked },
            paired: vector_units && spec.acc_bits <= 32 && super::panel::wide_registers(),
            view,
        }
    }

    /// `y = W a`, in the output format; gives the number of clamped outputs.
    pub(super) fn multiply(&self, a: &Activations, format: Fixed, out: &mut Vec<i32>) -> u64 {
        let outputs = self.view.outputs as usize;
        out.clear();
        out.resize(outputs, 0);
        let sums = if self.offsets.is_empty() { Vec::new() } else { a.group_sums(self.group) };
        let per_task = (TASK_WEIGHTS / self.view.inputs as usize).max(1).next_multiple_of(ROWS);
        let task = |(t, out): (usize, &mut [i32])| self.rows(t * per_task, a, &sums, format, out);
        if outputs > per_task { out.par_chunks_mut(per_task).enumerate().map(task).sum() } else { task((0, &mut out[..])) }
    }

    /// Outputs from `first`, a multiple of [`ROWS`].
    fn rows(&self, first: usize, a: &Activations, sums: &[i64], format: Fixed, out: &mut [i32]) -> u64 {
        let mut clamped = 0;
        let mut unpacked = vec![0i16; if self.kernel == Kernel::Unpacked { a.padded.len() } else { 0 }];
        for (b, out) in out.chunks_mut(ROWS).enumerate() {
            let n = first + b * ROWS;
            let mut z = [0i64; ROWS];
            self.block(n, out.len(), self.block_scales(n), a, &mut unpacked, &mut z);
            if !self.offsets.is_empty() {
                self.add_offsets(n, sums, &mut z);
            }
            for (i, y) in out.iter_mut().enumerate() {
                *y = self.finish(n + i, z[i], a, format, &mut clamped);
            }
        }
        clamped
    }

    /// Scales of the [`ROWS`] outputs from `n`, a multiple of them: `[group][ROWS]`.
    pub(super) fn block_scales(&self, n: usize) -> &[i32] {
        &self.scales[n / ROWS * self.groups * ROWS..][..self.groups * ROWS]
    }

    /// Adds the offsets of the [`ROWS`] outputs from `n` times the group sums of the activations.
    pub(super) fn add_offsets(&self, n: usize, sums: &[i64], z: &mut [i64; ROWS]) {
        for (o, &sum) in self.offsets[n / ROWS * self.groups * ROWS..].chunks_exact(ROWS).zip(sums) {
            for (z, &o) in z.iter_mut().zip(o) {
                *z += i64::from(o) * sum;
            }
        }
    }

    /// Scaled sums of `count` outputs from `n`, into `z`.
    fn block(&self, n: usize, count: usize, scales: &[i32], a: &Activations, unpacked: &mut [i16], z: &mut [i64; ROWS]) {
        let row = |i: usize| self.view.row((n + i) as u32);
        match self.kernel {
            #[cfg(target_arch = "x86_64")]
            Kernel::Nibbles => {
                // A short last block repeats its first row; the extra sums are not read.
                let rows: [&[u8]; ROWS] = std::array::from_fn(|i| row(if i < count { i } else { 0 }));
                kernel::nibbles(&rows, &self.codebook, &a.split, self.group, scales, z);
            }
            #[cfg(target_arch = "x86_64")]
            Kernel::Bytes => {
                let rows: [&[u8]; ROWS] = std::array::from_fn(|i| row(if i < count { i } else { 0 }));
                kernel::bytes(&rows, self.codebook[0], &a.padded, self.group, scales, z);
            }
            Kernel::Unpacked => {
                for (i, z) in z.iter_mut().enumerate().take(count) {
                    kernel::unpack(row(i), self.code_bits, &self.codebook, &mut unpacked[..self.view.inputs as usize]);
                    for (g, (w, a)) in unpacked.chunks(self.group).zip(a.padded.chunks(self.group)).take(self.groups).enumerate() {
                        *z += kernel::dot(w, a) * i64::from(scales[g * ROWS + i]);
                    }
                }
            }
        }
    }
}

/// The fastest kernel the matrix and this machine allow.
fn choose(m: &MatrixSpec, group: usize, acc_bits: u8) -> Kernel {
    #[cfg(target_arch = "x86_64")]
    {
        let small = m.codebook.iter().all(|v| i8::try_from(*v).is_ok());
        let consecutive = m.codebook.windows(2).all(|v| v[1] == v[0] + 1);
        let whole = group.is_multiple_of(LANES) || group >= m.inputs as usize;
        if whole && acc_bits <= 32 && std::arch::is_x86_feature_detected!("avx2") {
            match m.code_bits {
                4 if small => return Kernel::Nibbles,
                8 if consecutive && m.codebook[0] == -128 => return Kernel::Bytes,
                _ => {}
            }
        }
    }
    let _ = (m, group, acc_bits);
    Kernel::Unpacked
}

/// The embedding: rows of codes read one token at a time.
pub(super) struct Embedding<'c> {
    view: MatrixView<'c>,
    codebook: Vec<i64>,
    group: u32,
}

impl<'c> Embedding<'c> {
    pub(super) fn new(spec: &MatrixSpec, view: MatrixView<'c>) -> Self {
        Embedding { view, codebook: spec.codebook.iter().map(|&v| i64::from(v)).collect(), group: spec.group }
    }

    /// Section 3: the residual of `token`.
    pub(super) fn row(&self, token: u32, format: Fixed, out: &mut Vec<i32>) -> u64 {
        let mut clamped = 0;
        let shift = self.view.shift(token);
        out.clear();
        out.extend((0..self.view.inputs).map(|k| {
            let g = k / self.group;
            let v = self.codebook[usize::from(self.view.code(token, k))];
            let z = i64::from(self.view.scale(token, g)) * v + i64::from(self.view.offset(token, g));
            shift_sat(z, shift, format.max(), &mut clamped)
        }));
        clamped
    }
}
