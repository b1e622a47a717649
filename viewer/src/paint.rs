//! Die, stations and blocks at the size they have on screen, and their names where there is room.

use crate::theme::Theme;
use crate::view::View;
use egui::{Align2, Color32, FontId, Painter, Pos2, Rect as Screen, Stroke, StrokeKind, Vec2, vec2};
use hardwire_netlist::Fabric;
use hardwire_netlist::floorplan::BlockKind;

/// Fills and outlines, without the weights of blocks that hold any.
pub fn structure(painter: &Painter, view: &View, theme: Theme) {
    let (camera, canvas, plan) = (view.camera, view.canvas, view.die.plan());
    let sees = camera.visible(canvas);
    if let Some(r) = camera.rect(canvas, plan.die.into()) {
        painter.rect(r, 0.0, theme.die(), Stroke::new(1.0, theme.line()), StrokeKind::Outside);
    }
    for region in plan.regions.iter().filter(|r| sees.sees(&r.rect)) {
        if let Some(r) = camera.rect(canvas, region.rect.into()) {
            painter.rect_filled(r, 0.0, if view.depth == 1 { theme.kind(BlockKind::Matrix(Fabric::Tile)) } else { theme.station() });
        }
    }
    if view.depth == 1 {
        return;
    }
    for (b, block) in plan.blocks.iter().enumerate().filter(|(i, b)| sees.sees(&b.rect) && view.draws(*i)) {
        if let Some(r) = camera.rect(canvas, block.rect.into()) {
            let line = if r.width().min(r.height()) > 6.0 { Stroke::new(1.0, theme.die()) } else { Stroke::NONE };
            painter.rect(r, 0.0, view.block_colour(b, theme), line, StrokeKind::Inside);
        }
    }
}

/// Names, on what is large enough to carry one: stations first, units where there is room left.
pub fn labels(painter: &Painter, view: &View, theme: Theme) {
    let (camera, canvas, die) = (view.camera, view.canvas, &view.die);
    let sees = camera.visible(canvas);
    let mut taken: Vec<Screen> = Vec::new();
    let mut free = |wide: Screen| {
        let free = !taken.iter().any(|t| t.intersects(wide));
        if free {
            taken.push(wide);
        }
        free
    };
    for region in die.plan().regions.iter().filter(|r| sees.sees(&r.rect)) {
        let Some(r) = camera.rect(canvas, region.rect.into()).map(|r| r.intersect(canvas)) else { continue };
        if r.width().min(r.height()) < 40.0 || r.width() > canvas.width() * 0.6 || r.height() > canvas.height() * 0.6 {
            continue;
        }
        let size = if r.width() > 260.0 { 14.0 } else { 12.0 };
        let galley = painter.layout_no_wrap(region.path.clone(), FontId::proportional(size), theme.background());
        let wide = Screen::from_center_size(r.center(), galley.size() + vec2(12.0, 4.0));
        if wide.width() < r.width() && free(wide.expand(2.0)) {
            painter.rect_filled(wide, wide.height() / 2.0, theme.text().gamma_multiply(0.86));
            painter.galley(wide.center() - galley.size() / 2.0, galley, theme.background());
        }
    }
    let named = |b: usize| view.depth > 1 && view.draws(b) && die.plan().blocks[b].kind != BlockKind::Io;
    for (b, block) in die.plan().blocks.iter().enumerate().filter(|(i, b)| sees.sees(&b.rect) && named(*i)) {
        let Some(r) = camera.rect(canvas, block.rect.into()).map(|r| r.intersect(canvas)) else { continue };
        if r.height() < 15.0 || r.width() < 24.0 {
            continue;
        }
        // Where one block is all there is to see, its name is the whole path.
        let path = die.block_path(b);
        let alone = r.width() > canvas.width() * 0.5 || r.height() > canvas.height() * 0.5;
        let name = if alone { path.as_str() } else { path.rsplit('.').next().unwrap_or(&path) };
        let (size, at) = if alone { (13.0, vec2(8.0, 8.0)) } else { (11.0, vec2(4.0, 3.0)) };
        let plate = die.blocks[b].rom.is_some() && r.height() > 24.0;
        let ink = if plate { theme.text() } else { Theme::on(view.block_colour(b, theme)) };
        let galley = painter.layout_no_wrap(name.to_owned(), FontId::proportional(size), ink);
        let wide = Screen::from_min_size(r.left_top() + at, galley.size());
        if wide.width() + 8.0 > r.width() || wide.height() + 4.0 > r.height() || !free(wide.expand2(vec2(4.0, 1.0))) {
            continue;
        }
        if plate {
            painter.rect_filled(wide.expand2(vec2(4.0, 1.0)), 3.0, back(theme));
        }
        painter.galley(wide.min, galley, ink);
    }
}

/// Text on a plate, for where what lies behind is busy.
fn pill(painter: &Painter, at: Pos2, align: Align2, text: &str, size: f32, theme: Theme) {
    let galley = painter.layout_no_wrap(text.to_owned(), FontId::proportional(size), theme.text());
    let r = align.anchor_size(at, galley.size());
    painter.rect_filled(r.expand2(Vec2::new(4.0, 1.0)), 3.0, back(theme));
    painter.galley(r.min, galley, theme.text());
}

fn back(theme: Theme) -> Color32 {
    theme.background().gamma_multiply(0.8)
}

/// A note on the canvas.
pub fn tag(painter: &Painter, at: Pos2, align: Align2, text: &str, theme: Theme) {
    pill(painter, at, align, text, 13.0, theme);
}
