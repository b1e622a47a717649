//! All commands by name: type a part of one, or a path to fly to.

use crate::command::{Command, on_keys};
use egui::{Button, Key, Modal, ScrollArea, TextEdit, Ui};

#[derive(Default)]
pub struct Palette {
    pub open: bool,
    pub text: String,
    chosen: usize,
}

/// What was picked.
pub enum Pick {
    Command(Command),
    Path(String),
}

pub fn show(ui: &Ui, palette: &mut Palette) -> Option<Pick> {
    if !palette.open {
        return None;
    }
    let ctx = ui.ctx().clone();
    let words: Vec<String> = palette.text.to_lowercase().split_whitespace().map(String::from).collect();
    let found: Vec<_> =
        Command::ALL.iter().filter(|c| c.0 != Command::Palette && words.iter().all(|w| c.1.to_lowercase().contains(w.as_str()))).collect();
    let mut pick = None;
    let response = Modal::new(egui::Id::unique("palette")).show(&ctx, |ui| {
        ui.set_width(420.0);
        let field = ui.add(TextEdit::singleline(&mut palette.text).hint_text("command, or path to fly to").desired_width(f32::INFINITY));
        let field = field.accessible_name("Command");
        field.request_focus();
        if field.changed() {
            palette.chosen = 0;
        }
        let before = palette.chosen;
        ui.input(|i| {
            if i.key_pressed(Key::ArrowDown) {
                palette.chosen += 1;
            }
            if i.key_pressed(Key::ArrowUp) {
                palette.chosen = palette.chosen.saturating_sub(1);
            }
        });
        palette.chosen = palette.chosen.min(found.len().saturating_sub(1));
        let enter = ui.input(|i| i.key_pressed(Key::Enter));
        ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
            for (i, (command, name, _, shortcut)) in found.iter().enumerate() {
                let mut button = Button::selectable(i == palette.chosen, *name).min_size(egui::vec2(400.0, 0.0));
                if let Some(s) = shortcut {
                    button = button.shortcut_text(on_keys(ui.ctx(), s));
                }
                let button = ui.add(button);
                if i == palette.chosen && palette.chosen != before {
                    button.scroll_to_me(None);
                }
                if button.clicked() || (enter && i == palette.chosen) {
                    pick = Some(Pick::Command(*command));
                }
            }
            if found.is_empty() {
                ui.weak("No command is called that. Enter flies to it as a path.");
                if enter {
                    pick = Some(Pick::Path(palette.text.trim().into()));
                }
            }
        });
    });
    if response.should_close() || pick.is_some() {
        *palette = Palette::default();
    }
    pick
}
