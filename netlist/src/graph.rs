//! The unit graph: units joined by streams, grouped into the stations tokens move through.
//!
//! A *station* works on one token at a time and hands the residual on with valid/ready; inside a station streams carry
//! valid only. Stations are in pipeline order; every unit belongs to one. The residual that leaves a station is the output
//! of its last unit (Embed or Add), and feeds the units of the next station that have no producer of their own there.

use crate::error::Error;
use crate::tables::Tables;
use crate::unit::{Unit, UnitKind};
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

    /// Checks what every later stage relies on. `Error::Structure` names the unit.
    pub fn validate(&self) -> Result<(), Error> {
        let fail = |u: &Unit, what: String| Err(Error::Structure { unit: u.path.clone(), what });
        let mut paths = std::collections::HashSet::new();
        self.tables.check().map_err(|what| Error::Structure { unit: "tables".into(), what })?;
        for (id, u) in self.units() {
            if !paths.insert(u.path.as_str()) {
                return fail(u, "path is not unique".into());
            }
            if u.station as usize >= self.stations.len() {
                return fail(u, format!("station {} does not exist", u.station));
            }
            if u.out.bits < 2 || u.out.bits > 32 {
                return fail(u, format!("output of {} bits, expected 2 to 32", u.out.bits));
            }
            let inputs = self.inputs(id);
            let want = match u.kind {
                UnitKind::Embed(_) => 0,
                UnitKind::Attention(_) => 3,
                UnitKind::GatedAct(_) | UnitKind::Add => 2,
                _ => 1,
            };
            if inputs.len() != want {
                return fail(u, format!("{} inputs, expected {want}", inputs.len()));
            }
            for (port, &p) in inputs.iter().enumerate() {
                let from = &self.graph[p];
                if p >= id || from.station > u.station {
                    return fail(u, format!("input {port} ({}) does not come before it", from.path));
                }
                if let Some(len) = input_len(&u.kind, port, u.out_len)
                    && from.out_len != len
                {
                    return fail(u, format!("input {port} has {} elements, expected {len}", from.out_len));
                }
            }
            if let UnitKind::Mvm(m) = &u.kind {
                let t = m.tile();
                let group = m.matrix.group.min(t.rows);
                if t.deal == 0 || t.rows == 0 || t.lanes != self.lanes || t.lanes % t.deal != 0 || t.cols % t.tile_lanes() != 0 {
                    return fail(u, format!("tile shape {t:?} does not fit {} lanes", self.lanes));
                }
                if t.rows % group != 0 || (m.matrix.group < m.matrix.inputs && m.matrix.group > t.rows && m.matrix.group % t.rows != 0) {
                    return fail(u, format!("groups of {} inputs do not fit {} rows", m.matrix.group, t.rows));
                }
                if t.steps() > group {
                    return fail(u, format!("{} scan steps do not fit a group of {group} rows", t.steps()));
                }
                if m.matrix.codebook.len() != 1 << m.matrix.code_bits {
                    return fail(u, format!("codebook of {} values for {}-bit codes", m.matrix.codebook.len(), m.matrix.code_bits));
                }
            }
        }
        Ok(())
    }
}

/// Elements a unit expects at an input port, from its own parameters; `None` where its output says it.
fn input_len(kind: &UnitKind, port: usize, out_len: u32) -> Option<u32> {
    match kind {
        UnitKind::Embed(_) => None,
        UnitKind::RmsNorm(s) => Some(s.len),
        UnitKind::RowFeed(s) => Some(s.len),
        UnitKind::Mvm(s) => Some(s.matrix.inputs),
        UnitKind::Rope(s) => Some(s.heads * s.head_dim),
        UnitKind::Attention(s) => Some(if port == 0 { s.heads * s.head_dim } else { s.kv_heads * s.head_dim }),
        UnitKind::GatedAct(_) | UnitKind::Add => Some(out_len),
        UnitKind::Argmax => None,
    }
}
