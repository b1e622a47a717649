//! Metal embedding: no ROM for codes, every weight is a wire. The simulated array reads its wires from an image, a word an output with
//! input 0 lowest; scales have a word a beat of outputs, group by group.

use super::{AddImage, Layout};
use crate::floorplan::Rect;
use crate::metal::MetalShape;
use crate::program::unpack;
use crate::silicon::{Cells, Part, RomImage, Silicon, TileIndex, Word};
use crate::tile::TileShape;
use crate::unit::MatrixSpec;

/// Sides of the fields that a matrix without tiles is divided into to be looked at.
const FIELD: u32 = 256;

impl Layout for MetalShape {
    fn wired(&self) -> bool {
        true
    }

    fn name(&self, part: Part, _: TileIndex) -> String {
        (if part == Part::Codes { "wires" } else { "scales" }).into()
    }

    fn images(&self, of: &Silicon<'_>, add: AddImage<'_>) {
        let m = of.matrix;
        add(Part::Codes, (0, 0), m.inputs * u32::from(m.code_bits), u64::from(m.outputs));
        let beats = u64::from(m.outputs.div_ceil(self.lanes));
        add(Part::Scales, (0, 0), m.groups() * self.lanes * u32::from(m.scale_bits), beats);
    }

    fn place(&self, m: &MatrixSpec, n: u32, k: u32) -> (TileIndex, u64, u32) {
        ((0, 0), u64::from(n), k * u32::from(m.code_bits))
    }

    fn word(&self, of: &Silicon<'_>, image: &RomImage, line: u64, word: &mut Word) {
        let m = of.matrix;
        if image.part == Part::Codes {
            let (codes, bits) = (of.program.row(line as u32), u32::from(m.code_bits));
            for k in 0..m.inputs {
                word.field(k * bits, bits, i64::from(of.stored(unpack(codes, m.code_bits, k as usize))));
            }
            return;
        }
        let (bits, first) = (u32::from(m.scale_bits), line as u32 * self.lanes);
        for g in 0..m.groups() {
            for lane in 0..self.lanes.min(m.outputs - first) {
                word.field((g * self.lanes + lane) * bits, bits, i64::from(of.program.scale(first + lane, g)));
            }
        }
    }

    fn cells(&self, m: &MatrixSpec, _: &Rect) -> Cells {
        let field = TileShape { rows: m.inputs.min(FIELD), cols: m.outputs.min(FIELD), deal: 1, lanes: 1 };
        Cells::columns(field, m.outputs, m.inputs, m.code_bits)
    }
}
