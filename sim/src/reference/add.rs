//! Section 8: a branch joins the residual.

use super::arith::sat;
use hardwire_netlist::Fixed;

/// `a + b`, both and the sum in the format `out`.
pub fn add(a: &[i32], b: &[i32], out: Fixed, clamped: &mut u64) -> Vec<i32> {
    a.iter().zip(b).map(|(&a, &b)| sat(i128::from(a) + i128::from(b), out.bits, clamped)).collect()
}
