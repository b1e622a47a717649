//! The tree of stations and units, with a search that takes a name, a glob or the path of a weight.

use crate::item::Item;
use crate::view::View;
use egui::{CollapsingHeader, Key, RichText, ScrollArea, TextEdit, Ui};

#[derive(Default)]
pub struct Search {
    pub text: String,
    /// Put the cursor there in the next frame.
    pub focus: bool,
}

pub fn show(ui: &mut Ui, view: &mut View, search: &mut Search, note: &mut Option<String>) {
    let now = ui.input(|i| i.time);
    ui.add_space(4.0);
    let field = ui
        .add(TextEdit::singleline(&mut search.text).hint_text("search: *.down_proj, or go to layers.0…[n,k]").desired_width(f32::INFINITY));
    let field = field.accessible_name("Search");
    if std::mem::take(&mut search.focus) {
        field.request_focus();
    }
    if field.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter)) && !search.text.trim().is_empty() {
        let target = if search.text.contains('*') { first_match(view, &search.text) } else { Ok(search.text.clone()) };
        *note = target.and_then(|path| view.go_path(&path, now).map_err(|e| e.to_string())).err();
    }
    ui.separator();
    let die = view.die.clone();
    let pattern = search.text.split(['/', '[']).next().unwrap_or_default().trim().to_string();
    let mut go = None;
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let mut shown = 0;
        for (s, region) in die.plan().regions.iter().enumerate() {
            let blocks: Vec<usize> = (0..die.blocks.len())
                .filter(|&b| die.blocks[b].station == Some(s))
                .filter(|&b| pattern.is_empty() || matches(&pattern, &die.block_path(b)) || matches(&pattern, &region.path))
                .collect();
            if blocks.is_empty() {
                continue;
            }
            shown += blocks.len();
            let open = !pattern.is_empty() || view.selection.is_some_and(|i| station_of(&die, i) == Some(s));
            let header = CollapsingHeader::new(RichText::new(&region.path).strong()).id_salt(("station", s));
            let header = if open { header.open(Some(true)) } else { header };
            let response = header.show(ui, |ui| {
                for b in blocks {
                    let path = die.block_path(b);
                    let name = path.strip_prefix(&format!("{}.", region.path)).unwrap_or(&path);
                    let selected = view.selection.and_then(Item::block) == Some(b);
                    if ui.selectable_label(selected, name).on_hover_text(&path).clicked() {
                        go = Some(Item::Block(b));
                    }
                }
            });
            if response.header_response.double_clicked() {
                go = Some(Item::Station(s));
            }
        }
        if shown == 0 {
            ui.weak(format!("Nothing is called {pattern}. A star stands for any text: *.q_proj"));
        }
        bookmarks(ui, view, now);
    });
    if let Some(item) = go {
        view.go(item, now);
    }
}

fn bookmarks(ui: &mut Ui, view: &mut View, now: f64) {
    if view.bookmarks.is_empty() {
        return;
    }
    ui.separator();
    ui.strong("Bookmarks");
    let mut visit = None;
    for b in &view.bookmarks {
        if ui.link(&b.name).clicked() {
            visit = Some(b.clone());
        }
    }
    if let Some(b) = visit {
        view.fly(b.camera, now);
        view.selection = b.selection;
    }
}

fn station_of(die: &crate::die::Die, item: Item) -> Option<usize> {
    match item {
        Item::Station(s) => Some(s),
        other => die.blocks[other.block()?].station,
    }
}

fn first_match(view: &View, pattern: &str) -> Result<String, String> {
    (0..view.die.blocks.len())
        .map(|b| view.die.block_path(b))
        .find(|p| matches(pattern, p))
        .ok_or_else(|| format!("nothing is called {pattern}"))
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
