//! A chip without weights: the unit graph that [`crate::compile`] would build, from a bare `config.json`, so that models of any size, and
//! architectures that cannot be compiled yet, have counts, areas, cycles and energies in seconds.
//!
//! - [`plan`]: the stages of a compilation, with what weights usually become in the place of weights;
//! - [`ShapeChip`]: the chip, and what can be counted of it.
//!
//! Of every architecture that compiles the graph is the same, unit by unit, as a test holds; what only codes can prove, the widths of
//! sums, is estimated.

pub use hardwire_models::Shape;

use crate::build::{self, Counted};
use crate::error::Error;
use crate::folding::Folding;
use crate::options::{Options, Plan};
use crate::weights::Usual;
use crate::{place, quantize, tile};
use hardwire_netlist::Fabric;
use hardwire_netlist::{Census, Netlist, Structure, Technology, UnitId, UnitKind, census};

/// Plans and builds the chip of `shape`; of a longer one where the model has other rotations for the context asked for.
///
/// # Errors
/// An option out of range, by name; an operator that no unit computes; a structure that no chip may have, by unit.
pub fn plan(shape: &Shape, options: &Options) -> Result<ShapeChip, Error> {
    let mut shape = shape.clone();
    if let Some(positions) = options.context {
        shape.lengthen(positions as usize)?;
    }
    let plan = options.resolve(&shape.config)?;
    build::check(&shape.graph)?;
    let folding = Folding::of_graph(&shape, plan.fold, &plan.fabrics)?;
    let quantized = quantize::expected(&shape, &plan, &folding)?;
    let tiles = tile::tile(&shape.graph, &quantized, &plan)?;
    let mut vectors = Counted(quantized.matrices.len() as u32);
    let netlist = build::build(&Usual(&shape), &plan, &folding, &quantized, &tiles, &mut vectors)?;
    let chip = ShapeChip { shape, plan, netlist };
    // What no Verilog exists for is told by name, and is not held to the rules of what has some.
    if chip.modelled_only().is_empty() {
        chip.netlist.validate()?;
    }
    Ok(chip)
}

/// A chip by shape: structure without program.
#[derive(Clone, Debug)]
pub struct ShapeChip {
    pub shape: Shape,
    pub plan: Plan,
    pub netlist: Netlist,
}

impl ShapeChip {
    /// Counts of the silicon of one unit.
    pub fn census_of(&self, id: UnitId) -> Census {
        census::unit(&self.netlist, id)
    }

    pub fn total(&self) -> Census {
        self.netlist.built_units().map(|(id, _)| self.census_of(id)).sum()
    }

    /// Counts of one station.
    pub fn station_census(&self, station: u32) -> Census {
        self.netlist.units().filter(|(_, u)| u.station == station).map(|(id, _)| self.census_of(id)).sum()
    }

    /// Numbers the checkpoint holds, a tied head counted once.
    pub fn parameters(&self) -> u64 {
        self.shape.config.parameters
    }

    /// Weights a token's computation reads: the active experts, one row of the embedding.
    pub fn active_weights(&self) -> u64 {
        // Experts are alike: the first ones stand for those that a token's router chooses.
        let chosen = self.shape.config.experts.as_ref().map_or(0, |e| e.active as u32);
        let works = |u: &hardwire_netlist::Unit| u.expert.is_none_or(|expert| expert < chosen);
        let of = |u: &hardwire_netlist::Unit| match &u.kind {
            UnitKind::Mvm(m) if works(u) => m.matrix.weights(),
            _ => 0,
        };
        self.netlist.units().map(|(_, u)| of(u)).sum()
    }

    /// Names of what is here that no Verilog exists for, each once.
    pub fn modelled_only(&self) -> Vec<&'static str> {
        let metal = |u: &hardwire_netlist::Unit| matches!(&u.kind, UnitKind::RowFeed(f) if f.waits && f.fabric == Fabric::Metal);
        if self.netlist.units().any(|(_, u)| metal(u)) { vec!["experts as metal embedding"] } else { Vec::new() }
    }

    /// KV cache and recurrent state, bits.
    pub fn state_bits(&self) -> u64 {
        self.netlist.units().filter_map(|(_, u)| u.memory()).map(|memory| memory.bits).sum()
    }

    /// What a chip's folder would hold of it: everything but the weights, and what they alone tell, which stay empty.
    pub fn structure(&self, technology: Technology) -> Structure {
        Structure {
            model: build::described(&self.shape.name, &self.shape.config, &self.plan),
            floorplan: self.floorplan(&technology),
            technology,
            netlist: self.netlist.clone(),
            quality: Vec::new(),
            programs: Vec::new(),
        }
    }

    /// Placed blocks, wiring channels and pads.
    pub fn floorplan(&self, technology: &Technology) -> hardwire_netlist::Floorplan {
        place::place_counted(&self.netlist, technology, &|id| self.census_of(id))
    }
}
