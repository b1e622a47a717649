//! Weights at every distance: a block as one picture, tiles as pictures of their own, cells with their vias and values.

use crate::camera::World;
use crate::die::Die;
use crate::materialise::Picture;
use crate::paint_tile;
use crate::rom::RomGrid;
use crate::theme::Theme;
use crate::view::View;
use egui::epaint::Mesh;
use egui::{Align2, Color32, FontId, Painter, Rect as Screen, Shape, Stroke, StrokeKind, pos2, vec2};
use hardwire_netlist::Fabric;
use hardwire_netlist::floorplan::BlockKind;
use hardwire_netlist::{Rect, WeightSite};

/// Sizes on screen, in points, from which the next level of detail is drawn.
const PICTURE: f64 = 10.0;
pub const TILE_PARTS: f64 = 104.0;
/// From here on nothing of the overview is left over the parts of tiles: it fades between.
const TILE_ALONE: f64 = 144.0;
const TILE_PICTURE: f64 = 110.0;
const CELL_GRID: f64 = 9.0;
const CELL_VIAS: f64 = 26.0;
const CELL_TEXT: f64 = 44.0;
const CELL_WIRES: f64 = 72.0;

pub fn weights(painter: &Painter, view: &mut View, theme: Theme) {
    let die = view.die.clone();
    let sees = view.camera.visible(view.canvas);
    if view.depth < 3 {
        return;
    }
    for (b, block) in die.plan().blocks.iter().enumerate() {
        let Some(rom) = die.blocks[b].rom else { continue };
        let size = |r: &Rect| (r.width_nm() as f64 * view.camera.scale, r.height_nm() as f64 * view.camera.scale);
        let (w, h) = size(&block.rect);
        if !sees.sees(&block.rect) || w.min(h) < PICTURE || view.hides_weights() || !view.draws(b) {
            continue;
        }
        let Some(first) = rom.tile_rect(block, 0, 0) else { continue };
        let (tile_w, tile_h) = size(&first);
        if view.depth == 3 {
            grid(painter, view, block, &rom, tile_w.min(tile_h), theme);
            continue;
        }
        // Changes are the block's colour from afar and the tiles' codes from close by; magnitudes would hide them.
        if view.changes && tile_w.min(tile_h) < TILE_PICTURE {
            continue;
        }
        let overview = if view.changes { None } else { view.pictures.get(Picture::overview(b, w.max(h))) };
        if tile_w.min(tile_h) < TILE_PARTS {
            if let Some(texture) = overview {
                let mut mesh = Mesh::with_texture(texture);
                quad(&mut mesh, view, block.rect.into(), [0.0, 0.0, 1.0, 1.0], Color32::WHITE);
                painter.add(Shape::mesh(mesh));
            }
            continue;
        }
        tiles(painter, view, &die, b, &rom, tile_w.min(tile_h) >= TILE_PICTURE, overview, theme);
    }
}

/// Lines between tiles, and where there is room what each is called: the map at a depth that ends with tiles.
fn grid(painter: &Painter, view: &View, block: &hardwire_netlist::floorplan::Block, rom: &RomGrid, side: f64, theme: Theme) {
    if side < CELL_GRID {
        return;
    }
    let (across, down) = rom.tiles_in(block, &view.camera.visible(view.canvas));
    let place = |n, k| rom.tile_rect(block, n, k).and_then(|r| view.camera.rect(view.canvas, r.into()));
    let line = Stroke::new(1.0, theme.die());
    let Some(seen) = view.camera.rect(view.canvas, block.rect.into()) else { return };
    for r in across.clone().filter_map(|n| place(n, down.start)) {
        painter.vline(r.left(), seen.y_range(), line);
    }
    for r in down.clone().filter_map(|k| place(across.start, k)) {
        painter.hline(seen.x_range(), r.bottom(), line);
    }
    if side < TILE_PARTS {
        return;
    }
    let ink = Theme::on(theme.kind(block.kind));
    for (k_tile, n_tile) in down.flat_map(|k| across.clone().map(move |n| (k, n))) {
        if let Some(r) = place(n_tile, k_tile) {
            painter.text(r.center(), Align2::CENTER_CENTER, format!("{k_tile},{n_tile}"), FontId::proportional(11.0), ink);
        }
    }
}

#[allow(clippy::too_many_arguments)]
fn tiles(
    painter: &Painter,
    view: &mut View,
    die: &Die,
    b: usize,
    rom: &RomGrid,
    close: bool,
    overview: Option<egui::TextureId>,
    theme: Theme,
) {
    let block = &die.plan().blocks[b];
    let sees = view.camera.visible(view.canvas);
    let logic = theme.logic(block.kind);
    let Some(first) = rom.tile_rect(block, 0, 0) else { return };
    let side = first.width_nm().min(first.height_nm()) as f64 * view.camera.scale;
    let alone = side >= TILE_ALONE;
    let (across, down) = rom.tiles_in(block, &sees);
    let mut far = overview.map(Mesh::with_texture);
    for k_tile in down {
        for n_tile in across.clone() {
            let (Some(tile), Some(store)) = (rom.tile_rect(block, n_tile, k_tile), rom.rom_rect(block, n_tile, k_tile)) else {
                continue;
            };
            if let Some(r) = view.camera.rect(view.canvas, tile.into()) {
                painter.rect_filled(r, 0.0, logic);
            }
            let picture = if close { view.pictures.get(Picture::Tile { block: b, n_tile, k_tile }) } else { None };
            match (picture, &mut far) {
                (Some(texture), _) => {
                    let mut mesh = Mesh::with_texture(texture);
                    quad(&mut mesh, view, store.into(), [0.0, 0.0, 1.0, 1.0], Color32::WHITE);
                    painter.add(Shape::mesh(mesh));
                }
                (None, Some(mesh)) => {
                    let (w, h) = (f64::from(rom.across), f64::from(rom.down));
                    let (n, k) = (f64::from(n_tile), f64::from(rom.down - 1 - k_tile));
                    quad(mesh, view, store.into(), [n / w, k / h, (n + 1.0) / w, (k + 1.0) / h], Color32::WHITE);
                }
                (None, None) => {}
            }
        }
    }
    if let Some(mesh) = far.filter(|m| !m.is_empty()) {
        painter.add(Shape::mesh(mesh));
    }
    let (across, down) = rom.tiles_in(block, &sees);
    for k_tile in down {
        for n_tile in across.clone() {
            let (Some(tile), Some(store)) = (rom.tile_rect(block, n_tile, k_tile), rom.rom_rect(block, n_tile, k_tile)) else {
                continue;
            };
            if let Some(r) = view.camera.rect(view.canvas, tile.into()) {
                painter.rect_stroke(r, 0.0, Stroke::new(1.0, theme.die()), StrokeKind::Middle);
            }
            if alone {
                paint_tile::logic(painter, view, b, &tile, &store, theme);
                tile_label(painter, view, &tile, &store, (n_tile, k_tile), theme);
            }
            cells(painter, view, die, b, rom, &store, (n_tile, k_tile), theme);
        }
    }
    let left = 1.0 - (side - TILE_PARTS) / (TILE_ALONE - TILE_PARTS);
    if let Some(texture) = overview.filter(|_| left > 0.0) {
        let mut mesh = Mesh::with_texture(texture);
        quad(&mut mesh, view, block.rect.into(), [0.0, 0.0, 1.0, 1.0], Color32::WHITE.gamma_multiply(left as f32));
        painter.add(Shape::mesh(mesh));
    }
}

fn tile_label(painter: &Painter, view: &View, tile: &Rect, store: &Rect, (n_tile, k_tile): (u32, u32), theme: Theme) {
    let Some(strip) = view.camera.rect(view.canvas, Rect { y1_nm: store.y0_nm, ..*tile }.into()) else { return };
    if strip.height() < 80.0 || strip.intersect(view.canvas).width() < 70.0 {
        return;
    }
    let ink = Theme::on(theme.logic(BlockKind::Matrix(Fabric::Tile)));
    let at = pos2(strip.intersect(view.canvas).center().x, strip.top() + (strip.height() * 0.06).min(13.0));
    if view.canvas.contains(at) {
        painter.text(at, Align2::CENTER_CENTER, format!("tile[{k_tile},{n_tile}]"), FontId::proportional(11.0), ink);
    }
}

/// Grid, vias, codes and values of the cells of one ROM, as far as they can be seen.
#[allow(clippy::too_many_arguments)]
fn cells(painter: &Painter, view: &View, die: &Die, b: usize, rom: &RomGrid, store: &Rect, (n_tile, k_tile): (u32, u32), theme: Theme) {
    let scale = view.camera.scale;
    let cell_w = store.width_nm() as f64 / f64::from(rom.cols) * scale;
    let cell_h = store.height_nm() as f64 / f64::from(rom.rows) * scale;
    if cell_w.min(cell_h) < CELL_GRID {
        return;
    }
    let sees = view.camera.visible(view.canvas);
    let (cols, rows) = rom.cells_in(store, &sees);
    let block = &die.plan().blocks[b];
    let Some(reader) = die.reader(b) else { return };
    let line = Stroke::new(1.0, theme.die().gamma_multiply(0.7));
    for row in rows {
        for col in cols.clone() {
            let site = WeightSite { k_tile, n_tile, row, col };
            let Some(r) = rom.weight_rect(block, site).map(|r| whole(view, &r)) else { continue };
            painter.rect_stroke(r, 0.0, line, StrokeKind::Middle);
            if cell_w.min(cell_h) < CELL_VIAS {
                continue;
            }
            let Some(weight) = reader.weight(site) else { continue };
            let ink = Theme::on(theme.weight((weight.real / die.norm(b)) as f32));
            let bits = reader.vias(site).unwrap_or_default();
            vias(painter, r, &bits, ink, cell_w.min(cell_h) >= CELL_WIRES);
            if cell_w.min(cell_h) >= CELL_TEXT {
                let size = (r.height() * 0.2).min(r.width() * 0.2).clamp(9.0, 40.0);
                let at = pos2(r.center().x, r.top() + r.height() * 0.18);
                painter.text(
                    at,
                    Align2::CENTER_CENTER,
                    if weight.value == 0 { "0".into() } else { format!("{:+}", weight.value) },
                    FontId::monospace(size),
                    ink,
                );
            }
            if cell_w.min(cell_h) >= CELL_WIRES {
                let text = format!("[{}, {}]", weight.row, weight.k);
                let size = (r.height() * 0.15).min(r.width() * 0.09).clamp(8.0, 20.0);
                let at = pos2(r.center().x, r.bottom() - r.height() * 0.12);
                painter.text(at, Align2::CENTER_CENTER, text, FontId::proportional(size), ink);
            }
        }
    }
}

/// Where a cell is on screen, what lies outside the view included: only cells large enough to be drawn one by one come here.
fn whole(view: &View, r: &Rect) -> Screen {
    let at = |x: i64, y: i64| {
        let (x, y) = view.camera.to_screen(view.canvas, x as f64, y as f64);
        pos2(x as f32, y as f32)
    };
    Screen::from_min_max(at(r.x0_nm, r.y1_nm), at(r.x1_nm, r.y0_nm))
}

/// One bit cell beside the other, in the order in which the cell has them: a filled square is a via, a hollow one is none. Close by, the
/// word line and the bit lines that a via joins.
fn vias(painter: &Painter, r: Screen, bits: &[bool], ink: Color32, wires: bool) {
    if bits.is_empty() {
        return;
    }
    let pitch = r.width() / bits.len() as f32;
    let side = (pitch * 0.5).min(r.height() * 0.26);
    let y = r.top() + r.height() * 0.53;
    if wires {
        painter.line_segment([pos2(r.left(), y), pos2(r.right(), y)], Stroke::new(side * 0.3, ink.gamma_multiply(0.35)));
    }
    for (at, &via) in bits.iter().enumerate() {
        let x = r.left() + pitch * (at as f32 + 0.5);
        if wires {
            let line = [pos2(x, r.top() + r.height() * 0.33), pos2(x, r.top() + r.height() * 0.73)];
            painter.line_segment(line, Stroke::new(side * 0.3, ink.gamma_multiply(0.35)));
        }
        let square = Screen::from_center_size(pos2(x, y), vec2(side, side));
        if via {
            painter.rect_filled(square, 0.0, ink);
        } else {
            painter.rect_stroke(square, 0.0, Stroke::new(1.0, ink.gamma_multiply(0.6)), StrokeKind::Inside);
        }
    }
}

/// Adds `world` to `mesh` with the texture's part `uv` = `[left, top, right, bottom]` on it times `tint`, cut to the screen in f64.
pub fn quad(mesh: &mut Mesh, view: &View, world: World, uv: [f64; 4], tint: Color32) {
    let (x0, y0) = view.camera.to_screen(view.canvas, world.x0, world.y1);
    let (x1, y1) = view.camera.to_screen(view.canvas, world.x1, world.y0);
    let Some(r) = view.camera.rect(view.canvas, world) else { return };
    let u = |x: f32| (uv[0] + (uv[2] - uv[0]) * (f64::from(x) - x0) / (x1 - x0)) as f32;
    let v = |y: f32| (uv[1] + (uv[3] - uv[1]) * (f64::from(y) - y0) / (y1 - y0)) as f32;
    let part = Screen::from_min_max(pos2(u(r.left()), v(r.top())), pos2(u(r.right()), v(r.bottom())));
    mesh.add_rect_with_uv(r, part, tint);
}
