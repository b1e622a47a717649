//! What holds a matrix, a file each: the order of its bits in ROM and the grid of its cells.

mod metal;
mod table;
mod tile;

pub use table::Table;

use crate::floorplan::Rect;
use crate::silicon::{Cells, Part, RomImage, Silicon, TileIndex, Word};
use crate::unit::{Fabric, MatrixSpec};

/// Takes an image's part, tile, bits of a word and number of words.
pub(crate) type AddImage<'f> = &'f mut dyn FnMut(Part, TileIndex, u32, u64);

/// How a matrix lies in ROM.
pub(crate) trait Layout {
    /// The bits that stand for each code, by code.
    fn stored(&self, m: &MatrixSpec) -> Vec<u8> {
        (0..m.codebook.len()).map(|c| c as u8).collect()
    }

    /// Whether weights are wires, with no cells that a via programs.
    fn wired(&self) -> bool {
        false
    }

    /// Name of an image of codes or scales, without folder and ending.
    fn name(&self, part: Part, tile: TileIndex) -> String;

    /// The images of codes and of scales.
    fn images(&self, of: &Silicon<'_>, add: AddImage<'_>);

    /// ROM, line and lowest bit of the code from input `k` to output `n`, both within the matrix.
    fn place(&self, m: &MatrixSpec, n: u32, k: u32) -> (TileIndex, u64, u32);

    /// One line of an image of codes or scales, into a word of zeros.
    fn word(&self, of: &Silicon<'_>, image: &RomImage, line: u64, word: &mut Word);

    /// The cell grid inside `rect`.
    fn cells(&self, m: &MatrixSpec, rect: &Rect) -> Cells;
}

impl Fabric {
    pub(crate) fn layout(&self) -> &dyn Layout {
        match self {
            Fabric::Tile(t) => t,
            Fabric::Metal(t) => t,
        }
    }

    /// V: outputs that leave in a cycle (the netlist's lanes).
    pub fn lanes(&self) -> u32 {
        match self {
            Fabric::Tile(t) => t.lanes,
            Fabric::Metal(t) => t.lanes,
        }
    }
}
