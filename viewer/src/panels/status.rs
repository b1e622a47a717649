//! The line at the bottom: what is under the cursor, where that is, how large the view is.

use crate::camera::length;
use crate::check::State;
use crate::heat::number;
use crate::item::Item;
use crate::view::View;
use egui::{Align, Layout, RichText, Ui};

pub fn show(ui: &mut Ui, view: &View, note: Option<&str>) {
    ui.horizontal(|ui| {
        match view.hover {
            Some((x, y, item)) => {
                ui.monospace(format!("x {}  y {}", length(x), length(y)));
                ui.separator();
                ui.monospace(item.map_or_else(|| "outside the die".into(), |i| describe(view, i)));
                if let Some(text) = item.and_then(|i| heat(view, i)) {
                    ui.separator();
                    ui.monospace(text);
                }
            }
            None => {
                ui.weak("Scroll to zoom, drag to move, double-click to fly to what is under the cursor.");
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.monospace(format!("{} a point", length(1.0 / view.camera.scale)));
            ui.separator();
            match &view.check.state {
                State::Running(percent) => ui.label(format!("checking {percent} %")),
                State::Done => ui.weak("checked"),
                State::Nothing => ui.weak("planned, without weights"),
                State::Failed(_) => ui.colored_label(ui.visuals().error_fg_color, "not as compiled"),
            }
            .on_hover_text("Whether the program file matches its digest and every number in it is in range");
            if let Some(note) = note {
                ui.separator();
                ui.label(RichText::new(note).color(ui.visuals().warn_fg_color));
            }
        });
    });
}

/// One line about an item: its path, and for a weight what it holds.
pub fn describe(view: &View, item: Item) -> String {
    let path = item.path(&view.die);
    match item {
        Item::Weight { block, site } => match view.die.weight(block, site) {
            Some(w) => format!("{path}   [{}, {}]  code {}  value {:+}  scale {}", w.row, w.k, w.code, w.value, w.scale),
            None if view.die.planned() => format!("{path}   planned: its weight is not known"),
            None => format!("{path}   holds no weight"),
        },
        _ => path,
    }
}

/// The heat map's number for what is under the cursor.
fn heat(view: &View, item: Item) -> Option<String> {
    let metric = view.heat.metric?;
    Some(format!("{} {} ({})", number(view.heat.value_of(&view.die, item)?), metric.name().to_lowercase(), metric.unit()))
}

/// A count with a unit of thousands.
pub fn count(n: u64) -> String {
    let f = n as f64;
    match n {
        0..=9_999 => n.to_string(),
        10_000..=999_999 => format!("{:.1} K", f / 1e3),
        1_000_000..=999_999_999 => format!("{:.2} M", f / 1e6),
        _ => format!("{:.2} G", f / 1e9),
    }
}
