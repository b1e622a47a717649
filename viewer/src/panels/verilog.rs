//! The Verilog module of the selected unit.

use crate::item::Item;
use crate::view::View;
use egui::{Label, RichText, ScrollArea, TextStyle, Ui};

pub fn show(ui: &mut Ui, view: &mut View) {
    ui.add_space(4.0);
    if !view.verilog.has_source() {
        ui.label("The Verilog comes from the hardwire command, which is not beside this viewer nor in PATH.");
        ui.weak("Start the viewer with `hardwire view CHIP`.");
        return;
    }
    let unit = view.selection.and_then(Item::block).filter(|&b| view.die.blocks[b].unit.is_some());
    let Some(block) = unit else {
        ui.label("No unit is selected.");
        ui.weak("Click a unit on the map or in the hierarchy: its Verilog module stands here.");
        return;
    };
    ui.label(RichText::new(&view.die.plan().blocks[block].path).strong().monospace());
    match view.verilog.get(block) {
        None => {
            ui.horizontal(|ui| {
                ui.spinner();
                ui.weak("writing the module…");
            });
        }
        Some(Err(what)) => {
            ui.colored_label(ui.visuals().error_fg_color, what);
        }
        Some(Ok(text)) => {
            let copy = ui
                .horizontal(|ui| {
                    let copy = ui.small_button("Copy Verilog").clicked();
                    ui.weak(format!("{} lines", text.lines.len()));
                    copy
                })
                .inner;
            ui.separator();
            let font = TextStyle::Monospace.resolve(ui.style());
            let (height, wide) = ui.fonts_mut(|f| (f.row_height(&font), f.glyph_width(&font, '0')));
            let wide = wide * text.columns as f32 + 8.0;
            ScrollArea::both().auto_shrink(false).id_salt(("verilog", block)).show_rows(ui, height, text.lines.len(), |ui, rows| {
                ui.set_min_width(wide);
                for line in &text.lines[rows] {
                    let comment = line.trim_start().starts_with("//");
                    let line = RichText::new(line).monospace();
                    ui.add(Label::new(if comment { line.weak() } else { line }).extend());
                }
            });
            if copy && let Some(all) = view.verilog.text(block) {
                ui.ctx().copy_text(all);
            }
        }
    }
}
