//! Section 8: an activation, times the up projection where there is one.

use super::arith::{lerp, rsr, sat};
use hardwire_netlist::unit::{Activation, GatedActSpec};
use hardwire_netlist::{Fixed, Tables};

/// `activation(gate) * up` in the format `out`; without `up`, the activation alone.
pub fn gated_act(spec: &GatedActSpec, gate: &[i32], up: Option<&[i32]>, tables: &Tables, out: Fixed, clamped: &mut u64) -> Vec<i32> {
    let frac = i64::from(spec.gate.frac);
    let table = spec.activation.table().map(|(f, argument)| (&tables[f], i64::from(argument)));
    let mut y = Vec::new();
    for (i, &g) in gate.iter().enumerate() {
        let g = i128::from(g);
        let u = up.map_or(1, |u| i128::from(u[i]));
        let (h, u) = match (spec.activation, table) {
            (Activation::SwigluClamped { gate_limit, up_limit }, Some((t, argument))) => {
                let one = 1i128 << spec.up.map_or(0, |f| f.frac);
                let limit = i128::from(up_limit);
                (weighed(g.min(i128::from(gate_limit)), frac - argument, t), u.clamp(-limit, limit) + one)
            }
            (Activation::Sigmoid, Some((t, argument))) => (share(g, frac - argument, t), u),
            (_, Some((t, argument))) => (weighed(g, frac - argument, t), u),
            (_, None) => {
                let positive = g.max(0);
                (i128::from(sat(rsr(positive * positive, frac), spec.gate.bits, clamped)), u)
            }
        };
        y.push(sat(rsr(h * u, i64::from(spec.shift)), out.bits, clamped));
    }
    y
}

/// `g` times its share by `table`, which holds that of `-|g|`; `shift` takes `|g|` to the table's argument.
fn weighed(g: i128, shift: i64, table: &[i32]) -> i128 {
    rsr(g * share(g, shift, table), 20)
}

/// The share itself, 20 fractional bits.
fn share(g: i128, shift: i64, table: &[i32]) -> i128 {
    let z = rsr(g.abs(), shift).min(65535);
    let half = lerp(table, (z >> 8) as usize, z % (1 << 8), 8);
    if g >= 0 { (1 << 20) - half } else { half }
}
