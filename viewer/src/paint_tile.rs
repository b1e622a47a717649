//! The logic of a tile beside its ROM: one field for each kind of cell, as large as its share of the tile's area. It shows how much there
//! is of what; it is no placement of cells.

use crate::theme::{Theme, mix};
use crate::view::View;
use egui::{Align2, FontId, Painter, Rect as Screen, Stroke, StrokeKind, pos2};
use hardwire_netlist::{Census, Rect, Technology};

/// Points below which the logic is one field.
const TOLD: f32 = 40.0;

/// Kinds of cell with their share of all logic, largest first.
pub fn shares(census: &Census, technology: &Technology) -> Vec<(&'static str, f64)> {
    let a = &technology.area;
    let mut all = vec![
        ("selectors (mux2)", census.mux2 as f64 * a.mux2_um2.value),
        ("flip-flops", census.flops as f64 * a.flop_um2.value),
        ("full adders", census.full_adders as f64 * a.full_adder_um2.value),
        ("prefix adders", census.adder_bits as f64 * a.adder_bit_um2.value),
        ("gates", census.gates as f64 * a.gate_um2.value),
        ("SRAM", census.sram_bits as f64 * a.sram_bit_um2.value),
    ];
    let sum: f64 = all.iter().map(|s| s.1).sum();
    all.iter_mut().for_each(|s| s.1 /= sum.max(1e-12));
    all.retain(|s| s.1 > 0.005);
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all
}

/// Paints the logic below the ROM of one tile.
pub fn logic(painter: &Painter, view: &View, block: usize, tile: &Rect, store: &Rect, theme: Theme) {
    if view.die.blocks[block].rom.is_none_or(|r| r.wired) {
        return;
    }
    let strip = Rect { y1_nm: store.y0_nm, ..*tile };
    let Some(cut) = view.camera.rect(view.canvas, strip.into()) else { return };
    if cut.height() < TOLD || cut.width() < TOLD {
        return;
    }
    let (x0, y0) = view.camera.to_screen(view.canvas, strip.x0_nm as f64, strip.y1_nm as f64);
    let (x1, y1) = view.camera.to_screen(view.canvas, strip.x1_nm as f64, strip.y0_nm as f64);
    let gap = ((y1 - y0) * 0.12).min(26.0);
    let base = theme.logic(view.die.plan().blocks[block].kind);
    let mut from = x0;
    for (i, (name, share)) in shares(&view.die.blocks[block].census, &view.die.chip.structure.technology).into_iter().enumerate() {
        let to = from + (x1 - x0) * share;
        let field =
            Screen::from_min_max(pos2(from as f32, (y0 + gap) as f32), pos2(to as f32, y1 as f32)).intersect(view.canvas.expand(8.0));
        from = to;
        if !field.is_positive() {
            continue;
        }
        let fill = mix(base, theme.die(), 0.12 + 0.11 * (i % 5) as f32);
        painter.rect(field, 0.0, fill, Stroke::new(1.0, theme.die()), StrokeKind::Inside);
        let seen = field.intersect(view.canvas).shrink(4.0);
        let (text, ink) = (format!("{:.0} %", 100.0 * share), Theme::on(fill));
        if seen.width() > name.len() as f32 * 6.0 && seen.height() > 30.0 {
            painter.text(seen.center(), Align2::CENTER_CENTER, format!("{name}\n{text}"), FontId::proportional(11.0), ink);
        } else if seen.width() > 28.0 && seen.height() > 14.0 {
            painter.text(seen.center(), Align2::CENTER_CENTER, text, FontId::proportional(10.0), ink);
        }
    }
}
