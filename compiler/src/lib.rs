//! From a checkpoint to a chip, in four stages, in this order:
//!
//! 1. [`quantize`]: every matrix becomes codes, a codebook and scales, kept exactly where the checkpoint already is on a grid;
//! 2. [`tile`]: every matrix gets its fabric and the shape of its array;
//! 3. [`build`]: the operator graph becomes the unit graph, with every format and width;
//! 4. [`place`]: units become rectangles on a die.
//!
//! [`compile`] runs them and writes the chip folder. [`shape::plan`] runs the same stages without weights: what they would become is
//! told by the [`hardwire_models::Shape`] of a bare `config.json` alone, and the unit graph is the same. [`compile_onto`] gives the die of a
//! chip that exists other weights; [`compile_shard`] and [`merge`] do the first stage in parts. This crate emits no Verilog, and
//! runs the float model only to calibrate.
//!
//! ```
//! use hardwire_compiler::{Options, compile};
//! use hardwire_models::Checkpoint;
//!
//! # let dir = tempfile::tempdir().unwrap();
//! # let target = dir.path().join("tales.chip");
//! let chip = compile(&Checkpoint::bundled(), &Options::default(), &target, &|_| {})?;
//! // The bundled model lies on a 4-bit grid: nothing is lost.
//! assert!(chip.structure.quality.iter().all(|q| q.lossless));
//! # Ok::<(), hardwire_compiler::Error>(())
//! ```

pub mod build;
mod die;
mod error;
pub mod fabric;
mod finish;
pub mod folding;
mod formats;
mod margin;
mod onto;
mod options;
mod order;
pub mod place;
pub mod quantize;
mod run;
pub mod shape;
mod shard;
pub mod technology;
pub mod tile;
mod weights;

pub use error::Error;
pub use margin::Margin;
pub use onto::compile_onto;
pub use options::{CALIBRATION_TEXT, Options, Plan, Progress};
pub use quantize::{Quantizer, chip_weights};
pub use shard::{Part, compile_shard, merge};

use hardwire_models::Checkpoint;
use hardwire_netlist::chip::{Chip, ChipWriter};
use run::{Run, assemble};
use std::path::Path;

/// Compiles `checkpoint` into the chip folder `target`.
///
/// The same inputs give the same bytes at any thread count. `target` must be absent, empty or a chip.
///
/// # Errors
/// A checkpoint, plan or folder that cannot be used, by name; nothing is left behind then.
pub fn compile(checkpoint: &Checkpoint, options: &Options, target: &Path, progress: &(dyn Fn(Progress<'_>) + Sync)) -> Result<Chip, Error> {
    let run = Run::of(checkpoint, options)?;
    let mut writer = ChipWriter::create(target)?;
    let quantized = quantize::quantize(checkpoint, &run.plan, &run.folding, None, writer.programs(), progress)?;
    assemble(checkpoint, run, quantized, writer)
}
