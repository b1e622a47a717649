//! Where everything lies on the die. Lengths are integers in nanometres.

use crate::fabric::list::Fabric;
use serde::{Deserialize, Serialize};

/// Half-open rectangle `[x0, x1) x [y0, y1)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rect {
    pub x0_nm: i64,
    pub y0_nm: i64,
    pub x1_nm: i64,
    pub y1_nm: i64,
}

impl Rect {
    pub fn new(x0_nm: i64, y0_nm: i64, x1_nm: i64, y1_nm: i64) -> Self {
        Rect { x0_nm, y0_nm, x1_nm, y1_nm }
    }

    pub fn width_nm(&self) -> i64 {
        self.x1_nm - self.x0_nm
    }

    pub fn height_nm(&self) -> i64 {
        self.y1_nm - self.y0_nm
    }

    pub fn area_um2(&self) -> f64 {
        self.width_nm() as f64 * self.height_nm() as f64 * 1e-6
    }

    pub fn overlaps(&self, other: &Rect) -> bool {
        self.x0_nm < other.x1_nm && other.x0_nm < self.x1_nm && self.y0_nm < other.y1_nm && other.y0_nm < self.y1_nm
    }

    pub fn contains(&self, other: &Rect) -> bool {
        self.x0_nm <= other.x0_nm && self.y0_nm <= other.y0_nm && other.x1_nm <= self.x1_nm && other.y1_nm <= self.y1_nm
    }

    pub fn contains_point(&self, x_nm: i64, y_nm: i64) -> bool {
        self.x0_nm <= x_nm && x_nm < self.x1_nm && self.y0_nm <= y_nm && y_nm < self.y1_nm
    }
}

/// What a block of the floorplan is; colours and legends follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockKind {
    /// A matrix and what multiplies by it.
    Matrix(Fabric),
    EmbeddingRom,
    KvCache,
    /// Norms, row feeds, rotations, attention arithmetic, activations, adders.
    Vector,
    Io,
}

impl BlockKind {
    /// All kinds, in the order of legends.
    pub fn all() -> impl Iterator<Item = BlockKind> {
        use BlockKind::{EmbeddingRom, Io, KvCache, Vector};
        Fabric::ALL.into_iter().map(BlockKind::Matrix).chain([EmbeddingRom, KvCache, Vector, Io])
    }
}

/// One placed block: a unit or a part of one. A regular array of tiles is one block, never a block a tile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// Path of the unit (`layers.3.self_attn` appears twice: its vector part and its cache, with `part` apart).
    pub path: String,
    pub part: String,
    pub kind: BlockKind,
    pub rect: Rect,
    /// Tiles across and down inside `rect`, for a matrix in tiles: `n_tiles` by `k_tiles`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array: Option<(u32, u32)>,
}

/// A station's region, which holds its blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Region {
    pub path: String,
    pub rect: Rect,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Floorplan {
    pub die: Rect,
    pub regions: Vec<Region>,
    pub blocks: Vec<Block>,
}

impl Floorplan {
    /// Rectangle of tile `(n_tile, k_tile)` of an array block: the block divided evenly, remainders spread.
    pub fn tile_rect(block: &Block, n_tile: u32, k_tile: u32) -> Option<Rect> {
        let (across, down) = block.array?;
        if n_tile >= across || k_tile >= down {
            return None;
        }
        let cut = |lo: i64, len: i64, i: u32, of: u32| lo + len * i64::from(i) / i64::from(of);
        let r = &block.rect;
        Some(Rect::new(
            cut(r.x0_nm, r.width_nm(), n_tile, across),
            cut(r.y0_nm, r.height_nm(), k_tile, down),
            cut(r.x0_nm, r.width_nm(), n_tile + 1, across),
            cut(r.y0_nm, r.height_nm(), k_tile + 1, down),
        ))
    }

    /// First pair of siblings that overlap, or block outside its die, if any; by sweep over x.
    pub fn conflict(&self) -> Option<(String, String)> {
        let name = |b: &Block| format!("{}/{}", b.path, b.part);
        for b in &self.blocks {
            if !self.die.contains(&b.rect) {
                return Some((name(b), "die".into()));
            }
        }
        let mut order: Vec<&Block> = self.blocks.iter().collect();
        order.sort_by_key(|b| b.rect.x0_nm);
        let mut open: Vec<&Block> = Vec::new();
        for b in order {
            open.retain(|o| o.rect.x1_nm > b.rect.x0_nm);
            if let Some(o) = open.iter().find(|o| o.rect.overlaps(&b.rect)) {
                return Some((name(o), name(b)));
            }
            open.push(b);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(x0: i64, y0: i64, x1: i64, y1: i64) -> Block {
        Block {
            path: format!("{x0},{y0}"),
            part: String::new(),
            kind: BlockKind::Matrix(Fabric::Tile),
            rect: Rect::new(x0, y0, x1, y1),
            array: Some((3, 7)),
        }
    }

    #[test]
    fn overlap_is_found_and_touching_is_not_overlap() {
        let plan = |blocks| Floorplan { die: Rect::new(0, 0, 100, 100), regions: vec![], blocks };
        assert_eq!(plan(vec![block(0, 0, 10, 10), block(10, 0, 20, 10), block(0, 10, 20, 20)]).conflict(), None);
        assert!(plan(vec![block(0, 0, 10, 10), block(50, 0, 60, 10), block(9, 9, 51, 20)]).conflict().is_some());
        assert!(plan(vec![block(0, 0, 10, 101)]).conflict().is_some());
    }

    #[test]
    fn tiles_partition_their_block() {
        let b = block(5, 7, 105, 78);
        let mut area = 0.0;
        for n in 0..3 {
            for k in 0..7 {
                area += Floorplan::tile_rect(&b, n, k).unwrap().area_um2();
            }
        }
        assert!((area - b.rect.area_um2()).abs() < 1e-9);
        assert_eq!(Floorplan::tile_rect(&b, 3, 0), None);
    }
}
