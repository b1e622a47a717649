//! What stands around the map. Each file is one panel: it reads the view and says what the user asked for.

pub mod diff;
pub mod export;
pub mod heat;
pub mod hierarchy;
pub mod inspector;
pub mod keys;
pub mod live;
pub mod menu;
pub mod palette;
pub mod status;
pub mod verilog;
pub mod welcome;

use crate::errand::Errand;

/// What the right panel shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    Inspect,
    Verilog,
    Heat,
    Diff,
}

/// Which panels are shown, and what is typed in them.
pub struct Panels {
    pub hierarchy: bool,
    pub inspector: bool,
    pub live: bool,
    pub tab: Tab,
    pub palette: palette::Palette,
    pub export: export::Export,
    pub search: hierarchy::Search,
    pub open_path: String,
    pub csv_path: String,
    /// The list of all keys is open.
    pub keys: bool,
    /// Put the cursor into the prompt in the next frame.
    pub edit_prompt: bool,
    pub errand: Errand,
}

impl Default for Panels {
    fn default() -> Self {
        Panels {
            hierarchy: true,
            inspector: true,
            live: false,
            tab: Tab::Inspect,
            palette: palette::Palette::default(),
            export: export::Export::default(),
            search: hierarchy::Search::default(),
            open_path: String::new(),
            csv_path: "heat.csv".into(),
            keys: false,
            edit_prompt: false,
            errand: Errand::default(),
        }
    }
}
