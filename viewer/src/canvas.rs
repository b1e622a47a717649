//! The map: what the pointer does to it, and the order in which it is painted.

use crate::camera::{World, length};
use crate::item::Item;
use crate::materialise::Look;
use crate::theme::Theme;
use crate::view::View;
use crate::{legend, paint, paint_heat, paint_live, paint_rom};
use egui::{Align2, FontId, PointerButton, Rect as Screen, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

/// Points that an item must measure to be outlined instead of marked.
const MARK: f32 = 6.0;
/// Longer side of the small map, points.
const MAP: f32 = 120.0;

pub fn show(ui: &mut Ui, view: &mut View, theme: Theme) {
    let whole = ui.available_rect_before_wrap();
    // A heat map's scale has the strip below the map to itself.
    let below = if view.heat.metric.is_some() { legend::STRIP } else { 0.0 };
    let (rect, strip) = whole.split_top_bottom_at_y(whole.bottom() - below);
    let response = ui.allocate_rect(rect, Sense::click_and_drag());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, "Die"));
    let now = ui.input(|i| i.time);
    view.advance(rect, now);
    interact(ui, view, &response, now);
    view.pictures.begin(ui.ctx(), Look { theme, changes: view.changes });
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 0.0, theme.background());
    paint::structure(&painter, view, theme);
    paint_rom::weights(&painter, view, theme);
    paint_heat::tiles(&painter, ui.ctx(), view, theme);
    paint_live::show(&painter, view, theme);
    paint::labels(&painter, view, theme);
    paint_live::notes(&painter, view, theme);
    marks(&painter, view, theme);
    legend::show(&ui.painter_at(strip), strip, view, theme);
    minimap(&painter, view, theme);
    if let Some(name) = crate::view::DEPTHS.get(usize::from(view.depth) - 1).filter(|_| usize::from(view.depth) < crate::view::DEPTHS.len())
    {
        let text = format!("depth {}: {name}   ( ] for more )", view.depth);
        paint::tag(&painter, rect.left_top() + vec2(12.0, 10.0), Align2::LEFT_TOP, &text, theme);
    }
    scale_bar(&painter, view, theme);
    view.pictures.end();
    if view.flying() || view.live.playing || (view.diff.blink && view.diff.on) {
        ui.ctx().request_repaint();
    }
}

fn interact(ui: &Ui, view: &mut View, response: &egui::Response, now: f64) {
    let canvas = response.rect;
    view.hover = response.hover_pos().map(|p| {
        let (x, y) = view.camera.to_world(canvas, p);
        (x, y, view.hit(x, y))
    });
    if response.dragged_by(PointerButton::Primary) || response.dragged_by(PointerButton::Middle) {
        let d = response.drag_delta();
        if d != egui::Vec2::ZERO {
            view.grab();
            view.camera.pan(d.x, d.y);
        }
    }
    if let Some(at) = response.hover_pos() {
        let (scroll, pinch) = ui.input(|i| (i.smooth_scroll_delta().y, i.zoom_delta()));
        let factor = f64::from(scroll / 240.0).exp2() * f64::from(pinch);
        if (factor - 1.0).abs() > 1e-6 {
            view.grab();
            view.camera.zoom(canvas, at, factor);
        }
    }
    let Some((x, y, item)) = view.hover else { return };
    if response.double_clicked() {
        if let Some(item) = item {
            view.go(item, now);
        }
    } else if response.clicked() {
        if view.ruler.on {
            view.ruler.point(x, y);
        } else {
            view.selection = item.filter(|i| *i != Item::Die);
        }
    }
}

fn marks(painter: &egui::Painter, view: &View, theme: Theme) {
    let outline = |item: Item, width: f32, always: bool| {
        let Some(world) = item.rect(&view.die) else { return };
        let Some(r) = view.camera.rect(view.canvas, world.into()) else { return };
        let stroke = Stroke::new(width, theme.accent());
        if r.width() >= MARK || r.height() >= MARK {
            painter.rect_stroke(r, 0.0, stroke, StrokeKind::Outside);
        } else if always {
            painter.circle_stroke(r.center(), 7.0, stroke);
        }
    };
    if let Some((_, _, Some(item))) = view.hover {
        outline(item, 1.0, false);
    }
    if let Some(item) = view.selection.filter(|i| *i != Item::Die) {
        outline(item, 2.5, true);
    }
    if let Some(from) = view.ruler.from {
        let to = view.ruler.to.or(view.hover.map(|h| (h.0, h.1))).unwrap_or(from);
        let at = |p: (f64, f64)| {
            let (x, y) = view.camera.to_screen(view.canvas, p.0, p.1);
            pos2(x.clamp(-1e5, 1e5) as f32, y.clamp(-1e5, 1e5) as f32)
        };
        let (a, b) = (at(from), at(to));
        painter.line_segment([a, b], Stroke::new(2.0, theme.accent()));
        for p in [a, b] {
            painter.circle_filled(p, 3.5, theme.accent());
        }
        let (dx, dy) = ((to.0 - from.0).abs(), (to.1 - from.1).abs());
        let text = format!("{}   (Δx {}, Δy {})", length(dx.hypot(dy)), length(dx), length(dy));
        paint::tag(painter, a + (b - a) / 2.0, Align2::CENTER_BOTTOM, &text, theme);
    } else if view.ruler.on {
        let at = view.canvas.center_top() + vec2(0.0, 12.0);
        paint::tag(painter, at, Align2::CENTER_TOP, "Ruler: click the first point", theme);
    }
}

/// Where on the die one is, in the upper right corner, once half of it is out of sight.
fn minimap(painter: &egui::Painter, view: &View, theme: Theme) {
    let plan = view.die.plan();
    let sees = view.camera.visible(view.canvas);
    let all = World::from(plan.die);
    let side = |low: f64, high: f64, from: f64, to: f64| (high.min(to) - low.max(from)).max(0.0) / (to - from);
    if side(sees.x0, sees.x1, all.x0, all.x1) * side(sees.y0, sees.y1, all.y0, all.y1) > 0.5 {
        return;
    }
    let (w, h) = (plan.die.width_nm() as f32, plan.die.height_nm() as f32);
    let scale = (view.canvas.height() * 0.25).min(MAP) / w.max(h);
    let corner = view.canvas.right_top() + vec2(-12.0 - w * scale, 12.0);
    let at = |x: f64, y: f64| corner + vec2((x - all.x0) as f32 * scale, (all.y1 - y) as f32 * scale);
    let on = |r: World| Screen::from_min_max(at(r.x0, r.y1), at(r.x1, r.y0));
    let die = on(all);
    painter.rect_filled(die.expand(4.0), 3.0, theme.background().gamma_multiply(0.9));
    painter.rect_stroke(die, 0.0, Stroke::new(1.0, theme.text()), StrokeKind::Outside);
    for region in &plan.regions {
        painter.rect_stroke(on(region.rect.into()), 0.0, Stroke::new(0.5, theme.text().gamma_multiply(0.4)), StrokeKind::Inside);
    }
    // At least a point that can be seen, however close one is.
    let seen = on(sees).intersect(die);
    let seen = Screen::from_center_size(seen.center(), seen.size().max(vec2(4.0, 4.0)));
    painter.rect(seen, 0.0, theme.accent().gamma_multiply(0.35), Stroke::new(1.5, theme.accent()), StrokeKind::Middle);
}

/// A bar of a round length in the lower left corner.
fn scale_bar(painter: &egui::Painter, view: &View, theme: Theme) {
    let want = 140.0 / view.camera.scale;
    let power = 10f64.powf(want.log10().floor());
    let nm = [5.0, 2.0, 1.0].into_iter().map(|m| m * power).find(|l| *l <= want).unwrap_or(power);
    let width = (nm * view.camera.scale) as f32;
    let from = view.canvas.left_bottom() + vec2(16.0, -16.0);
    let back = Screen::from_min_max(from + vec2(-8.0, -24.0), from + vec2(width + 8.0, 8.0));
    painter.rect_filled(back, 3.0, theme.background().gamma_multiply(0.85));
    let stroke = Stroke::new(2.0, theme.text());
    painter.line_segment([from, from + vec2(width, 0.0)], stroke);
    for x in [0.0, width] {
        painter.line_segment([from + vec2(x, -4.0), from + vec2(x, 4.0)], stroke);
    }
    let text = if nm >= 1e6 {
        format!("{} mm", nm / 1e6)
    } else if nm >= 1e3 {
        format!("{} µm", nm / 1e3)
    } else {
        format!("{nm} nm")
    };
    painter.text(from + vec2(width / 2.0, -6.0), Align2::CENTER_BOTTOM, text, FontId::proportional(12.0), theme.text());
}
