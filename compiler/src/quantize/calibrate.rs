//! Quantizes a model matrix by matrix as a text runs through it: each matrix sees the vectors that the quantized matrices before it make, and
//! knows those it should have seen. One matrix of weights in memory at a time, whatever the model.

use super::curvature::Curvature;
use super::encode::Coding;
use super::matrices::Table;
use super::{Work, budget, fisher, onto};
use crate::error::Error;
use crate::options::{CALIBRATION_TEXT, Plan};
use crate::order::{self, row_order};
use hardwire_models::{Checkpoint, Op, stream};
use hardwire_netlist::Chip;
use hardwire_netlist::unit::RowPermutation;
use petgraph::graph::NodeIndex;
use rayon::prelude::*;

/// Positions after which a calibration text starts anew.
const WINDOW: usize = 512;

/// `embedding` is the curvature of its rows, if it is known already.
pub(super) fn calibrate(work: &mut Work<'_>, mut embedding: Option<Curvature>) -> Result<(), Error> {
    let texts = texts(work.checkpoint, work.plan, work.plan.choice.calibration_tokens)?;
    let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
    let graph = work.checkpoint.graph();
    let mut known: Option<(NodeIndex, Curvature)> = None;
    stream(work.checkpoint, &texts, &mut |site| {
        let i = work.tables.iter().position(|t| t.id == site.node).expect("every weight has a node");
        let heeded = if let Op::Linear { inputs, .. } = graph.graph[site.node].op {
            let source = order::source(graph, site.node);
            if known.as_ref().is_none_or(|(of, _)| *of != source) && work.is_chosen(i)? {
                // Another expert may have been chosen in float: then nothing tells what should have entered this one.
                let float = graph.graph[site.node].expert.is_none().then_some(&site.float[..]);
                known = Some((source, Curvature::new(float, &site.changed, inputs, None)));
            }
            known.as_ref().filter(|(of, _)| *of == source).map(|(_, c)| c)
        } else {
            if embedding.is_none() && work.is_chosen(i)? {
                embedding = fisher::of_embedding(work.checkpoint, &budget::text(work.checkpoint, work.plan)?)?;
            }
            embedding.as_ref()
        };
        work.matrix(i, heeded)?;
        let rows = work.last_rows(row_order(graph, site.node), work.tables[i].scale);
        // Learned positions follow their embedding.
        if work.tables.get(i + 1).is_some_and(|t| t.id == site.node) {
            work.matrix(i + 1, heeded)?;
        }
        Ok::<_, Error>(Some(rows))
    })
}

/// The calibration text as tokens, in windows.
pub(super) fn texts(checkpoint: &Checkpoint, plan: &Plan, tokens: usize) -> Result<Vec<Vec<u32>>, Error> {
    let text = plan.choice.calibration.as_deref().unwrap_or(CALIBRATION_TEXT);
    let tokenizer = checkpoint.tokenizer()?.ok_or_else(|| {
        Error::option("quantizer", "calibration needs text as tokens, and the checkpoint has no tokenizer; --quantizer nearest needs none")
    })?;
    let mut ids = tokenizer.encode(text)?;
    ids.truncate(tokens);
    if ids.len() < 2 {
        return Err(Error::option("calibrate", format!("{} tokens of text, expected two at least", ids.len())));
    }
    Ok(ids.chunks(WINDOW.min(checkpoint.config().context)).map(<[u32]>::to_vec).collect())
}

/// What the matrix of the node at `path` stands for on `chip`, rows in the order of the checkpoint's tensor: `[outputs][inputs]`.
///
/// # Errors
/// The checkpoint or the chip has no such matrix.
pub fn chip_weights(checkpoint: &Checkpoint, chip: &Chip, path: &str) -> Result<Vec<f32>, Error> {
    let graph = checkpoint.graph();
    let spec = chip.structure.matrices().find(|(p, _)| *p == path).map(|(_, m)| m);
    let (Some(id), Some(m)) = (graph.find(path), spec) else { return Err(Error::model(path, "has no matrix on this chip")) };
    let view = chip.programs.matrix(m.program);
    let (outputs, inputs) = (m.outputs as usize, m.inputs as usize);
    let order = row_order(graph, id);
    let scale = if let Op::Embed { scale, .. } = &graph.graph[id].op { f64::from(*scale) } else { 1.0 };
    // An embedding's shift is -(e + frac), any other's is frac in - e - frac out: both are told by the formats around it.
    let netlist = chip.netlist();
    let unit = netlist.units().find(|(_, u)| u.path == path).map(|(id, u)| (id, u.out.frac)).expect("a matrix is a unit's");
    let base = match netlist.inputs(unit.0).first() {
        Some(&feed) => i32::from(netlist.unit(feed).out.frac) - i32::from(unit.1),
        None => -i32::from(unit.1),
    };
    let mut rows = vec![0f32; outputs * inputs];
    let output_of = outputs_by_row(order, outputs);
    rows.par_chunks_mut(inputs).zip(output_of).for_each(|(row, n)| {
        let unit = libm::exp2(f64::from(base - view.shift(n)));
        for (k, w) in row.iter_mut().enumerate() {
            let g = k as u32 / m.group;
            let value =
                i64::from(view.scale(n, g)) * i64::from(m.codebook[usize::from(view.code(n, k as u32))]) + i64::from(view.offset(n, g));
            *w = (value as f64 * unit / scale) as f32;
        }
    });
    Ok(rows)
}

/// Output that each row of the tensor becomes.
fn outputs_by_row(order: RowPermutation, outputs: usize) -> Vec<u32> {
    let mut out = vec![0; outputs];
    (0..outputs as u32).for_each(|n| out[order.source_row(n) as usize] = n);
    out
}

impl Work<'_> {
    /// Whether matrix `i` gets codes that heed calibration.
    fn is_chosen(&mut self, i: usize) -> Result<bool, Error> {
        let Table { id, weight, ref path, .. } = self.tables[i];
        let tensor = self.checkpoint.tensor(weight)?;
        if let Some(die) = self.die {
            let slot = die.slot(path, tensor.rows(), tensor.cols())?;
            return Ok(matches!(onto::coding(path, &tensor, self.plan, &slot.spec)?, Coding::Chosen { .. }));
        }
        Ok(matches!(Coding::of(&tensor, self.plan, None, self.widths.get(&id).copied())?, Coding::Chosen { .. }))
    }

    /// What the matrix that was encoded last stands for, in the order of the tensor's rows, `scale` taken back.
    fn last_rows(&self, order: RowPermutation, scale: f32) -> Vec<f32> {
        let encoded = &self.ready.as_ref().expect("a matrix was just encoded").encoded;
        let (outputs, inputs) = (encoded.outputs as usize, encoded.inputs as usize);
        let mut rows = vec![0f32; outputs * inputs];
        rows.par_chunks_mut(inputs).zip(outputs_by_row(order, outputs)).for_each(|(row, n)| {
            encoded.row(n as usize, row);
            row.iter_mut().for_each(|w| *w /= scale);
        });
        rows
    }
}
