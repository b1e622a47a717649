//! The macro itself: its repeated cells in arrays, wells and implants, rails, clock and labels. Nothing here depends on what the ROM holds.

use super::cells::{self, poly_contact, rail, round_cut1, stack};
use super::columns::{self, clock};
use super::dims::Dims;
use super::frame::{Frame, SEGMENT};
use super::shape::Macro;
use crate::error::Error;
use crate::pen::Pen;
use crate::process::Layer::{Boundary, Contact, Cut2, Local, Metal1, Metal2, Npc, Nplus, Nwell, Poly, Pplus};
use crate::process::Process;
use crate::sink::{Place, Sink};
use hardwire_netlist::Rect;
use std::collections::BTreeSet;

/// Begins the names of the macros' cells.
const P: &str = "rom_";

type Draw<'a> = &'a dyn Fn(&mut Pen<'_>) -> Result<(), Error>;

fn cell(pen: &mut Pen<'_>, done: &mut BTreeSet<String>, name: &str, draw: Draw<'_>) -> Result<(), Error> {
    if done.insert(name.into()) {
        pen.sink.begin(name)?;
        draw(pen)?;
        pen.sink.end()?;
    }
    Ok(())
}

/// The cells that the macros in `all` repeat, then each macro's base, each once.
///
/// # Errors
/// The file cannot be written.
pub fn macro_cells(sink: &mut dyn Sink, process: &Process, d: &Dims, all: &[Macro]) -> Result<(), Error> {
    let mut done = BTreeSet::new();
    for &of in all {
        let f = &Frame::of(process, d, of);
        let pen = &mut Pen { sink, process, up: 0 };
        let (mux, gates) = (of.mux, f.gates);
        cell(pen, &mut done, "rom_bit", &|pen| cells::bit(pen, d))?;
        cell(pen, &mut done, "rom_ground", &|pen| cells::ground(pen, d))?;
        cell(pen, &mut done, "rom_tap", &|pen| cells::tap(pen, d, true))?;
        cell(pen, &mut done, "rom_tap_mux", &|pen| cells::tap(pen, d, false))?;
        cell(pen, &mut done, "rom_bypass", &|pen| cells::bypass(pen, d))?;
        cell(pen, &mut done, "rom_precharge", &|pen| columns::precharge(pen, d, f))?;
        cell(pen, &mut done, "rom_precharge_tap", &|pen| columns::precharge_bars(pen, d, f, d.strap))?;
        cell(pen, &mut done, "rom_sense_tap", &|pen| columns::sense_tap(pen, d, f))?;
        cell(pen, &mut done, "rom_inverter", &|pen| cells::inverter(pen, d, f))?;
        cell(pen, &mut done, &format!("{P}mux{mux}"), &|pen| columns::multiplexer(pen, d, f))?;
        cell(pen, &mut done, &format!("{P}sense{mux}"), &|pen| columns::sense(pen, d, f))?;
        cell(pen, &mut done, &format!("{P}decoder{gates}"), &|pen| cells::decoder(pen, d, f))?;
        base(pen.sink, process, d, of)?;
    }
    Ok(())
}

/// A macro's base, under its name, of cells written before. Its lower left corner is the origin.
///
/// # Errors
/// The file cannot be written.
pub fn base(sink: &mut dyn Sink, process: &Process, d: &Dims, of: Macro) -> Result<(), Error> {
    let f = &Frame::of(process, d, of);
    sink.begin(&of.to_string())?;
    let pen = &mut Pen { sink, process, up: -f.bottom };
    pen.rect(Boundary, (0, f.width), (f.bottom, f.bottom + f.height))?;
    repeated(pen, d, f)?;
    masks(pen, d, f)?;
    rails(pen, d, f)?;
    clock_tree(pen, d, f)?;
    pins(pen, d, f)?;
    pen.sink.end()
}

fn repeated(pen: &mut Pen<'_>, d: &Dims, f: &Frame) -> Result<(), Error> {
    let (pairs, mux) = (f.pairs as u32, f.of.mux);
    let bits = (f.pairs - f.mux_pairs) as u32;
    let array = f.mux_pairs * d.pair;
    pen.place(&format!("{P}decoder{}", f.gates), Place::at(0, 0).array(1, pairs, 0, d.pair))?;
    pen.place("rom_inverter", Place::at(f.contact(d, 1), f.top).array(f.of.address_bits(), 1, 2 * d.gates, 0))?;
    for row in 0..2 * f.pairs {
        let y = row / 2 * d.pair + d.strip(row % 2);
        for gate in (0..f.of.address_bits()).flat_map(|bit| bypassed(f, row, bit)) {
            pen.place("rom_bypass", Place::at(f.gate(d, gate), y))?;
        }
    }
    for first in (0..f.of.columns()).step_by(SEGMENT as usize) {
        let columns = (f.of.columns() - first).min(SEGMENT);
        let (x, groups) = (f.column(d, first), columns / mux);
        pen.place("rom_bit", Place::at(x, 0).array(columns, pairs, d.column, d.pair))?;
        pen.place("rom_ground", Place::at(x, array).array(columns, bits, d.column, d.pair))?;
        pen.place("rom_precharge", Place::at(x, f.top).array(columns, 1, d.column, 0))?;
        pen.place(&format!("{P}mux{mux}"), Place::at(x, 0).array(groups, 1, i64::from(mux) * d.column, 0))?;
        pen.place(&format!("{P}sense{mux}"), Place::at(x, 0).array(groups, 1, i64::from(mux) * d.column, 0))?;
    }
    let segments = f.of.columns().div_ceil(SEGMENT);
    let straps = (0..segments).map(|s| f.column(d, s * SEGMENT) - d.strap).chain([f.array_end - d.strap]);
    for x in straps {
        pen.place("rom_tap_mux", Place::at(x, 0).array(1, f.mux_pairs as u32, 0, d.pair))?;
        pen.place("rom_tap", Place::at(x, array).array(1, bits, 0, d.pair))?;
        pen.place("rom_precharge_tap", Place::at(x, f.top))?;
        pen.place("rom_sense_tap", Place::at(x, 0))?;
    }
    Ok(())
}

/// The gates of an address bit that a row's chain goes past: all of them but the one that must conduct for this row. Rows of the multiplexer
/// look at the low bits alone, rows of the array at the others.
pub fn bypassed(f: &Frame, row: i64, bit: u32) -> Vec<i64> {
    let low = f.of.mux.ilog2();
    let (truth, complement) = (1 + 2 * i64::from(bit), 2 + 2 * i64::from(bit));
    let value = match (row < 2 * f.mux_pairs, bit < low) {
        (true, true) => row >> bit & 1,
        (false, false) => (row - 2 * f.mux_pairs) >> (bit - low) & 1,
        _ => return vec![truth, complement],
    };
    vec![if value == 1 { complement } else { truth }]
}

/// Wells, implants and the opening of the contacts on poly.
fn masks(pen: &mut Pen<'_>, d: &Dims, f: &Frame) -> Result<(), Error> {
    let p = pen.process;
    let end = d.contact / 2 + d.diff_end;
    let i = d.implant;
    let (wn, wp, inverter) = (p.device.driver_n_nm, p.device.driver_p_nm, p.device.inverter_p_nm / 2);
    let (left, right) = (f.contact(d, 1) - end, f.contact(d, f.gates - 1) + end);
    let inverter_well = (f.inverter_p - inverter - d.well, f.inverter_p + inverter + d.well);
    let driver = f.driver_p + wp + d.well;
    let up = inverter_well.1.max(f.pre_well);
    pen.rect(Nwell, (f.node - end - d.well, driver), (f.sense_well, up))?;
    pen.rect(Nwell, (left - d.well, driver), inverter_well)?;
    pen.rect(Nwell, (f.driver_p, f.array_end + d.well), (f.pre_bottom - d.well, f.pre_well))?;
    pen.rect(Nwell, (f.driver_p, f.array_end + d.well), (f.sense_well, f.sense_p_top + d.well))?;

    let pairs = (0, f.top);
    let around = (-i, f.top + i);
    let first = f.array + d.strap + f.sense_x - d.cell / 2 - i;
    let columns = (first.min(f.array + d.strap), f.array_end - d.strap);
    pen.rect(Nplus, (f.first - end - i, f.contact(d, f.gates) + end + i), (0, f.inverter_n + d.cell / 2 + i))?;
    pen.rect(Nplus, (f.well_tap - i, f.well_tap + d.tap + i), around)?;
    pen.rect(Nplus, (f.driver_n - i, f.driver_n + wn + i), pairs)?;
    for column in (0..f.of.columns()).step_by(SEGMENT as usize) {
        let (x, width) = (f.column(d, column), i64::from((f.of.columns() - column).min(SEGMENT)) * d.column);
        pen.rect(Nplus, (x, x + width), pairs)?;
    }
    pen.rect(Nplus, columns, (f.sense_source - end - i, f.sense_top + i))?;
    for tap in [f.sense_tap, f.pre_tap] {
        pen.rect(Nplus, (f.array - i, f.array_end + i), (tap - d.tap / 2 - i, tap + d.tap / 2 + i))?;
    }
    pen.rect(Pplus, (f.tap - i, f.tap + d.tap + i), around)?;
    pen.rect(Pplus, (f.node - end - i, f.supply + end + i), pairs)?;
    pen.rect(Pplus, (f.driver_p - i, f.driver_p + wp + i), pairs)?;
    pen.rect(Pplus, columns, (f.pre_bottom - i, f.pre_top + i))?;
    pen.rect(Pplus, columns, (f.sense_p_bottom - i, f.sense_p_top + i))?;
    pen.rect(Pplus, (left - i, right + i), (f.inverter_p - inverter - i, f.inverter_p + inverter + i))?;
    let npc = d.contact / 2 + p.enclosure(Npc, Contact).0;
    for x in [f.to_poly, f.word_line + d.poly_pad.0 / 2] {
        pen.rect(Npc, (x - npc, x + npc), pairs)?;
    }
    Ok(())
}

/// Rails of supply and ground on metal 1, and the one hop on metal 2.
fn rails(pen: &mut Pen<'_>, d: &Dims, f: &Frame) -> Result<(), Error> {
    let p = pen.process;
    let around = round_cut1(p, d);
    let half = d.bar / 2;
    let bar = |y: i64| (y - half, y + half);
    let ground = (f.tap + d.tap / 2 - around, f.first + around);
    let supply = (f.supply - around, f.well_tap + d.tap / 2 + around);
    let driver_n = rail(p, d, f.driver_n, p.device.driver_n_nm);
    let driver_p = rail(p, d, f.driver_p, p.device.driver_p_nm);
    pen.rect(Metal1, ground, (f.sense_source - half, f.inverter_n + half))?;
    pen.rect(Metal1, supply, (f.sense_tap - half, f.pre_tap.max(f.inverter_p) + half))?;
    pen.rect(Metal1, driver_p, (f.sense_tap - half, f.pre_tap + half))?;
    pen.rect(Metal1, driver_n, (f.sense_source - half, f.top))?;
    pen.rect(Metal1, (ground.0, f.contact(d, f.gates - 2) + around), bar(f.inverter_n))?;
    pen.rect(Metal1, (f.contact(d, 1) - around, supply.1), bar(f.inverter_p))?;
    for y in [f.pre_supply, f.pre_tap, f.sense_supply, f.sense_tap] {
        pen.rect(Metal1, (supply.0, f.array), bar(y))?;
    }
    pen.rect(Metal1, (driver_n.0, f.array), bar(f.sense_source))?;
    for pair in f.mux_pairs..f.pairs {
        pen.rect(Metal1, (driver_n.0, f.array), bar(pair * d.pair + d.source))?;
    }
    let ends = [(ground.0 + ground.1) / 2, (driver_n.0 + driver_n.1) / 2].map(|x| x - x % p.grid_nm);
    let past = d.cut2 / 2 + p.enclosure(Metal2, Cut2).1;
    pen.rect(Metal2, (ends[0] - past, ends[1] + past), (f.sense_source - d.bit_line / 2, f.sense_source + d.bit_line / 2))?;
    for x in ends {
        pen.cut(Cut2, (x, f.sense_source))?;
    }
    Ok(())
}

/// The clock's poly: the feet of the decoder's chains, every precharge, and its pin.
fn clock_tree(pen: &mut Pen<'_>, d: &Dims, f: &Frame) -> Result<(), Error> {
    let (low, pre) = (clock(d, f), f.pre_supply - d.source_gap / 2);
    let (foot, charge) = (f.gate(d, 0), (f.node + f.supply) / 2);
    let wide = |x: i64| (x - d.poly / 2, x + d.poly / 2);
    pen.rect(Poly, wide(foot), (low, 0))?;
    pen.rect(Poly, wide(charge), (low, 0))?;
    pen.rect(Poly, wide(charge), (f.top, pre))?;
    pen.rect(Poly, (foot - d.poly / 2, f.array), (low, low + d.poly))?;
    pen.rect(Poly, (charge - d.poly / 2, f.array), (pre - d.poly, pre))?;
    // The feet's gates end past the uppermost row as every gate does.
    let at = clock_pin(d, f);
    poly_contact(pen, d, at)?;
    pen.about(Local, at, (d.local_pad, d.local))?;
    stack(pen, d, at)?;
    let past = d.cut2 / 2 + pen.process.enclosure(Metal2, Cut2).1;
    pen.rect(Metal2, (at.0 - d.bit_line / 2, at.0 + d.bit_line / 2), (f.bottom, at.1 + past))
}

fn clock_pin(d: &Dims, f: &Frame) -> (i64, i64) {
    (f.contact(d, 2), clock(d, f) + d.poly_pad.1 / 2)
}

/// Name and middle of each signal pin, on metal 2 at the lower or the upper edge; `y` from the macro's corner.
pub fn signal_pins(d: &Dims, f: &Frame) -> Vec<(String, i64, i64)> {
    let (low, high) = (d.bit_line / 2, f.height - d.bit_line / 2);
    let mut all = vec![("clk".to_string(), clock_pin(d, f).0, low)];
    all.extend((0..f.of.address_bits()).map(|i| (format!("a[{i}]"), f.gate(d, 1 + 2 * i64::from(i)), high)));
    all.extend((0..f.of.bits).map(|b| (format!("q[{b}]"), f.column(d, b * f.of.mux) + f.out_x, low)));
    all
}

/// The metal 1 of ground and supply that a chip's grid meets: name and rectangle, `y` from the macro's corner.
pub fn power_pins(p: &Process, d: &Dims, f: &Frame) -> [(&'static str, Rect); 2] {
    let around = round_cut1(p, d);
    let ground = (f.tap + d.tap / 2 - around, f.first + around);
    let supply = (f.supply - around, f.well_tap + d.tap / 2 + around);
    let along = |x: (i64, i64)| Rect::new(x.0, -f.bottom, x.1, f.top - f.bottom);
    [("VSS", along(ground)), ("VDD", along(supply))]
}

fn pins(pen: &mut Pen<'_>, d: &Dims, f: &Frame) -> Result<(), Error> {
    for (name, x, y) in signal_pins(d, f) {
        pen.label(Metal2, (x, y + f.bottom), &name)?;
    }
    for (name, r) in power_pins(pen.process, d, f) {
        pen.label(Metal1, ((r.x0_nm + r.x1_nm) / 2, (r.y0_nm + r.y1_nm) / 2 + f.bottom), name)?;
    }
    Ok(())
}
