//! What comes before and after the codes of a compilation, in one piece or in shards: the choices made, and tile, build and place.

use crate::error::Error;
use crate::finish::finish;
use crate::folding::Folding;
use crate::options::{Options, Plan};
use crate::quantize::QuantizedModel;
use crate::{build, place, technology, tile};
use hardwire_models::Checkpoint;
use hardwire_netlist::Technology;
use hardwire_netlist::chip::{Chip, ChipWriter, Structure};

/// A compilation as it was asked for.
pub(crate) struct Run {
    pub plan: Plan,
    pub folding: Folding,
    technology: Technology,
}

impl Run {
    pub fn of(checkpoint: &Checkpoint, options: &Options) -> Result<Run, Error> {
        let plan = options.resolve(checkpoint.config())?;
        let technology = technology::node(&plan.node)?;
        build::check(checkpoint.graph())?;
        let folding = Folding::of_graph(checkpoint.shape(), plan.fold, &plan.fabrics)?;
        Ok(Run { plan, folding, technology })
    }
}

/// Tile, build and place: the chip of a model whose codes are in the writer's program.
pub(crate) fn assemble(checkpoint: &Checkpoint, run: Run, quantized: QuantizedModel, mut writer: ChipWriter) -> Result<Chip, Error> {
    let Run { plan, folding, technology } = run;
    let tiles = tile::tile(checkpoint.graph(), &quantized, &plan)?;
    let netlist = build::build(checkpoint, &plan, &folding, &quantized, &tiles, writer.programs())?;
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
