//! Stage 1: every matrix of the operator graph becomes codes, a codebook, scales and shifts, written to the program file one
//! matrix at a time: memory holds the codes of two matrices whatever the model, and none of its weights for long.
//!
//! A tensor that is already on a grid is kept exactly: the blocks of a GGUF file as stored ([`blocks`]), or floats that are
//! `q * s` in groups of 32 ([`grid`]). Everything else gets codes and scales of least squared error ([`nearest`]), or of least cost on
//! calibration text ([`calibrate`], [`curvature`], [`compensate`]), on consecutive values or on a codebook of its own ([`fit`]), at
//! the bits asked for or at those that lose least under a budget ([`choice`], [`budget`], [`fisher`]). On a die that exists, codebooks and
//! widths are that die's ([`onto`]).

mod blocks;
mod budget;
mod calibrate;
pub(crate) mod choice;
mod compensate;
mod curvature;
mod encode;
mod expected;
mod fisher;
mod fit;
mod grid;
mod lanes;
pub(crate) mod matrices;
mod nearest;
mod onto;
mod reserve;
mod row;
mod row_block;
#[cfg(target_arch = "x86_64")]
mod vectors;

use crate::die::Die;
use crate::error::Error;
use crate::folding::Folding;
use crate::formats::{self, Formats};
use crate::options::{Plan, Progress};
use crate::order::{self, row_order};
use choice::Width;
use curvature::Curvature;
use encode::{Coding, Encoded};
use hardwire_models::{Checkpoint, Op, OpGraph};
use hardwire_netlist::program::{MatrixData, ProgramWriter};
use hardwire_netlist::unit::{Fixed, MatrixSpec, RowPermutation, shift_bits};
use matrices::{Table, shared_group, tables_of};
use petgraph::graph::NodeIndex;
use std::collections::BTreeMap;

pub use calibrate::chip_weights;
pub use choice::{Choice, Quantizer};
pub(crate) use expected::expected;
pub use matrices::{QuantizedMatrix, QuantizedModel};

/// Quantizes all matrices of `checkpoint` and appends them to `programs`, in graph order; for a `die` that exists, in its formats and widths.
pub(crate) fn quantize(
    checkpoint: &Checkpoint,
    plan: &Plan,
    folding: &Folding,
    die: Option<&Die<'_>>,
    programs: &mut ProgramWriter,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<QuantizedModel, Error> {
    let formats = formats_of(checkpoint, plan, folding, die)?;
    let mut work = Work::new(checkpoint, plan, die, formats, programs, progress);
    let mut embedding = None;
    if let Some(bits) = plan.choice.average_bits {
        let shares = budget::widths(checkpoint, plan, bits, progress)?;
        (work.widths, embedding) = (shares.widths, shares.embedding);
    }
    match plan.choice.quantizer {
        Quantizer::Nearest => (0..work.tables.len()).try_for_each(|i| work.matrix(i, None))?,
        Quantizer::Gptq => calibrate::calibrate(&mut work, embedding)?,
    }
    work.write_ready()?;
    match die {
        Some(die) => {
            let paths: Vec<&str> = work.tables.iter().map(|t| &*t.path).collect();
            matrices::widen(folding, &mut work.matrices);
            die.fit(&paths, &mut work.matrices)?;
            Ok(QuantizedModel { matrices: work.matrices, formats: work.formats })
        }
        None => Ok(shared(folding, plan, work.formats, work.matrices)),
    }
}

/// Formats of all streams: those of a `die`, or its own.
pub(crate) fn formats_of(checkpoint: &Checkpoint, plan: &Plan, folding: &Folding, die: Option<&Die<'_>>) -> Result<Formats, Error> {
    match die {
        Some(die) => formats::of_die(checkpoint, folding, plan, die.netlist),
        None => formats::formats(checkpoint, folding, plan),
    }
}

/// All matrices with the widths that those of one silicon share, and the margin.
pub(crate) fn shared(folding: &Folding, plan: &Plan, formats: Formats, mut matrices: BTreeMap<String, QuantizedMatrix>) -> QuantizedModel {
    matrices::widen(folding, &mut matrices);
    reserve::reserve(plan.margin, plan.act_bits, &mut matrices);
    QuantizedModel { matrices, formats }
}

/// Paths of all matrices, in the order in which they stand in the program.
pub(crate) fn paths(graph: &OpGraph) -> Vec<String> {
    graph.topological_order().into_iter().flat_map(|id| tables_of(graph, id)).map(|t| t.path).collect()
}

/// As [`quantize`], of the matrices alone that `takes` says yes to, by the number of their first weight and of all weights; each with its
/// own widths.
pub(crate) fn part(
    checkpoint: &Checkpoint,
    plan: &Plan,
    folding: &Folding,
    takes: &dyn Fn(u64, u64) -> bool,
    programs: &mut ProgramWriter,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<(Formats, Vec<(String, QuantizedMatrix)>), Error> {
    let formats = formats_of(checkpoint, plan, folding, None)?;
    let mut work = Work::new(checkpoint, plan, None, formats, programs, progress);
    let sizes = work.tables.iter().map(|t| Ok(checkpoint.tensor(t.weight)?.rows() as u64 * checkpoint.tensor(t.weight)?.cols() as u64));
    let sizes = sizes.collect::<Result<Vec<u64>, Error>>()?;
    let all = sizes.iter().sum();
    let (mut first, mut mine) = (0, Vec::new());
    for (i, size) in sizes.iter().enumerate() {
        if takes(first, all) {
            mine.push(i);
        }
        first += size;
    }
    work.total = mine.iter().map(|&i| sizes[i]).sum();
    mine.iter().try_for_each(|&i| work.matrix(i, None))?;
    work.write_ready()?;
    let made = mine.iter().map(|&i| work.tables[i].path.clone());
    let made = made.map(|path| work.matrices.remove(&path).map(|m| (path, m)).expect("it was made"));
    let made = made.collect();
    Ok((work.formats, made))
}

/// Matrices on their way into the program file, in graph order.
struct Work<'a> {
    checkpoint: &'a Checkpoint,
    plan: &'a Plan,
    die: Option<&'a Die<'a>>,
    formats: Formats,
    /// Widths chosen under a budget, by node.
    widths: BTreeMap<NodeIndex, Width>,
    /// Natural scale groups of tensors, each looked at once.
    natural: BTreeMap<&'a str, u32>,
    tables: Vec<Table<'a>>,
    matrices: BTreeMap<String, QuantizedMatrix>,
    done: u64,
    total: u64,
    /// Encoded, and written while the next one is encoded.
    ready: Option<Ready<'a>>,
    programs: &'a mut ProgramWriter,
    progress: &'a (dyn Fn(Progress<'_>) + Sync),
}

impl<'a> Work<'a> {
    fn new(
        checkpoint: &'a Checkpoint,
        plan: &'a Plan,
        die: Option<&'a Die<'a>>,
        formats: Formats,
        programs: &'a mut ProgramWriter,
        progress: &'a (dyn Fn(Progress<'_>) + Sync),
    ) -> Work<'a> {
        let graph = checkpoint.graph();
        let order = graph.topological_order();
        Work {
            checkpoint,
            plan,
            die,
            formats,
            widths: BTreeMap::new(),
            natural: BTreeMap::new(),
            tables: order.iter().flat_map(|&id| tables_of(graph, id)).collect(),
            matrices: BTreeMap::new(),
            done: 0,
            total: order.iter().map(|&id| matrix_size(graph, id)).sum(),
            ready: None,
            programs,
            progress,
        }
    }

    /// Encodes matrix `i`, while the one before goes to the disk.
    fn matrix(&mut self, i: usize, curvature: Option<&Curvature>) -> Result<(), Error> {
        let graph = self.checkpoint.graph();
        let Table { id, ref path, weight, scale } = self.tables[i];
        let path = path.clone();
        let node = &graph.graph[id];
        let rows = row_order(graph, id);
        let tensor = self.checkpoint.tensor(weight)?;
        if let Some(next) = self.tables.get(i + 1) {
            self.checkpoint.prefetch(next.weight)?;
        }
        let (coding, given) = match self.die {
            Some(die) => {
                let slot = die.slot(&path, tensor.rows(), tensor.cols())?;
                (onto::coding(&path, &tensor, self.plan, &slot.spec)?, Some(&slot.spec))
            }
            None => (self.coding(i)?, None),
        };
        let finished = self.ready.take();
        let (checkpoint, plan, programs) = (self.checkpoint, self.plan, &mut *self.programs);
        let (encoded, written) = rayon::join(
            || {
                checkpoint.tensor_digest(weight)?;
                let encoded = encode::encode(&tensor, rows, &coding, given, plan, curvature);
                tensor.release();
                encoded
            },
            || finished.map(|r| r.write(programs)).transpose(),
        );
        self.took(written?);
        let mut encoded = encoded?;
        encoded.scale(f64::from(scale));
        let formats = &self.formats;
        let shift_base = match &node.op {
            Op::Embed { .. } => -i32::from(formats.of(id).frac),
            _ => i32::from(formats.of(order::source(graph, id)).frac) - i32::from(formats.of(id).frac),
        };
        let bias = bias_of(checkpoint, graph, id, formats.of(id))?;
        let shifts = encoded.exponents.iter().map(|&e| shift(&path, shift_base - e)).collect::<Result<Vec<i16>, Error>>()?;
        let coding = coding.describe(tensor.dtype, &encoded);
        self.ready = Some(Ready { path, tensor: weight, rows, coding, encoded, shifts, bias });
        Ok(())
    }

    /// How matrix `i` becomes codes, on a die of its own.
    fn coding(&mut self, i: usize) -> Result<Coding, Error> {
        let graph = self.checkpoint.graph();
        let Table { id, weight, .. } = self.tables[i];
        let group = shared_group(graph, id, |sibling, weight| {
            if let Some(&group) = self.natural.get(weight.as_str()) {
                return Ok(group);
            }
            let width = self.widths.get(&sibling).copied();
            let group = Coding::of(&self.checkpoint.tensor(weight)?, self.plan, None, width)?.group();
            self.natural.insert(weight, group);
            Ok(group)
        })?;
        Coding::of(&self.checkpoint.tensor(weight)?, self.plan, group, self.widths.get(&id).copied())
    }

    fn write_ready(&mut self) -> Result<(), Error> {
        let written = self.ready.take().map(|r| r.write(self.programs)).transpose()?;
        self.took(written);
        Ok(())
    }

    fn took(&mut self, written: Option<(String, QuantizedMatrix)>) {
        if let Some((path, matrix)) = written {
            self.done += matrix.spec.weights();
            (self.progress)(Progress { path: &path, done: self.done, total: self.total });
            self.matrices.insert(path, matrix);
        }
    }
}

/// A matrix that waits to be written.
struct Ready<'a> {
    path: String,
    tensor: &'a str,
    rows: RowPermutation,
    coding: String,
    encoded: Encoded,
    shifts: Vec<i16>,
    bias: Option<Vec<i32>>,
}

impl<'a> Ready<'a> {
    fn write(self, programs: &mut ProgramWriter) -> Result<(String, QuantizedMatrix), Error> {
        let e = self.encoded;
        let program = programs.matrix(&MatrixData {
            name: &self.path,
            outputs: e.outputs,
            inputs: e.inputs,
            code_bits: e.code_bits,
            codes: &e.codes,
            groups: e.inputs.div_ceil(e.group),
            scales: &e.scales,
            scale_bits: e.scale_bits,
            offsets: (e.offset_bits > 0).then_some((&e.offsets[..], e.offset_bits)),
            shifts: &self.shifts,
            bias: self.bias.as_deref(),
        })?;
        let (lossless, relative_square_error) = (e.lossless, e.relative_square_error());
        let spec = MatrixSpec {
            tensor: self.tensor.to_string(),
            inputs: e.inputs,
            outputs: e.outputs,
            code_bits: e.code_bits,
            codebook: e.codebook,
            group: e.group,
            scale_bits: e.scale_bits,
            offset_bits: e.offset_bits,
            bias: self.bias.is_some(),
            shift_bits: 0,
            rows: self.rows,
            program,
        };
        let shift_bits = shift_bits(self.shifts.iter().map(|&k| k.into()));
        let (acc_bits, tot_bits, coding) = (e.acc_bits, e.tot_bits, self.coding);
        Ok((self.path, QuantizedMatrix { spec, acc_bits, tot_bits, shift_bits, lossless, relative_square_error, coding }))
    }
}

fn shift(path: &str, k: i32) -> Result<i16, Error> {
    // The shifter is 8 bits of control; anything past it means weights of absurd magnitude.
    if (-127..=127).contains(&k) { Ok(k as i16) } else { Err(Error::model(path, format!("an output scale of 2^{} cannot be shifted", -k))) }
}

fn matrix_size(graph: &OpGraph, id: NodeIndex) -> u64 {
    match &graph.graph[id].op {
        Op::Linear { inputs, outputs, .. } => (*inputs as u64) * (*outputs as u64),
        Op::Embed { positions, .. } => {
            let rows = graph.graph[graph.output].width + positions.as_ref().map_or(0, |p| p.count);
            rows as u64 * graph.graph[id].width as u64
        }
        _ => 0,
    }
}

fn bias_of(checkpoint: &Checkpoint, graph: &OpGraph, id: NodeIndex, out: Fixed) -> Result<Option<Vec<i32>>, Error> {
    let Op::Linear { bias: Some(name), outputs, .. } = &graph.graph[id].op else { return Ok(None) };
    let tensor = checkpoint.tensor(name)?;
    let values = tensor.to_f32()?;
    let permutation = row_order(graph, id);
    let scale = libm::exp2(f64::from(out.frac));
    let max = out.max() as f64;
    (0..*outputs)
        .map(|n| {
            let x = libm::round(f64::from(values[permutation.source_row(n as u32) as usize]) * scale);
            if x.abs() > max {
                return Err(Error::model(name, format!("bias {n} does not fit {} bits with {} fractional", out.bits, out.frac)));
            }
            Ok(x as i32)
        })
        .collect::<Result<Vec<i32>, Error>>()
        .map(Some)
}
