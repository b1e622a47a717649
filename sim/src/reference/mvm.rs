//! Sections 2 and 6: a matrix of codes times a vector of activations.

use super::arith::{rsr, sat};
use super::row_feed::{Activations, group_sums};
use hardwire_netlist::unit::MatrixSpec;
use hardwire_netlist::{Fixed, MatrixView};

/// The product, `matrix.outputs` elements in the format `out`.
pub fn mvm(matrix: &MatrixSpec, program: &MatrixView<'_>, input: &Activations, out: Fixed, clamped: &mut u64) -> Vec<i32> {
    let sums = group_sums(&input.a, matrix.group);
    let mut y = Vec::new();
    for n in 0..matrix.outputs {
        let mut z = 0i128;
        for g in 0..matrix.groups() {
            let first = g * matrix.group;
            let end = matrix.inputs.min(first.saturating_add(matrix.group));
            let mut inner = 0i128;
            for k in first..end {
                let v = matrix.codebook[usize::from(program.code(n, k))];
                inner += i128::from(input.a[k as usize]) * i128::from(v);
            }
            z += i128::from(program.scale(n, g)) * inner;
            z += i128::from(program.offset(n, g)) * i128::from(sums[g as usize]);
        }

        let shift = i64::from(program.shift(n)) - i64::from(input.h);
        let mut yn = sat(rsr(z, shift), out.bits, clamped);
        if let Some(bias) = program.bias {
            yn = sat(i128::from(yn) + i128::from(bias.get(n as usize)), out.bits, clamped);
        }
        y.push(yn);
    }
    y
}
