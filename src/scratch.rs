//! A folder for what is not kept: its name cannot be guessed, and it goes with the command, however that ends.

use anyhow::{Context, Result};
use hardwire_netlist::folder::{clear_abandoned, live::Live, locked};
use std::fs::File;
use std::path::Path;

const PREFIX: &str = "hardwire-scratch-";
/// Times a name is tried: another command may find one before it is locked, and take it for one that was left.
const TRIES: u32 = 100;

/// Removed, with what it holds, when it is dropped.
pub struct Scratch {
    live: Live,
    _alive: File,
}

impl Scratch {
    pub fn new() -> Result<Scratch> {
        let parent = std::env::temp_dir();
        clear_abandoned(&parent, PREFIX);
        for _ in 0..TRIES {
            let made = Live::make(|| Ok(tempfile::Builder::new().prefix(PREFIX).tempdir_in(&parent)?.keep()));
            let live = made.with_context(|| parent.display().to_string())?;
            if let Some(alive) = locked(live.path()) {
                return Ok(Scratch { live, _alive: alive });
            }
        }
        anyhow::bail!("{}: no scratch folder stays", parent.display())
    }

    pub fn path(&self) -> &Path {
        self.live.path()
    }
}
