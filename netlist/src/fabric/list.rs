//! The list of fabrics.

use super::design::{Array, Design, Feed, Limits};
use super::shape::TileShape;
use super::{group, metal, tile};
use crate::census::counts::Census;
use crate::unit::fixed::Fixed;
use crate::unit::matrix::MatrixSpec;
use crate::width::{bits, index_bits, range_bits};
use serde::{Deserialize, Serialize};

/// How a matrix is realised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fabric {
    /// Multiply-select-add tiles: a row a cycle.
    #[default]
    Tile,
    /// Metal embedding: every weight a wire into an adder tree, activations a bit a cycle.
    Metal,
    /// Group columns: a scale group of inputs a cycle.
    Group,
}

impl Fabric {
    pub const ALL: [Fabric; 3] = [Fabric::Tile, Fabric::Metal, Fabric::Group];

    pub(crate) fn design(self) -> &'static dyn Design {
        match self {
            Fabric::Tile => &tile::Tile,
            Fabric::Metal => &metal::Metal,
            Fabric::Group => &group::Group,
        }
    }

    /// Its name in options, figures and reports.
    pub fn name(self) -> &'static str {
        match self {
            Fabric::Tile => "tiles",
            Fabric::Metal => "metal",
            Fabric::Group => "group",
        }
    }

    /// What it is called where there is room.
    pub fn title(self) -> &'static str {
        match self {
            Fabric::Tile => "multiply-select-add tiles",
            Fabric::Metal => "metal embedding",
            Fabric::Group => "group columns",
        }
    }

    pub fn named(name: &str) -> Option<Fabric> {
        Fabric::ALL.into_iter().find(|f| f.name() == name)
    }

    /// Whether weights are wires, with no cells that a via programs and no tiles.
    pub fn wired(self) -> bool {
        self.design().wired()
    }

    /// Shape of the array of a matrix.
    ///
    /// # Errors
    /// What does not fit, in words that follow the matrix's name.
    pub fn shape(self, m: &MatrixSpec, limits: &Limits) -> Result<TileShape, String> {
        self.design().shape(m, limits)
    }

    /// Counts of the array of a matrix whose sums are as wide as any codes make them, and which gives outputs of `out` bits.
    pub fn census(self, m: &MatrixSpec, shape: TileShape, act_bits: u8, out: u8) -> Census {
        let inner = u32::from(act_bits) + range_bits(m.codebook.iter().map(|&v| i64::from(v))) + index_bits(m.group.min(m.inputs));
        let total = inner + u32::from(m.scale_bits) + bits(m.groups());
        let array = Array { matrix: m, shape, act_bits, acc_bits: inner as u8, tot_bits: total as u8 };
        self.design().modules(&array, u64::from(out)).iter().map(|module| module.census.times(module.count)).sum()
    }

    /// Cycles that the inputs of a matrix last.
    pub fn played_cycles(self, m: &MatrixSpec, shape: TileShape) -> u32 {
        let (input, rows) = (Fixed::new(1, 0), shape.rows);
        self.design().played_cycles(&Feed { len: m.inputs, input, act_bits: 1, rows, group: m.group.min(rows), waits: false })
    }
}
