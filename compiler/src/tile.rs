//! Stage 2: the fabric of every matrix, and the shape of its array.

use crate::error::Error;
use crate::fabric::Holding;
use crate::options::Plan;
use crate::order;
use crate::quantize::matrices::QuantizedModel;
use hardwire_models::{Op, OpGraph};
use hardwire_netlist::metal::MetalShape;
use hardwire_netlist::tile::TileShape;
use hardwire_netlist::unit::{Fabric, MatrixSpec, Play};
use std::collections::BTreeMap;

/// Fabrics by node path. Matrices that share an input are held alike.
#[derive(Clone, Debug)]
pub struct TilePlan {
    pub fabrics: BTreeMap<String, Fabric>,
}

pub fn tile(graph: &OpGraph, model: &QuantizedModel, plan: &Plan) -> Result<TilePlan, Error> {
    let matrices = graph.graph.node_indices().filter(|&n| matches!(graph.graph[n].op, Op::Linear { .. }));
    plan.holdings.check(matrices.clone().map(|n| graph.graph[n].path.as_str()))?;
    let mut fabrics = BTreeMap::new();
    let mut fed = BTreeMap::new();
    for id in matrices {
        let (node, source) = (&graph.graph[id], order::source(graph, id));
        let path = node.path.as_str();
        // What waits for a choice of experts has a feed of its own.
        let first = *fed.entry((source, order::waits(graph, source, node))).or_insert(path);
        alike(plan, first, path)?;
        fabrics.insert(path.to_string(), fabric(path, &model.matrices[path].spec, plan)?);
    }
    Ok(TilePlan { fabrics })
}

/// Matrices on one feed move in lockstep.
pub(crate) fn alike(plan: &Plan, first: &str, path: &str) -> Result<(), Error> {
    let (a, b) = (plan.holdings.of(first), plan.holdings.of(path));
    if a == b {
        return Ok(());
    }
    Err(Error::option("fabric", format!("{first} is held as {a} and {path} as {b}, but they read the same vector; hold them alike")))
}

/// The fabric of one matrix.
pub(crate) fn fabric(path: &str, m: &MatrixSpec, plan: &Plan) -> Result<Fabric, Error> {
    match plan.holdings.of(path) {
        Holding::Tiles { rows: most } => {
            let rows = rows(m.inputs, m.group, most);
            check(path, m, rows)?;
            Ok(Fabric::Tile(shape(m.outputs, rows, m.group.min(rows), plan)))
        }
        Holding::Metal if m.offset_bits > 0 => {
            Err(Error::option("fabric", format!("{path} has offsets beside its scales, which metal embedding has no place for; use tiles")))
        }
        Holding::Metal => Ok(Fabric::Metal(MetalShape { lanes: plan.lanes })),
    }
}

/// Rows of the feed of a matrix, and how it plays.
pub(crate) fn feed(m: &MatrixSpec, fabric: Fabric) -> (u32, Play) {
    match fabric {
        Fabric::Tile(t) => (t.rows, Play::Rows),
        Fabric::Metal(_) => (m.inputs, Play::Bits),
    }
}

/// Groups longer than a tile are whole tiles.
fn check(path: &str, m: &MatrixSpec, rows: u32) -> Result<(), Error> {
    if m.group < m.inputs && m.group > rows && !m.group.is_multiple_of(rows) {
        return Err(Error::option("group", format!("{} inputs do not fit tiles of {rows} rows at {path}", m.group)));
    }
    Ok(())
}

/// Rows of a tile: whole groups, no more than the matrix has.
fn rows(inputs: u32, group: u32, most: u32) -> u32 {
    if group >= inputs {
        return inputs.min(most);
    }
    if group >= most {
        return most;
    }
    inputs.min(most / group * group).div_ceil(group) * group
}

/// The largest tile up to the plan's columns whose scan fits between two scale captures, dealing over as many tiles as that allows, so
/// that scale multipliers are few.
fn shape(outputs: u32, rows: u32, group: u32, plan: &Plan) -> TileShape {
    let lanes = plan.lanes;
    let candidates = (1..=lanes).filter(|d| lanes.is_multiple_of(*d)).map(|deal| {
        let e = lanes / deal;
        let needed = outputs.div_ceil(lanes) * e;
        let cols = (plan.tile_cols / e).max(1).min(group) * e;
        TileShape { rows, cols: cols.min(needed), deal, lanes }
    });
    // A tile narrower than it could be wastes product banks; more lanes than needed waste multipliers.
    candidates.max_by_key(|t| (t.cols, t.deal)).expect("one divides every width")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_fit_their_scan_and_cover_their_matrix() {
        for lanes in [2, 4, 8, 16, 64, 128] {
            for group in [8, 16, 32, 256] {
                for outputs in [1, 7, 64, 172, 576, 1024, 14336, 49152] {
                    for inputs in [8, 64, 172, 576, 4096] {
                        let plan = plan_of(lanes);
                        let r = rows(inputs, group, 256);
                        let t = shape(outputs, r, group.min(r), &plan);
                        assert!(t.steps() <= group.min(r), "{t:?} for group {group}");
                        assert!(t.cols <= plan.tile_cols.max(t.tile_lanes()) && t.cols.is_multiple_of(t.tile_lanes()), "{t:?}");
                        assert!(t.n_tiles(outputs) * t.cols >= outputs, "{t:?} does not cover {outputs}");
                    }
                }
            }
        }
    }

    fn plan_of(lanes: u32) -> Plan {
        Plan {
            bits: None,
            group: 32,
            choice: Default::default(),
            act_bits: 12,
            kv_bits: 8,
            context: 512,
            users: 1,
            lanes,
            holdings: crate::fabric::Holdings { rows: 256, rules: vec![] },
            tile_cols: 256,
            pos_lanes: 1,
            fold: crate::folding::Fold::Layers(1),
            node: "N6".into(),
        }
    }
}
