//! The matrices of a model: which nodes have one, and what became of them.

use crate::error::Error;
use crate::folding::Folding;
use crate::formats::Formats;
use crate::order;
use hardwire_models::{Op, OpGraph};
use hardwire_netlist::chip::MatrixQuality;
use hardwire_netlist::unit::MatrixSpec;
use petgraph::graph::NodeIndex;
use std::collections::BTreeMap;

/// One matrix in the chip's number system, its codes already in the program file.
#[derive(Clone, Debug)]
pub struct QuantizedMatrix {
    pub spec: MatrixSpec,
    /// Widths proven from the codes for `act_bits`-bit activations.
    pub acc_bits: u8,
    pub tot_bits: u8,
    /// Of its output shifts in ROM.
    pub shift_bits: u8,
    pub lossless: bool,
    pub relative_square_error: f64,
    pub coding: String,
}

/// Gives matrices that share silicon the widest of their widths.
pub(crate) fn widen(folding: &Folding, matrices: &mut BTreeMap<String, QuantizedMatrix>) {
    if !folding.is_folded() {
        return;
    }
    let mut widest: BTreeMap<String, [u8; 5]> = BTreeMap::new();
    for (path, m) in matrices.iter() {
        let own = [m.acc_bits, m.tot_bits, m.shift_bits, m.spec.scale_bits, m.spec.offset_bits];
        let all = widest.entry(folding.built_path(path)).or_insert(own);
        all.iter_mut().zip(own).for_each(|(w, own)| *w = (*w).max(own));
    }
    for (path, m) in matrices.iter_mut() {
        let [acc, tot, shift, scale, offset] = widest[&folding.built_path(path)];
        (m.acc_bits, m.tot_bits, m.shift_bits, m.spec.scale_bits) = (acc, tot, shift, scale);
        // A matrix without offsets is another kind of silicon, and is refused by name when the chip is checked.
        if m.spec.offset_bits > 0 {
            m.spec.offset_bits = offset;
        }
    }
}

/// Every matrix by its node's path, and the formats of all streams.
#[derive(Clone, Debug)]
pub struct QuantizedModel {
    pub matrices: BTreeMap<String, QuantizedMatrix>,
    pub formats: Formats,
}

impl QuantizedModel {
    pub fn quality(&self) -> Vec<MatrixQuality> {
        self.matrices
            .values()
            .map(|m| MatrixQuality {
                tensor: m.spec.tensor.clone(),
                bits_per_weight: m.spec.bits_per_weight(),
                lossless: m.lossless,
                relative_square_error: m.relative_square_error,
                coding: m.coding.clone(),
            })
            .collect()
    }
}

/// A tensor that becomes a matrix of the chip.
pub(super) struct Table<'a> {
    pub id: NodeIndex,
    /// Its node's, and for learned positions that of [`positions_path`].
    pub path: String,
    pub weight: &'a String,
    /// What all its weights are multiplied with.
    pub scale: f32,
}

/// Under which the positions of an embedding are found among the matrices.
pub(crate) fn positions_path(embedding: &str) -> String {
    format!("{embedding}.positions")
}

pub(super) fn tables_of(graph: &OpGraph, id: NodeIndex) -> Vec<Table<'_>> {
    let node = &graph.graph[id];
    let table = |path: String, weight, scale| Table { id, path, weight, scale };
    match &node.op {
        Op::Embed { weight, scale, positions } => {
            let learned = positions.iter().map(|p| table(positions_path(&node.path), &p.weight, 1.0));
            std::iter::once(table(node.path.clone(), weight, *scale)).chain(learned).collect()
        }
        Op::Linear { weight, .. } => vec![table(node.path.clone(), weight, 1.0)],
        _ => Vec::new(),
    }
}

/// Matrices that share an input run in lockstep, so they share a group: the smallest of theirs, which `natural` knows. `None` if nothing
/// forces one.
pub(super) fn shared_group<'g>(
    graph: &'g OpGraph,
    id: NodeIndex,
    mut natural: impl FnMut(NodeIndex, &'g String) -> Result<u32, Error>,
) -> Result<Option<u32>, Error> {
    let Op::Linear { .. } = &graph.graph[id].op else { return Ok(None) };
    let mut group: Option<u32> = None;
    for sibling in graph.graph.neighbors(order::source(graph, id)) {
        if let Op::Linear { weight, .. } = &graph.graph[sibling].op {
            let g = natural(sibling, weight)?;
            group = Some(group.map_or(g, |least| least.min(g)));
        }
    }
    Ok(group)
}
