//! Stage 2: the fabric of every matrix, and the shape of its array.

use crate::error::Error;
use crate::options::Plan;
use crate::order;
use crate::quantize::matrices::QuantizedModel;
use hardwire_models::{Op, OpGraph};
use hardwire_netlist::fabric::{Fabric, Limits, TileShape};
use hardwire_netlist::unit::MatrixSpec;
use std::collections::BTreeMap;

/// Fabric and shape of the array of every matrix, by node path. Matrices that share an input are held alike.
#[derive(Clone, Debug)]
pub struct TilePlan {
    pub arrays: BTreeMap<String, (Fabric, TileShape)>,
}

pub fn tile(graph: &OpGraph, model: &QuantizedModel, plan: &Plan) -> Result<TilePlan, Error> {
    let matrices = graph.graph.node_indices().filter(|&n| matches!(graph.graph[n].op, Op::Linear { .. }));
    plan.fabrics.check(matrices.clone().map(|n| graph.graph[n].path.as_str()))?;
    let mut arrays = BTreeMap::new();
    let mut fed = BTreeMap::new();
    for id in matrices {
        let (node, source) = (&graph.graph[id], order::source(graph, id));
        let path = node.path.as_str();
        // What waits for a choice of experts has a feed of its own.
        let first = *fed.entry((source, order::waits(graph, source, node))).or_insert(path);
        alike(plan, first, path)?;
        arrays.insert(path.to_string(), array(path, &model.matrices[path].spec, plan)?);
    }
    Ok(TilePlan { arrays })
}

/// Matrices on one feed move in lockstep.
pub(crate) fn alike(plan: &Plan, first: &str, path: &str) -> Result<(), Error> {
    let (a, b) = (plan.fabrics.of(first), plan.fabrics.of(path));
    if a == b {
        return Ok(());
    }
    Err(Error::option("fabric", format!("{first} is held as {a} and {path} as {b}, but they read the same vector; hold them alike")))
}

/// The fabric of one matrix, and the shape of its array.
pub(crate) fn array(path: &str, m: &MatrixSpec, plan: &Plan) -> Result<(Fabric, TileShape), Error> {
    let asked = plan.fabrics.of(path);
    let limits = Limits { lanes: plan.lanes, rows: asked.rows, cols: plan.tile_cols };
    let shape = asked.fabric.shape(m, &limits).map_err(|what| Error::option("fabric", format!("{path}: {what}")))?;
    Ok((asked.fabric, shape))
}
