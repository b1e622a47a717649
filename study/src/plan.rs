//! A chip from the shape of a model alone: counts, floorplan, cycles, energy and cost, with low and high.

mod figures;

pub use figures::{Cut, Figures, Planned, Process, Range, Setting, fewest_dies, figures, partition, range};

use crate::load::Request;
use crate::{Error, Result};
use hardwire_baseline::economics::silicon::RETICLE_MM2;
use hardwire_compiler::Options;
use hardwire_compiler::folding::Fold;
use hardwire_compiler::shape::{self, Shape, ShapeChip};
use hardwire_compiler::technology;
use hardwire_netlist::Census;
use serde::Serialize;

/// Node of a plan unless asked.
const NODE: &str = "N6";

/// A planned chip with what can be said of it.
#[derive(Debug, Serialize)]
pub struct Plan {
    #[serde(skip)]
    pub chip: ShapeChip,
    pub family: String,
    pub node: String,
    pub parameters: u64,
    /// Weights that one token's computation reads.
    pub active_weights: u64,
    pub census: Census,
    /// What in it has no Verilog.
    pub modelled_only: Vec<&'static str>,
    pub state_bits: u64,
    /// Stations that are built.
    pub stations: u32,
    /// Layers that share silicon, at most.
    pub fold: u32,
    /// Why so many, where they were left to the plan and are more than one.
    pub fold_reason: Option<String>,
    /// How it is cut, where it is on several dies.
    pub cut: Cut,
    pub units: usize,
    pub blocks: usize,
    /// Two blocks that overlap; none.
    pub floorplan_conflict: Option<(String, String)>,
    /// What a full queue and the cost of a token are taken at.
    pub request: Request,
    /// From short contexts to all positions of the cache.
    pub at: Vec<At>,
    /// What the stations could do if the cache held a sequence for each.
    pub all_stations_busy: Figures,
}

/// Figures at one context.
#[derive(Debug, Serialize)]
pub struct At {
    pub context: u32,
    pub figures: Range,
}

/// Plans `shape` on `dies` dies, or on as few as keep each within the reticle. Where neither fold nor dies are asked for, layers share silicon
/// until one die holds the chip ([`Fold::Auto`]). Unless asked it is cut between layers, and where one of them is past the reticle within them.
///
/// # Errors
/// An option out of range; dies past the reticle, with what would fit.
pub fn plan(shape: &Shape, options: &Options, cut: Option<Cut>, dies: Option<u32>) -> Result<Plan> {
    let open = options.fold.is_none() && dies.is_none() && cut != Some(Cut::Tensor);
    let options = &Options { fold: if open { Some(Fold::Auto) } else { options.fold }, ..options.clone() };
    let (chip, fold_reason) = folded(shape, options)?;
    let node = options.node.as_deref().unwrap_or(NODE);
    let process = Process::node(node)?;
    let (context, users) = (chip.plan.context, chip.plan.users);
    let dies_of = |cut| {
        let at = |dies| figures(&chip, &process, &Setting { dies, cut, context, users, extra_sram_bits: 0, extra_mm2: 0.0 });
        Ok::<_, Error>((cut, dies_within_reticle(cut, dies, &at)?))
    };
    let (cut, dies) = match cut {
        Some(cut) => dies_of(cut)?,
        None => dies_of(Cut::Pipeline).or_else(|refused| dies_of(Cut::Tensor).map_err(|_| refused))?,
    };
    let on = |dies, context, users| Setting { dies, cut, context, users, extra_sram_bits: 0, extra_mm2: 0.0 };
    let stations = chip.netlist.built_stations().len() as u32;
    let floorplan = chip.floorplan(&process.technology);
    Ok(Plan {
        family: shape.config.architecture.to_string(),
        node: node.into(),
        parameters: chip.parameters(),
        active_weights: chip.active_weights(),
        census: chip.total(),
        modelled_only: chip.modelled_only(),
        state_bits: chip.state_bits(),
        stations,
        fold: chip.netlist.fold(),
        fold_reason,
        cut,
        units: chip.netlist.graph.node_count(),
        blocks: floorplan.blocks.len(),
        floorplan_conflict: floorplan.conflict(),
        request: Request::within(context),
        at: (contexts(context).into_iter())
            .map(|context| Ok(At { context, figures: range(&chip, &process, &on(dies, context, users))? }))
            .collect::<Result<_>>()?,
        all_stations_busy: figures(&chip, &process, &on(dies, context, stations)),
        chip,
    })
}

/// Layers of `shape` that share silicon where that is left open: the number that [`plan`] finds for one die, and why it is more than one.
///
/// # Errors
/// An option out of range.
pub fn fold(shape: &Shape, options: &Options) -> Result<(Fold, Option<String>)> {
    // Bits shared out by what weights lose differ from layer to layer, and such layers share no silicon.
    if options.average_bits.is_some() {
        return Ok((Fold::Layers(1), None));
    }
    let (chip, reason) = folded(shape, &Options { fold: Some(Fold::Auto), ..options.clone() })?;
    Ok((Fold::Layers(chip.netlist.fold()), reason))
}

/// The chip of `shape`; where the fold is left open, the least of 1, 2, 4, ... and all whose die is within the reticle, with the reason for it,
/// and 1 if none is: then whole layers go on dies of their own.
fn folded(shape: &Shape, options: &Options) -> Result<(ShapeChip, Option<String>)> {
    if options.fold != Some(Fold::Auto) {
        return Ok((shape::plan(shape, options)?, None));
    }
    let of = |fold| shape::plan(shape, &Options { fold: Some(fold), ..options.clone() });
    let single = of(Fold::Layers(1))?;
    let technology = technology::node(options.node.as_deref().unwrap_or(NODE))?;
    let mm2 = |chip: &ShapeChip| chip.floorplan(&technology).die.area_um2() * 1e-6;
    let mut before = (1, mm2(&single));
    if before.1 <= RETICLE_MM2 {
        return Ok((single, None));
    }
    let layers = shape.config.layers as u32;
    let more = (1..).map(|n| 1 << n).take_while(|&n| n < layers).map(Fold::Layers).chain([Fold::All]);
    // What cannot fold is passed over.
    for chip in more.filter_map(|fold| of(fold).ok()) {
        let area = mm2(&chip);
        if area <= RETICLE_MM2 {
            let (fewer, mm2) = before;
            let reason = format!("{fewer} would take {mm2:.0} mm², and a reticle holds {RETICLE_MM2:.0}");
            return Ok((chip, Some(reason)));
        }
        before = (chip.netlist.fold(), area);
    }
    Ok((single, None))
}

/// The dies asked for, or as few as keep each within the reticle.
fn dies_within_reticle(cut: Cut, asked: Option<u32>, on: &dyn Fn(u32) -> Figures) -> Result<u32> {
    let limit = RETICLE_MM2;
    let fewest = fewest_dies(cut, limit, on);
    if fewest.largest_die_mm2 > limit {
        let smaller = "taller tiles (--tile-rows 1024), fewer --bits or less --context make it smaller";
        let remedy = match cut {
            Cut::Pipeline => format!("--cut tensor spreads a layer over dies; {smaller}"),
            Cut::Tensor => smaller.to_owned(),
        };
        let what = format!(
            "{} dies of at most {:.0} mm2, {} alone {:.0} mm2, and the reticle holds {limit}; {remedy}",
            fewest.dies, fewest.largest_die_mm2, fewest.largest_station, fewest.largest_station_mm2,
        );
        return Err(Error::asked("die area", what));
    }
    match asked {
        None => Ok(fewest.dies),
        Some(dies) if dies >= fewest.dies => Ok(dies),
        Some(dies) => {
            let largest_mm2 = on(dies).largest_die_mm2;
            if largest_mm2 <= limit {
                return Ok(dies);
            }
            let what = format!(
                "{dies} dies of at most {largest_mm2:.0} mm2, more than the reticle of {limit} mm2; --dies {} would meet it",
                fewest.dies
            );
            Err(Error::asked("die area", what))
        }
    }
}

/// Powers of four up to the context, and the context.
fn contexts(most: u32) -> Vec<u32> {
    let mut out: Vec<u32> = (4..).map(|i| 1u32 << (2 * i)).take_while(|&c| c < most).collect();
    out.push(most);
    out
}
