//! Folders that this process removes before it ends: partial outputs and scratch. They go when their owner is dropped; a signal drops nothing,
//! so whoever handles it calls [`abandon`].

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::Duration;

static LIVE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn lock() -> MutexGuard<'static, Vec<PathBuf>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A folder that is removed, with what it holds, when this is dropped.
#[derive(Debug)]
pub struct Live(PathBuf);

impl Live {
    /// Has the folder made by `make`, which names it, so that no signal falls between its being there and its being known here.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn make(make: impl FnOnce() -> io::Result<PathBuf>) -> io::Result<Live> {
        let mut live = lock();
        let path = make()?;
        live.push(path.clone());
        Ok(Live(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
        lock().retain(|path| *path != self.0);
    }
}

/// Most milliseconds that [`abandon`] waits for what other threads are writing into a folder.
const PATIENCE_MS: u32 = 2000;

/// While this is held, [`abandon`] waits: moving into place is not to be cut in two, nor is a folder to be made anew behind its back.
pub(super) fn hold() -> MutexGuard<'static, Vec<PathBuf>> {
    lock()
}

/// Removes them all, for a process that is about to end. Nothing is moved into place afterwards, and no folder made: a thread that would do so
/// waits for ever. One that is writing files may put some into a folder while it is emptied; so it is emptied until it is gone.
pub fn abandon() {
    let live = lock();
    for path in live.iter() {
        for _ in 0..PATIENCE_MS {
            let _ = fs::remove_dir_all(path);
            if fs::symlink_metadata(path).is_err() {
                break;
            }
            sleep(Duration::from_millis(1));
        }
    }
    std::mem::forget(live);
}
