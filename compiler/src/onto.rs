//! A respin: other weights on the die of a chip that exists. Plan, formats, widths, codebooks and tables are the base chip's; only what lies
//! in ROM is new. What does not fit is refused by its tensor, with by how much and the margin that would have been enough
//! ([`crate::Margin`]).

use crate::build;
use crate::die::Die;
use crate::error::Error;
use crate::finish::finish;
use crate::folding::{Fold, Folding};
use crate::options::{Options, Plan, Progress};
use crate::quantize;
use hardwire_models::Checkpoint;
use hardwire_netlist::chip::{Chip, ChipWriter, ModelInfo, Structure};
use hardwire_netlist::diff;
use hardwire_netlist::unit::UnitKind;
use std::path::Path;

/// Compiles `checkpoint` onto the die of `base`, into the chip folder `target`. `recipe` says how weights become codes (quantizer,
/// calibration, whether `bits` overrule a stored grid); what it says of the die is not heeded.
///
/// # Errors
/// As [`crate::compile`]; [`Error::Die`] names the first tensor, or unit, that the die has no room for.
pub fn compile_onto(
    checkpoint: &Checkpoint,
    base: &Chip,
    recipe: &Options,
    target: &Path,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Chip, Error> {
    if recipe.average_bits.is_some() {
        return Err(Error::option("average-bits", "the base die has fixed the bits of every matrix"));
    }
    let die = Die::of(base);
    let plan: Plan = options(base, recipe).resolve(checkpoint.config())?;
    build::check(checkpoint.graph())?;
    let layers = checkpoint.config().layers as u32;
    if layers != base.model().layers {
        return Err(Error::Die { path: "layers".into(), what: format!("{layers}, and {} on the base die", base.model().layers) });
    }
    let folding = Folding::of_graph(checkpoint.shape(), Fold::Layers(base.netlist().fold()), &plan.fabrics)?;
    let mut writer = ChipWriter::create(target)?;
    let quantized = quantize::quantize(checkpoint, &plan, &folding, Some(&die), writer.programs(), progress)?;
    let netlist = build::build(checkpoint, &plan, &folding, &quantized, &die.tiles(), writer.programs())?;
    netlist.validate()?;
    if let Some(other) = diff::silicon(base.netlist(), &netlist) {
        let what = format!("{} is {}, and {} on the base die: no margin helps", other.field, other.b, other.a);
        return Err(Error::Die { path: other.path, what });
    }
    let structure = Structure {
        model: ModelInfo { die: Some(base.model().die_name().into()), ..build::model_info(checkpoint, &plan) },
        technology: base.structure.technology.clone(),
        netlist,
        floorplan: base.structure.floorplan.clone(),
        quality: quantized.quality(),
        programs: Vec::new(),
    };
    finish(checkpoint, writer, structure)
}

/// What of the options the die has decided.
fn options(chip: &Chip, recipe: &Options) -> Options {
    let m = chip.model();
    let units = || chip.netlist().units().map(|(_, u)| &u.kind);
    Options {
        act_bits: Some(m.act_bits),
        kv_bits: Some(m.kv_bits),
        context: Some(m.context),
        users: Some(m.users),
        lanes: Some(chip.netlist().lanes),
        state_bits: units().find_map(|k| if let UnitKind::Delta(d) = k { Some(d.state.bits) } else { None }),
        pos_lanes: units().find_map(|k| if let UnitKind::Attention(a) = k { Some(a.pos_lanes) } else { None }),
        node: Some(chip.structure.technology.node.clone()),
        fold: Some(Fold::Layers(1)),
        ..recipe.clone()
    }
}
