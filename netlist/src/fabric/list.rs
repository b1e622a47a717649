//! The list of fabrics.

use super::design::{Design, Limits};
use super::shape::TileShape;
use super::{group, metal, tile};
use crate::unit::matrix::MatrixSpec;
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
}
