//! Metal embedding: a matrix whose weights are wires (HNLPU's way, arXiv 2508.16151).
//!
//! Activations enter a bit a cycle, the sign first. For each output and scale group a tree adds the values of the weights whose input bit
//! is one; an accumulator doubles and adds once a bit. Then `lanes` outputs a cycle pass their scales, and the sum over the groups
//! leaves through the same output stage as a tile's. The integers are those of every other fabric (`docs/numerics.md`, section 6).

use crate::unit::matrix::MatrixSpec;
use serde::{Deserialize, Serialize};

/// Inputs one leaf of the tree adds in a cycle.
pub const LEAF: u32 = 32;
/// Sums one inner node of the tree adds in a cycle.
pub const RADIX: u32 = 8;

/// A value in signed binary digits, as few as there can be (non-adjacent form): those that are 1 and those that are -1. Each is a wire into
/// its leaf.
pub fn digits(value: i32) -> (u32, u32) {
    let n = value.unsigned_abs();
    let (half, thrice) = (n >> 1, n + (n >> 1));
    let odd = half ^ thrice;
    let (plus, minus) = (thrice & odd, half & odd);
    if value < 0 { (minus, plus) } else { (plus, minus) }
}

/// Shape of one matrix's metal embedding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetalShape {
    /// V: outputs that leave in a cycle (the netlist's lanes).
    pub lanes: u32,
}

impl MetalShape {
    /// Leaves of one output's tree in one group.
    pub fn leaves(&self, m: &MatrixSpec) -> u32 {
        m.group.min(m.inputs).div_ceil(LEAF)
    }

    /// Sums kept by each stage of one tree, the leaves first, the root last.
    pub fn stages(&self, m: &MatrixSpec) -> Vec<u32> {
        let mut sums = vec![self.leaves(m)];
        while let Some(&n) = sums.last().filter(|&&n| n > 1) {
            sums.push(n.div_ceil(RADIX));
        }
        sums
    }

    /// Stages after the leaves.
    pub fn levels(&self, m: &MatrixSpec) -> u32 {
        self.stages(m).len() as u32 - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::ProgramId;
    use crate::unit::RowPermutation;

    #[test]
    fn digits_make_up_their_value() {
        for v in -200..200 {
            let (plus, minus) = digits(v);
            assert_eq!(plus as i32 - minus as i32, v);
            let all = plus | minus;
            assert_eq!(plus & minus | all & (all << 1), 0, "{v}");
        }
    }

    #[test]
    fn a_tree_ends_in_one_sum() {
        for (inputs, group, want) in
            [(1, 8, vec![1]), (32, 32, vec![1]), (33, 200, vec![2, 1]), (2048, 2048, vec![64, 8, 1]), (4096, 32, vec![1])]
        {
            let m = MatrixSpec {
                tensor: String::new(),
                inputs,
                outputs: 8,
                code_bits: 4,
                codebook: (-8..8).collect(),
                group,
                scale_bits: 8,
                offset_bits: 0,
                bias: false,
                rows: RowPermutation::Identity,
                program: ProgramId(0),
            };
            assert_eq!(MetalShape { lanes: 8 }.stages(&m), want);
        }
    }
}
