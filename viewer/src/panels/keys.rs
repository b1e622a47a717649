//! All keys on one page.

use crate::command::{Command, MENUS, on_keys};
use egui::{Align2, Grid, RichText, ScrollArea, Ui, Vec2, Window};

pub fn show(ui: &Ui, open: &mut bool) {
    if !*open {
        return;
    }
    Window::new("All keys").open(open).collapsible(false).resizable(false).anchor(Align2::CENTER_CENTER, Vec2::ZERO).show(ui, |ui| {
        let high = (ui.ctx().content_rect().height() - 120.0).min(620.0);
        ScrollArea::vertical().max_height(high).min_scrolled_height(high).show(ui, |ui| {
            ui.horizontal_top(|ui| {
                for column in MENUS.chunks(2) {
                    ui.vertical(|ui| {
                        for (menu, name) in column {
                            ui.label(RichText::new(*name).strong());
                            Grid::new(name).num_columns(2).spacing([16.0, 2.0]).show(ui, |ui| {
                                for (_, name, _, key) in Command::ALL.iter().filter(|c| c.2 == *menu && c.3.is_some()) {
                                    ui.monospace(key.map_or(String::new(), |k| on_keys(ui.ctx(), &k)));
                                    ui.label(*name);
                                    ui.end_row();
                                }
                            });
                            ui.add_space(8.0);
                        }
                    });
                    ui.add_space(12.0);
                }
            });
            ui.weak("Every other command is in the menus and in the palette (Ctrl+P), which takes paths too.");
        });
    });
}
