//! The scale of a heat map, in a strip below the map: it never lies over the die.

use crate::heat::{Heat, number};
use crate::theme::Theme;
use crate::view::View;
use egui::epaint::{Mesh, Vertex};
use egui::{Align2, FontId, Painter, Rect, Shape, pos2, vec2};

const WIDTH: f32 = 220.0;
/// Height of the strip.
pub const STRIP: f32 = 62.0;

pub fn show(painter: &Painter, strip: Rect, view: &View, theme: Theme) {
    let Some(metric) = view.heat.metric else { return };
    let back = Rect::from_min_max(strip.right_bottom() - vec2(WIDTH + 40.0, STRIP), strip.right_bottom() - vec2(16.0, 0.0));
    let remark = if view.heat.all_zero() {
        ": 0 everywhere"
    } else if view.heat.log {
        " (log)"
    } else {
        ""
    };
    let title = format!("{}, {}{remark}", metric.name(), metric.unit());
    painter.text(back.left_top() + vec2(12.0, 6.0), Align2::LEFT_TOP, title, FontId::proportional(12.0), theme.text());
    let bar = Rect::from_min_size(back.left_top() + vec2(12.0, 24.0), vec2(WIDTH, 14.0));
    painter.add(Shape::mesh(gradient(&view.heat, bar)));
    let (lo, hi) = view.heat.ends();
    let middle = if view.heat.log { (lo.max(1e-30) * hi.max(1e-30)).sqrt() } else { (lo + hi) / 2.0 };
    for (x, align, v) in
        [(bar.left(), Align2::LEFT_TOP, lo), (bar.center().x, Align2::CENTER_TOP, middle), (bar.right(), Align2::RIGHT_TOP, hi)]
    {
        painter.text(pos2(x, bar.bottom() + 3.0), align, number(v), FontId::monospace(11.0), theme.text());
    }
    // Where the thing under the cursor stands.
    let at = view.hover.and_then(|h| h.2).and_then(|i| view.heat.value_of(&view.die, i));
    if let Some(v) = at {
        let x = bar.left() + bar.width() * view.heat.place(v) as f32;
        painter.vline(x, bar.y_range().expand(3.0), egui::Stroke::new(2.0, theme.text()));
    }
}

fn gradient(heat: &Heat, bar: Rect) -> Mesh {
    let mut mesh = Mesh::default();
    for i in 0..=32u32 {
        let t = i as f32 / 32.0;
        let colour = heat.map.colour(f64::from(t));
        let x = bar.left() + bar.width() * t;
        mesh.vertices.push(Vertex::untextured(pos2(x, bar.top()), colour));
        mesh.vertices.push(Vertex::untextured(pos2(x, bar.bottom()), colour));
        if i > 0 {
            let v = 2 * i;
            mesh.add_triangle(v - 2, v - 1, v);
            mesh.add_triangle(v - 1, v, v + 1);
        }
    }
    mesh
}
