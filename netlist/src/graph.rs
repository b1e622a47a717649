//! The unit graph: units joined by streams, grouped into the stations tokens move through.
//!
//! A *station* works on one token at a time and hands the residual on with valid/ready; inside a station streams carry
//! valid only. Stations are in pipeline order; every unit belongs to one. The residual that leaves a station is the output
//! of its last unit (Embed or Add), and feeds the units of the next station that have no producer of their own there.

use crate::tables::Tables;
use crate::unit::embed::EmbedSpec;
use crate::unit::fixed::Fixed;
use crate::unit::kind::{Around, Producer};
use crate::unit::route::RouteSpec;
use crate::unit::{Unit, UnitKind};
use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use serde::{Deserialize, Serialize};

pub type UnitId = NodeIndex<u32>;

/// An edge of the graph: the consumer's input port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    pub port: u16,
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
    /// Stations between embedding and head that are built, where they are fewer than the graph's (see `ring`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring: Option<u32>,
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
        let mut ports: Vec<(u16, UnitId)> =
            self.graph.edges_directed(id, Direction::Incoming).map(|e| (e.weight().port, e.source())).collect();
        ports.sort();
        ports.into_iter().map(|(_, u)| u).collect()
    }

    pub fn consumers(&self, id: UnitId) -> Vec<(UnitId, u16)> {
        let mut out: Vec<(UnitId, u16)> =
            self.graph.edges_directed(id, Direction::Outgoing).map(|e| (e.target(), e.weight().port)).collect();
        out.sort();
        out
    }

    /// Whether a row feed's matrices need the sums of each group's activations.
    pub fn group_sums(&self, feed: UnitId) -> bool {
        self.consumers(feed).iter().any(|&(c, _)| matches!(&self.unit(c).kind, UnitKind::Mvm(m) if m.group_sums()))
    }

    /// Pairs of the rotation vector in a beat.
    pub fn pairs_a_beat(&self, s: &EmbedSpec) -> u32 {
        s.pairs_a_beat(self.lanes, self.head_dim())
    }

    /// Elements of a head that is rotated, if any is.
    fn head_dim(&self) -> Option<u32> {
        self.units().find_map(|(_, u)| match &u.kind {
            UnitKind::Rope(r) => Some(r.head_dim),
            _ => None,
        })
    }

    /// A unit in its place, as its kind sees it.
    pub fn site(&self, id: UnitId) -> Site<'_> {
        Site { netlist: self, id }
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
}

/// A unit in its place in a netlist.
#[derive(Clone, Copy)]
pub struct Site<'a> {
    netlist: &'a Netlist,
    id: UnitId,
}

impl<'a> Site<'a> {
    pub fn unit(&self) -> &'a Unit {
        self.netlist.unit(self.id)
    }
}

impl Around for Site<'_> {
    fn path(&self) -> &str {
        &self.unit().path
    }

    fn out(&self) -> Fixed {
        self.unit().out
    }

    fn out_len(&self) -> u32 {
        self.unit().out_len
    }

    fn lanes(&self) -> u32 {
        self.netlist.lanes
    }

    fn tables(&self) -> &Tables {
        &self.netlist.tables
    }

    fn producer(&self, port: usize) -> Option<Producer<'_>> {
        let from = *self.netlist.inputs(self.id).get(port)?;
        let u = self.netlist.unit(from);
        Some(Producer { path: &u.path, out: u.out, out_len: u.out_len })
    }

    fn is_last(&self) -> bool {
        self.netlist.station_units(self.unit().station).last() == Some(&self.id)
    }

    fn group_sums(&self) -> bool {
        self.netlist.group_sums(self.id)
    }

    fn positions(&self) -> u32 {
        let context = |k: &UnitKind| if let UnitKind::Attention(a) = k { a.context } else { 1 };
        self.netlist.units().map(|(_, u)| context(&u.kind)).max().unwrap_or(1)
    }

    fn head_dim(&self) -> Option<u32> {
        self.netlist.head_dim()
    }

    fn phases(&self) -> Option<&[Vec<u32>]> {
        // The embedding is the first unit, and the only one of its station.
        match &self.netlist.graph.node_weights().next()?.kind {
            UnitKind::Embed(e) => Some(&e.omega),
            _ => None,
        }
    }
}
