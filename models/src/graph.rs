//! The operator graph: what a model computes for one token, in named steps.
//!
//! Nodes are operators, edges carry one vector from a producer to a numbered input port. The
//! graph holds no weights, only their names, so eight billion parameters cost a few hundred
//! nodes. Tensor names are Hugging Face's, whichever file the weights came from.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::config::{Activation, LinearAttention, Rate, RouteRule, RowOrder};

/// Tensors that every graph reads, or may.
pub(crate) const EMBEDDING: &str = "model.embed_tokens.weight";
pub(crate) const POSITIONS: &str = "model.embed_positions.weight";
pub(crate) const HEAD: &str = "lm_head.weight";

/// One operator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Unique, readable place: `layers.3.self_attn.q_proj`, `embed_tokens`, `norm`, `lm_head`.
    pub path: String,
    pub op: Op,
    /// Length of the output vector.
    pub width: usize,
    /// The expert this node is part of: it works only for tokens whose router chose that expert.
    pub expert: Option<u32>,
}

/// What an operator computes. Input ports are numbered from 0; one port where none are named.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Op {
    /// `scale * weight[token] + positions[position]`; no input ports, the token itself is the input.
    Embed { weight: String, scale: f32, positions: Option<Positions> },
    /// `x / sqrt(mean(x^2) + eps) * (gain_offset + gain) * scale`, over each of `groups` equal parts.
    RmsNorm { gain: String, eps: f32, gain_offset: f32, scale: f32, groups: usize },
    /// `x / sqrt(sum(x^2) + eps) * scale`, over each of `groups` equal parts: vectors of that length.
    UnitNorm { eps: f32, scale: f32, groups: usize },
    /// `(x - mean(x)) / sqrt(variance(x) + eps) * gain + bias`
    LayerNorm { gain: String, bias: Option<String>, eps: f32 },
    /// `weight x + bias`, weight `[outputs, inputs]`.
    Linear { weight: String, bias: Option<String>, inputs: usize, outputs: usize },
    /// Rotate the pairs of each head's first `rotated` values by position times the pair's frequency in rope table `table`
    /// ([`crate::ModelConfig::rope_tables`]); the values after them pass.
    Rope { heads: usize, head_dim: usize, rotated: usize, table: usize, order: RowOrder },
    /// `softmax(scale * q k^T) v` over all positions so far, or the last `window` of them.
    /// Ports: 0 queries, 1 keys, 2 values. The keys and values are cached. `sinks` names one more score a query head, `[heads]`,
    /// that takes part in the softmax and has no value.
    Attention { heads: usize, kv_heads: usize, head_dim: usize, scale: f32, window: Option<usize>, sinks: Option<String> },
    /// Causal convolution of each element with its own past: `sum over j of weight[i][j] * x[i]`, that of `taps - 1 - j` positions ago,
    /// zero before the first; weight `[width, taps]`. The last `taps - 1` inputs are its state.
    ShortConv { weight: String, taps: usize },
    /// Share of a state that stays: `exp(-speed softplus(x))`; rate `[width]` is the speed as `stored` says.
    Decay { rate: String, stored: Rate },
    /// Gated delta rule (Yang et al. 2024). Ports: 0 queries, 1 keys, 2 values, 3 decay, 4 step, the last two one a value head. A value head
    /// reads key head `h / (value_heads / key_heads)` and keeps a matrix `S`, `[key_dim, value_dim]`, zero before the first token:
    /// `S <- decay S + k (step (v - decay S^T k))^T`; it gives `S^T q`.
    DeltaRule { shape: LinearAttention },
    /// `act(gate) * up`. Ports: 0 gate, 1 up.
    GatedAct { act: Activation },
    /// `act(x)`
    Act { act: Activation },
    /// From router logits, `[experts]`, the experts' weights: 0 for all but `active` of them. The lowest number wins among equals.
    Route { experts: usize, active: usize, rule: RouteRule },
    /// `sum over e of weights[e] * output[e]`. Ports: 0 weights, `1 + e` the output of expert `e`; with a `shared` expert, which works on
    /// every token, two more: its weight, one value, and its output.
    Mix { experts: usize, shared: bool },
    /// Ports: 0 residual, 1 branch.
    Add,
}

/// A learned vector for each position, `[count, width]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Positions {
    pub weight: String,
    pub count: usize,
}

/// Edge weight: the input port at the consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Port(pub u16);

/// A tensor that a graph reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightSpec {
    pub name: String,
    /// Row-major: `[out, in]`, `[vocab, hidden]`, or `[n]`.
    pub shape: Vec<usize>,
    /// Path of the first node that reads it.
    pub needed_by: String,
}

impl WeightSpec {
    /// Product of the shape.
    pub fn elements(&self) -> u64 {
        self.shape.iter().map(|&n| n as u64).product()
    }
}

/// A model's operators for one token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OpGraph {
    pub graph: DiGraph<Node, Port>,
    /// The node whose output is the logits.
    pub output: NodeIndex,
}

impl OpGraph {
    /// Nodes in an order where every producer comes before its consumers; among those that
    /// could come next, the one added first. So q, k, v and gate, up come as people say them.
    ///
    /// Nodes on or after a cycle, which [`OpGraph::validate`] refuses, are left out.
    pub fn topological_order(&self) -> Vec<NodeIndex> {
        let graph = &self.graph;
        let mut waits: Vec<usize> = graph.node_indices().map(|n| graph.edges_directed(n, Direction::Incoming).count()).collect();
        let mut ready: BTreeSet<NodeIndex> = graph.node_indices().filter(|n| waits[n.index()] == 0).collect();
        let mut order = Vec::with_capacity(graph.node_count());
        while let Some(next) = ready.pop_first() {
            order.push(next);
            for edge in graph.edges(next) {
                let consumer = edge.target();
                waits[consumer.index()] -= 1;
                if waits[consumer.index()] == 0 {
                    ready.insert(consumer);
                }
            }
        }
        order
    }

    /// The producers of a node's inputs, in port order.
    pub fn inputs(&self, node: NodeIndex) -> Vec<NodeIndex> {
        let mut edges: Vec<_> = self.graph.edges_directed(node, Direction::Incoming).map(|edge| (*edge.weight(), edge.source())).collect();
        edges.sort();
        edges.into_iter().map(|(_, source)| source).collect()
    }

    /// The node at a path.
    pub fn find(&self, path: &str) -> Option<NodeIndex> {
        self.graph.node_indices().find(|&n| self.graph[n].path == path)
    }

    /// Every tensor the graph reads, in first-use order, a shared one once.
    pub fn weights(&self) -> Vec<WeightSpec> {
        let mut specs = Vec::new();
        let mut seen = HashSet::new();
        for index in self.topological_order() {
            let node = &self.graph[index];
            let mut want = |name: &String, shape: Vec<usize>| {
                if seen.insert(name.clone()) {
                    specs.push(WeightSpec { name: name.clone(), shape, needed_by: node.path.clone() });
                }
            };
            match &node.op {
                Op::Embed { weight, positions, .. } => {
                    // The vocabulary is what the head says it is: logits, one a token.
                    want(weight, vec![self.graph[self.output].width, node.width]);
                    if let Some(Positions { weight, count }) = positions {
                        want(weight, vec![*count, node.width]);
                    }
                }
                Op::RmsNorm { gain, groups, .. } => want(gain, vec![node.width / (*groups).max(1)]),
                Op::LayerNorm { gain, bias, .. } => {
                    want(gain, vec![node.width]);
                    bias.iter().for_each(|bias| want(bias, vec![node.width]));
                }
                Op::Linear { weight, bias, inputs, outputs } => {
                    want(weight, vec![*outputs, *inputs]);
                    bias.iter().for_each(|bias| want(bias, vec![*outputs]));
                }
                Op::Attention { heads, sinks, .. } => sinks.iter().for_each(|sinks| want(sinks, vec![*heads])),
                Op::ShortConv { weight, taps } => want(weight, vec![node.width, *taps]),
                Op::Decay { rate, .. } => want(rate, vec![node.width]),
                Op::Rope { .. } | Op::GatedAct { .. } | Op::Act { .. } | Op::Route { .. } | Op::Mix { .. } | Op::Add => {}
                Op::UnitNorm { .. } | Op::DeltaRule { .. } => {}
            }
        }
        specs
    }

    /// Check that paths are unique, the graph has no cycle, every port is fed once, and every
    /// width is what its consumer takes.
    ///
    /// # Errors
    /// [`Error::Graph`] naming the first node that does not fit.
    pub fn validate(&self) -> Result<(), Error> {
        if self.graph.node_weight(self.output).is_none() {
            let problem = "the output is not in the graph".to_owned();
            return Err(Error::Graph { node: self.output.index().to_string(), problem });
        }
        let mut paths = HashSet::new();
        if let Err(cycle) = petgraph::algo::toposort(&self.graph, None) {
            return Err(self.problem(cycle.node_id(), "lies on a cycle"));
        }
        for index in self.graph.node_indices() {
            let node = &self.graph[index];
            if !paths.insert(node.path.as_str()) {
                return Err(self.problem(index, "has the path of another node"));
            }
            let mut ports = BTreeMap::new();
            for edge in self.graph.edges_directed(index, Direction::Incoming) {
                if ports.insert(edge.weight().0, edge.source()).is_some() {
                    return Err(self.problem(index, "has an input port fed twice"));
                }
            }
            let wanted = node.input_widths();
            let fed: Vec<usize> = ports.values().map(|&s| self.graph[s].width).collect();
            if !ports.keys().copied().eq(0..wanted.len() as u16) || fed != wanted {
                let problem = format!("input widths are {fed:?}; expected {wanted:?}");
                return Err(self.problem(index, problem));
            }
            if let Some(width) = node.output_width()
                && width != node.width
            {
                let problem = format!("output width is {}; expected {width}", node.width);
                return Err(self.problem(index, problem));
            }
        }
        Ok(())
    }

    fn problem(&self, node: NodeIndex, problem: impl Into<String>) -> Error {
        Error::Graph { node: self.graph[node].path.clone(), problem: problem.into() }
    }
}

impl Node {
    /// The tensor of the matrix it holds, if it holds one.
    pub fn matrix(&self) -> Option<&String> {
        match &self.op {
            Op::Embed { weight, .. } | Op::Linear { weight, .. } => Some(weight),
            _ => None,
        }
    }

    /// Width of each input port.
    fn input_widths(&self) -> Vec<usize> {
        match &self.op {
            Op::Embed { .. } => vec![],
            Op::RmsNorm { .. } | Op::UnitNorm { .. } | Op::LayerNorm { .. } | Op::Rope { .. } | Op::Act { .. } => vec![self.width],
            Op::ShortConv { .. } | Op::Decay { .. } => vec![self.width],
            Op::DeltaRule { shape } => vec![shape.keys(), shape.keys(), shape.values(), shape.value_heads, shape.value_heads],
            Op::Linear { inputs, .. } => vec![*inputs],
            Op::Attention { heads, kv_heads, head_dim, .. } => vec![heads * head_dim, kv_heads * head_dim, kv_heads * head_dim],
            Op::GatedAct { .. } | Op::Add => vec![self.width; 2],
            Op::Route { experts, .. } => vec![*experts],
            Op::Mix { experts, shared } => {
                let routed = std::iter::once(*experts).chain(std::iter::repeat_n(self.width, *experts));
                routed.chain(if *shared { vec![1, self.width] } else { vec![] }).collect()
            }
        }
    }

    /// Width the operator's own parameters fix, if they do.
    fn output_width(&self) -> Option<usize> {
        match &self.op {
            Op::Linear { outputs, .. } => Some(*outputs),
            Op::Rope { heads, head_dim, .. } | Op::Attention { heads, head_dim, .. } => Some(heads * head_dim),
            Op::Route { experts, .. } => Some(*experts),
            Op::RmsNorm { groups, .. } | Op::UnitNorm { groups, .. } => {
                // Unequal parts can have no width.
                let whole = *groups > 0 && self.width.is_multiple_of(*groups);
                Some(if whole { self.width } else { 0 })
            }
            Op::DeltaRule { shape } => Some(shape.values()),
            Op::Embed { .. } | Op::LayerNorm { .. } | Op::GatedAct { .. } | Op::Act { .. } | Op::Mix { .. } | Op::Add => None,
            Op::ShortConv { .. } | Op::Decay { .. } => None,
        }
    }
}
