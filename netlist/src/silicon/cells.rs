//! The grid that a matrix's ROM is seen as: tiles across and down, and cells in each, a cell a weight.

use crate::fabric::shape::TileShape;

/// One weight's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WeightSite {
    /// Band of inputs.
    pub k_tile: u32,
    /// Tile along the outputs.
    pub n_tile: u32,
    /// ROM row in the tile.
    pub row: u32,
    /// Column in the tile.
    pub col: u32,
}

/// Which way a matrix lies in its grid.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    /// An input is a row, an output a column of a tile.
    Columns(TileShape),
    /// A scale group of so many inputs is a row, and lies side by side in the column of its output.
    Words(TileShape, u32),
    /// An output (a token) is a row, its elements lie along it.
    Rows,
}

/// A matrix as a grid of tiles, and a tile as a grid of cells. Rows count upwards, columns to the right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cells {
    /// Tiles across (along the outputs) and down (along the inputs).
    pub across: u32,
    pub down: u32,
    /// Rows and columns of a tile.
    pub rows: u32,
    pub cols: u32,
    pub outputs: u32,
    pub inputs: u32,
    /// Bits in a cell, the highest left ([`super::drawn_bits`]).
    pub code_bits: u8,
    order: Order,
}

impl Cells {
    /// A cell for every weight of an array of tiles: its row is the input, its column the output.
    pub(crate) fn columns(t: TileShape, outputs: u32, inputs: u32, code_bits: u8) -> Cells {
        let (across, down) = (t.n_tiles(outputs), t.k_tiles(inputs));
        Cells { across, down, rows: t.rows, cols: t.cols, outputs, inputs, code_bits, order: Order::Columns(t) }
    }

    /// A row for every word of an array whose words hold `group` inputs of each output.
    pub(crate) fn words(t: TileShape, group: u32, outputs: u32, inputs: u32, code_bits: u8) -> Cells {
        let columns = Cells::columns(t, outputs, inputs, code_bits);
        Cells { rows: t.rows / group, cols: t.cols * group, order: Order::Words(t, group), ..columns }
    }

    /// Banks of `rows` tokens side by side, a token's elements along a row.
    pub(crate) fn banks(rows: u32, outputs: u32, inputs: u32, code_bits: u8) -> Cells {
        let across = outputs.div_ceil(rows);
        Cells { across, down: 1, rows, cols: inputs, outputs, inputs, code_bits, order: Order::Rows }
    }

    /// Place of the weight from input `k` to output `n`.
    pub fn site(&self, n: u32, k: u32) -> Option<WeightSite> {
        (n < self.outputs && k < self.inputs).then(|| match self.order {
            Order::Columns(t) => t.site(n, k),
            Order::Words(t, group) => {
                let s = t.site(n, k);
                WeightSite { row: s.row / group, col: s.col * group + s.row % group, ..s }
            }
            Order::Rows => WeightSite { k_tile: 0, n_tile: n / self.rows, row: n % self.rows, col: k },
        })
    }

    /// One past the last input that lies in the same tile as input `k`.
    pub fn band_end(&self, k: u32) -> u32 {
        match self.order {
            Order::Columns(t) | Order::Words(t, _) => ((k / t.rows + 1) * t.rows).min(self.inputs),
            Order::Rows => self.inputs,
        }
    }

    /// `(n, k)` of a site; `None` where the row or column is not used.
    pub fn weight_at(&self, s: WeightSite) -> Option<(u32, u32)> {
        match self.order {
            Order::Columns(t) => t.weight_at(s, self.outputs, self.inputs),
            Order::Words(t, group) => {
                let column = WeightSite { row: s.row * group + s.col % group, col: s.col / group, ..s };
                (s.row < self.rows).then(|| t.weight_at(column, self.outputs, self.inputs))?
            }
            Order::Rows => {
                let n = s.n_tile * self.rows + s.row;
                (s.row < self.rows && s.col < self.inputs && s.k_tile == 0 && n < self.outputs).then_some((n, s.col))
            }
        }
    }
}
