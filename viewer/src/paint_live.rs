//! Tokens on the die: the station each one is in, the units that work on it, and caches that fill.

use crate::paint;
use crate::theme::Theme;
use crate::view::View;
use egui::{Align2, Painter, Stroke, StrokeKind, pos2};
use hardwire_netlist::floorplan::BlockKind;

/// Fills and outlines; names are painted over them.
pub fn show(painter: &Painter, view: &View, theme: Theme) {
    if view.live.lanes.is_empty() {
        return;
    }
    caches(painter, view, theme);
    let die = &view.die;
    let sees = view.camera.visible(view.canvas);
    for f in view.live.in_flight() {
        let pass = &view.live.lanes[f.lane].passes[f.pass];
        let Some(station) = pass.schedule.timing.stations.get(f.station) else { continue };
        let colour = theme.lane(f.lane);
        let netlist = die.chip.netlist();
        let path = &netlist.stations[netlist.built_station(station.station) as usize].path;
        let region = die.plan().regions.iter().position(|r| r.path == *path);
        for (b, info) in die.blocks.iter().enumerate() {
            let Some(unit) = info.unit.filter(|_| info.station == region) else { continue };
            let works = station.units.iter().any(|u| netlist.built(u.unit) == unit && u.start_cycle <= f.cycle && f.cycle < u.end_cycle);
            let rect = &die.plan().blocks[b].rect;
            if works
                && sees.sees(rect)
                && let Some(r) = view.camera.rect(view.canvas, (*rect).into())
            {
                painter.rect(r, 0.0, colour.gamma_multiply(0.55), Stroke::new(2.0, colour), StrokeKind::Inside);
            }
        }
        if let Some(r) = region.and_then(|r| view.camera.rect(view.canvas, die.plan().regions[r].rect.into())) {
            painter.rect_stroke(r, 2.0, Stroke::new(3.0, colour), StrokeKind::Outside);
        }
    }
}

/// What each token is, where it is; and the time.
pub fn notes(painter: &Painter, view: &View, theme: Theme) {
    if view.live.lanes.is_empty() {
        return;
    }
    let die = &view.die;
    for f in view.live.in_flight() {
        let pass = &view.live.lanes[f.lane].passes[f.pass];
        let Some(station) = pass.schedule.timing.stations.get(f.station) else { continue };
        let netlist = die.chip.netlist();
        let path = &netlist.stations[netlist.built_station(station.station) as usize].path;
        let region = die.plan().regions.iter().find(|r| r.path == *path);
        if let Some(r) = region.and_then(|r| view.camera.rect(view.canvas, r.rect.into())) {
            let at = r.intersect(view.canvas).center_top();
            paint::tag(painter, at, Align2::CENTER_BOTTOM, &format!("“{}” @ {}", pass.piece.trim(), pass.position), theme);
        }
    }
    let text = format!("{:.2} µs   (1 s = {} µs)", view.live.now_us(), view.live.slow_us);
    paint::tag(painter, view.canvas.center_top() + egui::vec2(0.0, 10.0), Align2::CENTER_TOP, &text, theme);
}

/// A cache is as full as it is bright, from the bottom up.
fn caches(painter: &Painter, view: &View, theme: Theme) {
    let (die, model) = (&view.die, view.die.chip.model());
    let room = f64::from(model.context) * f64::from(model.users.max(1));
    for (b, block) in die.plan().blocks.iter().enumerate().filter(|(_, b)| b.kind == BlockKind::KvCache) {
        let Some(unit) = die.blocks[b].unit else { continue };
        let cached = view.live.cached(die.chip.netlist().unit(unit).station as usize);
        if cached == 0 {
            continue;
        }
        let Some(r) = view.camera.rect(view.canvas, block.rect.into()) else { continue };
        let high = (r.height() * (f64::from(cached) / room) as f32).max(2.0);
        let full = egui::Rect::from_min_max(pos2(r.left(), r.bottom() - high), r.max);
        painter.rect_filled(full, 0.0, theme.accent().gamma_multiply(0.7));
        if r.width() > 150.0 && r.height() > 34.0 {
            let text = format!("{cached} of {room} positions");
            paint::tag(painter, r.center(), Align2::CENTER_CENTER, &text, theme);
        }
    }
}
