//! Stage 2: the shape of every matrix's tile array.

use crate::error::Error;
use crate::options::Plan;
use crate::quantize::QuantizedModel;
use hardwire_models::{Op, OpGraph};
use hardwire_netlist::tile::TileShape;
use hardwire_netlist::unit::MatrixSpec;
use std::collections::BTreeMap;

/// Tile shapes by node path. Matrices that share an input have the same `rows`.
#[derive(Clone, Debug)]
pub struct TilePlan {
    pub shapes: BTreeMap<String, TileShape>,
}

pub fn tile(graph: &OpGraph, model: &QuantizedModel, plan: &Plan) -> Result<TilePlan, Error> {
    let mut shapes = BTreeMap::new();
    for node in graph.graph.node_weights().filter(|n| matches!(n.op, Op::Linear { .. })) {
        let m = &model.matrices[&node.path].spec;
        let rows = rows(m.inputs, m.group, plan.tile_rows);
        check(&node.path, m, rows)?;
        shapes.insert(node.path.clone(), shape(m.outputs, rows, m.group.min(rows), plan));
    }
    Ok(TilePlan { shapes })
}

/// Groups longer than a tile are whole tiles.
pub(crate) fn check(path: &str, m: &MatrixSpec, rows: u32) -> Result<(), Error> {
    if m.group < m.inputs && m.group > rows && !m.group.is_multiple_of(rows) {
        return Err(Error::option("group", format!("{} inputs do not fit tiles of {rows} rows at {path}", m.group)));
    }
    Ok(())
}

/// Rows of a tile: whole groups, no more than the matrix has.
pub(crate) fn rows(inputs: u32, group: u32, most: u32) -> u32 {
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
pub(crate) fn shape(outputs: u32, rows: u32, group: u32, plan: &Plan) -> TileShape {
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
                        let r = rows(inputs, group, plan.tile_rows);
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
            act_bits: 12,
            kv_bits: 8,
            context: 512,
            users: 1,
            lanes,
            tile_rows: 256,
            tile_cols: 256,
            pos_lanes: 1,
            node: "N6".into(),
        }
    }
}
