//! GDSII as a stream: records of two bytes of length, a kind and a type, big-endian (Calma GDS II stream format, release 6). A database unit
//! is a nanometre. Times are those of no day, so that the same chip gives the same bytes.

use crate::error::Error;
use crate::sink::{Gds, Out, Place, Sink};
use hardwire_netlist::Rect;

pub(crate) mod kind {
    pub const HEADER: u16 = 0x0002;
    pub const BGNLIB: u16 = 0x0102;
    pub const LIBNAME: u16 = 0x0206;
    pub const UNITS: u16 = 0x0305;
    pub const ENDLIB: u16 = 0x0400;
    pub const BGNSTR: u16 = 0x0502;
    pub const STRNAME: u16 = 0x0606;
    pub const ENDSTR: u16 = 0x0700;
    pub const BOUNDARY: u16 = 0x0800;
    pub const SREF: u16 = 0x0a00;
    pub const AREF: u16 = 0x0b00;
    pub const TEXT: u16 = 0x0c00;
    pub const LAYER: u16 = 0x0d02;
    pub const DATATYPE: u16 = 0x0e02;
    pub const XY: u16 = 0x1003;
    pub const ENDEL: u16 = 0x1100;
    pub const SNAME: u16 = 0x1206;
    pub const COLROW: u16 = 0x1302;
    pub const TEXTTYPE: u16 = 0x1602;
    pub const STRING: u16 = 0x1906;
}

/// No day: 1970-01-01.
const DATE: [u16; 12] = [1970, 1, 1, 0, 0, 0, 1970, 1, 1, 0, 0, 0];
/// A nanometre in micrometres and in metres, as GDS writes reals (excess-64, base 16).
const UNITS: [u8; 16] = [0x3e, 0x41, 0x89, 0x37, 0x4b, 0xc6, 0xa7, 0xf0, 0x39, 0x44, 0xb8, 0x2f, 0xa0, 0x9b, 0x5a, 0x54];
/// Most columns or rows of an array: the format counts in 15 bits.
const MOST: u32 = 32_767;

pub struct GdsWriter<O> {
    out: O,
    element: Vec<u8>,
}

impl<O: Out> GdsWriter<O> {
    /// # Errors
    /// The file cannot be written.
    pub fn new(out: O) -> Result<Self, Error> {
        let mut writer = GdsWriter { out, element: Vec::new() };
        writer.shorts(kind::HEADER, &[600]);
        writer.shorts(kind::BGNLIB, &DATE);
        writer.text(kind::LIBNAME, "hardwire");
        writer.record(kind::UNITS, &UNITS);
        writer.flush()?;
        Ok(writer)
    }

    /// The destination, after [`Sink::finish`].
    pub fn into_inner(self) -> O {
        self.out
    }

    fn record(&mut self, kind: u16, data: &[u8]) {
        self.element.extend_from_slice(&(data.len() as u16 + 4).to_be_bytes());
        self.element.extend_from_slice(&kind.to_be_bytes());
        self.element.extend_from_slice(data);
    }

    fn shorts(&mut self, kind: u16, values: &[u16]) {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_be_bytes()).collect();
        self.record(kind, &bytes);
    }

    fn points(&mut self, points: &[(i64, i64)]) {
        self.element.extend_from_slice(&(points.len() as u16 * 8 + 4).to_be_bytes());
        self.element.extend_from_slice(&kind::XY.to_be_bytes());
        for (x, y) in points {
            self.element.extend_from_slice(&(*x as i32).to_be_bytes());
            self.element.extend_from_slice(&(*y as i32).to_be_bytes());
        }
    }

    /// Text, to an even number of bytes.
    fn text(&mut self, kind: u16, text: &str) {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(bytes.len().next_multiple_of(2), 0);
        self.record(kind, &bytes);
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.out.put(&self.element)?;
        self.element.clear();
        Ok(())
    }
}

impl<O: Out> Sink for GdsWriter<O> {
    fn begin(&mut self, cell: &str) -> Result<(), Error> {
        self.shorts(kind::BGNSTR, &DATE);
        self.text(kind::STRNAME, cell);
        self.flush()
    }

    fn rect(&mut self, (layer, datatype): Gds, r: Rect) -> Result<(), Error> {
        self.record(kind::BOUNDARY, &[]);
        self.shorts(kind::LAYER, &[layer]);
        self.shorts(kind::DATATYPE, &[datatype]);
        self.points(&[(r.x0_nm, r.y0_nm), (r.x0_nm, r.y1_nm), (r.x1_nm, r.y1_nm), (r.x1_nm, r.y0_nm), (r.x0_nm, r.y0_nm)]);
        self.record(kind::ENDEL, &[]);
        self.flush()
    }

    fn label(&mut self, (layer, kind_of): Gds, x_nm: i64, y_nm: i64, text: &str) -> Result<(), Error> {
        self.record(kind::TEXT, &[]);
        self.shorts(kind::LAYER, &[layer]);
        self.shorts(kind::TEXTTYPE, &[kind_of]);
        self.points(&[(x_nm, y_nm)]);
        self.text(kind::STRING, text);
        self.record(kind::ENDEL, &[]);
        self.flush()
    }

    fn place(&mut self, cell: &str, p: Place) -> Result<(), Error> {
        if p.columns > MOST || p.rows > MOST {
            // In pieces that the format can count.
            for first_row in (0..p.rows).step_by(MOST as usize) {
                for first in (0..p.columns).step_by(MOST as usize) {
                    let (x_nm, y_nm) = (p.x_nm + i64::from(first) * p.dx_nm, p.y_nm + i64::from(first_row) * p.dy_nm);
                    let (columns, rows) = ((p.columns - first).min(MOST), (p.rows - first_row).min(MOST));
                    self.place(cell, Place { x_nm, y_nm, columns, rows, ..p })?;
                }
            }
            return Ok(());
        }
        let array = p.columns > 1 || p.rows > 1;
        self.record(if array { kind::AREF } else { kind::SREF }, &[]);
        self.text(kind::SNAME, cell);
        if array {
            self.shorts(kind::COLROW, &[p.columns as u16, p.rows as u16]);
            let (w, h) = (i64::from(p.columns) * p.dx_nm, i64::from(p.rows) * p.dy_nm);
            self.points(&[(p.x_nm, p.y_nm), (p.x_nm + w, p.y_nm), (p.x_nm, p.y_nm + h)]);
        } else {
            self.points(&[(p.x_nm, p.y_nm)]);
        }
        self.record(kind::ENDEL, &[]);
        self.flush()
    }

    fn end(&mut self) -> Result<(), Error> {
        self.record(kind::ENDSTR, &[]);
        self.flush()
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.record(kind::ENDLIB, &[]);
        self.flush()
    }
}
