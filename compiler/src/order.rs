//! What follows from the operator graph alone: who feeds a node, the station it lies in, and the order of a matrix's rows.

use hardwire_models::{Node, Op, OpGraph, RowOrder};
use hardwire_netlist::unit::RowPermutation;
use petgraph::graph::NodeIndex;
use std::collections::BTreeMap;

/// Whether a node works for an expert that its producer is no part of: what it reads is kept until the choice.
pub(crate) fn waits(graph: &OpGraph, producer: NodeIndex, consumer: &Node) -> bool {
    consumer.expert.is_some() && graph.graph[producer].expert != consumer.expert
}

/// Station of every node: the embedding is alone in the first, and what reads the residual after an addition begins another.
pub(crate) fn stations(graph: &OpGraph) -> BTreeMap<NodeIndex, u32> {
    let mut at: BTreeMap<NodeIndex, u32> = BTreeMap::new();
    for id in graph.topological_order() {
        let after = |from: &NodeIndex| at[from] + u32::from(matches!(graph.graph[*from].op, Op::Embed { .. } | Op::Add));
        let station = graph.inputs(id).iter().map(after).max().unwrap_or(0);
        at.insert(id, station);
    }
    at
}

/// Producer of a node's first input.
pub(crate) fn source(graph: &OpGraph, id: NodeIndex) -> NodeIndex {
    graph.inputs(id)[0]
}

/// Order in which rows of the tensor become outputs: queries and keys in half-split order are interleaved, so that the two
/// elements of a rotation are neighbours. Scores do not change, as both sides are permuted alike.
pub(crate) fn row_order(graph: &OpGraph, id: NodeIndex) -> RowPermutation {
    let mut at = id;
    loop {
        let mut next = graph.graph.neighbors(at);
        let (Some(n), None) = (next.next(), next.next()) else { return RowPermutation::Identity };
        match &graph.graph[n].op {
            Op::Rope { head_dim, rotated, order: RowOrder::Half, .. } if *rotated > 0 => {
                return RowPermutation::Interleave { head_dim: *head_dim as u32, rotated: *rotated as u32 };
            }
            Op::RmsNorm { .. } if matches!(graph.graph[id].op, Op::Linear { .. }) => at = n,
            _ => return RowPermutation::Identity,
        }
    }
}
