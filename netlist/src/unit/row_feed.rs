//! RowFeed: quantizes a vector and feeds it to the matrices that take it (section 5).

use super::Fixed;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowFeedSpec {
    pub len: u32,
    pub input: Fixed,
    pub act_bits: u8,
    /// R of the matrices it feeds; the whole vector where bits are played.
    pub rows: u32,
    /// Rows between scale captures: `min(group, rows)` of the matrices it feeds.
    pub group: u32,
    #[serde(default)]
    pub play: Play,
    /// Keeps its rows until the Route on port 1 has chosen the experts that take them.
    pub waits: bool,
}

/// How a vector enters its matrices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Play {
    /// A row of every K-tile band a cycle: for tiles.
    #[default]
    Rows,
    /// A bit of every element a cycle, the sign first: for metal embedding.
    Bits,
}

impl RowFeedSpec {
    pub fn k_tiles(&self) -> u32 {
        self.len.div_ceil(self.rows)
    }

    /// Rows played: whole groups of the longest band.
    pub fn played_rows(&self) -> u32 {
        self.len.min(self.rows).div_ceil(self.group) * self.group
    }

    /// Cycles its output lasts.
    pub fn played_cycles(&self) -> u32 {
        match self.play {
            Play::Rows => self.played_rows(),
            Play::Bits => u32::from(self.act_bits),
        }
    }
}
