//! Heat by tile, where a block is large enough for its tiles to be told apart and the metric has a number for each.

use crate::heat::number;
use crate::item::Item;
use crate::paint_rom::{TILE_PARTS, quad};
use crate::theme::Theme;
use crate::view::View;
use egui::epaint::Mesh;
use egui::{Align2, Context, FontId, Painter, Shape, Stroke, StrokeKind};

/// Points a tile must measure.
const SEEN: f64 = 4.0;
/// Points from which a tile says its number.
const SAID: f32 = 56.0;

pub fn tiles(painter: &Painter, ctx: &Context, view: &mut View, theme: Theme) {
    if view.heat.metric.is_none_or(|m| !m.by_tile()) || view.changes || view.depth < 3 {
        return;
    }
    let die = view.die.clone();
    let sees = view.camera.visible(view.canvas);
    for (b, block) in die.plan().blocks.iter().enumerate() {
        let Some(rom) = die.blocks[b].rom.filter(|_| sees.sees(&block.rect) && view.draws(b)) else { continue };
        let Some(first) = rom.tile_rect(block, 0, 0) else { continue };
        let side = first.width_nm().min(first.height_nm()) as f64 * view.camera.scale;
        if side < SEEN {
            continue;
        }
        let Some(texture) = view.heat_work.picture(ctx, &die, &view.heat, b) else { continue };
        let mut mesh = Mesh::with_texture(texture);
        quad(&mut mesh, view, block.rect.into(), [0.0, 0.0, 1.0, 1.0], egui::Color32::WHITE);
        painter.add(Shape::mesh(mesh));
        if side < TILE_PARTS {
            continue;
        }
        let (across, down) = rom.tiles_in(block, &sees);
        for (k_tile, n_tile) in down.flat_map(|k| across.clone().map(move |n| (k, n))) {
            let place = Item::Tile { block: b, n_tile, k_tile }.rect(&die);
            let Some(r) = place.and_then(|r| view.camera.rect(view.canvas, r.into())) else { continue };
            painter.rect_stroke(r, 0.0, Stroke::new(1.0, theme.die()), StrokeKind::Middle);
            let seen = r.intersect(view.canvas);
            if let Some(v) = view.heat.tile_value(&die, b, n_tile, k_tile).filter(|_| seen.width() > SAID && seen.height() > 24.0) {
                let ink = Theme::on(view.heat.map.colour(view.heat.place(v)));
                painter.text(seen.center(), Align2::CENTER_CENTER, number(v), FontId::monospace(12.0), ink);
            }
        }
    }
}
