//! A chip from a bare `config.json`: exact structure with no weights, so that models of any size and of families that cannot be
//! compiled with weights yet have counts, areas, cycles and energies in seconds.
//!
//! - [`Shape`] ([`config`]): what a `config.json` says, for every family known by shape;
//! - [`ShapeChip`] ([`build`]): its unit graph, one of every expert, with how often each unit exists and how many work on a token;
//! - [`Standin`] ([`standin`]): units without Verilog yet, as counts and cycles of what they would be made of;
//! - [`statistics`]: widths that codes of trained-like weights need.
//!
//! For the Llama family the graph is what [`crate::compile`] builds from weights; a test holds one against the other.

mod build;
pub mod config;
mod plan;
pub mod standin;
mod statistics;

pub use config::{Experts, LinearAttention, Shape, State};
pub use plan::plan;
pub use standin::Standin;

use crate::options::Plan;
use hardwire_netlist::unit::Play;
use hardwire_netlist::{Census, Netlist, Technology, UnitId, UnitKind, census};
use std::collections::BTreeMap;

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
    /// One of every distinct unit; a stand-in has the place and streams of its unit, and another kind.
    pub netlist: Netlist,
    pub standins: BTreeMap<UnitId, Standin>,
    /// Units that are there more than once.
    pub repeats: BTreeMap<UnitId, Repeat>,
}

impl ShapeChip {
    /// Units of this and every copy of it.
    pub fn repeat(&self, id: UnitId) -> Repeat {
        self.repeats.get(&id).copied().unwrap_or(Repeat { copies: 1, active: 1 })
    }

    /// Counts of one unit, once.
    pub fn unit_census(&self, id: UnitId) -> Census {
        if let Some(standin) = self.standins.get(&id) {
            return standin.census(self.plan.lanes, self.plan.users);
        }
        census::unit(&self.netlist, id)
    }

    /// Counts of one unit with all its copies.
    pub fn census_of(&self, id: UnitId) -> Census {
        self.unit_census(id).times(u64::from(self.repeat(id).copies))
    }

    pub fn total(&self) -> Census {
        self.netlist.units().map(|(id, _)| self.census_of(id)).sum()
    }

    /// Counts of one station.
    pub fn station_census(&self, station: u32) -> Census {
        self.netlist.units().filter(|(_, u)| u.station == station).map(|(id, _)| self.census_of(id)).sum()
    }

    /// Numbers the checkpoint would hold, a tied head counted once: matrices, gains, biases, and the small tensors of stand-ins.
    pub fn parameters(&self) -> u64 {
        let mut sum = 0;
        for (id, u) in self.netlist.units() {
            let copies = u64::from(self.repeat(id).copies);
            sum += copies
                * match (&u.kind, self.standins.get(&id)) {
                    (_, Some(standin)) => standin.parameters(),
                    (UnitKind::Mvm(m), _) => m.matrix.weights() + if m.matrix.bias { u64::from(m.matrix.outputs) } else { 0 },
                    (UnitKind::Embed(e), _) => e.matrix.weights(),
                    (UnitKind::RmsNorm(n), _) => u64::from(n.len / n.groups),
                    _ => 0,
                };
        }
        if self.shape.tied { sum - u64::from(self.shape.vocab) * u64::from(self.shape.hidden) } else { sum }
    }

    /// Weights a token's computation reads: the active experts, one row of the embedding.
    pub fn active_weights(&self) -> u64 {
        let of = |(id, u): (UnitId, &hardwire_netlist::Unit)| match &u.kind {
            UnitKind::Mvm(m) if !self.standins.contains_key(&id) => m.matrix.weights() * u64::from(self.repeat(id).active),
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

    /// Names of the kinds of unit here that no Verilog exists for, each once.
    pub fn modelled_only(&self) -> Vec<&'static str> {
        let mut names: Vec<&'static str> = self.standins.values().map(Standin::name).collect();
        names.extend(self.shape.modelled_only());
        let metal = |u: &hardwire_netlist::Unit| matches!(&u.kind, UnitKind::RowFeed(f) if f.waits && f.play == Play::Bits);
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
        crate::place::place_counted(&self.netlist, technology, &|id| self.census_of(id))
    }
}
