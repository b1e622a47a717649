//! A chip without weights: the unit graph that [`crate::compile`] would build, from a bare `config.json`, so that models of any size, and
//! architectures that cannot be compiled yet, have counts, areas, cycles and energies in seconds.
//!
//! - [`plan`]: the stages of a compilation, with what weights usually become in the place of weights;
//! - [`ShapeChip`]: the chip, and how often each of its units works on a token;
//! - [`Standin`] ([`standin`]): operators that no unit exists for yet, as counts and cycles of what they would be made of.
//!
//! Of every architecture that compiles the graph is the same, unit by unit, as a test holds; what only codes can prove, the widths of
//! sums, is estimated.

pub mod standin;

pub use hardwire_models::Shape;
pub use standin::Standin;

use crate::build::{self, Built, Counted};
use crate::error::Error;
use crate::folding::Folding;
use crate::options::{Options, Plan};
use crate::weights::Usual;
use crate::{place, quantize, tile};
use hardwire_models::{Modelled, Op};
use hardwire_netlist::Fabric;
use hardwire_netlist::{Census, Netlist, Technology, UnitId, UnitKind, census};
use std::collections::BTreeMap;

/// Plans and builds the chip of `shape`; of a longer one where the model has other rotations for the context asked for.
///
/// # Errors
/// An option out of range, by name; a structure that no chip may have, by unit. An operator that nothing computes yet is none: it has a
/// stand-in.
pub fn plan(shape: &Shape, options: &Options) -> Result<ShapeChip, Error> {
    let mut shape = shape.clone();
    if let Some(positions) = options.context {
        shape.lengthen(positions as usize)?;
    }
    let plan = options.resolve(&shape.config)?;
    let folding = Folding::of_graph(&shape.graph, shape.config.layers as u32, plan.fold, &plan.fabrics)?;
    let quantized = quantize::expected(&shape, &plan, folding)?;
    let tiles = tile::tile(&shape.graph, &quantized, &plan)?;
    let mut vectors = Counted(quantized.matrices.len() as u32);
    let Built { netlist, standins } = build::build(&Usual(&shape), &plan, folding, &quantized, &tiles, &mut vectors)?;
    let chip = ShapeChip { shape, plan, netlist, standins };
    if chip.modelled_only().is_empty() {
        chip.netlist.validate()?;
    }
    Ok(chip)
}

/// How many of a unit there are, and how many of them work on one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat {
    pub copies: u32,
    pub active: u32,
}

/// A chip by shape: structure without program.
#[derive(Clone, Debug)]
pub struct ShapeChip {
    pub shape: Shape,
    pub plan: Plan,
    /// A stand-in has the place and streams of its unit, and another kind.
    pub netlist: Netlist,
    pub standins: BTreeMap<UnitId, Standin>,
}

impl ShapeChip {
    /// Every unit is there once. Experts are alike: the first ones stand for those that a token's router chooses.
    pub fn repeat(&self, id: UnitId) -> Repeat {
        let chosen = self.shape.config.experts.as_ref().map_or(0, |e| e.active as u32);
        let works = self.netlist.unit(id).expert.is_none_or(|expert| expert < chosen);
        Repeat { copies: 1, active: u32::from(works) }
    }

    /// Counts of the silicon of one unit.
    pub fn census_of(&self, id: UnitId) -> Census {
        match self.standins.get(&id) {
            Some(standin) => standin.census(self.plan.lanes, self.plan.users * self.netlist.rounds(self.netlist.unit(id).station)),
            None => census::unit(&self.netlist, id),
        }
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
        let of = |(id, u): (UnitId, &hardwire_netlist::Unit)| match &u.kind {
            UnitKind::Mvm(m) => m.matrix.weights() * u64::from(self.repeat(id).active),
            _ => 0,
        };
        self.netlist.units().map(of).sum()
    }

    /// Cycles a station needs beyond those of its graph, where stand-ins hold the place of slower or faster units.
    pub fn extra_cycles(&self, station: u32) -> i64 {
        let of = |(id, s): (&UnitId, &Standin)| {
            if self.netlist.unit(*id).station == station { s.extra_cycles(self.plan.lanes) } else { 0 }
        };
        self.standins.iter().map(of).sum()
    }

    /// Names of what is here that no Verilog exists for, each once.
    pub fn modelled_only(&self) -> Vec<&'static str> {
        let modelled = self.shape.graph.graph.node_weights().filter_map(|n| match &n.op {
            Op::Modelled(modelled) => Some(Modelled::name(modelled)),
            _ => None,
        });
        let mut names: Vec<&'static str> = modelled.collect();
        let metal = |u: &hardwire_netlist::Unit| matches!(&u.kind, UnitKind::RowFeed(f) if f.waits && f.fabric == Fabric::Metal);
        if self.netlist.units().any(|(_, u)| metal(u)) {
            names.push("experts as metal embedding");
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    /// KV cache and recurrent state, bits.
    pub fn state_bits(&self) -> u64 {
        let attention = self.netlist.units().filter_map(|(_, u)| match &u.kind {
            UnitKind::Attention(a) => Some(a.kv_cache_bits()),
            _ => None,
        });
        attention.sum::<u64>() + self.standins.values().map(|s| s.state_bits() * u64::from(self.plan.users)).sum::<u64>()
    }

    /// Placed blocks, wiring channels and pads.
    pub fn floorplan(&self, technology: &Technology) -> hardwire_netlist::Floorplan {
        place::place_counted(&self.netlist, technology, &|id| self.census_of(id))
    }
}
