//! From a checkpoint's graph to steps with their weights at hand.

use std::collections::HashMap;
use std::sync::Arc;

use petgraph::graph::NodeIndex;

use super::attention::Heads;
use super::panels::Panels;
use super::recurrent::{DeltaRule, ShortConv};
use super::{Expert, Kernel, Step};
use crate::graph::{Op, OpGraph};
use crate::{Checkpoint, Error};

/// All nodes in execution order, and the number of the one whose output is the logits.
pub(super) fn steps(checkpoint: &Checkpoint) -> Result<(Vec<Step>, usize), Error> {
    steps_with(Weights { checkpoint, matrices: HashMap::new(), bare: false })
}

/// The same with empty matrices.
pub(super) fn bare_steps(checkpoint: &Checkpoint) -> Result<(Vec<Step>, usize), Error> {
    steps_with(Weights { checkpoint, matrices: HashMap::new(), bare: true })
}

fn steps_with(mut weights: Weights<'_>) -> Result<(Vec<Step>, usize), Error> {
    let graph = weights.checkpoint.graph();
    let mut number: HashMap<NodeIndex, usize> = HashMap::new();
    let mut steps: Vec<Step> = Vec::new();
    let mut memories = 0;
    for index in graph.topological_order() {
        let node = &graph.graph[index];
        let kernel = match &node.op {
            Op::Embed { weight, scale, positions } => Kernel::Embed {
                table: weights.matrix(weight)?,
                scale: *scale,
                positions: positions.as_ref().map(|p| weights.read(&p.weight)).transpose()?,
            },
            Op::RmsNorm { gain, eps, gain_offset, scale, .. } => {
                let gain = weights.vector(gain)?.iter().map(|g| (g + gain_offset) * scale).collect();
                Kernel::RmsNorm { gain, eps: *eps }
            }
            Op::LayerNorm { gain, bias, eps } => {
                Kernel::LayerNorm { gain: weights.vector(gain)?, bias: weights.optional(bias)?, eps: *eps }
            }
            Op::Linear { weight, bias, .. } => Kernel::Linear { weight: weights.matrix(weight)?, bias: weights.optional(bias)? },
            Op::Rope { head_dim, rotated, table, order, .. } => {
                Kernel::Rope { head_dim: *head_dim, rotated: *rotated, table: *table, order: *order }
            }
            Op::Attention { heads, kv_heads, head_dim, scale, window, sinks } => {
                memories += 1;
                Kernel::Attention(Heads {
                    memory: memories - 1,
                    heads: *heads,
                    kv_heads: *kv_heads,
                    head_dim: *head_dim,
                    scale: *scale,
                    window: *window,
                    sinks: weights.optional(sinks)?,
                })
            }
            Op::UnitNorm { eps, scale, groups } => Kernel::UnitNorm { groups: *groups, eps: *eps, scale: *scale },
            Op::ShortConv { weight, taps } => {
                memories += 1;
                Kernel::ShortConv(ShortConv { memory: memories - 1, taps: *taps, weight: weights.vector(weight)? })
            }
            Op::Decay { rate, stored } => {
                let speeds = weights.checkpoint.speeds(rate, *stored)?;
                Kernel::Decay { speed: speeds.into_iter().map(|speed| speed as f32).collect() }
            }
            Op::DeltaRule { shape } => {
                memories += 1;
                Kernel::DeltaRule(DeltaRule { memory: memories - 1, shape: *shape })
            }
            Op::GatedAct { act } => Kernel::GatedAct { act: *act },
            Op::Act { act } => Kernel::Act { act: *act },
            Op::Route { active, rule, .. } => Kernel::Route { active: *active, rule: *rule },
            Op::Mix { .. } => Kernel::Mix,
            Op::Add => Kernel::Add,
        };
        let inputs: Vec<usize> = graph.inputs(index).iter().map(|source| number[source]).collect();
        number.insert(index, steps.len());
        let (path, width) = (node.path.clone(), node.width);
        steps.push(Step { path, width, inputs, last_reads: vec![], expert: None, kernel });
    }
    for index in graph.graph.node_indices() {
        let Op::Mix { experts, .. } = graph.graph[index].op else { continue };
        let inputs = graph.inputs(index);
        for (expert, &output) in inputs[1..=experts].iter().enumerate() {
            assign(graph, &number, &mut steps, output, Expert { route: number[&inputs[0]], number: expert });
        }
    }
    let output = number[&graph.output];
    let mut read = vec![false; steps.len()];
    read[output] = true;
    for step in steps.iter_mut().rev() {
        let mut last: Vec<usize> = step.inputs.iter().copied().filter(|&i| !std::mem::replace(&mut read[i], true)).collect();
        last.dedup();
        step.last_reads = last;
    }
    Ok((steps, output))
}

/// Marks a node that is part of an expert, and those before it that are.
fn assign(graph: &OpGraph, number: &HashMap<NodeIndex, usize>, steps: &mut [Step], node: NodeIndex, expert: Expert) {
    if graph.graph[node].expert.is_some() {
        steps[number[&node]].expert = Some(expert);
        graph.inputs(node).into_iter().for_each(|source| assign(graph, number, steps, source, expert));
    }
}

/// Tensors as arrays; a matrix that two nodes share is read once.
struct Weights<'a> {
    checkpoint: &'a Checkpoint,
    matrices: HashMap<String, Arc<Panels>>,
    /// Matrices are left empty.
    bare: bool,
}

impl Weights<'_> {
    fn matrix(&mut self, name: &str) -> Result<Arc<Panels>, Error> {
        if self.bare { Ok(Arc::new(Panels::default())) } else { self.read(name) }
    }

    fn read(&mut self, name: &str) -> Result<Arc<Panels>, Error> {
        if let Some(matrix) = self.matrices.get(name) {
            return Ok(matrix.clone());
        }
        let tensor = self.checkpoint.tensor(name)?;
        let matrix = Arc::new(Panels::read(tensor.rows(), tensor.cols(), |n, row| tensor.row_f32(n, row))?);
        self.matrices.insert(name.to_owned(), matrix.clone());
        Ok(matrix)
    }

    fn optional(&self, name: &Option<String>) -> Result<Option<Vec<f32>>, Error> {
        name.as_ref().map(|name| self.vector(name)).transpose()
    }

    fn vector(&self, name: &str) -> Result<Vec<f32>, Error> {
        self.checkpoint.tensor(name)?.to_f32()
    }
}
