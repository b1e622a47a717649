//! A compilation in parts. A shard makes the codes of some matrices, on any machine and in any order; [`merge`] joins all of them to the
//! chip that one run would have written, byte for byte. What belongs together is told by one digest: the program's version, every choice of the
//! plan, the formats of all streams, and the checkpoint's tensors; and each shard has the digests of the tensors that it read.

use crate::error::Error;
use crate::formats::Formats;
use crate::options::{Options, Plan, Progress};
use crate::quantize::choice::Quantizer;
use crate::quantize::{self, QuantizedMatrix};
use crate::run::{Run, assemble};
use hardwire_models::Checkpoint;
use hardwire_netlist::chip::{Chip, ChipWriter};
use hardwire_netlist::program::{MatrixData, ProgramWriter, Record};
use hardwire_netlist::shard::{Shard, ShardWriter};
use hardwire_netlist::unit::MatrixSpec;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// One of several tasks, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub index: u32,
    pub of: u32,
}

/// Most tasks of a compilation: no known model has more matrices worth a task.
const MOST_PARTS: u32 = 1 << 16;

impl FromStr for Part {
    type Err = String;

    fn from_str(s: &str) -> Result<Part, String> {
        let fail = || format!("{s}, expected a task and how many there are, such as 3/16");
        let (index, of) = s.split_once('/').ok_or_else(fail)?;
        let (index, of) = (index.parse().map_err(|_| fail())?, of.parse().map_err(|_| fail())?);
        if (1..=MOST_PARTS).contains(&of) && (1..=of).contains(&index) { Ok(Part { index, of }) } else { Err(fail()) }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl Part {
    /// Whether a matrix is this task's that begins at the weight `first` of `total`.
    fn takes(self, first: u64, total: u64) -> bool {
        u128::from(first) * u128::from(self.of) / u128::from(total.max(1)) == u128::from(self.index) - 1
    }
}

/// What a shard says of itself.
#[derive(Serialize, Deserialize)]
struct Known {
    /// Digest of what all shards of a run have in common.
    run: String,
    part: Part,
    matrices: Vec<Made>,
}

/// A matrix, before it is given the widths that it shares with others.
#[derive(Serialize, Deserialize)]
struct Made {
    path: String,
    /// Digest of its tensor.
    tensor: String,
    spec: MatrixSpec,
    acc_bits: u8,
    tot_bits: u8,
    shift_bits: u8,
    lossless: bool,
    /// Bits of the number, which as decimal digits might come back as its neighbour.
    relative_square_error: u64,
    coding: String,
}

/// Makes one task's matrices into the shard `target`, which must be absent, empty or a shard.
///
/// # Errors
/// As [`crate::compile`]; options whose codes depend on all matrices before.
pub fn compile_shard(
    checkpoint: &Checkpoint,
    options: &Options,
    part: Part,
    target: &Path,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<(), Error> {
    let Run { plan, folding, .. } = checked(checkpoint, options)?;
    let mut writer = ShardWriter::create(target)?;
    let takes = |first, total| part.takes(first, total);
    let (formats, matrices) = quantize::part(checkpoint, &plan, &folding, &takes, writer.programs(), progress)?;
    let made = |(path, m): (String, QuantizedMatrix)| {
        Ok::<_, Error>(Made {
            path,
            tensor: digest(checkpoint, &m.spec.tensor)?,
            acc_bits: m.acc_bits,
            tot_bits: m.tot_bits,
            shift_bits: m.shift_bits,
            lossless: m.lossless,
            relative_square_error: m.relative_square_error.to_bits(),
            coding: m.coding,
            spec: m.spec,
        })
    };
    let matrices = matrices.into_iter().map(made).collect::<Result<Vec<_>, Error>>()?;
    Ok(writer.finish(&Known { run: run_digest(checkpoint, &plan, &formats), part, matrices })?)
}

/// Joins all shards of a run to the chip folder `target`, the very bytes of [`crate::compile`] with these options.
///
/// # Errors
/// A shard that is missing, twice there, of another run, or of a checkpoint that has changed since; as [`crate::compile`].
pub fn merge(
    checkpoint: &Checkpoint,
    options: &Options,
    shards: &[PathBuf],
    target: &Path,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Chip, Error> {
    let run = checked(checkpoint, options)?;
    let formats = quantize::formats_of(checkpoint, &run.plan, &run.folding, None)?;
    let expected = run_digest(checkpoint, &run.plan, &formats);
    let mut found: BTreeMap<u32, (&PathBuf, Shard<Known>)> = BTreeMap::new();
    let refuse = |folder: &Path, what: String| Error::Shard { folder: folder.display().to_string(), what };
    for folder in shards {
        let shard = Shard::<Known>::open(folder)?;
        let part = shard.known.part;
        if shard.known.run != expected {
            return Err(refuse(
                folder,
                "a shard of another run: other options, another checkpoint or another version of this program".into(),
            ));
        }
        if let Some((first, other)) = found.values().next()
            && other.known.part.of != part.of
        {
            return Err(refuse(folder, format!("shard {part}, and {} is {}", first.display(), other.known.part)));
        }
        if let Some((first, _)) = found.insert(part.index, (folder, shard)) {
            return Err(refuse(folder, format!("shard {part}, and so is {}", first.display())));
        }
    }
    let of = found.values().next().map_or(1, |(_, s)| s.known.part.of);
    if let Some(missing) = (1..=of).find(|i| !found.contains_key(i)) {
        let first = shards.first().map_or(target, |f| f);
        return Err(refuse(first, format!("shard {missing}/{of} of its run is missing")));
    }
    let mut writer = ChipWriter::create(target)?;
    let mut made: BTreeMap<String, (&PathBuf, &Shard<Known>, &Made)> = BTreeMap::new();
    for (folder, shard) in found.values() {
        for m in &shard.known.matrices {
            made.insert(m.path.clone(), (folder, shard, m));
        }
    }
    let (mut matrices, mut done) = (BTreeMap::new(), 0);
    let paths = quantize::paths(checkpoint.graph());
    let total = made.values().map(|(_, _, m)| m.spec.weights()).sum();
    for path in &paths {
        let Some((folder, shard, m)) = made.get(path) else {
            return Err(refuse(shards.first().map_or(target, |f| f), format!("no shard has {path}")));
        };
        if digest(checkpoint, &m.spec.tensor)? != m.tensor {
            return Err(refuse(folder, format!("made of another {}: the checkpoint has changed since", m.spec.tensor)));
        }
        let joined = join(shard, m, writer.programs()).map_err(|what| refuse(folder, format!("{path}: {what}")))?;
        done += m.spec.weights();
        progress(Progress { path, done, total });
        matrices.insert(path.clone(), joined?);
    }
    let quantized = quantize::shared(&run.folding, &run.plan, formats, matrices);
    assemble(checkpoint, run, quantized, writer)
}

/// Copies a matrix into the chip's program. The outer error is what is wrong with the shard.
fn join(shard: &Shard<Known>, m: &Made, programs: &mut ProgramWriter) -> Result<Result<QuantizedMatrix, Error>, String> {
    let Some(Record::Matrix { .. }) = shard.programs.records().get(m.spec.program.0 as usize) else {
        return Err("it is no matrix of the shard's program".into());
    };
    let view = shard.programs.matrix(m.spec.program);
    let (scales, shifts) = (view.scales.to_vec(), view.shifts.iter().map(|k| k as i16).collect::<Vec<_>>());
    let (offsets, bias) = (view.offsets.map(|o| o.to_vec()), view.bias.map(|b| b.to_vec()));
    let written = programs.matrix(&MatrixData {
        name: &m.path,
        outputs: view.outputs,
        inputs: view.inputs,
        code_bits: view.code_bits,
        codes: view.codes,
        groups: view.groups,
        scales: &scales,
        scale_bits: m.spec.scale_bits,
        offsets: offsets.as_deref().map(|o| (o, m.spec.offset_bits)),
        shifts: &shifts,
        bias: bias.as_deref(),
    });
    shard.programs.release(m.spec.program);
    Ok(written.map_err(Error::from).map(|program| QuantizedMatrix {
        spec: MatrixSpec { program, ..m.spec.clone() },
        acc_bits: m.acc_bits,
        tot_bits: m.tot_bits,
        shift_bits: m.shift_bits,
        lossless: m.lossless,
        relative_square_error: f64::from_bits(m.relative_square_error),
        coding: m.coding.clone(),
    }))
}

fn checked(checkpoint: &Checkpoint, options: &Options) -> Result<Run, Error> {
    let run = Run::of(checkpoint, options)?;
    let whole = |option, what: &str| Err(Error::option(option, format!("{what}; a shard knows only its own: compile in one run")));
    if run.plan.choice.quantizer == Quantizer::Gptq {
        return whole("quantizer", "gptq calibrates a matrix on what those before it have become");
    }
    if run.plan.choice.average_bits.is_some() {
        return whole("average-bits", "bits are shared out over all matrices");
    }
    Ok(run)
}

fn digest(checkpoint: &Checkpoint, tensor: &str) -> Result<String, Error> {
    Ok(checkpoint.tensor_digest(tensor)?.iter().map(|b| format!("{b:02x}")).collect())
}

/// Of what every shard of a run must agree on.
fn run_digest(checkpoint: &Checkpoint, plan: &Plan, formats: &Formats) -> String {
    let shape = checkpoint.shape();
    let said = format!("{} {shape:?} {plan:?} {formats:?} {}", env!("CARGO_PKG_VERSION"), checkpoint.is_rotated());
    hardwire_netlist::shard::digest(said.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_matrix_is_one_tasks() {
        let starts = [0u64, 10, 11, 500, 510, 990];
        for of in [1, 2, 3, 7, 100] {
            for first in starts {
                assert_eq!((1..=of).filter(|&index| Part { index, of }.takes(first, 1000)).count(), 1, "{first} of {of}");
            }
        }
        assert_eq!("3/16".parse(), Ok(Part { index: 3, of: 16 }));
        for bad in ["", "3", "0/4", "5/4", "a/b", "1/0", "1/65537"] {
            assert!(bad.parse::<Part>().unwrap_err().contains("expected"), "{bad}");
        }
    }
}
