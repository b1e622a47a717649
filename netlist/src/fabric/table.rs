//! ROM of a table that is read a row a token, the embedding: a word a beat of codes, token by token, element 0 lowest; and a record a token
//! with its scales, then its offsets, then its shift.

use super::{AddImage, Layout};
use crate::floorplan::Rect;
use crate::silicon::{Cells, Part, RomImage, Silicon, TileIndex, Word};
use crate::unit::MatrixSpec;

/// Shape of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Table {
    /// V: elements read in a cycle (the netlist's lanes).
    pub lanes: u32,
}

impl Table {
    /// Words of a row.
    fn beats(self, m: &MatrixSpec) -> u32 {
        m.inputs.div_ceil(self.lanes)
    }
}

impl Layout for Table {
    fn name(&self, part: Part, _: TileIndex) -> String {
        (if part == Part::Codes { "codes" } else { "scales" }).into()
    }

    fn images(&self, of: &Silicon<'_>, add: AddImage<'_>) {
        let m = of.matrix;
        add(Part::Codes, (0, 0), self.lanes * u32::from(m.code_bits), u64::from(m.outputs) * u64::from(self.beats(m)));
        let scales = m.groups() * (u32::from(m.scale_bits) + u32::from(m.offset_bits));
        add(Part::Scales, (0, 0), scales + of.shift_bits(), u64::from(m.outputs));
    }

    fn place(&self, m: &MatrixSpec, n: u32, k: u32) -> (TileIndex, u64, u32) {
        let line = u64::from(n) * u64::from(self.beats(m)) + u64::from(k / self.lanes);
        ((0, 0), line, k % self.lanes * u32::from(m.code_bits))
    }

    fn word(&self, of: &Silicon<'_>, image: &RomImage, line: u64, word: &mut Word) {
        let m = of.matrix;
        if image.part == Part::Codes {
            let (beats, bits) = (u64::from(self.beats(m)), u32::from(m.code_bits));
            let (n, first) = ((line / beats) as u32, (line % beats) as u32 * self.lanes);
            for k in first..m.inputs.min(first + self.lanes) {
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
    fn cells(&self, m: &MatrixSpec, r: &Rect) -> Cells {
        let (w, h) = (r.width_nm().max(1) as f64, r.height_nm().max(1) as f64);
        let banks = (f64::from(m.outputs) / f64::from(m.inputs.max(1)) * w / h).sqrt().round().max(1.0);
        Cells::banks(m.outputs.div_ceil(banks as u32).max(1), m.outputs, m.inputs, m.code_bits)
    }
}
