//! The transistors of a macro with its contents, as a SPICE circuit: written from what the ROM is for, not from its geometry, so that what is
//! extracted from the layout can be compared with it.

use super::draw::bypassed;
use super::frame::Frame;
use crate::process::{Layer, Process};
use std::fmt::Write;

/// The circuit of `frame`'s macro; `bit` gives a bit by address and place in the word.
pub fn spice(p: &Process, f: &Frame, bit: &dyn Fn(u32, u32) -> bool) -> String {
    let of = f.of;
    let length = um(p.rule(Layer::Poly).width);
    let d = &p.device;
    let mut out = String::new();
    let mut pins = vec!["clk".to_string(), "VDD".into(), "VSS".into()];
    pins.extend((0..of.address_bits()).map(|i| format!("a[{i}]")));
    pins.extend((0..of.bits).map(|b| format!("q[{b}]")));
    let _ = writeln!(out, "* {of}: {} words of {} bits\n.SUBCKT {of} {}", of.words, of.bits, pins.join(" "));
    let mut count = 0u32;
    let mut mos = |kind: char, drain: &str, gate: &str, source: &str, width: i64| {
        count += 1;
        let (model, bulk) = if kind == 'n' { ("nfet", "VSS") } else { ("pfet", "VDD") };
        let _ = writeln!(out, "M{count} {drain} {gate} {source} {bulk} {model} W={} L={length}", um(width));
    };
    let inverter = |mos: &mut dyn FnMut(char, &str, &str, &str, i64), input: &str, output: &str, n: i64, p: i64| {
        mos('n', output, input, "VSS", n);
        mos('p', output, input, "VDD", p);
    };
    for bit in 0..of.address_bits() {
        inverter(&mut mos, &format!("a[{bit}]"), &format!("na{bit}"), d.cell_width_nm, d.inverter_p_nm);
    }
    for row in 0..2 * f.pairs {
        // A chain from ground to its node; a gate that is gone past has one net on both sides.
        let past: Vec<i64> = (0..of.address_bits()).flat_map(|b| bypassed(f, row, b)).collect();
        let (mut below, node) = ("VSS".to_string(), format!("n{row}"));
        let working: Vec<i64> = (0..f.gates).filter(|g| !past.contains(g)).collect();
        for gate in 0..f.gates {
            let input = match gate {
                0 => "clk".to_string(),
                g if g % 2 == 1 => format!("a[{}]", g / 2),
                g => format!("na{}", g / 2 - 1),
            };
            let last = working.last() == Some(&gate);
            let above = if past.contains(&gate) {
                below.clone()
            } else if last {
                node.clone()
            } else {
                format!("c{row}_{gate}")
            };
            mos('n', &above, &input, &below, d.cell_width_nm);
            below = above;
        }
        mos('p', &node, "clk", "VDD", d.cell_width_nm);
        inverter(&mut mos, &node, &format!("wl{row}"), d.driver_n_nm, d.driver_p_nm);
    }
    for column in 0..of.columns() {
        mos('p', &format!("bl{column}"), "clk", "VDD", d.cell_width_nm);
        for row in 0..2 * f.pairs {
            let (drain, source) = if row < 2 * f.mux_pairs {
                (row == i64::from(column % of.mux), format!("mo{}", column / of.mux))
            } else {
                let (address, place) = of.word_at((row - 2 * f.mux_pairs) as u32, column);
                (address < of.words && bit(address, place), "VSS".to_string())
            };
            let drain = if drain { format!("bl{column}") } else { format!("open{column}_{row}") };
            mos('n', &drain, &format!("wl{row}"), &source, d.cell_width_nm);
        }
    }
    for group in 0..of.bits {
        let output = format!("mo{group}");
        mos('p', &output, "clk", "VDD", d.cell_width_nm);
        inverter(&mut mos, &output, &format!("q[{group}]"), d.cell_width_nm, d.cell_width_nm);
    }
    out.push_str(".ENDS\n");
    out
}

fn um(nm: i64) -> String {
    format!("{}u", nm as f64 / 1000.0)
}
