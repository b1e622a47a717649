//! Where weights lie inside a block that holds a matrix: the block is a grid of tiles, a tile is a ROM over the logic that
//! reads it, and the ROM is a grid of weights. Nothing is stored: every rectangle is computed, and every point maps back.
//!
//! The floorplan fixes the tiles. How a tile divides is drawn from its census: the ROM takes the share of the area that its
//! bits have, with bits about square, and lies among the logic that its columns feed.

use hardwire_netlist::floorplan::Block;
use hardwire_netlist::silicon::{self, Cells};
use hardwire_netlist::unit::{MatrixSpec, UnitKind};
use hardwire_netlist::{Floorplan, Netlist, Rect, Technology, UnitId, WeightSite, census};
use std::ops::Deref;

/// The weights of one block: the grid of its cells, and the share of each tile that they take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RomGrid {
    pub cells: Cells,
    /// Weights are wires that run over all of a tile; there are no cells.
    pub wired: bool,
    /// Shares of a tile's width and height that are ROM.
    pub rom_share: (f64, f64),
}

impl Deref for RomGrid {
    type Target = Cells;

    fn deref(&self) -> &Cells {
        &self.cells
    }
}

/// The matrix a unit holds.
pub fn matrix(kind: &UnitKind) -> Option<&MatrixSpec> {
    match kind {
        UnitKind::Embed(e) => Some(&e.matrix),
        UnitKind::Mvm(m) => Some(&m.matrix),
        _ => None,
    }
}

impl RomGrid {
    pub fn of(netlist: &Netlist, technology: &Technology, id: UnitId, block: &Block) -> Option<RomGrid> {
        let cells = silicon::cells(netlist, id, &block.rect)?;
        if block.array.is_some_and(|array| array != (cells.across, cells.down)) {
            return None;
        }
        let count = census::unit(netlist, id);
        let share = technology.rom_um2(&count) / technology.area_um2(&count).max(1e-9);
        let wired = matches!(&netlist.unit(id).kind, UnitKind::Mvm(s) if s.fabric.wired());
        let share = if wired { 0.95 } else { share };
        let share = if share.is_finite() { share.clamp(0.02, 0.95) } else { 0.5 };
        let aspect = f64::from(cells.cols) * f64::from(cells.code_bits) / f64::from(cells.rows.max(1));
        let mut grid = RomGrid { cells, wired, rom_share: (share, share) };
        grid.rom_share = rom_shares(&grid.tile_rect(block, 0, 0)?, share, aspect);
        // A cell below a nanometre has no rectangle of its own; such a plan is drawn without its weights.
        let last = grid.rom_rect(block, cells.across - 1, cells.down - 1)?;
        (last.width_nm() >= i64::from(cells.cols) && last.height_nm() >= i64::from(cells.rows)).then_some(grid)
    }

    /// Rectangle of a tile: ROM and logic.
    pub fn tile_rect(&self, block: &Block, n_tile: u32, k_tile: u32) -> Option<Rect> {
        if block.array.is_some() {
            return Floorplan::tile_rect(block, n_tile, k_tile);
        }
        (n_tile < self.across && k_tile < self.down).then(|| grid_cell(&block.rect, (n_tile, self.across), (k_tile, self.down)))
    }

    /// The ROM of a tile: in the middle, a little above.
    pub fn rom_rect(&self, block: &Block, n_tile: u32, k_tile: u32) -> Option<Rect> {
        let r = self.tile_rect(block, n_tile, k_tile)?;
        let (w, h) = (r.width_nm() as f64 * self.rom_share.0, r.height_nm() as f64 * self.rom_share.1);
        let x0 = r.x0_nm + ((r.width_nm() as f64 - w) / 2.0).round() as i64;
        // A quarter of what is left above it: names stand there.
        let y1 = r.y1_nm - ((r.height_nm() as f64 - h) / 4.0).round() as i64;
        Some(Rect::new(x0, y1 - h.round() as i64, x0 + w.round() as i64, y1))
    }

    /// The cell of a weight.
    pub fn weight_rect(&self, block: &Block, s: WeightSite) -> Option<Rect> {
        let rom = self.rom_rect(block, s.n_tile, s.k_tile)?;
        (s.row < self.rows && s.col < self.cols).then(|| grid_cell(&rom, (s.col, self.cols), (s.row, self.rows)))
    }

    /// The tile a point lies in.
    pub fn tile_at(&self, block: &Block, x_nm: i64, y_nm: i64) -> Option<(u32, u32)> {
        if !block.rect.contains_point(x_nm, y_nm) {
            return None;
        }
        let r = &block.rect;
        Some((index(x_nm - r.x0_nm, r.width_nm(), self.across), index(y_nm - r.y0_nm, r.height_nm(), self.down)))
    }

    /// The weight cell a point lies in, used or not.
    pub fn site_at(&self, block: &Block, x_nm: i64, y_nm: i64) -> Option<WeightSite> {
        let (n_tile, k_tile) = self.tile_at(block, x_nm, y_nm)?;
        let rom = self.rom_rect(block, n_tile, k_tile)?;
        rom.contains_point(x_nm, y_nm).then(|| WeightSite {
            n_tile,
            k_tile,
            row: index(y_nm - rom.y0_nm, rom.height_nm(), self.rows),
            col: index(x_nm - rom.x0_nm, rom.width_nm(), self.cols),
        })
    }
}

/// Shares of a tile's width and height for a ROM of `share` of its area whose bits are about square, or as near to that as the tile
/// is wide or high enough for. `aspect` is bits along over bits up.
fn rom_shares(tile: &Rect, share: f64, aspect: f64) -> (f64, f64) {
    let (w, h) = (tile.width_nm().max(1) as f64, tile.height_nm().max(1) as f64);
    let wide = (share * w * h * aspect).sqrt() / w;
    let wide = wide.clamp((share / 0.96).min(0.98), 0.98);
    (wide, (share / wide).min(0.98))
}

fn cut(lo: i64, len: i64, i: u32, of: u32) -> i64 {
    lo + len * i64::from(i) / i64::from(of)
}

fn grid_cell(r: &Rect, (x, across): (u32, u32), (y, down): (u32, u32)) -> Rect {
    Rect::new(
        cut(r.x0_nm, r.width_nm(), x, across),
        cut(r.y0_nm, r.height_nm(), y, down),
        cut(r.x0_nm, r.width_nm(), x + 1, across),
        cut(r.y0_nm, r.height_nm(), y + 1, down),
    )
}

/// Inverse of [`cut`]: the `i` with `cut(i) <= at < cut(i + 1)`, for `0 <= at < len`.
fn index(at: i64, len: i64, of: u32) -> u32 {
    // floor(len * i / of) <= at  <=>  i < (at + 1) * of / len
    let i = ((at + 1) * i64::from(of) - 1).div_euclid(len.max(1));
    (i as u32).min(of.saturating_sub(1))
}

impl RomGrid {
    /// Tiles that `world` sees: ranges of `n_tile` and `k_tile`.
    pub fn tiles_in(&self, block: &Block, world: &crate::camera::World) -> (std::ops::Range<u32>, std::ops::Range<u32>) {
        cells_in(&block.rect, self.across, self.down, world)
    }

    /// Weight cells of one tile's ROM that `world` sees: ranges of columns and rows.
    pub fn cells_in(&self, rom: &Rect, world: &crate::camera::World) -> (std::ops::Range<u32>, std::ops::Range<u32>) {
        cells_in(rom, self.cols, self.rows, world)
    }
}

fn cells_in(r: &Rect, across: u32, down: u32, world: &crate::camera::World) -> (std::ops::Range<u32>, std::ops::Range<u32>) {
    let range = |lo: i64, len: i64, of: u32, from: f64, to: f64| {
        let (a, b) = ((from - lo as f64).max(0.0) as i64, (to - lo as f64).min(len as f64).ceil() as i64);
        if a >= len || b <= 0 { 0..0 } else { index(a, len, of)..index((b - 1).max(a), len, of) + 1 }
    };
    (range(r.x0_nm, r.width_nm(), across, world.x0, world.x1), range(r.y0_nm, r.height_nm(), down, world.y0, world.y1))
}
