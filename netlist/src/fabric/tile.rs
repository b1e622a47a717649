//! ROM of a multiply-select-add tile: a word a row with the codes of all columns, column 0 lowest; scales in a ROM of their own, a word a
//! scan step, groups one after another. Unused columns are 0, their scales too.

use super::{AddImage, Layout};
use crate::floorplan::Rect;
use crate::program::unpack;
use crate::silicon::{Cells, Part, RomImage, Silicon, TileIndex, Word};
use crate::tile::TileShape;
use crate::unit::MatrixSpec;

impl Layout for TileShape {
    /// A folded codebook stores a sign and the place of a magnitude.
    fn stored(&self, m: &MatrixSpec) -> Vec<u8> {
        m.fold().map_or_else(|| (0..m.codebook.len()).map(|c| c as u8).collect(), |f| f.codes)
    }

    fn name(&self, part: Part, (k_tile, n_tile): TileIndex) -> String {
        format!("k{k_tile}n{n_tile}.{}", if part == Part::Codes { "codes" } else { "scales" })
    }

    fn images(&self, of: &Silicon<'_>, add: AddImage<'_>) {
        let m = of.matrix;
        let scale = u32::from(m.scale_bits) + u32::from(m.offset_bits);
        let groups = m.inputs.min(self.rows).div_ceil(m.group.min(self.rows));
        for k_tile in 0..self.k_tiles(m.inputs) {
            for n_tile in 0..self.n_tiles(m.outputs) {
                let width = self.tile_cols(n_tile, m.outputs) * u32::from(m.code_bits);
                add(Part::Codes, (k_tile, n_tile), width, u64::from(self.tile_rows(k_tile, m.inputs)));
                add(Part::Scales, (k_tile, n_tile), self.tile_lanes() * scale, u64::from(groups) * u64::from(self.steps()));
            }
        }
    }

    fn place(&self, m: &MatrixSpec, n: u32, k: u32) -> (TileIndex, u64, u32) {
        let s = self.site(n, k);
        ((s.k_tile, s.n_tile), u64::from(s.row), s.col * u32::from(m.code_bits))
    }

    fn word(&self, of: &Silicon<'_>, image: &RomImage, line: u64, word: &mut Word) {
        let (m, (k_tile, n_tile), e) = (of.matrix, image.tile, self.tile_lanes());
        let first_input = k_tile * self.rows;
        let steps = self.tile_cols(n_tile, m.outputs) / e;
        if image.part == Part::Codes {
            let (k, bits) = (first_input as usize + line as usize, u32::from(m.code_bits));
            for col in 0..steps * e {
                let n = self.output_of(n_tile, col);
                if n < m.outputs {
                    let code = unpack(of.program.row(n), m.code_bits, k);
                    word.field(col * bits, bits, i64::from(of.stored(code)));
                }
            }
            return;
        }
        let (scale_bits, offset_bits) = (u32::from(m.scale_bits), u32::from(m.offset_bits));
        let (group, step) = (line as u32 / self.steps(), line as u32 % self.steps());
        let row = group * m.group.min(self.rows);
        let k = first_input + row;
        if step >= steps || row >= self.tile_rows(k_tile, m.inputs) {
            return;
        }
        for lane in 0..e {
            let n = self.output_of(n_tile, step * e + lane);
            if n < m.outputs {
                let at = lane * (scale_bits + offset_bits);
                word.field(at, scale_bits, i64::from(of.program.scale(n, k / m.group)));
                word.field(at + scale_bits, offset_bits, i64::from(of.program.offset(n, k / m.group)));
            }
        }
    }

    fn cells(&self, m: &MatrixSpec, _: &Rect) -> Cells {
        Cells::columns(*self, m.outputs, m.inputs, m.code_bits)
    }
}
