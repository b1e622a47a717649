//! What colours the blocks: a metric, its range and scale, and the same numbers as CSV.

use crate::command::Command;
use crate::errand::write_whole;
use crate::heat::{Metric, Over, number};
use crate::maps::Map;
use crate::panels::Panels;
use crate::view::View;
use egui::{ComboBox, Context, DragValue, ScrollArea, Slider, Ui};
use std::path::Path;

pub fn show(ui: &mut Ui, view: &mut View, panels: &mut Panels, commands: &mut Vec<Command>) {
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let last = view.die.chip.model().context.saturating_sub(1);
        let heat = &mut view.heat;
        ui.add_space(4.0);
        ui.radio_value(&mut heat.metric, None, "Kind of block");
        for m in Metric::ALL {
            ui.radio_value(&mut heat.metric, Some(m), m.name());
        }
        ui.separator();
        let Some(metric) = heat.metric else {
            ui.weak("Choose a metric to colour the blocks by it.");
            return;
        };
        ui.label(metric.meaning());
        ui.weak(if metric.by_tile() {
            "Come closer: each tile has a number of its own."
        } else {
            "One number for each block; its tiles are alike, or not known apart."
        });
        ui.add_space(6.0);
        if metric.moves() {
            ui.horizontal(|ui| {
                ui.radio_value(&mut heat.over, Over::Token, "one token");
                ui.radio_value(&mut heat.over, Over::Mean, "mean");
                ui.radio_value(&mut heat.over, Over::Max, "maximum");
            });
            ui.radio_value(&mut heat.over, Over::Live, "the token on the die, while a prompt plays");
            ui.add_enabled(heat.over != Over::Live, Slider::new(&mut heat.from, 0..=last).text("position"));
            if matches!(heat.over, Over::Mean | Over::Max) {
                heat.to = heat.to.max(heat.from);
                ui.add(Slider::new(&mut heat.to, heat.from..=last).text("to position"));
                if heat.to - heat.from > 16 {
                    ui.weak("Seventeen positions of the range, both ends among them.");
                }
            }
        }
        ComboBox::from_label("colours").selected_text(Map::ALL.iter().find(|m| m.0 == heat.map).map_or("", |m| m.1)).show_ui(ui, |ui| {
            for (map, name) in Map::ALL {
                ui.selectable_value(&mut heat.map, map, name);
            }
        });
        ui.checkbox(&mut heat.log, "logarithmic");
        let mut fixed = heat.range.is_some();
        if ui.checkbox(&mut fixed, "fixed range").changed() {
            heat.range = fixed.then(|| heat.ends());
        }
        if let Some((lo, hi)) = &mut heat.range {
            ui.horizontal(|ui| {
                let speed = (*hi - *lo).abs().max(1e-6) / 200.0;
                ui.add(DragValue::new(lo).speed(speed).max_decimals(6));
                ui.label("to");
                ui.add(DragValue::new(hi).speed(speed).max_decimals(6));
            });
        }
        ui.separator();
        ui.horizontal(|ui| {
            ui.add(egui::TextEdit::singleline(&mut panels.csv_path).desired_width(160.0)).accessible_name("CSV file");
            if ui.add_enabled(!panels.errand.running(), egui::Button::new("Save CSV")).clicked() {
                commands.push(Command::SaveCsv);
            }
        });
        ui.separator();
        let mut order: Vec<(usize, f64)> = (0..view.die.blocks.len()).filter_map(|b| Some((b, heat.value(b)?))).collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut go = None;
        if order.is_empty() {
            ui.weak(match metric {
                Metric::QuantizationError | Metric::Sparsity if view.die.planned() => "Planned from a shape: no weight is known.",
                Metric::QuantizationError => "This chip says nothing of its quantization: compile it again.",
                _ => "Counting… the map fills as the numbers come.",
            });
            return;
        }
        if heat.all_zero() {
            ui.label("Every block has 0: there is nothing to see.");
            return;
        }
        ui.strong("highest");
        for (b, value) in order.iter().take(12) {
            ui.horizontal(|ui| {
                ui.monospace(number(*value));
                if ui.link(view.die.block_path(*b)).clicked() {
                    go = Some(*b);
                }
            });
        }
        if let Some(b) = go {
            let now = ui.input(|i| i.time);
            view.go(crate::item::Item::Block(b), now);
        }
    });
}

/// Writes the chosen map as CSV, off the UI thread: sparsity by tile reads every code.
pub fn save(ctx: &Context, panels: &mut Panels, view: &View, note: &mut Option<String>) {
    if view.heat.metric.is_none() {
        *note = Some("no heat map is shown: choose one first (M)".into());
        return;
    }
    let (heat, die, path) = (view.heat.clone(), view.die.clone(), panels.csv_path.trim().to_string());
    panels.errand.start("csv", ctx, move || match write_whole(Path::new(&path), heat.csv(&die).as_bytes()) {
        Ok(()) => format!("wrote {path}"),
        Err(e) => format!("{path}: {e}"),
    });
}
