//! The cells that a macro repeats: bits, grounds, taps, a decoder's pair of rows, the bypass of a gate, an address inverter.

use super::dims::Dims;
use super::frame::Frame;
use crate::error::Error;
use crate::pen::Pen;
use crate::process::Layer::{Contact, Cut1, Cut2, Diff, Local, Metal1, Metal2, Npc, Poly, Pplus, Tap};
use crate::process::Process;

/// Middles of the contacts side by side in a transistor `width` wide whose left edge is `x`.
pub fn contacts(p: &Process, d: &Dims, x: i64, width: i64) -> Vec<i64> {
    let pitch = (d.contact + p.rule(Contact).space).max(d.cut1 + p.rule(Cut1).space);
    let n = ((width - 2 * d.diff_end - d.contact) / pitch).max(0) + 1;
    let first = x + p.up((width - (n - 1) * pitch) / 2);
    (0..n).map(|i| first + i * pitch).collect()
}

/// From the middle of a cut to the end of the metal 1 about it.
pub fn round_cut1(p: &Process, d: &Dims) -> i64 {
    d.cut1 / 2 + p.enclosure(Metal1, Cut1).1
}

/// Two bits of a column: their transistors, drains up to metal 1, sources down to their contact, and the bit line.
pub fn bit(pen: &mut Pen<'_>, d: &Dims) -> Result<(), Error> {
    let (mid, all) = (d.middle, (0, d.column));
    pen.rect(Diff, (mid - d.cell / 2, mid + d.cell / 2), (d.half_break, d.pair - d.half_break))?;
    pen.cut(Contact, (mid, d.source))?;
    for row in [0, 1] {
        pen.rect(Poly, all, (d.gate_of(row), d.gate_of(row) + d.poly))?;
        let at = (mid, d.drain_of(row));
        pen.cut(Contact, at)?;
        pen.about(Local, at, (d.local, d.local_pad))?;
        pen.cut(Cut1, at)?;
        pen.about(Metal1, at, d.pad)?;
    }
    pen.rect(Metal2, (mid - d.bit_line / 2, mid + d.bit_line / 2), (0, d.pair))
}

/// The ground of two bits.
pub fn ground(pen: &mut Pen<'_>, d: &Dims) -> Result<(), Error> {
    bars(pen, d, d.column)?;
    pen.cut(Cut1, (d.middle, d.source))
}

fn bars(pen: &mut Pen<'_>, d: &Dims, width: i64) -> Result<(), Error> {
    pen.rect(Local, (0, width), (d.source - d.local / 2, d.source + d.local / 2))?;
    pen.rect(Metal1, (0, width), (d.source - d.bar / 2, d.source + d.bar / 2))
}

/// A pair of rows in a column of taps; with the ground's bars among bits.
pub fn tap(pen: &mut Pen<'_>, d: &Dims, grounded: bool) -> Result<(), Error> {
    let mid = d.strap / 2;
    for row in [0, 1] {
        pen.rect(Poly, (0, d.strap), (d.gate_of(row), d.gate_of(row) + d.poly))?;
    }
    pen.about(Tap, (mid, 0), (d.tap, d.tap))?;
    let past = d.tap / 2 + d.implant;
    pen.rect(Pplus, (mid - past, mid + past), (-past, past))?;
    pen.cut(Contact, (mid, 0))?;
    pen.about(Local, (mid, 0), (d.local, d.local_pad))?;
    pen.cut(Cut1, (mid, 0))?;
    pen.rect(Metal1, (mid - d.bar / 2, mid + d.bar / 2), (-d.bar / 2, d.pair))?;
    if grounded { bars(pen, d, d.strap) } else { Ok(()) }
}

/// The bypass of a decoder's gate, about its middle.
pub fn bypass(pen: &mut Pen<'_>, d: &Dims) -> Result<(), Error> {
    let half = d.gates / 2;
    pen.cut(Contact, (-half, 0))?;
    pen.cut(Contact, (half, 0))?;
    pen.rect(Local, (-half - d.local_pad / 2, half + d.local_pad / 2), (-d.local / 2, d.local / 2))
}

/// Two rows of the decoder: the chains of gates, their precharge, and the inverters that drive the word lines.
pub fn decoder(pen: &mut Pen<'_>, d: &Dims, f: &Frame) -> Result<(), Error> {
    let p = pen.process;
    let (half, pad) = (d.local / 2, d.local_pad / 2);
    let end = d.contact / 2 + d.diff_end;
    let around = round_cut1(p, d);
    let all = (0, d.pair);
    let (tap, well_tap, last) = (f.tap + d.tap / 2, f.well_tap + d.tap / 2, f.contact(d, f.gates));
    let gates = (0..f.gates).map(|k| f.gate(d, k)).chain([(f.node + f.supply) / 2]);
    for x in gates {
        pen.rect(Poly, (x - d.poly / 2, x + d.poly / 2), all)?;
    }
    pen.rect(Tap, (f.tap, f.tap + d.tap), all)?;
    pen.rect(Tap, (f.well_tap, f.well_tap + d.tap), all)?;
    pen.rect(Metal1, (tap - around, f.first + around), all)?;
    pen.rect(Metal1, (f.supply - around, well_tap + around), all)?;
    let line = f.word_line + d.poly_pad.0 / 2;
    for row in [0, 1] {
        let (s, wire, node) = (d.strip(row), d.wire(row), d.node_contact(row));
        let gate = d.gate_of(row);
        pen.rect(Diff, (f.first - end, last + end), (s - d.cell / 2, s + d.cell / 2))?;
        pen.rect(Diff, (f.node - end, f.supply + end), (s - d.cell / 2, s + d.cell / 2))?;
        for x in [tap, f.first, last, f.node, f.supply, well_tap] {
            pen.cut(Contact, (x, s))?;
        }
        for x in [tap, f.first, f.supply, well_tap] {
            pen.cut(Cut1, (x, s))?;
        }
        let across = (s - half, s + half);
        pen.rect(Local, (tap - pad, f.first + pad), across)?;
        pen.rect(Local, (f.supply - pad, well_tap + pad), across)?;
        pen.rect(Local, (last - pad, f.node + pad), across)?;
        pen.rect(Local, (f.node - half, f.node + half), (s - half, wire + half))?;
        pen.rect(Local, (f.node - half, f.to_poly + half), (wire - half, wire + half))?;
        pen.rect(Local, (f.to_poly - pad, f.to_poly + pad), (node - half, wire + half))?;
        pen.cut(Contact, (f.to_poly, node))?;
        // The pads reach from their gate outwards, where the drains are.
        let (wide, high) = (d.poly_pad.0 / 2, d.poly_pad.1 / 2);
        let reach = |middle: i64| if row == 0 { (middle - high, gate + d.poly) } else { (gate, middle + high) };
        pen.rect(Poly, (f.to_poly - wide, f.to_poly + wide), reach(node))?;
        pen.rect(Poly, (f.to_poly - wide, f.driver_n + p.device.driver_n_nm + p.device.end_cap_nm), (gate, gate + d.poly))?;
        let word = if row == 0 { gate + d.poly - high } else { gate + high };
        pen.rect(Poly, (line - wide, line + wide), reach(word))?;
        pen.rect(Poly, (line - wide, f.array), (gate, gate + d.poly))?;
        pen.cut(Contact, (line, word))?;
        let drain = d.drain_of(row);
        let first = contacts(p, d, f.driver_p, p.device.driver_p_nm)[0];
        pen.rect(Local, (first - pad, line + pad), (drain - half, drain + half))?;
        let joined = if row == 0 { (drain - half, word + half) } else { (word - half, drain + half) };
        pen.rect(Local, (line - pad, line + pad), joined)?;
    }
    for (x, width) in [(f.driver_p, p.device.driver_p_nm), (f.driver_n, p.device.driver_n_nm)] {
        pen.rect(Diff, (x, x + width), (d.half_break, d.pair - d.half_break))?;
        let at = contacts(p, d, x, width);
        for &x in &at {
            for y in [d.drain, d.source, d.pair - d.drain] {
                pen.cut(Contact, (x, y))?;
            }
            pen.cut(Cut1, (x, d.source))?;
        }
        pen.rect(Local, (at[0] - pad, at[at.len() - 1] + pad), (d.source - half, d.source + half))?;
        pen.rect(Metal1, rail(p, d, x, width), all)?;
    }
    Ok(())
}

/// The supply's rail over a driver.
pub fn rail(p: &Process, d: &Dims, x: i64, width: i64) -> (i64, i64) {
    let at = contacts(p, d, x, width);
    let around = round_cut1(p, d).max(d.cut2 / 2 + p.enclosure(Metal1, Cut2).1);
    (at[0] - around, at[at.len() - 1] + around)
}

/// A contact on poly with its pad, up to local.
pub fn poly_contact(pen: &mut Pen<'_>, d: &Dims, at: (i64, i64)) -> Result<(), Error> {
    pen.about(Poly, at, d.poly_pad)?;
    let npc = d.contact + 2 * pen.process.enclosure(Npc, Contact).0;
    pen.about(Npc, at, (npc, npc))?;
    pen.cut(Contact, at)
}

/// From local up to metal 2; the metal 2 is the caller's.
pub fn stack(pen: &mut Pen<'_>, d: &Dims, at: (i64, i64)) -> Result<(), Error> {
    pen.cut(Cut1, at)?;
    pen.about(Metal1, at, d.pad)?;
    pen.cut(Cut2, at)
}

/// An address bit's inverter, from the contact left of its true gate; `y` from the top of the pairs.
pub fn inverter(pen: &mut Pen<'_>, d: &Dims, f: &Frame) -> Result<(), Error> {
    let p = pen.process;
    let (complement, n, inverter_p, address) = (f.complement - f.top, f.inverter_n - f.top, f.inverter_p - f.top, f.address - f.top);
    let (half, pad, end) = (d.local / 2, d.local_pad / 2, d.contact / 2 + d.diff_end);
    let (truth, drain, other) = (d.gates / 2, d.gates, d.gates * 3 / 2);
    pen.rect(Poly, (truth - d.poly / 2, truth + d.poly / 2), (0, address))?;
    pen.rect(Poly, (other - d.poly / 2, other + d.poly / 2), (0, complement))?;
    poly_contact(pen, d, (truth, address))?;
    poly_contact(pen, d, (other, complement))?;
    pen.about(Local, (truth, address), (d.local_pad, d.local))?;
    stack(pen, d, (truth, address))?;
    let past = d.cut2 / 2 + p.enclosure(Metal2, Cut2).1;
    let edge = f.height + f.bottom - f.top;
    pen.rect(Metal2, (truth - d.bit_line / 2, truth + d.bit_line / 2), (address - past, edge))?;
    pen.rect(Local, (drain - half, other + pad), (complement - half, complement + half))?;
    pen.rect(Local, (drain - half, drain + half), (complement - half, inverter_p + pad))?;
    for (y, width) in [(n, d.cell), (inverter_p, p.device.inverter_p_nm)] {
        pen.rect(Diff, (-end, drain + end), (y - width / 2, y + width / 2))?;
        pen.cut(Contact, (0, y))?;
        pen.cut(Contact, (drain, y))?;
        pen.about(Local, (0, y), (d.local, d.local_pad))?;
        pen.cut(Cut1, (0, y))?;
    }
    Ok(())
}
