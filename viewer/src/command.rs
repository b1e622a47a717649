//! Everything a user can tell the viewer, once. Menus, shortcuts and the palette are made from this list.

use egui::{Key, KeyboardShortcut, Modifiers};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    OpenChip,
    FitDie,
    FitSelection,
    ZoomIn,
    ZoomOut,
    PanLeft,
    PanRight,
    PanUp,
    PanDown,
    SelectParent,
    Back,
    Forward,
    AddBookmark,
    Search,
    Palette,
    ToggleRuler,
    ToggleHierarchy,
    ToggleInspector,
    ToggleTheme,
    CopyPath,
    Unselect,
    ShowInspector,
    ShowHeat,
    ShowDiff,
    ToggleLive,
    RunPrompt,
    PlayPause,
    NextToken,
    Export,
}

/// Where a command stands in the menu bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Menu {
    File,
    View,
    Go,
    Tools,
}

pub const MENUS: [(Menu, &str); 4] = [(Menu::File, "File"), (Menu::View, "View"), (Menu::Go, "Go"), (Menu::Tools, "Tools")];

const fn key(modifiers: Modifiers, key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(modifiers, key))
}

impl Command {
    /// All of them, in the order of the menus, with name, menu and shortcut.
    pub const ALL: &'static [(Command, &'static str, Menu, Option<KeyboardShortcut>)] = &[
        (Command::OpenChip, "Open chip…", Menu::File, key(Modifiers::COMMAND, Key::O)),
        (Command::Export, "Export picture…", Menu::File, key(Modifiers::COMMAND, Key::E)),
        (Command::FitDie, "Whole die", Menu::View, key(Modifiers::NONE, Key::Num0)),
        (Command::FitSelection, "Fit selection", Menu::View, key(Modifiers::NONE, Key::F)),
        (Command::ZoomIn, "Zoom in", Menu::View, key(Modifiers::NONE, Key::Plus)),
        (Command::ZoomOut, "Zoom out", Menu::View, key(Modifiers::NONE, Key::Minus)),
        (Command::ToggleHierarchy, "Show or hide hierarchy", Menu::View, key(Modifiers::NONE, Key::H)),
        (Command::ToggleInspector, "Show or hide inspector", Menu::View, key(Modifiers::NONE, Key::I)),
        (Command::ShowInspector, "Inspector", Menu::View, key(Modifiers::NONE, Key::Num1)),
        (Command::ShowHeat, "Heat maps", Menu::View, key(Modifiers::NONE, Key::Num2)),
        (Command::ShowDiff, "Compare with a second chip", Menu::View, key(Modifiers::NONE, Key::Num3)),
        (Command::ToggleLive, "Live: run a prompt", Menu::View, key(Modifiers::NONE, Key::L)),
        (Command::ToggleTheme, "Dark or light", Menu::View, key(Modifiers::NONE, Key::T)),
        (Command::Search, "Search or go to path", Menu::Go, key(Modifiers::COMMAND, Key::F)),
        (Command::Palette, "All commands…", Menu::Go, key(Modifiers::COMMAND, Key::P)),
        (Command::SelectParent, "Up to what holds it", Menu::Go, key(Modifiers::NONE, Key::U)),
        (Command::Back, "Back", Menu::Go, key(Modifiers::ALT, Key::ArrowLeft)),
        (Command::Forward, "Forward", Menu::Go, key(Modifiers::ALT, Key::ArrowRight)),
        (Command::AddBookmark, "Bookmark this view", Menu::Go, key(Modifiers::COMMAND, Key::B)),
        (Command::PanLeft, "Pan left", Menu::Go, key(Modifiers::NONE, Key::ArrowLeft)),
        (Command::PanRight, "Pan right", Menu::Go, key(Modifiers::NONE, Key::ArrowRight)),
        (Command::PanUp, "Pan up", Menu::Go, key(Modifiers::NONE, Key::ArrowUp)),
        (Command::PanDown, "Pan down", Menu::Go, key(Modifiers::NONE, Key::ArrowDown)),
        (Command::RunPrompt, "Run the prompt", Menu::Tools, key(Modifiers::COMMAND, Key::R)),
        (Command::PlayPause, "Play or pause", Menu::Tools, key(Modifiers::NONE, Key::Space)),
        (Command::NextToken, "To the next token", Menu::Tools, key(Modifiers::NONE, Key::N)),
        (Command::ToggleRuler, "Ruler", Menu::Tools, key(Modifiers::NONE, Key::R)),
        (Command::CopyPath, "Copy path", Menu::Tools, key(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::C)),
        (Command::Unselect, "Clear selection and ruler", Menu::Tools, key(Modifiers::NONE, Key::Escape)),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|c| c.0 == self).map_or("", |c| c.1)
    }

    /// Commands whose shortcuts were pressed. Plain keys are left to text fields while one has the focus.
    pub fn pressed(ctx: &egui::Context) -> Vec<Command> {
        let typing = ctx.text_edit_focused();
        // The most specific first: Ctrl+Shift+C before Ctrl+C.
        let mut all: Vec<_> = Self::ALL.iter().filter_map(|c| Some((c.0, c.3?))).collect();
        all.sort_by_key(|(_, s)| {
            std::cmp::Reverse(u8::from(s.modifiers.shift) + u8::from(s.modifiers.command) + u8::from(s.modifiers.alt))
        });
        ctx.input_mut(|i| {
            all.iter().filter(|(_, s)| !typing || s.modifiers.any()).filter_map(|(c, s)| i.consume_shortcut(s).then_some(*c)).collect()
        })
    }
}
