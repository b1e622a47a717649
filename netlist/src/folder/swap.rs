//! Two names of a folder exchanged: at once where the system can, else by way of a third name, from where the next writer puts back what
//! a process that was killed between the two left there.

use crate::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Links followed at most, as Linux does.
const MOST_LINKS: usize = 40;

/// The place that `target` names, if need be through links; it may be absent.
pub fn followed(target: &Path) -> Result<PathBuf, Error> {
    let mut at = target.to_path_buf();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&at) {
            Ok(to) => at = at.parent().unwrap_or(Path::new("")).join(to),
            Err(_) => return Ok(at),
        }
    }
    Err(Error::io(target, io::Error::other("too many links")))
}

/// Exchanges two folders of one parent.
pub fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    match exchange_at_once(a, b) {
        Err(e) if unsupported(&e) => exchange_by_a_third(a, b),
        done => done,
    }
}

/// Said by systems and file systems that cannot.
fn unsupported(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput)
}

#[cfg(target_os = "linux")]
fn exchange_at_once(a: &Path, b: &Path) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let name = |path: &Path| std::ffi::CString::new(path.as_os_str().as_bytes()).map_err(io::Error::other);
    let (a, b) = (name(a)?, name(b)?);
    // SAFETY: both are strings that end, and live over the call.
    let done = unsafe { libc::renameat2(libc::AT_FDCWD, a.as_ptr(), libc::AT_FDCWD, b.as_ptr(), libc::RENAME_EXCHANGE) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(not(target_os = "linux"))]
fn exchange_at_once(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Between the first two renames nothing has the name of `b`: [`recover`].
fn exchange_by_a_third(a: &Path, b: &Path) -> io::Result<()> {
    let name = b.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let third = b.with_file_name(replaced(&super::stem(&name), std::process::id()));
    fs::rename(b, &third)?;
    if let Err(e) = fs::rename(a, b) {
        let _ = fs::rename(&third, b);
        return Err(e);
    }
    fs::rename(&third, a)
}

fn replaced(name: &str, process: impl std::fmt::Display) -> String {
    format!(".{name}.replaced-{process}")
}

/// Gives `target` back what a writer took from it and was killed before it put another there; removes what one was to replace.
pub fn recover(target: &Path, parent: &Path, name: &str) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten().filter(|e| e.file_name().to_string_lossy().starts_with(&replaced(name, ""))) {
        // Where there is an exchange, none is made; where there is none, who takes the name back first wins.
        let _ = if fs::symlink_metadata(target).is_err() { fs::rename(entry.path(), target) } else { fs::remove_dir_all(entry.path()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_change_places_either_way_and_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        for (folder, text) in [(&a, "1"), (&b, "2")] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("x"), text).unwrap();
        }
        let read = |folder: &Path| fs::read_to_string(folder.join("x")).unwrap();
        for (way, first) in [(exchange as fn(&Path, &Path) -> io::Result<()>, "2"), (exchange_by_a_third, "1")] {
            way(&a, &b).unwrap();
            assert_eq!(read(&a), first);
        }
        // Killed between the two renames.
        fs::rename(&b, dir.path().join(replaced("b", 1))).unwrap();
        recover(&b, dir.path(), "b");
        assert_eq!(read(&b), "2");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
