//! Where geometry goes: cells of rectangles, labels and placed cells, one after another, a cell before it is placed. A layout file is
//! written through this, shape by shape; nothing is kept.

use crate::error::Error;
use hardwire_netlist::Rect;

/// Layer and datatype.
pub type Gds = (u16, u16);

/// A regular array of one cell; one of each is a single placement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub x_nm: i64,
    pub y_nm: i64,
    pub columns: u32,
    pub rows: u32,
    pub dx_nm: i64,
    pub dy_nm: i64,
}

impl Place {
    pub fn at(x_nm: i64, y_nm: i64) -> Place {
        Place { x_nm, y_nm, columns: 1, rows: 1, dx_nm: 0, dy_nm: 0 }
    }

    /// `columns` by `rows` of them, so far apart.
    pub fn array(self, columns: u32, rows: u32, dx_nm: i64, dy_nm: i64) -> Place {
        Place { columns, rows, dx_nm, dy_nm, ..self }
    }
}

/// A writer of one layout file. Cells are not turned or mirrored.
pub trait Sink {
    /// # Errors
    /// The file cannot be written; as for all others.
    fn begin(&mut self, cell: &str) -> Result<(), Error>;
    fn rect(&mut self, layer: Gds, rect: Rect) -> Result<(), Error>;
    fn label(&mut self, layer: Gds, x_nm: i64, y_nm: i64, text: &str) -> Result<(), Error>;
    fn place(&mut self, cell: &str, place: Place) -> Result<(), Error>;
    fn end(&mut self) -> Result<(), Error>;
    /// Completes the file.
    fn finish(&mut self) -> Result<(), Error>;
}

/// Bytes to a file, or to memory.
pub trait Out {
    /// # Errors
    /// The file cannot be written.
    fn put(&mut self, bytes: &[u8]) -> Result<(), Error>;
}

impl Out for hardwire_netlist::folder::OutFile<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        Ok(hardwire_netlist::folder::OutFile::put(self, bytes)?)
    }
}

impl Out for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}
