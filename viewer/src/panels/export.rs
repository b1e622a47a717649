//! Where a picture goes: format by the name's ending, the view or the whole die.

use crate::panels::Panels;
use egui::{Align2, DragValue, TextEdit, Ui, Vec2, Window};

pub struct Export {
    pub open: bool,
    pub path: String,
    pub whole: bool,
    pub width: u32,
}

impl Default for Export {
    fn default() -> Self {
        Export { open: false, path: "die.png".into(), whole: false, width: 1600 }
    }
}

/// Whether the picture is to be made now.
pub fn show(ui: &Ui, panels: &mut Panels) -> bool {
    let (e, idle) = (&mut panels.export, !panels.errand.running());
    if !e.open {
        return false;
    }
    let (mut open, mut go) = (true, false);
    Window::new("Export picture").open(&mut open).collapsible(false).resizable(false).anchor(Align2::CENTER_CENTER, Vec2::ZERO).show(
        ui,
        |ui| {
            ui.add(TextEdit::singleline(&mut e.path).desired_width(340.0)).accessible_name("File");
            ui.weak("The ending says the format: .png or .svg");
            ui.horizontal(|ui| {
                ui.radio_value(&mut e.whole, false, "this view");
                ui.radio_value(&mut e.whole, true, "whole die");
                ui.add(DragValue::new(&mut e.width).range(64..=8192).suffix(" points wide"));
            });
            ui.add_space(6.0);
            let known = e.path.ends_with(".png") || e.path.ends_with(".svg");
            go = ui.add_enabled(known && idle, egui::Button::new("Save")).clicked();
        },
    );
    e.open = open && !go;
    go
}
