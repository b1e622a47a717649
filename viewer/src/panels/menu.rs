//! The menu bar, made from the list of commands.

use crate::command::{Command, MENUS, on_keys};
use crate::panels::status::count;
use crate::view::View;
use egui::{Button, MenuBar, Ui};

pub fn show(ui: &mut Ui, view: Option<&View>, commands: &mut Vec<Command>) {
    MenuBar::new().ui(ui, |ui| {
        for (menu, name) in MENUS {
            ui.menu_button(name, |ui| {
                for (command, name, _, shortcut) in Command::ALL.iter().filter(|c| c.2 == menu) {
                    let mut button = Button::new(*name);
                    if let Some(s) = shortcut {
                        button = button.shortcut_text(on_keys(ui.ctx(), s));
                    }
                    if ui.add(button).clicked() {
                        commands.push(*command);
                        ui.close();
                    }
                }
            });
        }
        let Some(view) = view else { return };
        ui.separator();
        let (back, forward) = view.can_go();
        for (command, label, enabled) in
            [(Command::Back, "Back", back), (Command::Forward, "Forward", forward), (Command::FitDie, "Whole die", true)]
        {
            let button = ui.add_enabled(enabled, Button::new(label)).on_hover_text(command.name());
            if button.clicked() {
                commands.push(command);
            }
        }
        let m = view.die.chip.model();
        ui.separator();
        ui.strong(&m.name);
        ui.weak(format!("{} · {} weights", m.architecture, count(m.parameters)));
    });
}
