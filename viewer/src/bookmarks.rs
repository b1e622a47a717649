//! Places to come back to, kept between runs: one file a chip in the folder of the user's settings, named by the chip's digest,
//! written beside and renamed. A file that cannot be read is left alone and said aloud; the next bookmark replaces it.

use crate::camera::Camera;
use crate::die::Die;
use crate::errand::write_whole;
use crate::item::Item;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// A place to come back to.
#[derive(Clone, Debug, PartialEq)]
pub struct Bookmark {
    pub name: String,
    pub camera: Camera,
    pub selection: Option<Item>,
}

#[derive(Serialize, Deserialize)]
struct File {
    bookmarks: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    name: String,
    x_nm: f64,
    y_nm: f64,
    /// Points for a nanometre.
    scale: f64,
    /// Path of what was selected.
    selection: Option<String>,
}

fn file(folder: &Path, die: &Die) -> PathBuf {
    folder.join("bookmarks").join(format!("{}.json", die.chip.digest))
}

/// The bookmarks of a chip; none where none were kept.
///
/// # Errors
/// One line that names the file.
pub fn load(folder: &Path, die: &Die) -> Result<Vec<Bookmark>, String> {
    let path = file(folder, die);
    let say = |what: String| format!("bookmarks not read: {}: {what}", path.display());
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(say(e.to_string())),
    };
    let found: File = serde_json::from_slice(&text).map_err(|e| say(e.to_string()))?;
    let bookmark = |e: Entry| {
        let camera = Camera { x_nm: e.x_nm, y_nm: e.y_nm, scale: e.scale };
        if !camera.is_sane() {
            return Err(say(format!("{}: lies nowhere", e.name)));
        }
        Ok(Bookmark { name: e.name, camera, selection: e.selection.and_then(|path| Item::parse(die, &path).ok()) })
    };
    found.bookmarks.into_iter().map(bookmark).collect()
}

/// Keeps the bookmarks of a chip.
///
/// # Errors
/// One line that names the file.
pub fn save(folder: &Path, die: &Die, bookmarks: &[Bookmark]) -> Result<(), String> {
    let path = file(folder, die);
    let entry = |b: &Bookmark| Entry {
        name: b.name.clone(),
        x_nm: b.camera.x_nm,
        y_nm: b.camera.y_nm,
        scale: b.camera.scale,
        selection: b.selection.map(|s| s.path(die)),
    };
    let text = serde_json::to_vec_pretty(&File { bookmarks: bookmarks.iter().map(entry).collect() }).map_err(|e| e.to_string())?;
    let write = || {
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        write_whole(&path, &text)
    };
    write().map_err(|e| format!("bookmarks not kept: {}: {e}", path.display()))
}

/// Folder of this user's settings of Hardwire, as the system has it.
pub fn settings_folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let base = if cfg!(windows) {
        set("APPDATA")
    } else if cfg!(target_os = "macos") {
        set("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))
    };
    base.map(|base| base.join("hardwire"))
}
