//! Matrix times vectors with sums in one fixed order: the same bits for one token or many, on any number of threads, on any machine.
//!
//! A matrix lies in panels of [`LANES`] outputs. Each output is one sum over the inputs, first to last, of fused multiply-adds;
//! vector units only decide how many outputs are summed at once. A panel is read once for up to [`ROWS`] input vectors, whose
//! sums stay in registers: 12 of the 16 that AVX2 has.

use rayon::prelude::*;

/// Outputs that lie side by side.
pub(super) const LANES: usize = 16;
/// Input vectors that share one pass over a panel.
pub(super) const ROWS: usize = 6;
/// Most input vectors given to a thread at a time: enough that a panel comes from the cache, few enough that threads end together.
const MOST_ROWS_A_TASK: usize = 96;
/// Multiply-adds below which handing work to other threads costs more than it saves (a few microseconds of work).
pub(super) const PARALLEL_FROM: usize = 1 << 16;

pub(super) type Lanes = [f32; LANES];

/// A matrix `[outputs, inputs]`.
#[derive(Default)]
pub(super) struct Panels {
    outputs: usize,
    inputs: usize,
    /// `[outputs / LANES, inputs]`; the last panel is filled up with zeros.
    data: Vec<Lanes>,
}

impl Panels {
    /// `read` gives row `n` in the buffer it is handed.
    pub fn read<E: Send>(outputs: usize, inputs: usize, read: impl Fn(usize, &mut [f32]) -> Result<(), E> + Sync) -> Result<Panels, E> {
        let mut data = vec![[0.0; LANES]; outputs.div_ceil(LANES) * inputs];
        let fill = |(p, panel): (usize, &mut [Lanes])| {
            let mut row = vec![0.0; inputs];
            for lane in 0..LANES.min(outputs - p * LANES) {
                read(p * LANES + lane, &mut row)?;
                panel.iter_mut().zip(&row).for_each(|(to, w)| to[lane] = *w);
            }
            Ok(())
        };
        let failed = data.par_chunks_mut(inputs.max(1)).enumerate().map(fill).find_map_first(Result::err);
        failed.map_or(Ok(Panels { outputs, inputs, data }), Err)
    }

    /// Outputs and inputs.
    pub fn size(&self) -> (usize, usize) {
        (self.outputs, self.inputs)
    }

    /// Row `n`, gathered.
    pub fn row(&self, n: usize) -> impl Iterator<Item = f32> {
        self.panel(n / LANES).iter().map(move |w| w[n % LANES])
    }

    /// Column `k`, of all outputs.
    pub fn column(&self, k: usize, out: &mut [f32]) {
        for (out, panel) in out.chunks_mut(LANES).zip(self.data.chunks_exact(self.inputs)) {
            out.copy_from_slice(&panel[k][..out.len()]);
        }
    }

    fn panel(&self, p: usize) -> &[Lanes] {
        &self.data[p * self.inputs..(p + 1) * self.inputs]
    }

    /// `out[t] = matrix x[t] + bias`; `x` is `[tokens, inputs]`, `out` `[tokens, outputs]`.
    pub fn multiply(&self, x: &[f32], bias: Option<&[f32]>, out: &mut [f32]) {
        let tokens = out.len() / self.outputs;
        let work = tokens * self.data.len() * LANES;
        let threads = rayon::current_num_threads();
        if work < PARALLEL_FROM || threads == 1 {
            self.rows(x, bias, out);
        } else if tokens <= ROWS {
            self.few(x, bias, out);
        } else {
            let rows = tokens.div_ceil(2 * threads).next_multiple_of(ROWS).min(MOST_ROWS_A_TASK);
            let tasks = out.par_chunks_mut(rows * self.outputs).zip(x.par_chunks(rows * self.inputs));
            tasks.for_each(|(out, x)| self.rows(x, bias, out));
        }
    }

    /// All outputs of some rows, by one thread.
    fn rows(&self, x: &[f32], bias: Option<&[f32]>, out: &mut [f32]) {
        let groups: Vec<Packed> = x.chunks(ROWS * self.inputs).map(|x| Packed::of(x, self.inputs)).collect();
        for p in 0..self.outputs.div_ceil(LANES) {
            for (g, x) in groups.iter().enumerate() {
                let sums = x.sums(self.panel(p));
                self.store(p, &sums[..x.rows], bias, &mut out[g * ROWS * self.outputs..]);
            }
        }
    }

    /// Panels spread over threads, for as many rows as share a pass.
    fn few(&self, x: &[f32], bias: Option<&[f32]>, out: &mut [f32]) {
        let x = Packed::of(x, self.inputs);
        let panels = (0..self.outputs.div_ceil(LANES)).into_par_iter().with_min_len((PARALLEL_FROM / (self.inputs * LANES)).max(1));
        let sums: Vec<[Lanes; ROWS]> = panels.map(|p| x.sums(self.panel(p))).collect();
        for (p, sums) in sums.iter().enumerate() {
            self.store(p, &sums[..x.rows], bias, out);
        }
    }

    fn store(&self, p: usize, sums: &[Lanes], bias: Option<&[f32]>, out: &mut [f32]) {
        let first = p * LANES;
        let count = LANES.min(self.outputs - first);
        for (row, sums) in sums.iter().enumerate() {
            let out = &mut out[row * self.outputs + first..][..count];
            match bias {
                None => out.copy_from_slice(&sums[..count]),
                Some(bias) => out.iter_mut().zip(sums).zip(&bias[first..]).for_each(|((y, s), b)| *y = s + b),
            }
        }
    }
}

/// Up to [`ROWS`] vectors, element by element side by side; absent ones are zero.
pub(super) struct Packed {
    pub rows: usize,
    pub elements: Vec<[f32; ROWS]>,
}

impl Packed {
    /// From `[rows, inputs]`.
    fn of(x: &[f32], inputs: usize) -> Packed {
        let mut elements = vec![[0.0; ROWS]; inputs];
        for (r, row) in x.chunks_exact(inputs).enumerate() {
            elements.iter_mut().zip(row).for_each(|(to, v)| to[r] = *v);
        }
        Packed { rows: x.len() / inputs, elements }
    }

    pub fn sums(&self, panel: &[Lanes]) -> [Lanes; ROWS] {
        sums(panel, &self.elements, self.rows)
    }
}

/// `sum over k of panel[k] * x[k][row]` for the first `rows` rows; the others' sums are not to be read.
pub(super) fn sums(panel: &[Lanes], x: &[[f32; ROWS]], rows: usize) -> [Lanes; ROWS] {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        // SAFETY: this processor has the features the function is compiled for.
        return unsafe { sums_avx2(panel, x, rows) };
    }
    sums_plain(panel, x, rows)
}

/// The same code with vector instructions; without them a fused multiply-add is a call.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn sums_avx2(panel: &[Lanes], x: &[[f32; ROWS]], rows: usize) -> [Lanes; ROWS] {
    sums_plain(panel, x, rows)
}

#[inline(always)]
fn sums_plain(panel: &[Lanes], x: &[[f32; ROWS]], rows: usize) -> [Lanes; ROWS] {
    match rows {
        1 => sums_of::<1>(panel, x),
        2 => sums_of::<2>(panel, x),
        3 => sums_of::<3>(panel, x),
        _ => sums_of::<ROWS>(panel, x),
    }
}

#[inline(always)]
fn sums_of<const R: usize>(panel: &[Lanes], x: &[[f32; ROWS]]) -> [Lanes; ROWS] {
    let mut acc = [[0.0f32; LANES]; R];
    for (w, x) in panel.iter().zip(x) {
        for (acc, x) in acc.iter_mut().zip(x) {
            for (a, w) in acc.iter_mut().zip(w) {
                *a = w.mul_add(*x, *a);
            }
        }
    }
    let mut out = [[0.0; LANES]; ROWS];
    out[..R].copy_from_slice(&acc);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_sums_in_order_whatever_the_shape_and_the_threads() {
        for (outputs, inputs, tokens) in [(1, 1, 1), (5, 3, 7), (48, 64, 1), (33, 100, 29), (200, 90, 6)] {
            let value = |i: usize| ((i * 2_654_435_761) % 1000) as f32 / 500.0 - 1.0;
            let w: Vec<f32> = (0..outputs * inputs).map(value).collect();
            let x: Vec<f32> = (0..tokens * inputs).map(|i| value(i + 77)).collect();
            let bias: Vec<f32> = (0..outputs).map(|i| value(i + 7)).collect();
            let matrix = Panels::read(outputs, inputs, |n, row| {
                row.copy_from_slice(&w[n * inputs..][..inputs]);
                Ok::<(), ()>(())
            })
            .unwrap();
            let mut expected = vec![];
            for t in 0..tokens {
                for n in 0..outputs {
                    let terms = w[n * inputs..].iter().zip(&x[t * inputs..]).take(inputs);
                    expected.push(terms.fold(0.0f32, |sum, (w, x)| w.mul_add(*x, sum)) + bias[n]);
                }
            }
            for threads in [1, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let mut out = vec![f32::NAN; tokens * outputs];
                pool.install(|| matrix.multiply(&x, Some(&bias), &mut out));
                assert_eq!(out, expected, "{outputs} {inputs} {tokens}, {threads} threads");
            }
            assert_eq!(matrix.row(outputs - 1).collect::<Vec<_>>(), w[(outputs - 1) * inputs..]);
        }
    }

    #[test]
    fn the_first_row_that_cannot_be_read_is_the_error() {
        let failed = Panels::read(100, 4, |n, _| if n % 40 == 39 { Err(n) } else { Ok(()) });
        assert_eq!(failed.err(), Some(39));
    }
}
