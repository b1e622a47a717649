//! The second chip: its path, what changed, most changed first.

use crate::diff::{State, layer_colour};
use crate::item::Item;
use crate::panels::status::count;
use crate::theme::Theme;
use crate::view::View;
use egui::{Grid, Key, ScrollArea, TextEdit, Ui};

pub fn show(ui: &mut Ui, view: &mut View, theme: Theme) {
    ui.add_space(4.0);
    ui.label("A second chip of the same base die:");
    let field = ui.add(TextEdit::singleline(&mut view.diff.path).hint_text("path of a chip folder").desired_width(f32::INFINITY));
    let field = field.accessible_name("Second chip");
    let enter = field.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
    let go = ui.add_enabled(!view.diff.running(), egui::Button::new("Compare")).clicked() || enter;
    if go && !view.diff.path.trim().is_empty() {
        let die = view.die.clone();
        view.diff.start(&die, ui.ctx());
    }
    ui.separator();
    let mut select = None;
    match &view.diff.state {
        State::Idle => {
            ui.weak("Compile another checkpoint of the same shape with the same options, and give its folder: the vias that a new model changes are coloured and counted.");
        }
        State::Running(path, _) => {
            ui.spinner();
            ui.label(format!("Comparing with {}", path.display()));
        }
        State::Failed(e) => {
            ui.colored_label(ui.visuals().error_fg_color, e);
        }
        State::Done(found) => {
            let (changed, all) = found.matrices.iter().fold((0, 0), |(c, a), m| (c + m.changed, a + m.weights));
            ui.strong(format!("{} of {} codes differ ({:.2} %)", count(changed), count(all), 100.0 * changed as f64 / all.max(1) as f64));
            ui.horizontal(|ui| {
                ui.checkbox(&mut view.diff.on, "colour by changes");
                ui.checkbox(&mut view.diff.blink, "blink");
            });
            if found.other_cells > 0 {
                ui.weak(format!("{} blocks count other cells there: their sums are as wide as their codes ask for.", found.other_cells));
            }
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                ui.strong("by layer");
                Grid::new("layers").num_columns(4).striped(true).show(ui, |ui| {
                    for l in &found.layers {
                        let (r, _) = ui.allocate_exact_size(egui::vec2(12.0, 12.0), egui::Sense::hover());
                        ui.painter().rect_filled(r, 2.0, layer_colour(&view.die, l.block, theme));
                        ui.monospace(count(l.changed));
                        ui.monospace(format!("{:.1} %", 100.0 * l.changed as f64 / l.weights.max(1) as f64));
                        if ui.link(&l.name).clicked() {
                            select = view.die.blocks[l.block].station.map(Item::Station);
                        }
                        ui.end_row();
                    }
                });
                ui.add_space(6.0);
                ui.strong("by matrix");
                Grid::new("changes").num_columns(3).striped(true).show(ui, |ui| {
                    for m in &found.matrices {
                        ui.monospace(count(m.changed));
                        ui.monospace(format!("{:.1} %", 100.0 * m.changed as f64 / m.weights.max(1) as f64));
                        if ui.link(&m.path).clicked() {
                            select = view.die.find_block(&m.path).map(Item::Block);
                        }
                        ui.end_row();
                    }
                });
            });
        }
    }
    if let Some(item) = select {
        let now = ui.input(|i| i.time);
        view.go(item, now);
    }
}
