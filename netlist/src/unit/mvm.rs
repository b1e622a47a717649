//! Mvm: a matrix in silicon times a vector (section 6), and the fabric that realises it.

use super::MatrixSpec;
use crate::metal::MetalShape;
use crate::tile::TileShape;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MvmSpec {
    pub matrix: MatrixSpec,
    #[serde(flatten)]
    pub fabric: Fabric,
    pub act_bits: u8,
    /// Width proven for any group's inner sum.
    pub acc_bits: u8,
    /// Width proven for any partial sum of the scaled groups.
    pub tot_bits: u8,
}

/// How a matrix is realised. A new fabric is a new variant with its own file in `sim` and `rtl-gen`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fabric", rename_all = "snake_case")]
pub enum Fabric {
    /// Multiply-select-add tiles.
    Tile(TileShape),
    /// Metal embedding: every weight a wire into an adder tree, activations a bit a cycle.
    Metal(MetalShape),
}

impl Fabric {
    pub fn name(&self) -> &'static str {
        match self {
            Fabric::Tile(_) => "tiles",
            Fabric::Metal(_) => "metal",
        }
    }
}

impl MvmSpec {
    /// Shape of its tiles, if it has any.
    pub fn tile(&self) -> Option<TileShape> {
        match self.fabric {
            Fabric::Tile(t) => Some(t),
            Fabric::Metal(_) => None,
        }
    }
}
