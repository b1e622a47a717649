//! What stands around the map. Each file is one panel: it reads the view and says what the user asked for.

pub mod hierarchy;
pub mod inspector;
pub mod menu;
pub mod status;
pub mod welcome;

/// Which panels are shown, and what is typed in them.
pub struct Panels {
    pub hierarchy: bool,
    pub inspector: bool,
    pub palette: bool,
    pub search: hierarchy::Search,
    pub open_path: String,
}

impl Default for Panels {
    fn default() -> Self {
        Panels { hierarchy: true, inspector: true, palette: false, search: hierarchy::Search::default(), open_path: String::new() }
    }
}
