//! A chip with what the viewer needs to find things on it: blocks joined to their units, stations and ROM grids. Built once when
//! a chip is opened; a few hundred bytes a block, nothing a weight.

use crate::item::Item;
use crate::rom::{RomGrid, matrix};
use hardwire_netlist::chip::MatrixQuality;
use hardwire_netlist::floorplan::BlockKind;
use hardwire_netlist::silicon::{self, Weight};
use hardwire_netlist::unit::MatrixSpec;
use hardwire_netlist::{Census, Chip, Floorplan, MatrixView, Silicon, UnitId, WeightSite, census};
use hardwire_study::efficiency::Efficiencies;
use hardwire_study::subject::Subject;
use std::collections::HashMap;
use std::ops::Deref;
use std::path::Path;
use std::sync::OnceLock;

/// Matrices of fewer weights stay in memory: giving back costs more than it saves.
const SMALL: u64 = 1 << 20;

/// What is known of one block of the floorplan.
pub struct BlockInfo {
    pub unit: Option<UnitId>,
    /// Region that holds it.
    pub station: Option<usize>,
    pub rom: Option<RomGrid>,
    /// Of the whole unit; a unit with two blocks has it twice.
    pub census: Census,
    /// Magnitude that counts as large among these weights; found when first asked for.
    norm: OnceLock<f64>,
}

pub struct Die {
    pub chip: Chip,
    pub blocks: Vec<BlockInfo>,
    pub total: Census,
    by_path: HashMap<String, usize>,
    efficiency: OnceLock<Efficiencies>,
}

/// Opens a chip's folder, or the file of a planned one, without reading its program.
///
/// # Errors
/// As [`Chip::open_structure`].
pub fn open(path: &Path) -> Result<Chip, hardwire_netlist::Error> {
    if path.is_file() { Chip::open_plan(path) } else { Chip::open_structure(path) }
}

impl Die {
    pub fn new(chip: Chip) -> Die {
        let (netlist, plan) = (chip.netlist(), &chip.structure.floorplan);
        let units: HashMap<&str, UnitId> = netlist.units().map(|(id, u)| (u.path.as_str(), id)).collect();
        let regions: HashMap<&str, usize> = plan.regions.iter().enumerate().map(|(i, r)| (r.path.as_str(), i)).collect();
        let blocks: Vec<BlockInfo> = plan
            .blocks
            .iter()
            .map(|b| {
                let unit = units.get(b.path.as_str()).copied();
                let station = unit.and_then(|id| {
                    let s = netlist.stations.get(netlist.unit(id).station as usize)?;
                    regions.get(s.path.as_str()).copied()
                });
                let holds = matches!(b.kind, BlockKind::Matrix(_) | BlockKind::EmbeddingRom);
                let rom = unit.filter(|_| holds).and_then(|id| RomGrid::of(netlist, &chip.structure.technology, id, b));
                let census = unit.map(|id| census::unit(netlist, id)).unwrap_or_default();
                BlockInfo { unit, station, rom, census, norm: OnceLock::new() }
            })
            .collect();
        let total = census::total(netlist);
        let mut die = Die { blocks, total, by_path: HashMap::new(), efficiency: OnceLock::new(), chip };
        die.by_path = (0..die.blocks.len()).flat_map(|b| die.block_paths(b).into_iter().map(move |path| (path, b))).collect();
        die
    }

    pub fn plan(&self) -> &Floorplan {
        &self.chip.structure.floorplan
    }

    /// Path of a block: its unit's, with `#part` where it is not the unit's main block.
    pub fn block_path(&self, b: usize) -> String {
        let block = &self.plan().blocks[b];
        let main = match block.kind {
            BlockKind::Matrix(_) | BlockKind::EmbeddingRom | BlockKind::Vector => true,
            BlockKind::KvCache | BlockKind::Io => false,
        };
        if main { block.path.clone() } else { format!("{}#{}", block.path, block.part) }
    }

    /// The paths of all the units that work in a block: several where layers share silicon.
    fn block_paths(&self, b: usize) -> Vec<String> {
        let (netlist, own) = (self.chip.netlist(), self.block_path(b));
        let part = own.strip_prefix(self.plan().blocks[b].path.as_str()).unwrap_or_default().to_string();
        let Some(unit) = self.blocks[b].unit else { return vec![own] };
        netlist.worked(unit).into_iter().map(|id| format!("{}{part}", netlist.unit(id).path)).collect()
    }

    pub fn find_block(&self, path: &str) -> Option<usize> {
        self.by_path.get(path).copied()
    }

    /// The known name closest to `name`, for a message.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        let last = |p: &str| p.rsplit('.').next().unwrap_or(p).to_string();
        let want = last(name);
        self.by_path
            .keys()
            .filter(|p| last(p) == want || p.contains(name) || name.contains(p.as_str()))
            .min_by_key(|p| (p.len().abs_diff(name.len()), p.as_str()))
            .map(String::as_str)
    }

    /// From a shape alone: there are no weights to be seen.
    pub fn planned(&self) -> bool {
        self.chip.structure.is_planned()
    }

    /// What kind of matrix a block holds.
    pub fn spec(&self, block: usize) -> Option<&MatrixSpec> {
        let id = self.blocks[block].unit.filter(|_| self.blocks[block].rom.is_some())?;
        matrix(&self.chip.netlist().unit(id).kind)
    }

    /// The matrix itself, where its weights are known.
    pub fn matrix(&self, block: usize) -> Option<(&MatrixSpec, MatrixView<'_>)> {
        let spec = self.spec(block).filter(|_| !self.planned())?;
        Some((spec, self.chip.programs.matrix(spec.program)))
    }

    /// What a joule, a square millimetre and a million tokens are to the chip, as `hardwire compare` tells it.
    pub fn efficiency(&self) -> &Efficiencies {
        self.efficiency.get_or_init(|| Subject::of(&self.chip).usual_efficiencies())
    }

    pub fn quality(&self, block: usize) -> Option<&MatrixQuality> {
        let spec = self.spec(block)?;
        self.chip.structure.quality.iter().find(|q| q.tensor == spec.tensor)
    }

    pub fn weight(&self, block: usize, site: WeightSite) -> Option<Weight> {
        self.reader(block)?.weight(site)
    }

    /// For reading many weights of a block.
    pub fn reader(&self, block: usize) -> Option<Reader<'_>> {
        let id = self.blocks[block].unit.filter(|_| !self.planned())?;
        Some(Reader { rom: self.blocks[block].rom?, silicon: Silicon::of(&self.chip, id).into_iter().next()? })
    }

    /// Place of the weight `[row, k]` of the checkpoint's tensor.
    pub fn site_of(&self, block: usize, row: u32, k: u32) -> Option<WeightSite> {
        let spec = self.spec(block)?;
        if row >= spec.outputs { None } else { self.blocks[block].rom?.site(spec.rows.output_of(row), k) }
    }

    /// Gives back the memory that reading a block's weights has made resident.
    pub fn release(&self, block: usize) {
        if let Some((spec, _)) = self.matrix(block).filter(|(spec, _)| spec.weights() > SMALL) {
            self.chip.programs.release(spec.program);
        }
    }

    /// Magnitude below which nearly all weights of a block lie, from a fixed sample of it.
    pub fn norm(&self, block: usize) -> f64 {
        *self.blocks[block].norm.get_or_init(|| {
            let (Some(rom), Some(reader)) = (self.blocks[block].rom, self.reader(block)) else { return 1.0 };
            let pick = |i: u64, of: u32| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as u32 % of.max(1);
            let mut some: Vec<f64> = (0..2_000u64)
                .filter_map(|i| reader.weight(rom.site(pick(2 * i + 1, rom.outputs), pick(2 * i + 2, rom.inputs))?))
                .map(|w| w.real.abs())
                .collect();
            some.sort_by(f64::total_cmp);
            some.get(some.len() * 99 / 100).copied().filter(|m| *m > 0.0).unwrap_or(1.0)
        })
    }

    /// The deepest thing at a point of the die, no deeper than `depth` (see [`Item::depth`]): `scale` is points a nanometre, and what is
    /// smaller than a few points is not offered.
    pub fn hit(&self, x_nm: f64, y_nm: f64, scale: f64, depth: u8) -> Option<Item> {
        let mut found = self.hit_deep(x_nm, y_nm, scale);
        while let Some(item) = found.filter(|i| i.depth() > depth) {
            found = item.parent(self);
        }
        found
    }

    fn hit_deep(&self, x_nm: f64, y_nm: f64, scale: f64) -> Option<Item> {
        let (x, y) = (x_nm.floor() as i64, y_nm.floor() as i64);
        let plan = self.plan();
        if !plan.die.contains_point(x, y) {
            return None;
        }
        let big = |r: &hardwire_netlist::Rect, points: f64| (r.width_nm().min(r.height_nm()) as f64) * scale >= points;
        let Some(b) = plan.blocks.iter().position(|b| b.rect.contains_point(x, y) && big(&b.rect, 3.0)) else {
            return Some(plan.regions.iter().position(|r| r.rect.contains_point(x, y)).map_or(Item::Die, Item::Station));
        };
        let (block, Some(rom)) = (&plan.blocks[b], self.blocks[b].rom) else { return Some(Item::Block(b)) };
        let Some((n_tile, k_tile)) = rom.tile_at(block, x, y) else { return Some(Item::Block(b)) };
        let tile = Item::Tile { block: b, n_tile, k_tile };
        if !tile.rect(self).is_some_and(|r| big(&r, 12.0)) {
            return Some(Item::Block(b));
        }
        let Some(site) = rom.site_at(block, x, y) else { return Some(tile) };
        let weight = Item::Weight { block: b, site };
        Some(if weight.rect(self).is_some_and(|r| big(&r, 3.0)) { weight } else { tile })
    }
}

/// The weights of one block.
pub struct Reader<'a> {
    rom: RomGrid,
    silicon: Silicon<'a>,
}

impl<'a> Deref for Reader<'a> {
    type Target = Silicon<'a>;

    fn deref(&self) -> &Silicon<'a> {
        &self.silicon
    }
}

impl Reader<'_> {
    /// What a cell holds; `None` for an unused one.
    pub fn weight(&self, site: WeightSite) -> Option<Weight> {
        self.rom.weight_at(site).map(|(n, k)| self.silicon.weight(n, k))
    }

    /// The vias of a cell from left to right; none where weights are wires, `None` for an unused cell.
    pub fn vias(&self, site: WeightSite) -> Option<Vec<bool>> {
        let weight = self.weight(site)?;
        if self.silicon.wired() {
            return Some(Vec::new());
        }
        Some(silicon::drawn_bits(weight.stored, self.silicon.matrix.code_bits).collect())
    }
}
