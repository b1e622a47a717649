//! What follows from the operator graph alone: who feeds a node, and the order of a matrix's rows.

use hardwire_models::{Node, Op, OpGraph, RowOrder};
use hardwire_netlist::unit::RowPermutation;
use petgraph::graph::NodeIndex;

/// Whether a node works for an expert that its producer is no part of: what it reads is kept until the choice.
pub(crate) fn waits(graph: &OpGraph, producer: NodeIndex, consumer: &Node) -> bool {
    consumer.expert.is_some() && graph.graph[producer].expert != consumer.expert
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
