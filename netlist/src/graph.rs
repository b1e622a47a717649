//! The unit graph: units joined by streams, grouped into the stations tokens move through.
//!
//! A *station* works on one token at a time and hands the residual on with valid/ready; inside a station streams carry
//! valid only. Stations are in pipeline order; every unit belongs to one. The residual that leaves a station is the output
//! of its last unit (Embed or Add), and feeds the units of the next station that have no producer of their own there.

use crate::error::Error;
use crate::tables::Tables;
use crate::unit::{EmbedSpec, RouteSpec, Unit, UnitKind};
use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use serde::{Deserialize, Serialize};

pub type UnitId = NodeIndex<u32>;

/// An edge of the graph: the consumer's input port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    pub port: u8,
}

/// A stage of the token pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Station {
    /// `embed`, `layers.3.attn`, `layers.3.mlp`, `head`.
    pub path: String,
    /// Decoder layer it belongs to, if any.
    pub layer: Option<u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Netlist {
    /// V: elements a stream moves a cycle.
    pub lanes: u32,
    pub stations: Vec<Station>,
    pub tables: Tables,
    /// Units in topological order of their ids.
    pub graph: DiGraph<Unit, Stream>,
}

impl Netlist {
    pub fn unit(&self, id: UnitId) -> &Unit {
        &self.graph[id]
    }

    /// All units, producers before consumers.
    pub fn units(&self) -> impl Iterator<Item = (UnitId, &Unit)> {
        self.graph.node_indices().map(|id| (id, &self.graph[id]))
    }

    pub fn find(&self, path: &str) -> Option<UnitId> {
        self.graph.node_indices().find(|&id| self.graph[id].path == path)
    }

    /// Units of one station, producers first.
    pub fn station_units(&self, station: u32) -> Vec<UnitId> {
        self.units().filter(|(_, u)| u.station == station).map(|(id, _)| id).collect()
    }

    /// Producers of a unit by input port.
    pub fn inputs(&self, id: UnitId) -> Vec<UnitId> {
        let mut ports: Vec<(u8, UnitId)> =
            self.graph.edges_directed(id, Direction::Incoming).map(|e| (e.weight().port, e.source())).collect();
        ports.sort();
        ports.into_iter().map(|(_, u)| u).collect()
    }

    pub fn consumers(&self, id: UnitId) -> Vec<(UnitId, u8)> {
        let mut out: Vec<(UnitId, u8)> =
            self.graph.edges_directed(id, Direction::Outgoing).map(|e| (e.target(), e.weight().port)).collect();
        out.sort();
        out
    }

    /// Whether a row feed's matrices need the sums of each group's activations.
    pub fn group_sums(&self, feed: UnitId) -> bool {
        self.consumers(feed).iter().any(|&(c, _)| matches!(&self.unit(c).kind, UnitKind::Mvm(m) if m.matrix.group_sums()))
    }

    /// Pairs of the rotation vector in a beat: as many as a head takes a beat, and no more beats than the residual has.
    pub fn pairs_a_beat(&self, s: &EmbedSpec) -> u32 {
        let pairs: u32 = s.omega.iter().map(|t| t.len() as u32).sum();
        let head_dim = self.units().find_map(|(_, u)| match &u.kind {
            UnitKind::Rope(r) => Some(r.head_dim),
            _ => None,
        });
        let beats = s.matrix.inputs.div_ceil(self.lanes);
        head_dim.map_or(1, |d| self.lanes.min(d) / 2).max(pairs.div_ceil(beats)).max(1)
    }

    /// The Route of a station, if it has one.
    pub fn route(&self, station: u32) -> Option<(UnitId, &RouteSpec)> {
        self.units().filter(|(_, u)| u.station == station).find_map(|(id, u)| match &u.kind {
            UnitKind::Route(s) => Some((id, s)),
            _ => None,
        })
    }

    /// Share of tokens a unit works on: experts are chosen alike.
    pub fn duty(&self, id: UnitId) -> f64 {
        let u = self.unit(id);
        match (u.expert, u.expert.and_then(|_| self.route(u.station))) {
            (Some(_), Some((_, s))) => f64::from(s.active) / f64::from(s.experts),
            _ => 1.0,
        }
    }

    /// Checks what every later stage relies on (the rules are in `validate/`). `Error::Structure` names the unit, the field and
    /// what was expected.
    pub fn validate(&self) -> Result<(), Error> {
        crate::validate::netlist(self)
    }
}
