//! From a checkpoint to a chip, in four stages, in this order:
//!
//! 1. [`quantize`]: every matrix becomes codes, a codebook and scales, kept exactly where the checkpoint already is on a grid;
//! 2. [`tile`]: every matrix gets its fabric and the shape of its array;
//! 3. [`build`]: the operator graph becomes the unit graph, with every format and width;
//! 4. [`place`]: units become rectangles on a die.
//!
//! [`compile`] runs them and writes the chip folder. [`shape::plan`] runs the same stages without weights: what they would become is
//! told by the [`hardwire_models::Shape`] of a bare `config.json` alone, and the unit graph is the same. [`compile_onto`] gives the die of a
//! chip that exists other weights. This crate emits no Verilog, and
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
pub mod shape;
pub mod technology;
pub mod tile;
mod weights;

pub use error::Error;
pub use margin::Margin;
pub use onto::compile_onto;
pub use options::{CALIBRATION_TEXT, Options, Plan, Progress};
pub use quantize::{Quantizer, chip_weights};

use finish::finish;
use folding::Folding;
use hardwire_models::Checkpoint;
use hardwire_netlist::chip::{Chip, ChipWriter, Structure};
use std::path::Path;

/// Compiles `checkpoint` into the chip folder `target`.
///
/// The same inputs give the same bytes at any thread count. `target` must be absent, empty or a chip.
///
/// # Errors
/// A checkpoint, plan or folder that cannot be used, by name; nothing is left behind then.
pub fn compile(checkpoint: &Checkpoint, options: &Options, target: &Path, progress: &(dyn Fn(Progress<'_>) + Sync)) -> Result<Chip, Error> {
    let plan = options.resolve(checkpoint.config())?;
    let technology = technology::node(&plan.node)?;
    build::check(checkpoint.graph())?;
    let folding = Folding::of_graph(checkpoint.graph(), checkpoint.config().layers as u32, plan.fold, &plan.fabrics)?;
    let mut writer = ChipWriter::create(target)?;
    let quantized = quantize::quantize(checkpoint, &plan, folding, None, writer.programs(), progress)?;
    let tiles = tile::tile(checkpoint.graph(), &quantized, &plan)?;
    let netlist = build::build(checkpoint, &plan, folding, &quantized, &tiles, writer.programs())?;
    netlist.validate()?;
    let floorplan = place::place(&netlist, &technology);
    let structure = Structure {
        model: build::model_info(checkpoint, &plan),
        technology,
        netlist,
        floorplan,
        quality: quantized.quality(),
        programs: Vec::new(),
    };
    finish(checkpoint, writer, structure)
}
