//! The program of a macro: a via for every bit that is one. Eight neighbouring columns of a row are one of 255 cells, so that a row takes an
//! eighth as many placements as it has bits, whatever they are.

use super::dims::Dims;
use super::frame::Frame;
use crate::error::Error;
use crate::pen::Pen;
use crate::process::{PROGRAM, Process};
use crate::sink::{Place, Sink};

/// Columns of a pattern cell. A segment between taps holds whole ones.
pub const PATTERN: u32 = 8;

fn name(pattern: u8) -> String {
    format!("via{pattern:02x}")
}

/// The pattern cells; column 0 in the lowest bit, its via about the origin.
///
/// # Errors
/// The file cannot be written.
pub fn pattern_cells(sink: &mut dyn Sink, process: &Process, d: &Dims) -> Result<(), Error> {
    for pattern in 1..=255u8 {
        sink.begin(&name(pattern))?;
        let mut pen = Pen { sink, process, up: 0 };
        for column in (0..PATTERN).filter(|c| pattern >> c & 1 == 1) {
            pen.cut(PROGRAM, (i64::from(column) * d.column, 0))?;
        }
        sink.end()?;
    }
    Ok(())
}

/// Places the vias of one macro in the open cell, with the macro's corner at the origin. `row(r, out)` sets a row's columns, eight a byte,
/// the first lowest. Gives the number of vias.
///
/// # Errors
/// The file cannot be written.
pub fn program(sink: &mut dyn Sink, d: &Dims, f: &Frame, row: &mut dyn FnMut(u32, &mut [u8])) -> Result<u64, Error> {
    let mut bytes = vec![0u8; f.of.columns().div_ceil(PATTERN) as usize];
    let mut vias = 0;
    for r in 0..f.of.rows() {
        bytes.fill(0);
        row(r, &mut bytes);
        for (i, &pattern) in bytes.iter().enumerate().filter(|(_, b)| **b != 0) {
            let (x, y) = f.via(d, r, i as u32 * PATTERN);
            sink.place(&name(pattern), Place::at(x, y))?;
            vias += u64::from(pattern.count_ones());
        }
    }
    Ok(vias)
}
