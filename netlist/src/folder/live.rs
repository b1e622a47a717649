//! Folders that this process removes before it ends: partial outputs and scratch. They go when their owner is dropped; a signal drops nothing,
//! so whoever handles it calls [`abandon`].

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

static LIVE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn lock() -> MutexGuard<'static, Vec<PathBuf>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A folder that is removed, with what it holds, when this is dropped.
#[derive(Debug)]
pub struct Live(PathBuf);

impl Live {
    pub fn new(path: PathBuf) -> Live {
        lock().push(path.clone());
        Live(path)
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

/// While this is held, [`abandon`] waits: moving into place is not to be cut in two.
pub(super) fn hold() -> MutexGuard<'static, Vec<PathBuf>> {
    lock()
}

/// Removes them all, for a process that is about to end. Nothing is moved into place afterwards: a thread that would do so waits for ever.
pub fn abandon() {
    let live = lock();
    for path in live.iter() {
        let _ = fs::remove_dir_all(path);
    }
    std::mem::forget(live);
}
