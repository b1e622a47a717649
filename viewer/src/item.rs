//! Everything that can be selected, and the paths that name it:
//! `layers.2.mlp`, `layers.2.mlp.down_proj`, `layers.2.mlp.down_proj/tile[0,1]`, `layers.2.mlp.down_proj/tile[0,1]/w[17,20]`
//! (tile: band of inputs, tile along the outputs; weight: ROM row, column) and `layers.2.mlp.down_proj[130,17]` (tensor: output,
//! input). A block beside the unit's main one is `layers.2.self_attn#kv_cache`.

use crate::die::Die;
use crate::error::Error;
use hardwire_netlist::{Rect, WeightSite};

/// One selectable thing. Indices are into the chip's floorplan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Item {
    Die,
    /// A region of the floorplan.
    Station(usize),
    /// A block of the floorplan: a unit or a part of one.
    Block(usize),
    Tile {
        block: usize,
        n_tile: u32,
        k_tile: u32,
    },
    Weight {
        block: usize,
        site: WeightSite,
    },
}

impl Item {
    pub fn block(self) -> Option<usize> {
        match self {
            Item::Block(block) | Item::Tile { block, .. } | Item::Weight { block, .. } => Some(block),
            Item::Die | Item::Station(_) => None,
        }
    }

    /// What it lies in.
    pub fn parent(self, die: &Die) -> Option<Item> {
        match self {
            Item::Die => None,
            Item::Station(_) => Some(Item::Die),
            Item::Block(b) => Some(die.blocks[b].station.map_or(Item::Die, Item::Station)),
            Item::Tile { block, .. } => Some(Item::Block(block)),
            Item::Weight { block, site } => Some(Item::Tile { block, n_tile: site.n_tile, k_tile: site.k_tile }),
        }
    }

    /// The first thing in it.
    pub fn first_child(self, die: &Die) -> Option<Item> {
        match self {
            Item::Die => (!die.plan().regions.is_empty()).then_some(Item::Station(0)),
            Item::Station(s) => die.blocks.iter().position(|b| b.station == Some(s)).map(Item::Block),
            Item::Block(block) => die.blocks[block].rom.map(|_| Item::Tile { block, n_tile: 0, k_tile: 0 }),
            Item::Tile { block, n_tile, k_tile } => Some(Item::Weight { block, site: WeightSite { k_tile, n_tile, row: 0, col: 0 } }),
            Item::Weight { .. } => None,
        }
    }

    /// The next (or with `back` the previous) of its kind in what holds it, round and round.
    pub fn sibling(self, die: &Die, back: bool) -> Option<Item> {
        let step = |at: u64, of: u64| if back { (at + of - 1) % of } else { (at + 1) % of };
        match self {
            Item::Die => None,
            Item::Station(s) => Some(Item::Station(step(s as u64, die.plan().regions.len() as u64) as usize)),
            Item::Block(b) => {
                let beside: Vec<usize> = (0..die.blocks.len()).filter(|&o| die.blocks[o].station == die.blocks[b].station).collect();
                let at = beside.iter().position(|&o| o == b)?;
                Some(Item::Block(beside[step(at as u64, beside.len() as u64) as usize]))
            }
            Item::Tile { block, n_tile, k_tile } => {
                let (across, down) = die.blocks[block].rom.map(|r| (u64::from(r.across), u64::from(r.down)))?;
                let at = step(u64::from(k_tile) * across + u64::from(n_tile), across * down);
                Some(Item::Tile { block, n_tile: (at % across) as u32, k_tile: (at / across) as u32 })
            }
            Item::Weight { block, site } => {
                let (rows, cols) = die.blocks[block].rom.map(|r| (u64::from(r.rows), u64::from(r.cols)))?;
                let at = step(u64::from(site.row) * cols + u64::from(site.col), rows * cols);
                Some(Item::Weight { block, site: WeightSite { row: (at / cols) as u32, col: (at % cols) as u32, ..site } })
            }
        }
    }

    /// How deep it lies in the hierarchy: a station 1, a weight 4.
    pub fn depth(self) -> u8 {
        match self {
            Item::Die => 0,
            Item::Station(_) => 1,
            Item::Block(_) => 2,
            Item::Tile { .. } => 3,
            Item::Weight { .. } => 4,
        }
    }

    pub fn rect(self, die: &Die) -> Option<Rect> {
        let plan = die.plan();
        match self {
            Item::Die => Some(plan.die),
            Item::Station(s) => plan.regions.get(s).map(|r| r.rect),
            Item::Block(b) => plan.blocks.get(b).map(|b| b.rect),
            Item::Tile { block, n_tile, k_tile } => die.blocks.get(block)?.rom?.tile_rect(&plan.blocks[block], n_tile, k_tile),
            Item::Weight { block, site } => die.blocks.get(block)?.rom?.weight_rect(&plan.blocks[block], site),
        }
    }

    pub fn path(self, die: &Die) -> String {
        let plan = die.plan();
        match self {
            Item::Die => "die".into(),
            Item::Station(s) => plan.regions[s].path.clone(),
            Item::Block(b) => die.block_path(b),
            Item::Tile { block, n_tile, k_tile } => format!("{}/tile[{k_tile},{n_tile}]", die.block_path(block)),
            Item::Weight { block, site: s } => {
                format!("{}/tile[{},{}]/w[{},{}]", die.block_path(block), s.k_tile, s.n_tile, s.row, s.col)
            }
        }
    }

    /// Word for the kind of thing.
    pub fn kind(self) -> &'static str {
        match self {
            Item::Die => "die",
            Item::Station(_) => "station",
            Item::Block(_) => "unit",
            Item::Tile { .. } => "tile",
            Item::Weight { .. } => "weight",
        }
    }

    /// Reads a path, as [`Item::path`] writes it or with a tensor index.
    ///
    /// # Errors
    /// `Error::Place`, saying what is there instead.
    pub fn parse(die: &Die, path: &str) -> Result<Item, Error> {
        let path = path.trim();
        let fail = |what: String| Error::Place { path: path.into(), what };
        let mut parts = path.split('/');
        let head = parts.next().unwrap_or_default();
        if head.is_empty() || head == "die" {
            return Ok(Item::Die);
        }
        let (name, index) = match head.split_once('[') {
            Some((name, rest)) => (name, Some(pair(rest).ok_or_else(|| fail("an index is written [n,k]".into()))?)),
            None => (head, None),
        };
        let Some(block) = die.find_block(name) else {
            return match die.plan().regions.iter().position(|r| r.path == name) {
                Some(s) if index.is_none() && parts.next().is_none() => Ok(Item::Station(s)),
                _ => Err(fail(match die.nearest(name) {
                    Some(near) => format!("no such unit; the nearest name is {near}"),
                    None => "no such unit".into(),
                })),
            };
        };
        let rom = || die.blocks[block].rom.ok_or_else(|| fail(format!("{name} holds no weights")));
        if let Some((n, k)) = index {
            let rom = rom()?;
            let site = die.site_of(block, n, k).ok_or_else(|| fail(format!("{name} is [{}, {}]", rom.outputs, rom.inputs)))?;
            return Ok(Item::Weight { block, site });
        }
        let Some(tile) = parts.next() else { return Ok(Item::Block(block)) };
        let rom = rom()?;
        let (k_tile, n_tile) =
            tile.strip_prefix("tile[").and_then(pair).ok_or_else(|| fail(format!("{tile}: a tile is written tile[k,n]")))?;
        if n_tile >= rom.across || k_tile >= rom.down {
            return Err(fail(format!("{name} has {} x {} tiles", rom.down, rom.across)));
        }
        let Some(weight) = parts.next() else { return Ok(Item::Tile { block, n_tile, k_tile }) };
        let (row, col) =
            weight.strip_prefix("w[").and_then(pair).ok_or_else(|| fail(format!("{weight}: a weight is written w[row,column]")))?;
        if row >= rom.rows || col >= rom.cols {
            return Err(fail(format!("a tile of {name} is {} x {} weights", rom.rows, rom.cols)));
        }
        if parts.next().is_some() {
            return Err(fail("nothing lies inside a weight".into()));
        }
        Ok(Item::Weight { block, site: WeightSite { k_tile, n_tile, row, col } })
    }
}

/// `a,b]`
fn pair(text: &str) -> Option<(u32, u32)> {
    let (a, b) = text.strip_suffix(']')?.split_once(',')?;
    Some((a.trim().parse().ok()?, b.trim().parse().ok()?))
}
