//! What differs between two chips of the same base die: the codes, and so the vias, that a new model changes.

use crate::chip::Chip;
use serde::Serialize;

/// Changed codes of one matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MatrixDiff {
    pub path: String,
    pub weights: u64,
    pub changed: u64,
}

/// Matrices of `a` in order, with how many codes differ in `b`. `Err` names the first unit whose hardware differs: then the two
/// do not share a base die.
pub fn codes(a: &Chip, b: &Chip) -> Result<Vec<MatrixDiff>, String> {
    let (ma, mb): (Vec<_>, Vec<_>) = (a.structure.matrices().collect(), b.structure.matrices().collect());
    if ma.len() != mb.len() {
        return Err(format!("{} matrices against {}", ma.len(), mb.len()));
    }
    ma.iter()
        .zip(&mb)
        .map(|((path, x), (other, y))| {
            if path != other || (x.outputs, x.inputs, x.code_bits) != (y.outputs, y.inputs, y.code_bits) {
                return Err((*path).to_string());
            }
            let (va, vb) = (a.programs.matrix(x.program), b.programs.matrix(y.program));
            let mut changed = 0u64;
            for n in 0..x.outputs {
                let (ra, rb) = (va.row(n), vb.row(n));
                if ra != rb {
                    changed += (0..x.inputs).filter(|&k| va.code(n, k) != vb.code(n, k)).count() as u64;
                }
            }
            a.programs.release(x.program);
            b.programs.release(y.program);
            Ok(MatrixDiff { path: (*path).to_string(), weights: x.weights(), changed })
        })
        .collect()
}
