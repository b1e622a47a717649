//! The tree of stations, units and tiles, with a search that takes a name, a glob or the path of a weight. Only the lines in sight are
//! laid out: an 8 B chip has a hundred thousand tiles.

use crate::command::Command;
use crate::die::Die;
use crate::item::Item;
use crate::theme::Theme;
use crate::view::View;
use egui::{Key, RichText, ScrollArea, Sense, Shape, Stroke, TextEdit, Ui, vec2};
use std::collections::HashSet;

const LINE: f32 = 18.0;
const INDENT: f32 = 14.0;

#[derive(Default)]
pub struct Search {
    pub text: String,
    /// Put the cursor there in the next frame.
    pub focus: bool,
    open: HashSet<Item>,
    /// Everything is open down to this level; a depth that was asked for.
    depth: Option<u8>,
    /// The selection that was last scrolled to.
    shown: Option<Item>,
    lines: Vec<Item>,
    /// Pattern and stamp of `open` that `lines` were made for.
    made: Option<(String, usize)>,
    stamp: usize,
}

impl Search {
    /// Opens the tree down to `depth` (1: stations alone), in the next frame.
    pub fn show_depth(&mut self, depth: u8) {
        self.depth = Some(depth);
    }

    fn toggle(&mut self, item: Item) {
        if !self.open.remove(&item) {
            self.open.insert(item);
        }
        self.stamp += 1;
    }

    /// Opens what holds `item`.
    fn reveal(&mut self, die: &Die, item: Item) {
        let mut at = item;
        while let Some(parent) = at.parent(die) {
            self.stamp += usize::from(self.open.insert(parent));
            at = parent;
        }
    }

    fn update(&mut self, die: &Die) {
        if let Some(depth) = self.depth.take() {
            self.open.clear();
            if depth >= 2 {
                self.open.extend((0..die.plan().regions.len()).map(Item::Station));
            }
            if depth >= 3 {
                self.open.extend((0..die.blocks.len()).filter(|&b| die.blocks[b].rom.is_some()).map(Item::Block));
            }
            self.stamp += 1;
        }
        let pattern = self.text.split(['/', '[']).next().unwrap_or_default().trim().to_string();
        if self.made.as_ref().is_some_and(|m| m.0 == pattern && m.1 == self.stamp) {
            return;
        }
        self.lines.clear();
        for (s, region) in die.plan().regions.iter().enumerate() {
            let blocks: Vec<usize> = (0..die.blocks.len())
                .filter(|&b| die.blocks[b].station == Some(s))
                .filter(|&b| pattern.is_empty() || matches(&pattern, &die.block_path(b)) || matches(&pattern, &region.path))
                .collect();
            if blocks.is_empty() {
                continue;
            }
            self.lines.push(Item::Station(s));
            if pattern.is_empty() && !self.open.contains(&Item::Station(s)) {
                continue;
            }
            for block in blocks {
                self.lines.push(Item::Block(block));
                if let Some(rom) = die.blocks[block].rom.filter(|_| self.open.contains(&Item::Block(block))) {
                    let tiles = (0..rom.down).flat_map(|k| (0..rom.across).map(move |n| (n, k)));
                    self.lines.extend(tiles.map(|(n_tile, k_tile)| Item::Tile { block, n_tile, k_tile }));
                }
            }
        }
        self.made = Some((pattern, self.stamp));
    }
}

pub fn show(ui: &mut Ui, view: &mut View, search: &mut Search, theme: Theme, note: &mut Option<String>, commands: &mut Vec<Command>) {
    let now = ui.input(|i| i.time);
    ui.add_space(4.0);
    let hint = "name, *.q_proj, unit[row,col]";
    let field = ui.add(TextEdit::singleline(&mut search.text).hint_text(hint).desired_width(f32::INFINITY));
    let field = field.accessible_name("Search");
    if std::mem::take(&mut search.focus) {
        field.request_focus();
    }
    if field.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter)) && !search.text.trim().is_empty() {
        match seek(view, &search.text, now) {
            // Enter again goes to the next one.
            Ok(true) => field.request_focus(),
            Ok(false) => {}
            Err(what) => *note = Some(what),
        }
    }
    ui.separator();
    bookmarks(ui, view, now, commands);
    let die = view.die.clone();
    // A tile is as deep as the tree goes.
    let selected = view.selection.map(|s| if let Item::Weight { .. } = s { s.parent(&die).unwrap_or(s) } else { s });
    let moved = selected != search.shown;
    if let Some(item) = selected.filter(|_| moved) {
        search.reveal(&die, item);
    }
    search.shown = selected;
    search.update(&die);
    if search.lines.is_empty() {
        ui.weak(format!("Nothing is called {}. A star stands for any text: *.q_proj", search.text.trim()));
        return;
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    let mut area = ScrollArea::both().auto_shrink(false);
    let at = selected.filter(|_| moved).and_then(|item| search.lines.iter().position(|l| *l == item));
    if let Some(at) = at {
        area = area.vertical_scroll_offset((at as f32 * LINE - ui.available_height() * 0.4).max(0.0));
    }
    let (mut go, mut toggle) = (None, None);
    area.show_rows(ui, LINE, search.lines.len(), |ui, range| {
        for &item in &search.lines[range] {
            line(ui, &die, item, selected == Some(item), search.open.contains(&item), theme, &mut go, &mut toggle);
        }
    });
    if let Some(item) = toggle {
        search.toggle(item);
    }
    if let Some(item) = go {
        search.shown = Some(item);
        view.go(item, now);
    }
}

#[allow(clippy::too_many_arguments)]
fn line(ui: &mut Ui, die: &Die, item: Item, selected: bool, open: bool, theme: Theme, go: &mut Option<Item>, toggle: &mut Option<Item>) {
    let path = item.path(die);
    ui.horizontal(|ui| {
        ui.set_height(LINE);
        ui.spacing_mut().item_spacing.x = 3.0;
        ui.add_space(INDENT * f32::from(item.depth().saturating_sub(1)));
        let holds = match item {
            Item::Block(b) => die.blocks[b].rom.is_some(),
            other => matches!(other, Item::Station(_)),
        };
        if holds {
            if mark(ui, open, &path) {
                *toggle = Some(item);
            }
        } else {
            ui.add_space(15.0);
        }
        let name = match item {
            Item::Block(b) => {
                let (dot, _) = ui.allocate_exact_size(vec2(8.0, LINE), Sense::hover());
                ui.painter().circle_filled(dot.center(), 3.5, theme.kind(die.plan().blocks[b].kind));
                let station = die.blocks[b].station.map_or("", |s| die.plan().regions[s].path.as_str());
                let layer = station.rsplit_once('.').map_or(station, |s| s.0);
                let own = path.strip_prefix(station).or(path.strip_prefix(layer)).and_then(|p| p.strip_prefix('.'));
                RichText::new(own.unwrap_or(&path))
            }
            Item::Tile { n_tile, k_tile, .. } => RichText::new(format!("tile[{k_tile},{n_tile}]")).monospace().size(11.0),
            _ => RichText::new(&path).strong(),
        };
        if ui.selectable_label(selected, name).on_hover_text(&path).clicked() {
            *go = Some(item);
        }
    });
}

/// A triangle that opens or closes a line; true where it was clicked.
fn mark(ui: &mut Ui, open: bool, path: &str) -> bool {
    let (r, response) = ui.allocate_exact_size(vec2(12.0, LINE), Sense::click());
    let text = format!("{} {path}", if open { "Close" } else { "Open" });
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &text));
    let (c, h) = (r.center(), 3.5);
    let points = if open {
        vec![c + vec2(-h, -h * 0.6), c + vec2(h, -h * 0.6), c + vec2(0.0, h * 0.8)]
    } else {
        vec![c + vec2(-h * 0.6, -h), c + vec2(h * 0.8, 0.0), c + vec2(-h * 0.6, h)]
    };
    let ink = ui.style().interact(&response).fg_stroke.color;
    ui.painter().add(Shape::convex_polygon(points, ink, Stroke::NONE));
    response.clicked()
}

fn bookmarks(ui: &mut Ui, view: &mut View, now: f64, commands: &mut Vec<Command>) {
    egui::CollapsingHeader::new(format!("Bookmarks ({})", view.bookmarks.len())).default_open(true).show(ui, |ui| {
        if view.bookmarks.is_empty() {
            ui.weak("Ctrl+B keeps the view you have.");
        }
        let mut visit = None;
        ScrollArea::vertical().max_height(120.0).id_salt("bookmarks").show(ui, |ui| {
            for b in &view.bookmarks {
                if ui.link(&b.name).clicked() {
                    visit = Some(b.clone());
                }
            }
        });
        if let Some(b) = visit {
            view.fly(b.camera, now);
            view.selection = b.selection;
        }
        if view.is_bookmarked() && ui.small_button("Remove this one").clicked() {
            commands.push(Command::RemoveBookmark);
        }
    });
    ui.separator();
}

/// Flies to what is called so, or to the next thing whose path has it: whether there may be more.
fn seek(view: &mut View, text: &str, now: f64) -> Result<bool, String> {
    let named = if text.contains('*') { Err(String::new()) } else { view.go_path(text.trim(), now).map_err(|e| e.to_string()) };
    if let Err(refused) = named {
        let path = next_match(view, text.trim()).map_err(|none| if refused.is_empty() { none } else { refused })?;
        view.go_path(&path, now).map_err(|e| e.to_string())?;
        return Ok(true);
    }
    Ok(false)
}

/// The match after the selection, round and round.
fn next_match(view: &View, pattern: &str) -> Result<String, String> {
    let all: Vec<usize> = (0..view.die.blocks.len()).filter(|&b| matches(pattern, &view.die.block_path(b))).collect();
    let at = view.selection.and_then(Item::block).and_then(|s| all.iter().position(|&b| b == s)).map_or(0, |i| i + 1);
    let next = all.get(at).or(all.first()).ok_or_else(|| format!("nothing is called {pattern}"))?;
    Ok(view.die.block_path(*next))
}

/// Glob with `*` for any text; without a star, a part of the name is enough.
pub fn matches(pattern: &str, path: &str) -> bool {
    if !pattern.contains('*') {
        return path.contains(pattern);
    }
    let parts: Vec<&str> = pattern.split('*').collect();
    let (first, last) = (parts[0], parts[parts.len() - 1]);
    if path.len() < first.len() + last.len() || !path.starts_with(first) || !path.ends_with(last) {
        return false;
    }
    let mut rest = &path[first.len()..path.len() - last.len()];
    parts[1..parts.len() - 1].iter().all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_text_and_a_plain_word_for_a_part() {
        for (pattern, path, want) in [
            ("down", "layers.1.mlp.down_proj", true),
            ("*.down_proj", "layers.1.mlp.down_proj", true),
            ("layers.1.*", "layers.1.mlp.down_proj", true),
            ("layers.1.*", "layers.11.mlp.down_proj", false),
            ("layers.*.attn.*_proj", "layers.1.mlp.down_proj", false),
            ("*1*mlp*proj", "layers.1.mlp.down_proj", true),
            ("a*a", "a", false),
            ("**", "", true),
        ] {
            assert_eq!(matches(pattern, path), want, "{pattern} {path}");
        }
    }
}
