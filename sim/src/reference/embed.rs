//! Section 3: a token becomes a residual vector, and its position a list of rotations.

use super::arith::{lerp, rsr, sat};
use hardwire_netlist::unit::MatrixSpec;
use hardwire_netlist::{Fixed, Function, MatrixView, Tables};

/// Residual vector of `token`: `matrix.inputs` elements in the format `out`.
pub fn embed(matrix: &MatrixSpec, program: &MatrixView<'_>, token: u32, out: Fixed, clamped: &mut u64) -> Vec<i32> {
    let mut x = Vec::new();
    for d in 0..matrix.inputs {
        let g = d / matrix.group;
        let v = matrix.codebook[usize::from(program.code(token, d))];
        let weight = i128::from(program.scale(token, g)) * i128::from(v) + i128::from(program.offset(token, g));
        x.push(sat(rsr(weight, i64::from(program.shift(token))), out.bits, clamped));
    }
    x
}

/// Sine and cosine of one rotation, 14 fractional bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    pub sin: i32,
    pub cos: i32,
}

/// Rotations at `position`, one a pair. `omega` is in units of 2^-32 turns a position.
pub fn rotations(omega: &[u32], position: u32, tables: &Tables) -> Vec<Rotation> {
    omega.iter().map(|&w| rotation(((u64::from(position) * u64::from(w)) % (1 << 32)) as u32, tables)).collect()
}

/// Sine and cosine of `phi * 2^-32` turns.
fn rotation(phi: u32, tables: &Tables) -> Rotation {
    let quadrant = phi >> 30;
    let r = phi % (1 << 30);
    let mirrored = (1 << 30) - 1 - r;
    let s = |r: u32| lerp(&tables[Function::Sin], (r >> 22) as usize, i128::from((r >> 6) % (1 << 16)), 16) as i32;
    let (sin, cos) = match quadrant {
        0 => (s(r), s(mirrored)),
        1 => (s(mirrored), -s(r)),
        2 => (-s(r), -s(mirrored)),
        _ => (-s(mirrored), s(r)),
    };
    Rotation { sin, cos }
}
