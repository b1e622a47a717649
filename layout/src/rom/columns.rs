//! What stands above and below the columns of bits: precharge of the bit lines, the column multiplexer, the sense inverters; and each
//! of these rows where it crosses a column of taps.

use super::cells::{poly_contact, stack};
use super::dims::Dims;
use super::frame::Frame;
use crate::error::Error;
use crate::pen::Pen;
use crate::process::Layer::{Contact, Cut1, Cut2, Diff, Local, Metal1, Metal2, Poly, Tap};

/// Precharge of a column; `y` from the top of the pairs.
pub fn precharge(pen: &mut Pen<'_>, d: &Dims, f: &Frame) -> Result<(), Error> {
    let (mid, drain, supply, tap) = (d.middle, f.pre_drain - f.top, f.pre_supply - f.top, f.pre_tap - f.top);
    precharge_bars(pen, d, f, d.column)?;
    pen.rect(Diff, (mid - d.cell / 2, mid + d.cell / 2), (f.pre_bottom - f.top, f.pre_top - f.top))?;
    for y in [drain, supply, tap] {
        pen.cut(Contact, (mid, y))?;
        pen.cut(Cut1, (mid, y))?;
    }
    pen.about(Local, (mid, drain), (d.local, d.local_pad))?;
    pen.about(Local, (mid, supply), (d.local_pad, d.local))?;
    pen.about(Local, (mid, tap), (d.local_pad, d.local))?;
    pen.about(Metal1, (mid, drain), d.pad)?;
    pen.cut(Cut2, (mid, drain))?;
    let past = d.cut2 / 2 + pen.process.enclosure(Metal2, Cut2).1;
    pen.rect(Metal2, (mid - d.bit_line / 2, mid + d.bit_line / 2), (0, drain + past))
}

/// The gate, supply and tap of the precharge along `width`.
pub fn precharge_bars(pen: &mut Pen<'_>, d: &Dims, f: &Frame, width: i64) -> Result<(), Error> {
    let (supply, tap) = (f.pre_supply - f.top, f.pre_tap - f.top);
    let gate = supply - d.source_gap / 2 - d.poly;
    pen.rect(Poly, (0, width), (gate, gate + d.poly))?;
    pen.rect(Metal1, (0, width), (supply - d.bar / 2, supply + d.bar / 2))?;
    pen.rect(Metal1, (0, width), (tap - d.bar / 2, tap + d.bar / 2))?;
    pen.rect(Tap, (0, width), (tap - d.tap / 2, tap + d.tap / 2))
}

/// The multiplexer of a group over its bits: sources joined and led down, and a via for each column in its own row.
pub fn multiplexer(pen: &mut Pen<'_>, d: &Dims, f: &Frame) -> Result<(), Error> {
    let (half, pad) = (d.local / 2, d.local_pad / 2);
    let last = i64::from(f.of.mux - 1) * d.column;
    let right = (f.link + half).max(last + d.middle + pad);
    for pair in 0..f.mux_pairs {
        let y = pair * d.pair + d.source;
        pen.rect(Local, (d.middle - pad, right), (y - half, y + half))?;
    }
    let top = (f.mux_pairs - 1) * d.pair + d.source + half;
    pen.rect(Local, (f.link - half, f.link + half), (0, top))?;
    for column in 0..i64::from(f.of.mux) {
        pen.cut(Cut2, (column * d.column + d.middle, column / 2 * d.pair + d.drain_of(column % 2)))?;
    }
    Ok(())
}

/// The sense inverter of a group, with the precharge of the multiplexer's output.
pub fn sense(pen: &mut Pen<'_>, d: &Dims, f: &Frame) -> Result<(), Error> {
    let device = &pen.process.device;
    let (end_cap, clear) = (device.end_cap_nm, device.poly_to_diff_nm);
    let (half, pad, end) = (d.local / 2, d.local_pad / 2, d.contact / 2 + d.diff_end);
    let x = f.sense_x;
    sense_bars(pen, d, f, i64::from(f.of.mux) * d.column)?;
    let across = (x - d.cell / 2, x + d.cell / 2);
    pen.rect(Diff, across, (f.sense_source - end, f.sense_top))?;
    pen.rect(Diff, across, (f.sense_p_bottom, f.sense_p_top))?;
    // The inverter's two gates and what joins them.
    let riser = (f.link - d.poly / 2).max(across.1 + clear);
    let gates = [f.sense_source + d.source_gap / 2, f.sense_supply + d.source_gap / 2];
    for gate in gates {
        pen.rect(Poly, (across.0 - end_cap, riser + d.poly), (gate, gate + d.poly))?;
    }
    pen.rect(Poly, (riser, riser + d.poly), (gates[1], gates[0] + d.poly))?;
    poly_contact(pen, d, (f.link, f.sense_contact))?;
    for y in [f.sense_drain, f.sense_source, f.sense_p, f.sense_supply, f.sense_pre, f.sense_tap] {
        pen.cut(Contact, (x, y))?;
    }
    for y in [f.sense_source, f.sense_supply, f.sense_tap] {
        pen.cut(Cut1, (x, y))?;
    }
    for y in [f.sense_drain, f.sense_p] {
        pen.rect(Local, (f.out_x - half, x + pad), (y - half, y + half))?;
    }
    pen.rect(Local, (f.out_x - half, f.out_x + half), (f.sense_p - half, f.sense_drain + half))?;
    pen.about(Local, (x, f.sense_source), (d.local, d.local_pad))?;
    pen.about(Local, (x, f.sense_supply), (d.local, d.local_pad))?;
    pen.about(Local, (x, f.sense_tap), (d.local_pad, d.local))?;
    pen.rect(Local, (x - pad, f.link + half), (f.sense_pre - half, f.sense_pre + half))?;
    pen.rect(Local, (f.link - half, f.link + half), (f.sense_pre - half, 0))?;
    let out = (f.out_x, pen.process.up((f.sense_source + f.sense_supply).div_euclid(2)));
    stack(pen, d, out)?;
    let past = d.cut2 / 2 + pen.process.enclosure(Metal2, Cut2).1;
    pen.rect(Metal2, (out.0 - d.bit_line / 2, out.0 + d.bit_line / 2), (f.bottom, out.1 + past))
}

/// Clock, ground, supply and tap of the sense row along `width`.
pub fn sense_bars(pen: &mut Pen<'_>, d: &Dims, f: &Frame, width: i64) -> Result<(), Error> {
    let clock = clock(d, f);
    pen.rect(Poly, (0, width), (clock, clock + d.poly))?;
    for y in [f.sense_source, f.sense_supply, f.sense_tap] {
        pen.rect(Metal1, (0, width), (y - d.bar / 2, y + d.bar / 2))?;
    }
    pen.rect(Tap, (0, width), (f.sense_tap - d.tap / 2, f.sense_tap + d.tap / 2))
}

/// Lower edge of the clock's poly under the columns.
pub fn clock(d: &Dims, f: &Frame) -> i64 {
    f.sense_supply - d.source_gap / 2 - d.poly
}

/// The sense row in a column of taps, whose ground it meets.
pub fn sense_tap(pen: &mut Pen<'_>, d: &Dims, f: &Frame) -> Result<(), Error> {
    sense_bars(pen, d, f, d.strap)?;
    let mid = d.strap / 2;
    pen.rect(Metal1, (mid - d.bar / 2, mid + d.bar / 2), (f.sense_source - d.bar / 2, 0))
}
