//! What a fabric has to say of itself, and what it is told: [`Design`] and its arguments. Nothing here knows which fabrics there are.

use super::shape::TileShape;
use crate::activity::events::Activity;
use crate::census::counts::{Census, Module};
use crate::error::Error;
use crate::program::MatrixView;
use crate::silicon::cells::Cells;
use crate::silicon::image::{Part, RomImage, TileIndex};
use crate::silicon::word::Word;
use crate::unit::fixed::Fixed;
use crate::unit::matrix::MatrixSpec;

/// A matrix as a fabric holds it.
#[derive(Clone, Copy)]
pub struct Array<'a> {
    pub matrix: &'a MatrixSpec,
    pub shape: TileShape,
    pub act_bits: u8,
    /// Width proven for any group's inner sum.
    pub acc_bits: u8,
    /// Width proven for any partial sum of the scaled groups.
    pub tot_bits: u8,
}

/// What a row feed plays to arrays of one fabric.
#[derive(Clone, Copy)]
pub struct Feed {
    pub len: u32,
    pub input: Fixed,
    pub act_bits: u8,
    pub rows: u32,
    pub group: u32,
    pub waits: bool,
}

impl Feed {
    pub fn k_tiles(&self) -> u32 {
        self.len.div_ceil(self.rows)
    }

    /// Rows played: whole groups of the longest band.
    pub fn played_rows(&self) -> u32 {
        self.len.min(self.rows).div_ceil(self.group) * self.group
    }
}

/// A matrix with its program, for writing its images.
pub struct Contents<'a> {
    pub matrix: &'a MatrixSpec,
    pub program: MatrixView<'a>,
    pub shape: TileShape,
    /// Bits in ROM by code.
    pub codes: Vec<u8>,
    /// Bits of an output's shift in its image.
    pub shift_bits: u32,
}

impl Contents<'_> {
    /// The bits that stand in ROM for a code.
    pub fn stored(&self, code: u8) -> u8 {
        self.codes.get(usize::from(code)).copied().unwrap_or(0)
    }
}

/// What an array may measure at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// V: values in a beat.
    pub lanes: u32,
    /// Inputs of a tile; the fabric's own limit where `None`.
    pub rows: Option<u32>,
    /// Columns of a tile.
    pub cols: u32,
}

/// Takes an image's part, tile, bits of a word and number of words.
pub type AddImage<'f> = &'f mut dyn FnMut(Part, TileIndex, u32, u64);

/// How a matrix lies in ROM.
pub trait Layout {
    /// The bits that stand for each code, by code.
    fn stored(&self, m: &MatrixSpec) -> Vec<u8> {
        (0..m.codebook.len()).map(|c| c as u8).collect()
    }

    /// Whether weights are wires, with no cells that a via programs and no tiles.
    fn wired(&self) -> bool {
        false
    }

    /// Name of an image of codes or scales, without folder and ending.
    fn name(&self, part: Part, tile: TileIndex) -> String;

    /// The images of codes and of scales.
    fn images(&self, of: &Contents<'_>, add: AddImage<'_>);

    /// ROM, line and lowest bit of the code from input `k` to output `n`, both within the matrix.
    fn place(&self, m: &MatrixSpec, t: TileShape, n: u32, k: u32) -> (TileIndex, u64, u32);

    /// One line of an image of codes or scales, into a word of zeros.
    fn word(&self, of: &Contents<'_>, image: &RomImage, line: u64, word: &mut Word);

    /// The cell grid in a block so many times as wide as it is high.
    fn cells(&self, m: &MatrixSpec, t: TileShape, aspect: f64) -> Cells;
}

/// All that a fabric is, but for its meaning (every fabric's is section 6 of `docs/numerics.md`), its cycles and its Verilog.
pub trait Design: Layout + Sync {
    /// Shape of the array of a matrix; else what does not fit, in words that follow the matrix's name.
    fn shape(&self, m: &MatrixSpec, limits: &Limits) -> Result<TileShape, String>;

    /// Cycles that the output of a row feed lasts.
    fn played_cycles(&self, s: &Feed) -> u32;

    /// Whether a matrix needs the sums of each group's activations from its feed.
    fn group_sums(&self, m: &MatrixSpec) -> bool;

    /// Scaled sums of an output that its output stage adds.
    fn parts(&self, s: &Array<'_>) -> u32 {
        s.shape.k_tiles(s.matrix.inputs)
    }

    /// Whether a matrix is one that this fabric can hold; lanes, rows and columns are checked for all.
    fn validate(&self, path: &str, s: &Array<'_>) -> Result<(), Error>;

    /// Whether a row feed is one that this fabric can be fed by.
    fn validate_feed(&self, path: &str, s: &Feed) -> Result<(), Error>;

    /// The library modules of a matrix with their counts; outputs have `out` bits.
    fn modules(&self, s: &Array<'_>, out: u64) -> Vec<Module>;

    /// What a token makes a matrix do that is counted as `census` and has `area_um2`.
    fn activity(&self, s: &Array<'_>, census: &Census, area_um2: f64) -> Activity;

    /// The library module of a row feed of `lanes` elements a beat; `sums`: it gives sums of activations.
    fn feed_module(&self, s: &Feed, lanes: u64, sums: bool) -> Module;
}
