//! Rope: rotates the heads of q or k by their position (section 7).

use super::Fixed;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RopeSpec {
    pub heads: u32,
    pub head_dim: u32,
    /// Elements of a head that are rotated (the first ones); `head_dim` unless partial.
    pub rotated: u32,
    /// Which list of phases.
    pub table: u8,
    pub input: Fixed,
}
