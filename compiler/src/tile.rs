//! Stage 2: the fabric of every matrix, and the shape of its array.

use crate::error::Error;
use crate::fabric::FabricChoice;
use crate::options::Plan;
use crate::order;
use crate::quantize::matrices::QuantizedModel;
use crate::technology;
use hardwire_models::{Op, OpGraph};
use hardwire_netlist::Technology;
use hardwire_netlist::fabric::{Fabric, Limits, TileShape};
use hardwire_netlist::unit::MatrixSpec;
use petgraph::graph::NodeIndex;
use std::collections::BTreeMap;

/// Fabric and shape of the array of every matrix, by node path. Matrices that share an input are held alike.
#[derive(Clone, Debug)]
pub struct TilePlan {
    pub arrays: BTreeMap<String, (Fabric, TileShape)>,
}

/// Rows of a tile unless told.
const ROWS: u32 = 256;

pub fn tile(graph: &OpGraph, model: &QuantizedModel, plan: &Plan) -> Result<TilePlan, Error> {
    let matrices = graph.graph.node_indices().filter(|&n| matches!(graph.graph[n].op, Op::Linear { .. }));
    plan.fabrics.check(matrices.clone().map(|n| graph.graph[n].path.as_str()))?;
    let mut fed: BTreeMap<_, Vec<NodeIndex>> = BTreeMap::new();
    for id in matrices {
        let (node, source) = (&graph.graph[id], order::source(graph, id));
        // What waits for a choice of experts has a feed of its own.
        fed.entry((source, order::waits(graph, source, node))).or_default().push(id);
    }
    let technology = technology::node(&plan.node)?;
    let mut arrays = BTreeMap::new();
    for ids in fed.values() {
        let held: Vec<Held<'_>> = ids.iter().map(|&id| Held::of(graph, model, id)).collect();
        held.iter().try_for_each(|m| alike(plan, held[0].path, m.path))?;
        let choice = match plan.fabrics.of(held[0].path) {
            Some(asked) => asked,
            None => best(&held, plan, &technology)?,
        };
        for m in &held {
            arrays.insert(m.path.to_string(), (choice.fabric, m.shape(choice, plan)?));
        }
    }
    Ok(TilePlan { arrays })
}

/// A matrix to be held.
struct Held<'a> {
    path: &'a str,
    spec: &'a MatrixSpec,
    out_bits: u8,
}

impl<'a> Held<'a> {
    fn of(graph: &'a OpGraph, model: &'a QuantizedModel, id: NodeIndex) -> Held<'a> {
        let path = graph.graph[id].path.as_str();
        Held { path, spec: &model.matrices[path].spec, out_bits: model.formats.of(id).bits }
    }

    fn shape(&self, choice: FabricChoice, plan: &Plan) -> Result<TileShape, Error> {
        let limits = Limits { lanes: plan.lanes, rows: choice.rows, cols: plan.tile_cols };
        choice.fabric.shape(self.spec, &limits).map_err(|what| Error::option("fabric", format!("{}: {what}", self.path)))
    }
}

/// Matrices on one feed move in lockstep.
fn alike(plan: &Plan, first: &str, path: &str) -> Result<(), Error> {
    let (a, b) = (plan.fabrics.of(first), plan.fabrics.of(path));
    if a == b {
        return Ok(());
    }
    let said = |choice: Option<FabricChoice>| choice.map_or("the compiler chooses".to_string(), |c| c.to_string());
    let (a, b) = (said(a), said(b));
    Err(Error::option("fabric", format!("{first} is held as {a} and {path} as {b}, but they read the same vector; hold them alike")))
}

/// How matrices on one feed are held where nothing is asked: in group columns where they are no larger and no slower than in tiles.
///
/// A column of either kind has the logic of one output for all inputs of its band, and one of group columns nine times as much; so it is long
/// inputs that want them, where they are cut into bands no deeper than tiles take cycles.
fn best(held: &[Held<'_>], plan: &Plan, technology: &Technology) -> Result<FabricChoice, Error> {
    // Cycles, and area of the logic and ROM.
    let cost = |choice: FabricChoice| -> Result<(u32, f64), Error> {
        held.iter().try_fold((0, 0.0), |(cycles, um2), m| {
            let shape = m.shape(choice, plan)?;
            let census = choice.fabric.census(m.spec, shape, plan.act_bits, m.out_bits);
            Ok((choice.fabric.played_cycles(m.spec, shape).max(cycles), um2 + technology.area_um2(&census)))
        })
    };
    let tiles = FabricChoice::tiles(ROWS);
    let (cycles, um2) = cost(tiles)?;
    let spec = held[0].spec;
    let group = spec.group.min(spec.inputs);
    let bands = spec.groups().div_ceil(cycles.max(1));
    let rows = (spec.groups().div_ceil(bands) * group).next_multiple_of(group.max(plan.lanes));
    let columns = FabricChoice { fabric: Fabric::Group, rows: Some(rows) };
    // What group columns cannot hold stays in tiles.
    Ok(if cost(columns).is_ok_and(|(c, area)| c <= cycles && area <= um2) { columns } else { tiles })
}
