//! Section 8: the gate's SiLU times the up projection.

use super::arith::{lerp, rsr, sat};
use hardwire_netlist::{Fixed, Tables};

/// `silu(gate) * up`. `gate_format` is the gate's; `shift` takes the product to the format `out`.
pub fn gated_act(gate: &[i32], up: &[i32], gate_format: Fixed, shift: i16, tables: &Tables, out: Fixed, clamped: &mut u64) -> Vec<i32> {
    let mut y = Vec::new();
    for (&g, &u) in gate.iter().zip(up) {
        let (g, u) = (i128::from(g), i128::from(u));
        let z = rsr(g.abs(), i64::from(gate_format.frac) - 12).min(65535);
        let half = lerp(&tables.sigmoid, (z >> 8) as usize, z % (1 << 8), 8);
        let sigma = if g >= 0 { (1 << 20) - half } else { half };
        let h = rsr(g * sigma, 20);
        y.push(sat(rsr(h * u, i64::from(shift)), out.bits, clamped));
    }
    y
}
