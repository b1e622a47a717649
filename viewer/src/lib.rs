//! The die viewer: a map of the chip that goes from the whole die to the via of one weight.
//!
//! Data flows one way each frame:
//!
//! - [`die`]: a chip, with its blocks joined to units and ROM grids; immutable, shared with the worker;
//! - [`view`]: how one chip is looked at (camera, selection, history); [`command`]: what the user can ask for;
//! - [`canvas`] paints the map ([`paint`], [`paint_rom`]) and asks [`materialise`] for pictures of weights, which a worker makes;
//! - [`panels`] stand around it; [`app`] holds all of it together.
//!
//! The same application runs in a window ([`open`]) and without one ([`screenshot`], tests, the bench): there [`raster`] paints
//! egui's triangles on the CPU. egui comes in nowhere else in the workspace. Nothing here prints or exits.
//!
//! ```
//! use hardwire_viewer::{Options, screenshot};
//!
//! # let folder = tempfile::tempdir()?;
//! # let chip = folder.path().join("tales.chip");
//! # hardwire_compiler::compile(&hardwire_models::Checkpoint::bundled(), &Default::default(), &chip, &|_| {})?;
//! let picture = folder.path().join("weight.png");
//! let goto = Some("layers.1.mlp.down_proj/tile[0,0]/w[30,7]".into());
//! screenshot(&chip, Options { goto, ..Options::default() }, (640, 400), &picture)?;
//! assert!(picture.exists());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod act;
pub mod app;
pub mod bookmarks;
pub mod camera;
mod canvas;
pub mod check;
pub mod command;
pub mod die;
pub mod diff;
mod errand;
mod error;
pub mod export;
pub mod headless;
pub mod heat;
mod heat_tiles;
pub mod item;
mod legend;
pub mod live;
pub mod maps;
pub mod materialise;
mod paint;
mod paint_heat;
mod paint_live;
mod paint_rom;
mod paint_tile;
pub mod panels;
pub mod raster;
pub mod rom;
pub mod state;
pub mod stats;
pub mod theme;
pub mod verilog;
pub mod view;
mod worker;

pub use app::{App, Options};
pub use error::Error;

use hardwire_netlist::Chip;
use headless::Headless;
use std::path::{Path, PathBuf};

/// Shows a chip folder in a window, until the window is closed. Without a path the window asks for one.
///
/// # Errors
/// `Error::Window` where no window can be had. A chip that cannot be read is shown as such in the window.
pub fn open(chip: Option<PathBuf>, options: Options) -> Result<(), Error> {
    let viewport = egui::ViewportBuilder::default().with_title("Hardwire").with_inner_size([1440.0, 900.0]);
    let native = eframe::NativeOptions { viewport, ..eframe::NativeOptions::default() };
    let run = move |cc: &eframe::CreationContext<'_>| -> Result<Box<dyn eframe::App>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Box::new(match &chip {
            Some(path) => App::open(&cc.egui_ctx, path, options),
            None => App::new(&cc.egui_ctx, options),
        }))
    };
    eframe::run_native("hardwire", native, Box::new(run))
        .map_err(|e| Error::Window(e.to_string().split_whitespace().collect::<Vec<_>>().join(" ")))
}

/// Paints a chip's folder, or a planned chip's file, without a window and writes a PNG of `width` x `height` pixels.
///
/// # Errors
/// A chip that cannot be read, a path that names nothing, a size out of range, a file that cannot be written.
pub fn screenshot(chip: &Path, options: Options, (width, height): (u32, u32), out: &Path) -> Result<(), Error> {
    let chip = if chip.is_file() { Chip::open_plan(chip)? } else { Chip::open(chip)? };
    let mut headless = Headless::new(|ctx| App::with_chip(ctx, chip, options.clone()), width, height)?;
    if let Some(path) = &options.goto
        && let Some(view) = headless.app.view()
    {
        item::Item::parse(&view.die, path)?;
    }
    headless.settle()?;
    if let Some(problem) = headless.app.view().and_then(|v| v.live.problem.clone()) {
        return Err(Error::Place { path: "prompt".into(), what: problem });
    }
    let image = headless.image();
    let bytes = image.png().map_err(|source| Error::Png { path: out.into(), source })?;
    errand::write_whole(out, &bytes).map_err(|source| Error::Write { path: out.into(), source })
}
