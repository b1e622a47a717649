//! What differs between two chips of the same base die: the stored codes, and so the vias, that a new model changes.

use crate::chip::Chip;
use crate::silicon::Silicon;
use serde::Serialize;

/// Changed stored codes of one matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MatrixDiff {
    pub path: String,
    pub weights: u64,
    pub changed: u64,
}

/// Matrices of `a` in order, with how many stored codes differ in `b`. `Err` names the first unit whose hardware differs: then the two
/// do not share a base die.
pub fn codes(a: &Chip, b: &Chip) -> Result<Vec<MatrixDiff>, String> {
    let (ma, mb) = (matrices(a), matrices(b));
    if ma.len() != mb.len() {
        return Err(format!("{} matrices against {}", ma.len(), mb.len()));
    }
    ma.iter()
        .zip(&mb)
        .map(|(x, y)| {
            let shape = |s: &Silicon<'_>| (s.matrix.outputs, s.matrix.inputs, s.matrix.code_bits);
            if x.path() != y.path() || shape(x) != shape(y) {
                return Err(x.path().to_string());
            }
            let mut changed = 0u64;
            for n in 0..x.matrix.outputs {
                let stored = |s: &Silicon<'_>, k| s.stored(s.program().code(n, k));
                changed += (0..x.matrix.inputs).filter(|&k| stored(x, k) != stored(y, k)).count() as u64;
            }
            a.programs.release(x.matrix.program);
            b.programs.release(y.matrix.program);
            Ok(MatrixDiff { path: x.path().to_string(), weights: x.matrix.weights(), changed })
        })
        .collect()
}

fn matrices(chip: &Chip) -> Vec<Silicon<'_>> {
    chip.netlist().units().flat_map(|(id, _)| Silicon::of(chip, id)).collect()
}
