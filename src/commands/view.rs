//! `hardwire view`: the die viewer on a chip, on a checkpoint compiled or a shape planned for the purpose, or on the bundled model.
//!
//! The viewer is a program of its own, `hardwire-viewer`, so that the command builds without a window system.

use super::source::Source;
use crate::cli::{Global, View};
use crate::scratch::Scratch;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

pub fn run(args: &View, global: &Global) -> Result<()> {
    let viewer = find_viewer().context(
        "hardwire-viewer is not beside this program nor in PATH: build it with `cargo build --release -p hardwire-viewer`, \
         or install it with `cargo install --path viewer`",
    )?;
    let scratch = Scratch::new()?;
    let source = args.source.clone().unwrap_or_else(|| PathBuf::from("tales"));
    if let Some(planned) = super::comparable::planned(&source, &args.options)? {
        let file = scratch.path().join("plan.json");
        super::plan::write(&file, &planned, &planned.plan)?;
        return show(&viewer, &file, args);
    }
    // The viewer opens a chip itself, and shows at once what takes long to check; a path that names nothing it explains.
    let is_checkpoint = source.as_os_str() == "tales" || source.is_file() || source.join("config.json").exists();
    let folder = if is_checkpoint {
        Source::open(&source)?.into_chip(&args.options, scratch.path(), global)?.folder
    } else {
        args.options.none_for_a_chip(&source)?;
        source
    };
    show(&viewer, &folder, args)
}

/// Runs the viewer on a chip's folder or a plan's file until it ends.
fn show(viewer: &Path, chip: &Path, args: &View) -> Result<()> {
    let mut command = Command::new(viewer);
    command.arg(chip).args(args.for_viewer());
    // Verilog of single units comes from this program: `rtl --module`.
    if let Ok(me) = std::env::current_exe() {
        command.arg("--verilog-by").arg(me);
    }
    let status = command.status().with_context(|| viewer.display().to_string())?;
    if !status.success() {
        bail!("hardwire-viewer ended with {status}");
    }
    Ok(())
}

/// The viewer beside this program, or in PATH.
fn find_viewer() -> Option<PathBuf> {
    let name = format!("hardwire-viewer{}", std::env::consts::EXE_SUFFIX);
    let beside = std::env::current_exe().ok()?.parent().map(Path::to_path_buf);
    let path = std::env::var_os("PATH").unwrap_or_default();
    beside.into_iter().chain(std::env::split_paths(&path)).map(|folder| folder.join(&name)).find(|file| file.is_file())
}
