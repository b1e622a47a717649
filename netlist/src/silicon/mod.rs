//! Silicon's contents: which bit of which ROM word every weight is, and where its cell lies.
//!
//! One owner: the emitted ROM images are written word by word from here, the viewer paints and `inspect` prints what stands here, and
//! nothing else knows an order of bits. A [`Silicon`] is one matrix of a chip with what holds it; each holder's layout is in its file of
//! [`crate::fabric`].
//!
//! - here: a matrix and its images; `cells`: the grid that a ROM is seen as; `word`: bits of one line; `find`: a weight by its name.

pub(crate) mod cells;
mod find;
pub(crate) mod image;
pub(crate) mod word;

pub use cells::{Cells, WeightSite};
pub use image::{Part, RomImage, TileIndex};
pub use word::Word;

use crate::chip::Chip;
use crate::fabric::design::{Contents, Layout};
use crate::fabric::list::Fabric;
use crate::fabric::shape::TileShape;
use crate::fabric::table::Table;
use crate::floorplan::Rect;
use crate::graph::{Netlist, UnitId};
use crate::program::MatrixView;
use crate::unit::{MatrixSpec, UnitKind, shift_bits};
use crate::width::index_bits;

/// Bits of an output's bias in its image.
const BIAS_BITS: u32 = 32;

/// Address of a ROM's first word of the layer of `round`, where each layer has `words`: the layer is the upper part of the address.
pub fn first_word(round: u32, words: u64) -> u64 {
    u64::from(round) << index_bits(words.clamp(2, 1 << 31) as u32)
}

/// Where the bits of one code lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// ROM image, a path in the folder of the emitted Verilog.
    pub file: String,
    /// Word of the ROM, from 0; where every layer has its own ROM, the line of the image.
    pub line: u64,
    /// The code's lowest bit, from the lowest of the word.
    pub bit: u32,
}

/// A weight as the silicon holds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weight {
    /// Row of the checkpoint's tensor. Rows of queries and keys stand in another order on the chip.
    pub row: u32,
    /// Output of the chip's unit.
    pub n: u32,
    /// Input, and column of the tensor.
    pub k: u32,
    /// Code of the program file.
    pub code: u8,
    /// The bits that stand in ROM for it; `code_bits` of them.
    pub stored: u8,
    /// Codebook value.
    pub value: i32,
    pub scale: i32,
    pub offset: i32,
    /// Output shift `k[n]`.
    pub shift: i32,
    /// The weight itself, `(scale * value + offset) * 2^e`, as the checkpoint has it after quantization (`docs/numerics.md`, section 2).
    pub real: f64,
}

/// What holds a matrix: an array that multiplies, or a table that is read a row a token.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Holder {
    Array(Fabric),
    Table,
}

impl Holder {
    fn layout(self) -> &'static dyn Layout {
        match self {
            Holder::Array(fabric) => fabric.design(),
            Holder::Table => &Table,
        }
    }
}

/// One matrix of a chip and what holds it.
pub struct Silicon<'a> {
    path: &'a str,
    /// Path of the unit whose silicon holds it: its own, or that of the same place in a layer before.
    built: &'a str,
    /// Place of its layer among those that share the silicon.
    round: u32,
    /// Begins the names of its images.
    prefix: &'static str,
    pub matrix: &'a MatrixSpec,
    contents: Contents<'a>,
    holder: Holder,
    /// `e[n] = exponent - k[n]`, with `k[n]` the shift of output `n` (`docs/numerics.md`, sections 3 and 6).
    exponent: i32,
}

/// The matrices of a unit with their holders and the beginnings of their images' names.
fn held(netlist: &Netlist, id: UnitId) -> Vec<(&MatrixSpec, Holder, TileShape, &'static str)> {
    let row = TileShape { rows: 1, cols: netlist.lanes, deal: 1, lanes: netlist.lanes };
    match &netlist.unit(id).kind {
        UnitKind::Mvm(s) => vec![(&s.matrix, Holder::Array(s.fabric), s.shape, "")],
        UnitKind::Embed(s) => {
            let positions = s.positions.as_ref().map(|m| (m, Holder::Table, row, "position_"));
            std::iter::once((&s.matrix, Holder::Table, row, "")).chain(positions).collect()
        }
        _ => Vec::new(),
    }
}

/// The cell grid of a unit's first matrix inside `rect`; `None` where a unit holds none. Structure alone is enough.
pub fn cells(netlist: &Netlist, id: UnitId, rect: &Rect) -> Option<Cells> {
    let (m, holder, shape, _) = held(netlist, id).into_iter().next()?;
    Some(holder.layout().cells(m, shape, aspect(rect)))
}

impl<'a> Silicon<'a> {
    /// The matrices that a unit holds: none, one, or the rows of tokens and those of positions.
    pub fn of(chip: &'a Chip, id: UnitId) -> Vec<Silicon<'a>> {
        let netlist = chip.netlist();
        let exponent = exponent(netlist, id);
        let all = netlist.worked(id);
        held(netlist, id)
            .into_iter()
            .enumerate()
            .map(|(at, (matrix, holder, shape, prefix))| {
                let program = chip.programs.matrix(matrix.program);
                let shifts = all.iter().flat_map(|&id| chip.programs.matrix(held(netlist, id)[at].0.program).shifts.iter());
                let shift_bits = u32::from(shift_bits(shifts).max(matrix.shift_bits));
                let contents = Contents { matrix, program, shape, codes: holder.layout().stored(matrix), shift_bits };
                Silicon {
                    path: &netlist.unit(id).path,
                    built: &netlist.unit(all[0]).path,
                    round: netlist.nth(netlist.unit(id).station),
                    prefix,
                    matrix,
                    contents,
                    holder,
                    exponent,
                }
            })
            .collect()
    }

    /// The unit's path.
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// Its codes, scales and shifts.
    pub fn program(&self) -> &MatrixView<'a> {
        &self.contents.program
    }

    /// The bits that stand in ROM for a code.
    pub fn stored(&self, code: u8) -> u8 {
        self.contents.stored(code)
    }

    /// The code that these bits stand for.
    pub fn code_of(&self, stored: u8) -> Option<u8> {
        self.contents.codes.iter().position(|&s| s == stored).map(|c| c as u8)
    }

    /// Whether the weights are wires of the logic, with no cells that a via programs. Their image is what a simulation reads.
    pub fn wired(&self) -> bool {
        self.holder.layout().wired()
    }

    /// Name of a ROM image, in the folder of the emitted Verilog.
    pub fn file(&self, part: Part, tile: TileIndex) -> String {
        let name = match part {
            Part::Codes | Part::Scales => self.holder.layout().name(part, tile),
            Part::Shifts => "shifts".into(),
            Part::Biases => "biases".into(),
        };
        format!("rom/{}/{}{name}.hex", self.built, self.prefix)
    }

    /// Every ROM of the matrix.
    pub fn images(&self) -> Vec<RomImage> {
        let mut all: Vec<RomImage> = Vec::new();
        let mut add = |part, tile, word_bits, lines| {
            all.push(RomImage { file: self.file(part, tile), part, tile, word_bits, lines, first: first_word(self.round, lines) });
        };
        self.holder.layout().images(&self.contents, &mut add);
        if let Holder::Array(_) = self.holder {
            let lanes = self.contents.shape.lanes;
            let beats = u64::from(self.matrix.outputs.div_ceil(lanes));
            add(Part::Shifts, (0, 0), lanes * self.shift_bits(), beats);
            if self.matrix.bias {
                add(Part::Biases, (0, 0), lanes * BIAS_BITS, beats);
            }
        }
        all
    }

    /// Sets `word` to a line of an image of this matrix.
    pub fn word(&self, image: &RomImage, line: u64, word: &mut Word) {
        word.clear(image.word_bits);
        let beat = |word: &mut Word, bits: u32, value: &dyn Fn(u32) -> i32| {
            let lanes = image.word_bits / bits;
            let first = line as u32 * lanes;
            for n in first..self.matrix.outputs.min(first + lanes) {
                word.field((n - first) * bits, bits, i64::from(value(n)));
            }
        };
        match (image.part, &self.program().bias) {
            (Part::Shifts, _) => beat(word, self.shift_bits(), &|n| self.program().shift(n)),
            (Part::Biases, Some(bias)) => beat(word, BIAS_BITS, &|n| bias.get(n as usize)),
            (Part::Biases, None) => {}
            (Part::Codes | Part::Scales, _) => self.holder.layout().word(&self.contents, image, line, word),
        }
    }

    /// Bits of an output's shift in its image.
    pub fn shift_bits(&self) -> u32 {
        self.contents.shift_bits
    }

    fn first(&self, part: Part, tile: TileIndex) -> u64 {
        self.images().iter().find(|i| i.part == part && i.tile == tile).map_or(0, |i| i.first)
    }

    /// Where the code of the weight from input `k` to output `n` lies; `None` past the matrix.
    pub fn address(&self, n: u32, k: u32) -> Option<Address> {
        (n < self.matrix.outputs && k < self.matrix.inputs).then(|| {
            let (tile, line, bit) = self.holder.layout().place(self.matrix, self.contents.shape, n, k);
            let first = if self.round == 0 { 0 } else { self.first(Part::Codes, tile) };
            Address { file: self.file(Part::Codes, tile), line: first + line, bit }
        })
    }

    /// The ROM that holds the code of the weight from input `k` to output `n`, both of the matrix.
    pub fn tile(&self, n: u32, k: u32) -> TileIndex {
        self.place(n, k).0
    }

    /// That ROM, the line of its image, and the code's lowest bit in the line.
    pub fn place(&self, n: u32, k: u32) -> (TileIndex, u64, u32) {
        self.holder.layout().place(self.matrix, self.contents.shape, n, k)
    }

    /// One past the last input whose codes lie in the same ROM as those of input `k`.
    pub fn band_end(&self, k: u32) -> u32 {
        let band = |k| self.tile(0, k).0;
        match self.holder {
            Holder::Array(_) if band(self.matrix.inputs - 1) != 0 => {
                let rows = self.contents.shape.rows;
                ((k / rows + 1) * rows).min(self.matrix.inputs)
            }
            _ => self.matrix.inputs,
        }
    }

    /// The cell grid inside `rect`.
    pub fn cells(&self, rect: &Rect) -> Cells {
        self.holder.layout().cells(self.matrix, self.contents.shape, aspect(rect))
    }

    /// The weight from input `k` to output `n`, both of the matrix.
    pub fn weight(&self, n: u32, k: u32) -> Weight {
        let code = self.program().code(n, k);
        let g = k / self.matrix.group;
        let value = self.matrix.codebook.get(usize::from(code)).copied().unwrap_or(0);
        let (scale, offset, shift) = (self.program().scale(n, g), self.program().offset(n, g), self.program().shift(n));
        let mantissa = i64::from(scale) * i64::from(value) + i64::from(offset);
        let real = mantissa as f64 * power_of_two(self.exponent - shift);
        Weight { row: self.matrix.rows.source_row(n), n, k, code, stored: self.stored(code), value, scale, offset, shift, real }
    }
}

/// The bits of a code as its cell has them, from left to right: the highest first.
pub fn drawn_bits(stored: u8, code_bits: u8) -> impl Iterator<Item = bool> {
    (0..code_bits).rev().map(move |bit| stored >> bit & 1 == 1)
}

/// A code's bits as text, in the order of [`drawn_bits`].
pub fn bit_text(stored: u8, code_bits: u8) -> String {
    drawn_bits(stored, code_bits).map(|b| if b { '1' } else { '0' }).collect()
}

/// Width of a block over its height.
fn aspect(r: &Rect) -> f64 {
    r.width_nm().max(1) as f64 / r.height_nm().max(1) as f64
}

/// `2^e` by its bits; shifts and formats keep `e` far inside the range of normal numbers, and what is not is cut to it.
fn power_of_two(e: i32) -> f64 {
    f64::from_bits(((1023 + e.clamp(-1022, 1023)) as u64) << 52)
}

/// See [`Silicon::exponent`].
fn exponent(netlist: &Netlist, id: UnitId) -> i32 {
    let out = i32::from(netlist.unit(id).out.frac);
    let feed = netlist.inputs(id).first().map(|&f| &netlist.unit(f).kind);
    match feed {
        Some(UnitKind::RowFeed(f)) => i32::from(f.input.frac) - out,
        _ => -out,
    }
}
