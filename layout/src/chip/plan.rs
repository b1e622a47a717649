//! Where a chip's macros lie. The floorplan gives every tile its rectangle; macros are put into it side by side. The drawn die is the
//! floorplan enlarged by the least number of eighths at which every tile's macros fit: where the drawn cell or its decoder takes more than
//! the floorplan's estimate, the die says so.

use crate::error::Error;
use crate::process::Process;
use crate::rom::{Dims, Frame, Macro};
use crate::stored::Stored;
use hardwire_netlist::{Chip, Floorplan, Rect};
use std::collections::{BTreeSet, HashMap};

/// Most eighths that the die's sides are multiplied by.
const MOST_EIGHTHS: i64 = 8 * 64;

/// One placed macro.
#[derive(Clone, Copy, Debug)]
pub struct Instance {
    /// Index in [`Stored::roms`].
    pub rom: u32,
    pub bank: u32,
    pub slice: u32,
    pub of: Macro,
    pub x_nm: i64,
    pub y_nm: i64,
}

/// A drawn unit's outline.
#[derive(Clone, Debug)]
pub struct Outline {
    pub name: String,
    pub rect: Rect,
}

pub struct Plan {
    pub dims: Dims,
    pub die: Rect,
    /// Sides of the drawn die over those of the floorplan, in eighths.
    pub eighths: i64,
    pub outlines: Vec<Outline>,
    pub instances: Vec<Instance>,
    frames: HashMap<Macro, Frame>,
}

impl Plan {
    /// # Errors
    /// [`Error::Differs`] where a ROM's unit has no block, or no enlargement is enough.
    pub fn of(chip: &Chip, process: &Process, stored: &Stored<'_>) -> Result<Plan, Error> {
        let dims = Dims::of(process);
        let mut frames: HashMap<Macro, Frame> = HashMap::new();
        for rom in &stored.roms {
            frames.entry(rom.partition.of).or_insert_with(|| Frame::of(process, &dims, rom.partition.of));
        }
        let sites = sites(chip, stored)?;
        let fits = |eighths: i64| sites.iter().map(|s| shelves(stored, &frames, &dims, s, eighths)).collect::<Option<Vec<_>>>();
        let Some((eighths, placed)) = (8..=MOST_EIGHTHS).find_map(|e| fits(e).map(|p| (e, p))) else {
            return Err(Error::Differs("the macros fit no enlargement of the floorplan".into()));
        };
        let mut instances: Vec<Instance> = placed.into_iter().flatten().collect();
        instances.sort_by_key(|i| (i.rom, i.bank, i.slice));
        let plan = &chip.structure.floorplan;
        let outlines = plan.blocks.iter().map(|b| {
            let name = if b.part.is_empty() { b.path.clone() } else { format!("{}#{}", b.path, b.part) };
            Outline { name, rect: scaled(&b.rect, eighths, process.grid_nm) }
        });
        Ok(Plan { die: scaled(&plan.die, eighths, process.grid_nm), eighths, outlines: outlines.collect(), instances, dims, frames })
    }

    pub fn frame(&self, of: Macro) -> &Frame {
        &self.frames[&of]
    }

    /// Every kind of macro, in order.
    pub fn kinds(&self) -> Vec<Macro> {
        self.instances.iter().map(|i| i.of).collect::<BTreeSet<Macro>>().into_iter().collect()
    }
}

/// A rectangle of the floorplan and the ROMs that belong into it.
struct Site {
    rect: Rect,
    roms: Vec<u32>,
}

fn sites(chip: &Chip, stored: &Stored<'_>) -> Result<Vec<Site>, Error> {
    let plan = &chip.structure.floorplan;
    let mut blocks: HashMap<&str, usize> = HashMap::new();
    for (i, block) in plan.blocks.iter().enumerate() {
        // A unit's first block is the one of its weights.
        blocks.entry(&block.path).or_insert(i);
    }
    let mut all: Vec<Site> = Vec::new();
    let mut known: HashMap<(usize, (u32, u32)), usize> = HashMap::new();
    for (i, rom) in stored.roms.iter().enumerate() {
        let Some(&block) = blocks.get(rom.unit.as_str()) else {
            return Err(Error::Differs(format!("unit {} has weights and no block of the floorplan", rom.unit)));
        };
        let (k_tile, n_tile) = rom.tile;
        let tile = Floorplan::tile_rect(&plan.blocks[block], n_tile, k_tile);
        let key = (block, if tile.is_some() { rom.tile } else { (0, 0) });
        let at = *known.entry(key).or_insert_with(|| {
            all.push(Site { rect: tile.unwrap_or(plan.blocks[block].rect), roms: Vec::new() });
            all.len() - 1
        });
        all[at].roms.push(i as u32);
    }
    Ok(all)
}

fn scaled(r: &Rect, eighths: i64, grid: i64) -> Rect {
    let at = |nm: i64| (nm * eighths / 8).div_euclid(grid) * grid;
    Rect::new(at(r.x0_nm), at(r.y0_nm), at(r.x1_nm), at(r.y1_nm))
}

/// The macros of a site in rows from its lower left corner, the tallest first, a channel about each; `None` if it is too small.
fn shelves(stored: &Stored<'_>, frames: &HashMap<Macro, Frame>, d: &Dims, site: &Site, eighths: i64) -> Option<Vec<Instance>> {
    let mut all: Vec<Instance> = Vec::new();
    for &rom in &site.roms {
        let p = stored.roms[rom as usize].partition;
        let each = (0..p.banks).flat_map(|bank| (0..p.slices).map(move |slice| (bank, slice)));
        all.extend(each.map(|(bank, slice)| Instance { rom, bank, slice, of: p.of, x_nm: 0, y_nm: 0 }));
    }
    all.sort_by_key(|i| (std::cmp::Reverse(frames[&i.of].height), i.rom, i.bank, i.slice));
    // Pins of one macro never meet the next one's.
    let channel = d.margin;
    let rect = scaled(&site.rect, eighths, channel.max(1));
    let (mut x, mut y, mut high) = (rect.x0_nm + channel, rect.y0_nm + channel, 0);
    for i in &mut all {
        let f = &frames[&i.of];
        if x + f.width + channel > rect.x1_nm && high > 0 {
            (x, y, high) = (rect.x0_nm + channel, y + high + channel, 0);
        }
        (i.x_nm, i.y_nm) = (x, y);
        (x, high) = (x + f.width + channel, high.max(f.height));
        if x > rect.x1_nm || y + high + channel > rect.y1_nm {
            return None;
        }
    }
    Some(all)
}
