//! Where a picture goes: format by the name's ending, the view or the whole die. PNG is painted on a thread of its own.

use crate::export;
use crate::theme::Theme;
use crate::view::View;
use egui::{Align2, DragValue, TextEdit, Ui, Vec2, Window};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;

pub struct Export {
    pub open: bool,
    pub path: String,
    pub whole: bool,
    pub width: u32,
    result: Option<Receiver<String>>,
}

impl Default for Export {
    fn default() -> Self {
        Export { open: false, path: "die.png".into(), whole: false, width: 1600, result: None }
    }
}

impl Export {
    pub fn running(&self) -> bool {
        self.result.is_some()
    }
}

pub fn show(ui: &Ui, e: &mut Export, view: &View, theme: Theme, note: &mut Option<String>) {
    match e.result.as_ref().map(Receiver::try_recv) {
        Some(Ok(said)) => {
            *note = Some(said);
            e.result = None;
        }
        Some(Err(TryRecvError::Disconnected)) => {
            *note = Some("the export stopped without an answer".into());
            e.result = None;
        }
        _ => {}
    }
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
            go = ui.add_enabled(known && e.result.is_none(), egui::Button::new("Save")).clicked();
        },
    );
    if go {
        start(ui, e, view, theme);
    }
    e.open = open && !go;
}

fn start(ui: &Ui, e: &mut Export, view: &View, theme: Theme) {
    let (send, result) = channel();
    let (path, width, ctx) = (e.path.trim().to_string(), e.width, ui.ctx().clone());
    let svg = path.ends_with(".svg").then(|| export::svg(view, theme, e.whole, width));
    let (die, camera) = (view.die.clone(), (!e.whole).then_some((view.camera, view.canvas)));
    // A thread that cannot start closes the channel, which is reported.
    let _ = thread::Builder::new().name("export".into()).spawn(move || {
        let bytes = match svg {
            Some(text) => Ok(text.into_bytes()),
            None => export::png(die, theme, camera, width).map_err(|e| e.to_string()),
        };
        let said = bytes.and_then(|b| std::fs::write(&path, b).map_err(|e| e.to_string()));
        let _ = send.send(match said {
            Ok(()) => format!("wrote {path}"),
            Err(e) => format!("{path}: {e}"),
        });
        ctx.request_repaint();
    });
    e.result = Some(result);
}
