//! Moving a finished folder into place, so that what has the final name is whole.

use std::fs;
use std::io;
use std::path::Path;

/// Renames `work` to `target`, replacing a folder that is there; if the move fails the old one is put back.
pub fn replace(work: &Path, target: &Path) -> io::Result<()> {
    let old = work.with_extension("replaced");
    let _ = fs::remove_dir_all(&old);
    if !target.exists() {
        return fs::rename(work, target);
    }
    fs::rename(target, &old)?;
    if let Err(e) = fs::rename(work, target) {
        let _ = fs::rename(&old, target);
        return Err(e);
    }
    let _ = fs::remove_dir_all(&old);
    Ok(())
}
