//! Everything a user can tell the viewer, once. Menus, shortcuts and the palette are made from this list.

use crate::heat::Metric;
use egui::{Key, KeyboardShortcut, Modifiers};
use hardwire_netlist::Fabric;
use hardwire_netlist::floorplan::BlockKind;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    OpenChip,
    Export,
    FitDie,
    FitSelection,
    ZoomIn,
    ZoomOut,
    /// Show the hierarchy this deep, and no deeper; see [`crate::view::DEPTHS`].
    Depth(u8),
    LessDepth,
    MoreDepth,
    ToggleHierarchy,
    ToggleInspector,
    ShowInspector,
    ShowHeat,
    ShowDiff,
    ShowVerilog,
    ToggleTheme,
    Keys,
    Search,
    Palette,
    SelectMiddle,
    SelectParent,
    SelectChild,
    SelectNext,
    SelectPrevious,
    Back,
    Forward,
    AddBookmark,
    NextBookmark,
    RemoveBookmark,
    PanLeft,
    PanRight,
    PanUp,
    PanDown,
    Heat(Option<Metric>),
    NextHeat,
    HeatLog,
    FollowToken,
    SaveCsv,
    ToggleKind(BlockKind),
    ToggleChanges,
    ToggleBlink,
    ToggleLive,
    EditPrompt,
    RunPrompt,
    StopPrompt,
    PlayPause,
    NextToken,
    PreviousToken,
    ToStart,
    ToEnd,
    Faster,
    Slower,
    ToggleRuler,
    CopyPath,
    CopyVerilog,
    Unselect,
}

/// Where a command stands in the menu bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Menu {
    File,
    View,
    Go,
    Colours,
    Live,
    Tools,
}

pub const MENUS: [(Menu, &str); 6] = [
    (Menu::File, "File"),
    (Menu::View, "View"),
    (Menu::Go, "Go"),
    (Menu::Colours, "Colours"),
    (Menu::Live, "Live"),
    (Menu::Tools, "Tools"),
];

type Line = (Command, &'static str, Menu, Option<KeyboardShortcut>);

const fn line(command: Command, name: &'static str, menu: Menu, modifiers: Modifiers, key: Key) -> Line {
    (command, name, menu, Some(KeyboardShortcut::new(modifiers, key)))
}

const fn unbound(command: Command, name: &'static str, menu: Menu) -> Line {
    (command, name, menu, None)
}

const PLAIN: Modifiers = Modifiers::NONE;
const CTRL: Modifiers = Modifiers::COMMAND;

impl Command {
    /// All commands, in the order of the menus, with name, menu and shortcut.
    pub const ALL: &'static [Line] = &[
        line(Command::OpenChip, "Open chip…", Menu::File, CTRL, Key::O),
        line(Command::Export, "Export picture…", Menu::File, CTRL, Key::E),
        line(Command::SaveCsv, "Save the heat map as CSV", Menu::File, CTRL, Key::S),
        line(Command::FitDie, "Whole die", Menu::View, PLAIN, Key::Num0),
        line(Command::FitSelection, "Fit selection", Menu::View, PLAIN, Key::F),
        line(Command::ZoomIn, "Zoom in", Menu::View, PLAIN, Key::Plus),
        line(Command::ZoomOut, "Zoom out", Menu::View, PLAIN, Key::Minus),
        line(Command::Depth(1), "Depth 1: stations", Menu::View, CTRL, Key::Num1),
        line(Command::Depth(2), "Depth 2: units", Menu::View, CTRL, Key::Num2),
        line(Command::Depth(3), "Depth 3: tiles", Menu::View, CTRL, Key::Num3),
        line(Command::Depth(4), "Depth 4: weights", Menu::View, CTRL, Key::Num4),
        line(Command::LessDepth, "Less depth", Menu::View, PLAIN, Key::OpenBracket),
        line(Command::MoreDepth, "More depth", Menu::View, PLAIN, Key::CloseBracket),
        line(Command::ToggleHierarchy, "Show or hide hierarchy", Menu::View, PLAIN, Key::H),
        line(Command::ToggleInspector, "Show or hide inspector", Menu::View, PLAIN, Key::I),
        line(Command::ShowInspector, "Inspector", Menu::View, PLAIN, Key::Num1),
        line(Command::ShowHeat, "Heat maps", Menu::View, PLAIN, Key::Num2),
        line(Command::ShowDiff, "Compare with a second chip", Menu::View, PLAIN, Key::Num3),
        line(Command::ShowVerilog, "Verilog of the selection", Menu::View, PLAIN, Key::V),
        line(Command::ToggleTheme, "Dark or light", Menu::View, PLAIN, Key::T),
        line(Command::Keys, "All keys", Menu::View, PLAIN, Key::F1),
        line(Command::Search, "Search or go to path", Menu::Go, CTRL, Key::F),
        line(Command::Palette, "All commands…", Menu::Go, CTRL, Key::P),
        line(Command::SelectMiddle, "Select what is in the middle", Menu::Go, PLAIN, Key::X),
        line(Command::SelectParent, "Up to what holds it", Menu::Go, PLAIN, Key::U),
        line(Command::SelectChild, "Down to the first it holds", Menu::Go, PLAIN, Key::D),
        line(Command::SelectNext, "Next beside it", Menu::Go, PLAIN, Key::J),
        line(Command::SelectPrevious, "Previous beside it", Menu::Go, PLAIN, Key::K),
        line(Command::Back, "Back", Menu::Go, Modifiers::ALT, Key::ArrowLeft),
        line(Command::Forward, "Forward", Menu::Go, Modifiers::ALT, Key::ArrowRight),
        line(Command::AddBookmark, "Bookmark this view", Menu::Go, CTRL, Key::B),
        line(Command::NextBookmark, "Next bookmark", Menu::Go, PLAIN, Key::G),
        unbound(Command::RemoveBookmark, "Remove this view's bookmark", Menu::Go),
        line(Command::PanLeft, "Pan left", Menu::Go, PLAIN, Key::ArrowLeft),
        line(Command::PanRight, "Pan right", Menu::Go, PLAIN, Key::ArrowRight),
        line(Command::PanUp, "Pan up", Menu::Go, PLAIN, Key::ArrowUp),
        line(Command::PanDown, "Pan down", Menu::Go, PLAIN, Key::ArrowDown),
        unbound(Command::Heat(None), "Colour by kind of block", Menu::Colours),
        unbound(Command::Heat(Some(Metric::Area)), "Heat: area", Menu::Colours),
        unbound(Command::Heat(Some(Metric::Power)), "Heat: power density", Menu::Colours),
        unbound(Command::Heat(Some(Metric::Activity)), "Heat: activity", Menu::Colours),
        unbound(Command::Heat(Some(Metric::Utilisation)), "Heat: utilisation", Menu::Colours),
        unbound(Command::Heat(Some(Metric::Sparsity)), "Heat: sparsity", Menu::Colours),
        unbound(Command::Heat(Some(Metric::QuantizationError)), "Heat: quantization error", Menu::Colours),
        line(Command::NextHeat, "Next heat map", Menu::Colours, PLAIN, Key::M),
        unbound(Command::HeatLog, "Logarithmic or linear", Menu::Colours),
        unbound(Command::FollowToken, "Heat of the token on the die", Menu::Colours),
        unbound(Command::ToggleKind(BlockKind::Matrix(Fabric::Tile)), "Show or hide weight tiles", Menu::Colours),
        unbound(Command::ToggleKind(BlockKind::Matrix(Fabric::Metal)), "Show or hide metal embedding", Menu::Colours),
        unbound(Command::ToggleKind(BlockKind::EmbeddingRom), "Show or hide embedding ROM", Menu::Colours),
        unbound(Command::ToggleKind(BlockKind::KvCache), "Show or hide KV caches", Menu::Colours),
        unbound(Command::ToggleKind(BlockKind::Vector), "Show or hide vector units", Menu::Colours),
        unbound(Command::ToggleKind(BlockKind::Io), "Show or hide the I/O ring", Menu::Colours),
        line(Command::ToggleChanges, "Colour by changes", Menu::Colours, PLAIN, Key::C),
        line(Command::ToggleBlink, "Blink changes", Menu::Colours, PLAIN, Key::B),
        line(Command::ToggleLive, "Live: run a prompt", Menu::Live, PLAIN, Key::L),
        line(Command::EditPrompt, "Edit the prompt", Menu::Live, CTRL, Key::L),
        line(Command::RunPrompt, "Run the prompt", Menu::Live, CTRL, Key::R),
        unbound(Command::StopPrompt, "Stop the run", Menu::Live),
        line(Command::PlayPause, "Play or pause", Menu::Live, PLAIN, Key::Space),
        line(Command::NextToken, "To the next token", Menu::Live, PLAIN, Key::N),
        line(Command::PreviousToken, "To the token before", Menu::Live, PLAIN, Key::P),
        line(Command::ToStart, "To the start", Menu::Live, PLAIN, Key::Home),
        line(Command::ToEnd, "To the end", Menu::Live, PLAIN, Key::End),
        line(Command::Faster, "Faster", Menu::Live, PLAIN, Key::Period),
        line(Command::Slower, "Slower", Menu::Live, PLAIN, Key::Comma),
        line(Command::ToggleRuler, "Ruler", Menu::Tools, PLAIN, Key::R),
        line(Command::CopyPath, "Copy path", Menu::Tools, CTRL.plus(Modifiers::SHIFT), Key::C),
        unbound(Command::CopyVerilog, "Copy Verilog", Menu::Tools),
        line(Command::Unselect, "Clear selection and ruler", Menu::Tools, PLAIN, Key::Escape),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|c| c.0 == self).map_or("", |c| c.1)
    }

    /// Commands whose shortcuts were pressed. Plain keys are left to text fields while one has the focus.
    pub fn pressed(ctx: &egui::Context) -> Vec<Command> {
        let typing = ctx.text_edit_focused();
        // A button or slider that was reached with Tab takes these itself.
        let held = ctx.memory(|m| m.focused().is_some());
        let takes = |k: Key| matches!(k, Key::Space | Key::ArrowLeft | Key::ArrowRight | Key::ArrowUp | Key::ArrowDown);
        // The most specific first: Ctrl+Shift+C before Ctrl+C.
        let mut all: Vec<_> = Self::ALL.iter().filter_map(|c| Some((c.0, c.3?))).collect();
        all.sort_by_key(|(_, s)| {
            std::cmp::Reverse(u8::from(s.modifiers.shift) + u8::from(s.modifiers.command) + u8::from(s.modifiers.alt))
        });
        ctx.input_mut(|i| {
            all.iter()
                .filter(|(_, s)| s.modifiers.any() || !(typing || held && takes(s.logical_key)))
                .filter_map(|(c, s)| i.consume_shortcut(s).then_some(*c))
                .collect()
        })
    }
}

/// A shortcut as it stands on the keys.
pub fn on_keys(ctx: &egui::Context, shortcut: &KeyboardShortcut) -> String {
    let signs = [("OpenBracket", "["), ("CloseBracket", "]"), ("Plus", "+"), ("Minus", "-"), ("Period", "."), ("Comma", ",")];
    signs.iter().fold(ctx.format_shortcut(shortcut), |text, (name, sign)| text.replace(name, sign))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_command_has_one_name_and_no_key_has_two_commands() {
        let names: HashSet<_> = Command::ALL.iter().map(|c| c.1).collect();
        let commands: HashSet<_> = Command::ALL.iter().map(|c| c.0).collect();
        let keys: Vec<_> = Command::ALL.iter().filter_map(|c| c.3).collect();
        assert_eq!((names.len(), commands.len()), (Command::ALL.len(), Command::ALL.len()));
        assert!(keys.iter().enumerate().all(|(i, k)| !keys[..i].contains(k)));
    }
}
