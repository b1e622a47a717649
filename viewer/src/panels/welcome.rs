//! What stands where no chip does: a chip being opened, one that could not be, or none asked for. Each says what to do next.

use crate::command::Command;
use crate::state::State;
use egui::{RichText, TextEdit, Ui};

pub fn show(ui: &mut Ui, state: &State, path: &mut String, commands: &mut Vec<Command>) {
    ui.add_space(ui.available_height() * 0.28);
    ui.vertical_centered(|ui| match state {
        State::Opening { path, .. } => {
            ui.spinner();
            ui.heading(format!("Opening {}", path.display()));
            ui.label("The structure comes first; the weights are held against their digest while you look.");
        }
        State::Failed { path: failed, message } => {
            ui.heading("This chip cannot be shown");
            ui.label(RichText::new(message).color(ui.visuals().error_fg_color));
            ui.add_space(8.0);
            ui.label(advice(failed, message));
            if path.is_empty() {
                *path = failed.display().to_string();
            }
            ask(ui, path, commands);
        }
        _ => {
            ui.heading("No chip is open");
            ui.label("Compile one with `hardwire compile CHECKPOINT -o CHIP`, or open a chip folder:");
            ask(ui, path, commands);
        }
    });
}

fn ask(ui: &mut Ui, path: &mut String, commands: &mut Vec<Command>) {
    ui.add_space(12.0);
    let field = ui.add(TextEdit::singleline(path).hint_text("path of a chip folder").desired_width(420.0));
    let enter = field.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter));
    if (ui.button("Open").clicked() || enter) && !path.trim().is_empty() {
        commands.push(Command::OpenChip);
    }
}

/// Over the map, where the check of an open chip has failed.
pub fn broken(ui: &mut Ui, what: &str) {
    ui.add_space(4.0);
    ui.label(RichText::new("This chip is not what was compiled").strong().color(ui.visuals().error_fg_color));
    ui.label(RichText::new(what).color(ui.visuals().error_fg_color));
    ui.label("What is shown of its weights may be wrong, and no prompt runs on it. Copy the folder again, or compile the chip again.");
    ui.add_space(4.0);
}

fn advice(path: &std::path::Path, message: &str) -> String {
    if !path.exists() {
        "There is nothing at this path. Compile a chip there with `hardwire compile CHECKPOINT -o CHIP`, or give another path.".into()
    } else if !path.is_dir() {
        "A chip is a folder. If this is a checkpoint, compile it first: `hardwire compile CHECKPOINT -o CHIP`.".into()
    } else if !path.join("manifest.json").exists() {
        "This folder is no chip: it has no manifest.json. Give the folder that `hardwire compile … -o` wrote.".into()
    } else if message.contains("digest") || message.contains("past the file") {
        "A file was cut or changed since it was compiled. Copy the folder again, or compile the chip again.".into()
    } else {
        "Compile the chip again with this version of Hardwire.".into()
    }
}
