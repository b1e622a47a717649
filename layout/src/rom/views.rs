//! A macro as other tools see it: LEF abstract, Liberty file, Verilog model.

use super::dims::Dims;
use super::draw::{power_pins, signal_pins};
use super::frame::Frame;
use crate::process::{Layer, Process};
use std::fmt::Write;

/// Times, ns, capacitance and power of a macro: estimated from the process file's resistances and capacitances, not measured.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// From the clock's rise to an output.
    pub access_ns: f64,
    /// The clock must be low so long before it rises again.
    pub precharge_ns: f64,
    /// Address before the clock's rise.
    pub setup_ns: f64,
    pub clock_pf: f64,
    pub address_pf: f64,
    pub leakage_nw: f64,
    pub read_pj: f64,
}

impl Times {
    /// Elmore delays: a chain of series transistors discharges its node, its inverter drives the poly word line, a cell discharges its bit
    /// line through the multiplexer, an inverter drives the output.
    pub fn of(p: &Process, d: &Dims, f: &Frame) -> Times {
        let e = &p.electrical;
        let um = |nm: i64| nm as f64 / 1000.0;
        let (rows, columns) = (2.0 * f.pairs as f64, f64::from(f.of.columns()));
        let length = um(d.poly);
        let gate_ff = |w: i64| e.gate_ff_per_um2 * um(w) * length;
        let series = 2.0 + f64::from(f.of.row_bits());
        let node_ff = gate_ff(p.device.driver_n_nm + p.device.driver_p_nm) + 3.0 * e.junction_ff_per_um * um(d.cell);
        let chain = e.nmos_kohm_um / um(d.cell) * series * node_ff;
        let line_ff = columns * gate_ff(d.cell);
        let line_kohm = e.poly_ohm_per_square * 1e-3 * columns * d.column as f64 / d.poly as f64;
        let word = (e.pmos_kohm_um / um(p.device.driver_p_nm) + line_kohm / 2.0) * line_ff;
        let bit_ff = rows * (um(d.pair) / 2.0 * e.metal2_ff_per_um + e.junction_ff_per_um * um(d.cell) / 2.0);
        let bit = 2.0 * e.nmos_kohm_um / um(d.cell) * bit_ff;
        let out = e.pmos_kohm_um / um(d.cell) * 10.0;
        let precharge = (e.pmos_kohm_um / um(d.cell) + line_kohm / 2.0) * bit_ff;
        let decoder_ff = rows * gate_ff(d.cell);
        let charged = line_ff + columns * bit_ff / 2.0;
        Times {
            access_ns: 0.69e-3 * (chain + word + bit + out),
            precharge_ns: 2.2e-3 * precharge,
            setup_ns: 0.69e-3 * e.pmos_kohm_um / um(p.device.inverter_p_nm) * decoder_ff,
            clock_pf: 1e-3 * (2.0 * rows + columns + f64::from(f.of.bits)) * gate_ff(d.cell),
            address_pf: 1e-3 * (decoder_ff + gate_ff(d.cell + p.device.inverter_p_nm)),
            leakage_nw: 1e-3 * rows * columns * e.leakage_pw_per_cell,
            read_pj: 1e-3 * charged * e.vdd_v * e.vdd_v,
        }
    }
}

fn um(nm: i64) -> String {
    format!("{:.4}", nm as f64 / 1000.0)
}

/// The abstract: size, pins, and everything below metal 2 kept clear.
pub fn lef(p: &Process, d: &Dims, f: &Frame) -> String {
    let (name, metal1, metal2) = (f.of, &p.rule(Layer::Metal1).name, &p.rule(Layer::Metal2).name);
    let mut out = format!("VERSION 5.8 ;\nBUSBITCHARS \"[]\" ;\nDIVIDERCHAR \"/\" ;\nMACRO {name}\n  CLASS BLOCK ;\n  ORIGIN 0 0 ;\n");
    let _ = writeln!(out, "  SIZE {} BY {} ;\n  SYMMETRY X Y ;", um(f.width), um(f.height));
    let half = d.bit_line / 2;
    for (pin, x, y) in signal_pins(d, f) {
        let direction = if pin.starts_with('q') { "OUTPUT" } else { "INPUT" };
        let signal = if pin == "clk" { "CLOCK" } else { "SIGNAL" };
        let _ = writeln!(out, "  PIN {pin}\n    DIRECTION {direction} ;\n    USE {signal} ;\n    PORT\n      LAYER {metal2} ;");
        let _ = writeln!(out, "        RECT {} {} {} {} ;", um(x - half), um(y - half), um(x + half), um(y + half));
        let _ = writeln!(out, "    END\n  END {pin}");
    }
    for (pin, r) in power_pins(p, d, f) {
        let kind = if pin == "VDD" { "POWER" } else { "GROUND" };
        let _ = writeln!(out, "  PIN {pin}\n    DIRECTION INOUT ;\n    USE {kind} ;\n    PORT\n      LAYER {metal1} ;");
        let _ = writeln!(out, "        RECT {} {} {} {} ;\n    END\n  END {pin}", um(r.x0_nm), um(r.y0_nm), um(r.x1_nm), um(r.y1_nm));
    }
    out.push_str("  OBS\n");
    for layer in [Layer::Local, Layer::Metal1, Layer::Metal2] {
        let _ = writeln!(out, "    LAYER {} ;\n      RECT 0 0 {} {} ;", p.rule(layer).name, um(f.width), um(f.height));
    }
    let _ = writeln!(out, "  END\nEND {name}\nEND LIBRARY");
    out
}

/// The Liberty file, at the process file's voltage.
pub fn liberty(p: &Process, d: &Dims, f: &Frame) -> String {
    let (of, t) = (f.of, Times::of(p, d, f));
    let area = f.width as f64 * f.height as f64 * 1e-6;
    let mut out = format!("/* Estimated from resistances and capacitances of the process file; not characterised. */\nlibrary ({of}) {{\n");
    out.push_str("  delay_model : table_lookup;\n  time_unit : \"1ns\";\n  voltage_unit : \"1V\";\n  current_unit : \"1mA\";\n");
    out.push_str("  pulling_resistance_unit : \"1kohm\";\n  leakage_power_unit : \"1nW\";\n  capacitive_load_unit (1, pf);\n");
    let _ = writeln!(out, "  nom_voltage : {:.2};\n  nom_temperature : 25;\n  nom_process : 1;", p.electrical.vdd_v);
    for (bus, bits) in [("address", of.address_bits()), ("word", of.bits)] {
        let top = bits - 1;
        let _ = writeln!(
            out,
            "  type ({bus}) {{ base_type : array; data_type : bit; bit_width : {bits}; bit_from : {top}; bit_to : 0; downto : true; }}"
        );
    }
    let _ = writeln!(
        out,
        "  cell ({of}) {{\n    area : {area:.3};\n    dont_touch : true;\n    dont_use : true;\n    interface_timing : true;"
    );
    let _ = writeln!(
        out,
        "    cell_leakage_power : {:.4};\n    memory () {{ type : rom; address_width : {}; word_width : {}; }}",
        t.leakage_nw,
        of.address_bits(),
        of.bits
    );
    let _ = writeln!(
        out,
        "    pin (clk) {{\n      direction : input;\n      clock : true;\n      capacitance : {:.5};\n      min_pulse_width_low : {:.4};\n      min_pulse_width_high : {:.4};",
        t.clock_pf, t.precharge_ns, t.access_ns
    );
    let _ = writeln!(
        out,
        "      internal_power () {{ rise_power (scalar) {{ values (\"{:.5}\"); }} fall_power (scalar) {{ values (\"0\"); }} }}\n    }}",
        t.read_pj
    );
    let _ = writeln!(out, "    bus (a) {{\n      bus_type : address;\n      direction : input;\n      capacitance : {:.5};", t.address_pf);
    for (kind, ns) in [("setup_rising", t.setup_ns), ("hold_falling", 0.0)] {
        let _ = writeln!(
            out,
            "      timing () {{ related_pin : \"clk\"; timing_type : {kind}; rise_constraint (scalar) {{ values (\"{ns:.4}\"); }} fall_constraint (scalar) {{ values (\"{ns:.4}\"); }} }}"
        );
    }
    out.push_str("    }\n    bus (q) {\n      bus_type : word;\n      direction : output;\n      max_capacitance : 0.05;\n");
    let value = |ns: f64| format!("(scalar) {{ values (\"{ns:.4}\"); }}");
    let access = value(t.access_ns);
    let _ = writeln!(
        out,
        "      timing () {{ related_pin : \"clk\"; timing_type : rising_edge; cell_rise {access} cell_fall {access} rise_transition {} fall_transition {} }}",
        value(0.1),
        value(0.1)
    );
    out.push_str("    }\n  }\n}\n");
    out
}

/// The model: an output is the word's while the clock is high, and nought while bit lines are precharged.
pub fn verilog(f: &Frame) -> String {
    let of = f.of;
    let (address, bits, words) = (of.address_bits(), of.bits, of.words);
    format!(
        "// {words} words of {bits} bits, {mux} words a row. The address stands while the clock is high; the outputs are the word then, and\n\
         // nought while the clock is low. IMAGE has a word a line, hexadecimal, word 0 first.\n\
         module {of} #(parameter IMAGE = \"\") (\n  input clk,\n  input [{a}:0] a,\n  output [{b}:0] q\n);\n  \
         reg [{b}:0] mem [0:{last}];\n  initial if (IMAGE != \"\") $readmemh(IMAGE, mem);\n  \
         assign q = clk ? (a <= {last} ? mem[a] : {{{bits}{{1'b0}}}}) : {{{bits}{{1'b0}}}};\nendmodule\n",
        mux = of.mux,
        a = address - 1,
        b = bits - 1,
        last = words - 1,
    )
}
