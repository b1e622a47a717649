//! The embedding: rows of codes read one token at a time (`docs/numerics.md`, section 3).

use super::arith::shift_sat;
use hardwire_netlist::MatrixView;
use hardwire_netlist::unit::{Fixed, MatrixSpec};

pub(super) struct Embedding<'c> {
    view: MatrixView<'c>,
    codebook: Vec<i64>,
    group: u32,
}

impl<'c> Embedding<'c> {
    pub(super) fn new(spec: &MatrixSpec, view: MatrixView<'c>) -> Self {
        Embedding { view, codebook: spec.codebook.iter().map(|&v| i64::from(v)).collect(), group: spec.group }
    }

    /// The residual of `token`.
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
