//! The chip in Verilog, from the [`Chip`] alone.
//!
//! 1. [`shape`]: what all modules have in common;
//! 2. [`roms`]: the contents of every ROM, streamed from the program;
//! 3. [`units`]: an instance for every unit, a file a kind; [`fabric`]: the matrices of each fabric, a file a fabric; [`station`] and [`top`] wire
//!    them;
//! 4. [`board`]: where it is for an FPGA, the top of that;
//! 5. [`library`]: the modules those are built of, and only those; [`guide`]: file lists, timing constraints and a page for the folder's reader;
//! 6. [`gate`]: what a value passes on its way into any of these;
//! 7. [`module()`]: one unit alone as text, for the viewer;
//! 8. [`harness`]: runs what was emitted under Verilator and reads the trace (the one place that starts a process).
//!
//! `docs/microarchitecture.md` says what the Verilog does in each cycle, `docs/numerics.md` what it computes. The modules themselves are in
//! `templates/lib`, one a unit kind, the same text in every output. The same chip gives the same bytes, in bounded memory.
//!
//! ```no_run
//! use hardwire_netlist::Chip;
//! use hardwire_rtl_gen::{Options, emit, module};
//!
//! let chip = Chip::open("smollm2.chip".as_ref())?;
//! emit(&chip, "rtl".as_ref(), &Options::default())?;
//! println!("{}", module(&chip, "layers.0.mlp.down_proj")?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod adders;
pub mod board;
mod error;
mod fabric;
mod folder;
mod gate;
mod guide;
pub mod harness;
mod image;
mod instance;
mod library;
pub mod matrix;
mod module;
mod roms;
mod shape;
mod single;
mod site;
mod station;
mod stream;
mod top;
mod units;

pub use error::Error;
pub use folder::Emitted;
pub use module::module;

use folder::Folder;
use hardwire_netlist::Chip;
use shape::Shape;
use std::ops::Range;
use std::path::Path;

/// What to emit.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Only these decoder layers, between residual streams.
    pub layers: Option<Range<u32>>,
    /// Only the modules of one unit kind (`row_feed`, `mvm`, ...) and its first instance.
    pub unit_kind: Option<String>,
    /// Probes on every unit, printed in simulation with `+probe`.
    pub probe: bool,
    /// Only this matrix, by its path, behind bytes.
    pub matrix: Option<String>,
    /// The whole chip, or the matrix, on an FPGA board.
    pub board: Option<board::Board>,
}

/// Emits the Verilog of `chip` into `out_dir`, which must be absent, empty or an earlier output. It is written beside and renamed.
///
/// Layout: `README.md` (what is what, and how to use it), `rtl/*.v`, `rom/<unit>/*.hex`, `tb/`, `files.f` and `files.ys` (what a tool has to
/// read), `constraints.sdc`, `lint.vlt`. Simulators run in `out_dir`: ROM paths are relative to it.
///
/// # Errors
/// A folder that cannot be written or holds something else; a unit outside what the Verilog can build, by path.
pub fn emit(chip: &Chip, out_dir: &Path, options: &Options) -> Result<Emitted, Error> {
    if options.layers.is_some() && options.unit_kind.is_some() {
        return Err(Error::Option { option: "unit", what: "cannot be combined with layers".into() });
    }
    let mut folder = Folder::create(out_dir)?;
    let tables = roms::tables(&mut folder, &chip.netlist().tables)?;
    let shape = Shape::new(chip, tables)?;
    let top = match (&options.unit_kind, &options.matrix) {
        (Some(kind), _) => single::emit(chip, &shape, &mut folder, kind)?,
        (None, Some(path)) => matrix::emit(chip, &shape, &mut folder, path)?,
        (None, None) => top::emit(chip, &shape, &mut folder, options.layers.as_ref(), options.probe)?,
    };
    if let Some(board) = &options.board {
        if options.layers.is_some() || options.unit_kind.is_some() {
            return Err(Error::Option { option: "board", what: "takes a whole chip, without layers or unit".into() });
        }
        board::emit(chip, &shape, &mut folder, board, options.matrix.is_some(), top::idle_bound(chip, &shape))?;
    }
    library::emit(&mut folder, chip.netlist().is_folded())?;
    guide::emit(chip, &mut folder, &top)?;
    folder.finish()
}
