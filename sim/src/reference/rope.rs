//! Section 7, rotary position embedding: neighbours of a head are rotated as points of a plane.

use super::arith::{rsr, sat};
use super::embed::Rotation;
use hardwire_netlist::Fixed;

/// Rotates the first `rotated` elements of each head of `q`; the others pass. `rotations` has one for each pair.
pub fn rope(q: &[i32], head_dim: u32, rotated: u32, rotations: &[Rotation], out: Fixed, clamped: &mut u64) -> Vec<i32> {
    let mut y = q.to_vec();
    for head in y.chunks_mut(head_dim as usize) {
        for i in 0..(rotated / 2) as usize {
            let (x, y) = (i128::from(head[2 * i]), i128::from(head[2 * i + 1]));
            let (sin, cos) = (i128::from(rotations[i].sin), i128::from(rotations[i].cos));
            head[2 * i] = sat(rsr(x * cos - y * sin, 14), out.bits, clamped);
            head[2 * i + 1] = sat(rsr(x * sin + y * cos, 14), out.bits, clamped);
        }
    }
    y
}
