//! A model run matrix by matrix: beside itself with matrices that a compiler changes ([`stream`]), or once with every vector kept
//! ([`FloatPass`]).

use petgraph::graph::NodeIndex;
use std::borrow::Cow;
use std::sync::Arc;

use super::panels::Panels;
use super::{FloatModel, Kernel, Memory, load};
use crate::{Checkpoint, Error, Tensor};

/// A matrix that a [`stream`] has come to, and what enters it: the vectors of all texts, one after another, `[tokens, inputs]`; none for
/// an embedding, and for an expert those of the tokens that chose it.
pub struct Site {
    pub node: NodeIndex,
    /// With all weights as they are.
    pub float: Vec<f32>,
    /// With the matrices before it as they were changed.
    pub changed: Vec<f32>,
}

/// Rows `[outputs][inputs]` in place of a matrix; `None` leaves it.
pub type Changed = Option<Vec<f32>>;

/// Runs `texts` through the graph twice side by side, with the weights as they are and with those that `change` gives, asked for matrix
/// by matrix in graph order. Holds one matrix and the live vectors of all tokens; the logits are not computed.
///
/// # Errors
/// A token past the vocabulary, a text past the context, a weight that is NaN or infinite; and what `change` says.
pub fn stream<E: From<Error>>(
    checkpoint: &Checkpoint,
    texts: &[&[u32]],
    change: &mut dyn FnMut(Site) -> Result<Changed, E>,
) -> Result<(), E> {
    let model = FloatModel::bare(checkpoint)?;
    for text in texts {
        model.check(&model.start(), text)?;
    }
    let graph = checkpoint.graph();
    let (mut float, mut changed) = (Side::new(&model, texts), Side::new(&model, texts));
    for (number, index) in graph.topological_order().into_iter().enumerate() {
        let step = &model.steps[number];
        let Some(weight) = graph.graph[index].matrix() else {
            float.run(&model, number, &step.kernel, texts);
            changed.run(&model, number, &step.kernel, texts);
            continue;
        };
        let entering = |side: &Side| step.inputs.first().map_or(Vec::new(), |&i| side.entering(&model, number, i));
        let rows = change(Site { node: index, float: entering(&float), changed: entering(&changed) })?;
        if number == model.output {
            continue;
        }
        let tensor = checkpoint.tensor(weight)?;
        let kernel = step.kernel.with_weight(&tensor, None)?;
        float.run(&model, number, &kernel, texts);
        let kernel = if rows.is_some() { step.kernel.with_weight(&tensor, rows)? } else { kernel };
        changed.run(&model, number, &kernel, texts);
        tensor.release();
    }
    Ok(())
}

/// The live vectors of each text, by step.
struct Side {
    buffers: Vec<Vec<Vec<f32>>>,
}

impl Side {
    fn new(model: &FloatModel, texts: &[&[u32]]) -> Side {
        Side { buffers: texts.iter().map(|_| vec![Vec::new(); model.steps.len()]).collect() }
    }

    /// What a step reads of `source`, all texts one after another.
    fn entering(&self, model: &FloatModel, number: usize, source: usize) -> Vec<f32> {
        let step = &model.steps[number];
        let of = |buffers: &Vec<Vec<f32>>| {
            let rows: Vec<usize> = match step.expert {
                Some(expert) => model.chose(expert, buffers),
                None => (0..buffers[source].len() / model.steps[source].width).collect(),
            };
            model.gather(step, source, &buffers[source], &rows).into_owned()
        };
        self.buffers.iter().flat_map(of).collect()
    }

    fn run(&mut self, model: &FloatModel, number: usize, kernel: &Kernel, texts: &[&[u32]]) {
        for (tokens, buffers) in texts.iter().zip(&mut self.buffers) {
            let out = model.step(number, kernel, &model.text(0, tokens), 0..tokens.len(), buffers, &mut kernel.memories());
            for &read in &model.steps[number].last_reads {
                buffers[read] = Vec::new();
            }
            buffers[number] = out;
        }
    }
}

/// A text's pass through a model with every vector kept, so that it can be taken backwards. Holds one matrix at a time.
pub struct FloatPass<'c> {
    checkpoint: &'c Checkpoint,
    pub(super) model: FloatModel,
    pub(super) text: Vec<u32>,
    /// `[tokens, width]` by step
    pub(super) buffers: Vec<Vec<f32>>,
}

impl<'c> FloatPass<'c> {
    /// # Errors
    /// As [`FloatModel::forward`], or a weight that is NaN or infinite.
    pub fn new(checkpoint: &'c Checkpoint, text: &[u32]) -> Result<FloatPass<'c>, Error> {
        let model = FloatModel::bare(checkpoint)?;
        model.check(&model.start(), text)?;
        let buffers = vec![Vec::new(); model.steps.len()];
        let mut pass = FloatPass { checkpoint, model, text: text.to_vec(), buffers };
        let place = pass.model.text(0, text);
        for (number, node) in checkpoint.graph().topological_order().into_iter().enumerate() {
            let kernel = pass.kernel(number, node)?;
            let out = pass.model.step(number, &kernel, &place, 0..text.len(), &pass.buffers, &mut kernel.memories());
            pass.buffers[number] = out;
        }
        Ok(pass)
    }

    /// After each token, `[tokens, vocab]`.
    pub fn logits(&self) -> &[f32] {
        &self.buffers[self.model.output]
    }

    /// The operator of a step, which is that of `node`, with its weights.
    pub(super) fn kernel(&self, number: usize, node: NodeIndex) -> Result<Cow<'_, Kernel>, Error> {
        let kernel = &self.model.steps[number].kernel;
        let Some(weight) = self.checkpoint.graph().graph[node].matrix() else {
            return Ok(Cow::Borrowed(kernel));
        };
        let tensor = self.checkpoint.tensor(weight)?;
        let kernel = kernel.with_weight(&tensor, None)?;
        tensor.release();
        Ok(Cow::Owned(kernel))
    }

    pub(super) fn nodes(&self) -> Vec<NodeIndex> {
        self.checkpoint.graph().topological_order()
    }
}

impl FloatModel {
    /// The same model with other matrices: `rows` gives that of each node by path, `[outputs][inputs]`.
    ///
    /// # Errors
    /// What `rows` says, or a matrix of another size.
    pub fn with_matrices<E: From<Error>>(&self, rows: &mut dyn FnMut(&str) -> Result<Vec<f32>, E>) -> Result<FloatModel, E> {
        let mut model = self.clone();
        for step in &mut model.steps {
            if let Kernel::Embed { .. } | Kernel::Linear { .. } = step.kernel {
                let wrong = || Error::Graph { node: step.path.clone(), problem: "its matrix is of another size".to_owned() };
                step.kernel = step.kernel.with_rows(&rows(&step.path)?).ok_or_else(wrong)?;
            }
        }
        Ok(model)
    }

    /// As [`FloatModel::new`] without its matrices.
    fn bare(checkpoint: &Checkpoint) -> Result<FloatModel, Error> {
        let (steps, output) = load::bare_steps(checkpoint)?;
        let config = checkpoint.config();
        Ok(FloatModel { steps, output, vocab: config.vocab, context: config.context, frequencies: config.rope_tables() })
    }
}

impl Kernel {
    /// Memories of a text that this step takes whole.
    fn memories(&self) -> Vec<Memory> {
        vec![Memory::default(); self.memory().map_or(0, |own| own + 1)]
    }

    /// The same operator with these rows, or those of `tensor`.
    fn with_weight(&self, tensor: &Tensor<'_>, rows: Changed) -> Result<Kernel, Error> {
        let (outputs, inputs) = (tensor.rows(), tensor.cols());
        let panels = match rows {
            Some(rows) => copied(outputs, inputs, &rows),
            None => Panels::read(outputs, inputs, |n, row| tensor.row_f32(n, row))?,
        };
        Ok(self.with_panels(panels))
    }

    /// The same operator with other weights; `None` if it has none, or of another size.
    fn with_rows(&self, rows: &[f32]) -> Option<Kernel> {
        let (Kernel::Embed { table: own, .. } | Kernel::Linear { weight: own, .. }) = self else { return None };
        let (outputs, inputs) = own.size();
        (outputs * inputs == rows.len()).then(|| self.with_panels(copied(outputs, inputs, rows)))
    }

    fn with_panels(&self, panels: Panels) -> Kernel {
        let panels = Arc::new(panels);
        match self {
            Kernel::Embed { scale, positions, .. } => Kernel::Embed { table: panels, scale: *scale, positions: positions.clone() },
            Kernel::Linear { bias, .. } => Kernel::Linear { weight: panels, bias: bias.clone() },
            _ => unreachable!("only matrices are changed"),
        }
    }
}

fn copied(outputs: usize, inputs: usize, rows: &[f32]) -> Panels {
    let read = |n: usize, row: &mut [f32]| {
        row.copy_from_slice(&rows[n * inputs..(n + 1) * inputs]);
        Ok::<(), std::convert::Infallible>(())
    };
    match Panels::read(outputs, inputs, read) {
        Ok(panels) => panels,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Op;

    #[test]
    fn a_stream_shows_what_the_model_computes_and_what_changes_do() {
        let checkpoint = Checkpoint::bundled();
        let model = FloatModel::new(&checkpoint).unwrap();
        let texts: [&[u32]; 2] = [&[5, 9, 100, 7, 300], &[8, 8, 1]];
        let graph = checkpoint.graph();
        // What enters each matrix, by the plain model.
        let mut plain = std::collections::HashMap::<String, Vec<f32>>::new();
        for text in texts {
            let mut probe = |path: &str, v: &[f32]| plain.entry(path.to_owned()).or_default().extend_from_slice(v);
            model.forward_probed(&mut model.start(), text, &mut probe).unwrap();
        }
        let half = "layers.1.mlp.down_proj";
        let (mut seen, mut after) = (0, false);
        let change = &mut |site: Site| {
            let node = &graph.graph[site.node];
            if let Op::Linear { weight, .. } = &node.op {
                let source = &graph.graph[graph.inputs(site.node)[0]].path;
                assert_eq!(site.float, plain[source], "{source}");
                assert_eq!(site.float != site.changed, after, "{source}");
                seen += 1;
                if node.path == half {
                    after = true;
                    let rows = checkpoint.tensor(weight)?.to_f32()?;
                    return Ok(Some(rows.iter().map(|w| w * 0.5).collect()));
                }
            }
            Ok::<_, Error>(None)
        };
        stream(&checkpoint, &texts, change).unwrap();
        assert_eq!(seen, graph.graph.node_weights().filter(|n| matches!(n.op, Op::Linear { .. })).count());

        let pass = FloatPass::new(&checkpoint, texts[0]).unwrap();
        assert_eq!(pass.logits(), model.forward_block(&mut model.start(), texts[0]).unwrap());
        assert!(FloatPass::new(&checkpoint, &[70_000]).is_err());
        assert!(stream(&checkpoint, &[&[70_000]], &mut |_| Ok::<_, Error>(None)).is_err());
    }
}
