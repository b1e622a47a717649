//! Where a picture goes: format by the name's ending, the view or the whole die. It is painted on a thread of its own.

use crate::errand::write_whole;
use crate::export;
use crate::panels::Panels;
use crate::theme::Theme;
use crate::view::View;
use egui::{Align2, DragValue, TextEdit, Ui, Vec2, Window};
use std::path::Path;

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

pub fn show(ui: &Ui, panels: &mut Panels, view: &View, theme: Theme) {
    let (e, idle) = (&mut panels.export, !panels.errand.running());
    if !e.open {
        return;
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
    if go {
        start(ui, panels, view, theme);
    }
}

fn start(ui: &Ui, panels: &mut Panels, view: &View, theme: Theme) {
    let e = &panels.export;
    let (path, width) = (e.path.trim().to_string(), e.width);
    let svg = path.ends_with(".svg").then(|| export::svg(view, theme, e.whole, width));
    let (die, dress, camera) = (view.die.clone(), view.dress(), (!e.whole).then_some((view.camera, view.canvas)));
    panels.errand.start("export", ui.ctx(), move || {
        let bytes = match svg {
            Some(text) => Ok(text.into_bytes()),
            None => export::png(die, dress, theme, camera, width).map_err(|e| e.to_string()),
        };
        match bytes.and_then(|b| write_whole(Path::new(&path), &b).map_err(|e| e.to_string())) {
            Ok(()) => format!("wrote {path}"),
            Err(e) => format!("{path}: {e}"),
        }
    });
}
