//! Where a weight sits: the bijection between a matrix element and a place in a tile of the fabric.
//!
//! A matrix of N outputs and K inputs is cut into `k_tiles` bands of `rows` inputs. Along the outputs, `deal` tiles form a
//! block of `deal * cols` outputs and are dealt `lanes / deal` outputs each in turn, so that one output beat of `lanes`
//! values takes the same step of every tile in the block: results stream out without a crossbar.

use crate::silicon::cells::WeightSite;
use serde::{Deserialize, Serialize};

/// Shape of the array that holds one matrix, whatever its fabric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TileShape {
    /// R: inputs of a tile; tiles that take them one a cycle have as many ROM rows.
    pub rows: u32,
    /// C: outputs (columns) of a tile.
    pub cols: u32,
    /// D: tiles whose outputs make up one beat.
    pub deal: u32,
    /// V: values in a beat (the netlist's lanes); a multiple of `deal`.
    pub lanes: u32,
}

impl TileShape {
    /// E: outputs one tile gives to a beat; also its scale multipliers.
    pub fn tile_lanes(&self) -> u32 {
        self.lanes / self.deal
    }

    /// S: scan steps of a full tile.
    pub fn steps(&self) -> u32 {
        self.cols / self.tile_lanes()
    }

    /// Outputs of a block of `deal` tiles.
    pub fn block_outputs(&self) -> u32 {
        self.deal * self.cols
    }

    pub fn k_tiles(&self, inputs: u32) -> u32 {
        inputs.div_ceil(self.rows)
    }

    pub fn blocks(&self, outputs: u32) -> u32 {
        outputs.div_ceil(self.block_outputs())
    }

    /// Tiles along the outputs, the unused ones of a short last block left out.
    pub fn n_tiles(&self, outputs: u32) -> u32 {
        let full = outputs / self.block_outputs();
        let rest = outputs % self.block_outputs();
        full * self.deal + rest.div_ceil(self.tile_lanes()).min(self.deal)
    }

    /// Scan steps that hold outputs in a block.
    pub fn block_steps(&self, block: u32, outputs: u32) -> u32 {
        (outputs - block * self.block_outputs()).min(self.block_outputs()).div_ceil(self.lanes)
    }

    /// Rows of a tile that hold weights.
    pub fn tile_rows(&self, k_tile: u32, inputs: u32) -> u32 {
        (inputs - k_tile * self.rows).min(self.rows)
    }

    /// Columns of a tile, whole steps.
    pub fn tile_cols(&self, n_tile: u32, outputs: u32) -> u32 {
        self.block_steps(n_tile / self.deal, outputs) * self.tile_lanes()
    }

    /// Place of the weight from input `k` to output `n`.
    pub fn site(&self, n: u32, k: u32) -> WeightSite {
        let (block, r) = (n / self.block_outputs(), n % self.block_outputs());
        let (step, lane) = (r / self.lanes, r % self.lanes);
        let e = self.tile_lanes();
        WeightSite { k_tile: k / self.rows, n_tile: block * self.deal + lane / e, row: k % self.rows, col: step * e + lane % e }
    }

    /// The output a column of a tile computes; it may lie past the matrix (an unused column).
    pub fn output_of(&self, n_tile: u32, col: u32) -> u32 {
        let e = self.tile_lanes();
        let (block, d) = (n_tile / self.deal, n_tile % self.deal);
        block * self.block_outputs() + (col / e) * self.lanes + d * e + col % e
    }

    /// Inverse of [`TileShape::site`]: `(n, k)`; `None` for an unused row or column.
    pub fn weight_at(&self, site: WeightSite, outputs: u32, inputs: u32) -> Option<(u32, u32)> {
        let n = self.output_of(site.n_tile, site.col);
        let k = site.k_tile * self.rows + site.row;
        (site.row < self.rows && site.col < self.cols && n < outputs && k < inputs).then_some((n, k))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn sites_are_a_bijection() {
        for (lanes, deal, cols, rows) in [(8, 1, 32, 32), (8, 2, 16, 24), (4, 4, 5, 7), (16, 4, 64, 64), (6, 3, 10, 9)] {
            let t = TileShape { rows, cols, deal, lanes };
            for (n, k) in [(1, 1), (17, 30), (100, 64), (129, 65), (256, 48)] {
                let mut seen = HashSet::new();
                for o in 0..n {
                    for i in 0..k {
                        let s = t.site(o, i);
                        assert!(s.n_tile < t.n_tiles(n) && s.k_tile < t.k_tiles(k), "{t:?} {n}x{k} {s:?}");
                        assert!(s.row < rows && s.col < cols);
                        assert!(seen.insert(s), "two weights at {s:?}");
                        assert_eq!(t.weight_at(s, n, k), Some((o, i)));
                    }
                }
            }
        }
    }

    #[test]
    fn a_beat_takes_one_step_of_every_tile_of_a_block() {
        let t = TileShape { rows: 32, cols: 32, deal: 2, lanes: 8 };
        for beat in 0..16 {
            let steps: HashSet<u32> = (0..8).map(|l| t.site(beat * 8 + l, 0).col / t.tile_lanes()).collect();
            assert_eq!(steps.len(), 1);
        }
    }
}
