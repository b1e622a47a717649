//! Die, stations and blocks at the size they have on screen, and their names where there is room.

use crate::theme::Theme;
use crate::view::View;
use egui::{Align2, Color32, FontId, Painter, Pos2, Rect as Screen, Stroke, StrokeKind, Vec2, vec2};
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
            painter.rect_filled(r, 0.0, theme.station());
        }
    }
    for (b, block) in plan.blocks.iter().enumerate().filter(|(i, b)| sees.sees(&b.rect) && view.draws(*i)) {
        if let Some(r) = camera.rect(canvas, block.rect.into()) {
            painter.rect_filled(r, 0.0, view.block_colour(b, theme));
        }
    }
}

/// Names, on what is large enough to carry one.
pub fn labels(painter: &Painter, view: &View, theme: Theme) {
    let (camera, canvas, die) = (view.camera, view.canvas, &view.die);
    let sees = camera.visible(canvas);
    let mut taken: Vec<Screen> = Vec::new();
    let named = |b: usize| view.draws(b) && die.plan().blocks[b].kind != BlockKind::Io;
    for (b, block) in die.plan().blocks.iter().enumerate().filter(|(i, b)| sees.sees(&b.rect) && named(*i)) {
        let Some(r) = camera.rect(canvas, block.rect.into()).map(|r| r.intersect(canvas)) else { continue };
        if r.height() < 15.0 || r.width() < 24.0 {
            continue;
        }
        let path = die.block_path(b);
        // Inside one block the name stays in the corner, out of the way of what it holds.
        let inside = r.width() > canvas.width() * 0.9 && r.height() > canvas.height() * 0.9;
        let size = if r.width() > 220.0 && r.height() > 60.0 { 14.0 } else { 11.0 };
        let Some(text) = fitting(&path, r.width() - 8.0, size) else { continue };
        let at = if inside { r.left_top() + vec2(8.0, 8.0) } else { r.left_top() + vec2(4.0, 3.0) };
        let wide = Screen::from_min_size(at, vec2(text.len() as f32 * size * 0.6, size + 6.0));
        if taken.iter().any(|t| t.intersects(wide)) {
            continue;
        }
        taken.push(wide);
        if die.blocks[b].rom.is_some() && r.height() > 24.0 {
            pill(painter, at, Align2::LEFT_TOP, text, size, theme);
        } else {
            painter.text(at, Align2::LEFT_TOP, text, FontId::proportional(size), Theme::on(view.block_colour(b, theme)));
        }
    }
    for region in die.plan().regions.iter().filter(|r| sees.sees(&r.rect)) {
        let Some(whole) = camera.rect(canvas, region.rect.into()) else { continue };
        let r = whole.intersect(canvas);
        let (small, large) = (r.width().min(r.height()), r.width() > 400.0);
        if small < 40.0 || r.width() > canvas.width() * 0.6 || r.height() > canvas.height() * 0.6 {
            continue;
        }
        let size = if large { 16.0 } else { 12.0 };
        let Some(text) = fitting(&region.path, r.width() - 8.0, size) else { continue };
        let half = vec2(text.len() as f32 * size * 0.32, size * 0.8);
        let at = r.center();
        let wide = Screen::from_center_size(at, half * 2.0);
        if !taken.iter().any(|t| t.intersects(wide)) {
            taken.push(wide);
            pill(painter, at, Align2::CENTER_CENTER, text, size, theme);
        }
    }
}

/// `path`, or its last parts, whichever fits `width`; `None` if not even the last part does.
fn fitting(path: &str, width: f32, size: f32) -> Option<&str> {
    let mut text = path;
    loop {
        if text.len() as f32 * size * 0.56 <= width {
            return Some(text);
        }
        text = text.split_once('.')?.1;
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
