//! ROM of a table that is read a row a token, the embedding: a word a beat of codes, token by token, element 0 lowest; and a record a token
//! with its scales, then its offsets, then its shift.

use super::design::{AddImage, Contents, Layout};
use super::shape::TileShape;
use crate::silicon::cells::Cells;
use crate::silicon::image::{Part, RomImage, TileIndex};
use crate::silicon::word::Word;
use crate::unit::matrix::MatrixSpec;

pub struct Table;

/// Words of a row.
fn beats(m: &MatrixSpec, t: TileShape) -> u32 {
    m.inputs.div_ceil(t.lanes)
}

impl Layout for Table {
    fn name(&self, part: Part, _: TileIndex) -> String {
        (if part == Part::Codes { "codes" } else { "scales" }).into()
    }

    fn images(&self, of: &Contents<'_>, add: AddImage<'_>) {
        let (m, t) = (of.matrix, of.shape);
        add(Part::Codes, (0, 0), t.lanes * u32::from(m.code_bits), u64::from(m.outputs) * u64::from(beats(m, t)));
        let scales = m.groups() * (u32::from(m.scale_bits) + u32::from(m.offset_bits));
        add(Part::Scales, (0, 0), scales + of.shift_bits, u64::from(m.outputs));
    }

    fn place(&self, m: &MatrixSpec, t: TileShape, n: u32, k: u32) -> (TileIndex, u64, u32) {
        let line = u64::from(n) * u64::from(beats(m, t)) + u64::from(k / t.lanes);
        ((0, 0), line, k % t.lanes * u32::from(m.code_bits))
    }

    fn word(&self, of: &Contents<'_>, image: &RomImage, line: u64, word: &mut Word) {
        let (m, t) = (of.matrix, of.shape);
        if image.part == Part::Codes {
            let (beats, bits) = (u64::from(beats(m, t)), u32::from(m.code_bits));
            let (n, first) = ((line / beats) as u32, (line % beats) as u32 * t.lanes);
            for k in first..m.inputs.min(first + t.lanes) {
                word.field((k - first) * bits, bits, i64::from(of.stored(of.program.code(n, k))));
            }
            return;
        }
        let (n, groups, scale_bits, offset_bits) = (line as u32, m.groups(), u32::from(m.scale_bits), u32::from(m.offset_bits));
        for g in 0..groups {
            word.field(g * scale_bits, scale_bits, i64::from(of.program.scale(n, g)));
            word.field(groups * scale_bits + g * offset_bits, offset_bits, i64::from(of.program.offset(n, g)));
        }
        let shift_bits = image.word_bits - groups * (scale_bits + offset_bits);
        word.field(groups * (scale_bits + offset_bits), shift_bits, i64::from(of.program.shift(n)));
    }

    /// Banks of as many tokens as make the cells about square.
    fn cells(&self, m: &MatrixSpec, _: TileShape, aspect: f64) -> Cells {
        let banks = (f64::from(m.outputs) / f64::from(m.inputs.max(1)) * aspect).sqrt().round().max(1.0);
        Cells::banks(m.outputs.div_ceil(banks as u32).max(1), m.outputs, m.inputs, m.code_bits)
    }
}
