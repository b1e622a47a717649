//! What a ROM image is.

/// What a ROM image holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    Codes,
    /// Scales, and offsets beside them where there are any.
    Scales,
    Shifts,
    Biases,
}

/// Which ROM of an array: band of inputs and tile along the outputs; `(0, 0)` where there is one ROM.
pub type TileIndex = (u32, u32);

/// One ROM of a matrix as a memory image for `$readmemh`: a line a word, counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RomImage {
    /// Path in the folder of the emitted Verilog.
    pub file: String,
    pub part: Part,
    pub tile: TileIndex,
    pub word_bits: u32,
    /// Words of this matrix.
    pub lines: u64,
    /// Address of the first of them: not 0 for a further layer of those that share the ROM.
    pub first: u64,
}
