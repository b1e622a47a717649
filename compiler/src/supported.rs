//! What the chip has no unit for yet, said before any weight is read.

use crate::error::Error;
use hardwire_models::{Activation, Node, Op, OpGraph};

/// # Errors
/// Names the first node that no unit of the chip computes.
pub(crate) fn check(graph: &OpGraph) -> Result<(), Error> {
    for id in graph.topological_order() {
        let node = &graph.graph[id];
        if let Some(what) = missing(node) {
            return Err(no_unit(node, what));
        }
    }
    Ok(())
}

pub(crate) fn no_unit(node: &Node, what: &str) -> Error {
    Error::model(&node.path, format!("this chip has no unit for {what} yet"))
}

fn missing(node: &Node) -> Option<&'static str> {
    match &node.op {
        Op::Embed { scale, .. } if *scale != 1.0 => Some("a scaled embedding"),
        Op::Embed { positions: Some(_), .. } => Some("learned positions"),
        Op::LayerNorm { .. } => Some("LayerNorm"),
        Op::Rope { table, .. } if *table > 0 => Some("a second RoPE table"),
        Op::Rope { rotated, head_dim, .. } if rotated != head_dim => Some("partial RoPE"),
        Op::Attention { sinks: Some(_), .. } => Some("attention sinks"),
        Op::GatedAct { act } if *act != Activation::Silu => Some("a gate that is not SiLU"),
        Op::Act { .. } => Some("an activation without a gate"),
        Op::Route { .. } | Op::Mix { .. } => Some("experts"),
        _ => None,
    }
}
