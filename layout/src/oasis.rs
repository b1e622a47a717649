//! OASIS as a stream (SEMI P39): one grid step is a nanometre. Cells go by number, their names stand at the end; what is as it was last
//! time is left out.

use crate::error::Error;
use crate::sink::{Gds, Out, Place, Sink};
use hardwire_netlist::Rect;
use std::collections::HashMap;

const MAGIC: &[u8] = b"%SEMI-OASIS\r\n";
/// Length of the last record.
const END_BYTES: usize = 256;

pub struct OasisWriter<O> {
    out: O,
    buffer: Vec<u8>,
    cells: HashMap<String, u64>,
    names: Vec<String>,
    /// What the format keeps from one record to the next, since the cell began.
    modal: Modal,
}

#[derive(Default)]
struct Modal {
    layer: Option<Gds>,
    text_layer: Option<Gds>,
    size: Option<(i64, i64)>,
    cell: Option<u64>,
    at: (i64, i64),
    text_at: (i64, i64),
    cell_at: (i64, i64),
}

impl<O: Out> OasisWriter<O> {
    /// # Errors
    /// The file cannot be written.
    pub fn new(out: O) -> Result<Self, Error> {
        let mut writer = OasisWriter { out, buffer: MAGIC.to_vec(), cells: HashMap::new(), names: Vec::new(), modal: Modal::default() };
        writer.unsigned(1);
        writer.text("1.0");
        // 1000 steps a micrometre; tables are where the last record says: nowhere.
        writer.unsigned(0);
        writer.unsigned(1000);
        writer.unsigned(1);
        writer.flush()?;
        Ok(writer)
    }

    /// The destination, after [`Sink::finish`].
    pub fn into_inner(self) -> O {
        self.out
    }

    fn unsigned(&mut self, mut value: u64) {
        while value > 0x7f {
            self.buffer.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.buffer.push(value as u8);
    }

    fn signed(&mut self, value: i64) {
        self.unsigned(value.unsigned_abs() << 1 | u64::from(value < 0));
    }

    fn text(&mut self, text: &str) {
        self.unsigned(text.len() as u64);
        self.buffer.extend_from_slice(text.as_bytes());
    }

    fn number(&mut self, cell: &str) -> u64 {
        if let Some(&n) = self.cells.get(cell) {
            return n;
        }
        let n = self.names.len() as u64;
        self.cells.insert(cell.into(), n);
        self.names.push(cell.into());
        n
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.out.put(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

impl<O: Out> Sink for OasisWriter<O> {
    fn begin(&mut self, cell: &str) -> Result<(), Error> {
        let n = self.number(cell);
        self.modal = Modal::default();
        self.unsigned(13);
        self.unsigned(n);
        self.flush()
    }

    fn rect(&mut self, layer: Gds, r: Rect) -> Result<(), Error> {
        let (size, at) = ((r.width_nm(), r.height_nm()), (r.x0_nm, r.y0_nm));
        let (resized, relayered) = (self.modal.size != Some(size), self.modal.layer != Some(layer));
        let (x, y) = (self.modal.at.0 != at.0, self.modal.at.1 != at.1);
        let bit = |on: bool, at: u8| u8::from(on) << at;
        let info = bit(resized, 6) | bit(resized, 5) | bit(x, 4) | bit(y, 3) | bit(relayered, 1) | bit(relayered, 0);
        self.buffer.extend([20, info]);
        if relayered {
            self.unsigned(layer.0.into());
            self.unsigned(layer.1.into());
        }
        if resized {
            self.unsigned(size.0 as u64);
            self.unsigned(size.1 as u64);
        }
        if x {
            self.signed(at.0);
        }
        if y {
            self.signed(at.1);
        }
        self.modal = Modal { layer: Some(layer), size: Some(size), at, ..std::mem::take(&mut self.modal) };
        self.flush()
    }

    fn label(&mut self, layer: Gds, x_nm: i64, y_nm: i64, text: &str) -> Result<(), Error> {
        let relayered = u8::from(self.modal.text_layer != Some(layer));
        self.buffer.extend([19, 0b0101_1000 | relayered << 1 | relayered]);
        self.text(text);
        if relayered == 1 {
            self.unsigned(layer.0.into());
            self.unsigned(layer.1.into());
        }
        self.signed(x_nm);
        self.signed(y_nm);
        self.modal.text_layer = Some(layer);
        self.modal.text_at = (x_nm, y_nm);
        self.flush()
    }

    fn place(&mut self, cell: &str, p: Place) -> Result<(), Error> {
        let n = self.number(cell);
        let renamed = self.modal.cell != Some(n);
        let (x, y) = (self.modal.cell_at.0 != p.x_nm, self.modal.cell_at.1 != p.y_nm);
        let repeated = p.columns > 1 || p.rows > 1;
        let bit = |on: bool, at: u8| u8::from(on) << at;
        self.buffer.extend([17, bit(renamed, 7) | bit(renamed, 6) | bit(x, 5) | bit(y, 4) | bit(repeated, 3)]);
        if renamed {
            self.unsigned(n);
        }
        if x {
            self.signed(p.x_nm);
        }
        if y {
            self.signed(p.y_nm);
        }
        match (p.columns, p.rows) {
            (0..=1, 0..=1) => {}
            (columns, 0..=1) => {
                self.buffer.push(2);
                self.unsigned(u64::from(columns) - 2);
                self.unsigned(p.dx_nm as u64);
            }
            (0..=1, rows) => {
                self.buffer.push(3);
                self.unsigned(u64::from(rows) - 2);
                self.unsigned(p.dy_nm as u64);
            }
            (columns, rows) => {
                self.buffer.push(1);
                self.unsigned(u64::from(columns) - 2);
                self.unsigned(u64::from(rows) - 2);
                self.unsigned(p.dx_nm as u64);
                self.unsigned(p.dy_nm as u64);
            }
        }
        self.modal = Modal { cell: Some(n), cell_at: (p.x_nm, p.y_nm), ..std::mem::take(&mut self.modal) };
        self.flush()
    }

    fn end(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Error> {
        for (n, name) in std::mem::take(&mut self.names).iter().enumerate() {
            self.unsigned(4);
            self.text(name);
            self.unsigned(n as u64);
        }
        self.flush()?;
        // Offsets of six tables, none strict; then padding to the fixed length and no checksum.
        let mut end = vec![2u8];
        end.extend([0u8; 12]);
        let padding = END_BYTES - end.len() - 1 - 2;
        end.extend([padding as u8 | 0x80, (padding >> 7) as u8]);
        end.extend(std::iter::repeat_n(0, padding));
        end.push(0);
        self.out.put(&end)
    }
}
