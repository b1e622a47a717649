//! The Verilog module of the selected unit.

use crate::item::Item;
use crate::view::View;
use egui::text::LayoutJob;
use egui::{FontId, Label, RichText, ScrollArea, TextFormat, TextStyle, Ui, Visuals};

/// Words of the language that the emitted modules use.
const KEYWORDS: [&str; 26] = [
    "module",
    "endmodule",
    "input",
    "output",
    "wire",
    "reg",
    "logic",
    "signed",
    "parameter",
    "localparam",
    "assign",
    "always",
    "posedge",
    "begin",
    "end",
    "if",
    "else",
    "case",
    "endcase",
    "default",
    "for",
    "generate",
    "endgenerate",
    "genvar",
    "initial",
    "integer",
];

/// A line with its comment weak and the language's words strong.
fn highlighted(line: &str, font: FontId, visuals: &Visuals) -> LayoutJob {
    let mut job = LayoutJob::default();
    let mut put = |text: &str, color| job.append(text, 0.0, TextFormat { font_id: font.clone(), color, ..TextFormat::default() });
    let (code, comment) = line.find("//").map_or((line, ""), |at| line.split_at(at));
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| word(c) != word(first)).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        put(piece, if KEYWORDS.contains(&piece) { visuals.hyperlink_color } else { visuals.text_color() });
        rest = after;
    }
    put(comment, visuals.weak_text_color());
    job
}

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
                    let job = highlighted(line, font.clone(), ui.visuals());
                    ui.add(Label::new(job).extend());
                }
            });
            if copy && let Some(all) = view.verilog.text(block) {
                ui.ctx().copy_text(all);
            }
        }
    }
}
