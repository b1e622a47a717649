//! `program.bin` against the units, in two steps: every record has its unit's shape, which reads nothing of the file; every scale,
//! offset, shift, bias and gain has its width, which reads them all.

use crate::chip::Structure;
use crate::error::Error;
use crate::program::{Ints, MatrixView, ProgramId, ProgramStore, Record, storage_bytes};
use crate::unit::Unit;
use crate::unit::fixed::greatest;
use crate::unit::kind::Stored;
use crate::unit::matrix::MatrixSpec;
use std::path::Path;

/// Magnitude that any sum of a matrix stays below: the simulators add in 64 bits and round with one more.
const MOST_SUM: u64 = 1 << 61;

/// Checks that every unit's program is there and has its shape; `path` is the program file, for messages.
pub(crate) fn shapes(s: &Structure, store: &ProgramStore, path: &Path) -> Result<(), Error> {
    each(s, path, |_, stored| match stored {
        Stored::Matrix { matrix: m, .. } => matrix(m, store),
        Stored::Values { program, len, .. } => vector(program, len, store),
    })
}

/// Checks the numbers of all programs, whose shapes are right.
pub(crate) fn contents(s: &Structure, store: &ProgramStore, path: &Path) -> Result<(), Error> {
    each(s, path, |u, stored| match stored {
        Stored::Matrix { matrix: m, act_bits } => numbers(u, m, act_bits, store),
        Stored::Values { program, most, .. } => values("gain", &store.gain(program), most),
    })
}

fn each(s: &Structure, path: &Path, check: impl Fn(&Unit, Stored<'_>) -> Result<(), Wrong>) -> Result<(), Error> {
    for (_, u) in s.netlist.units() {
        for stored in u.stored() {
            check(u, stored).map_err(|(field, what)| Error::format(path, format!("program of {}: {field}", u.path), what))?;
        }
    }
    Ok(())
}

type Wrong = (&'static str, String);

fn expect(field: &'static str, found: impl std::fmt::Display + PartialEq<u64>, expected: u64) -> Result<(), Wrong> {
    if found == expected { Ok(()) } else { Err((field, format!("{found}, expected {expected}"))) }
}

fn matrix(m: &MatrixSpec, store: &ProgramStore) -> Result<(), Wrong> {
    let Some(Record::Matrix { outputs, inputs, code_bits, groups, scale_bytes, offset_bytes, bias, .. }) =
        store.records().get(m.program.0 as usize)
    else {
        return Err(("program", format!("{} is no matrix of {}", m.program.0, store.records().len())));
    };
    let fields = [
        ("outputs", *outputs, m.outputs),
        ("inputs", *inputs, m.inputs),
        ("code_bits", u32::from(*code_bits), u32::from(m.code_bits)),
        ("groups", *groups, m.groups()),
    ];
    for (field, found, expected) in fields {
        expect(field, u64::from(found), u64::from(expected))?;
    }
    // Layers that share silicon have the widest of their mantissas; a layer's own may be stored in fewer bytes.
    for (field, found, bits) in [("scale_bytes", *scale_bytes, m.scale_bits), ("offset_bytes", *offset_bytes, m.offset_bits)] {
        if found > storage_bytes(bits) || (found == 0) != (bits == 0) {
            return Err((field, format!("{found}, expected {} at most", storage_bytes(bits))));
        }
    }
    expect("bias", bias.bytes, if m.bias { u64::from(m.outputs) * 4 } else { 0 })
}

fn numbers(u: &Unit, m: &MatrixSpec, act_bits: Option<u8>, store: &ProgramStore) -> Result<(), Wrong> {
    let view = store.matrix(m.program);
    values("shifts", &view.shifts, 127)?;
    values("scales", &view.scales, greatest(m.scale_bits))?;
    if let Some(o) = &view.offsets {
        values("offsets", o, greatest(m.offset_bits))?;
    }
    if let Some(b) = &view.bias {
        values("bias", b, u.out.max())?;
    }
    if let Some(bits) = act_bits {
        sums(m, &view, bits)?;
    }
    store.release(m.program);
    Ok(())
}

fn vector(id: ProgramId, len: u32, store: &ProgramStore) -> Result<(), Wrong> {
    match store.records().get(id.0 as usize) {
        Some(Record::Gain { values, .. }) => expect("bytes", values.bytes, u64::from(len) * 4),
        _ => Err(("program", format!("{} is no gain", id.0))),
    }
}

fn values(field: &'static str, ints: &Ints<'_>, most: i64) -> Result<(), Wrong> {
    match (0..ints.len()).map(|i| (i, i64::from(ints.get(i)))).find(|(_, v)| v.abs() > most) {
        Some((i, v)) => Err((field, format!("value {i} is {v}, expected at most {most} in magnitude"))),
        None => Ok(()),
    }
}

/// No sum of any row leaves 62 bits, whatever the activations: from the greatest codebook value, and only where that does not
/// settle it from the codes themselves.
fn sums(m: &MatrixSpec, view: &MatrixView<'_>, act_bits: u8) -> Result<(), Wrong> {
    let most = MOST_SUM / greatest(act_bits) as u64;
    let value = u64::from(m.max_value().unsigned_abs());
    for n in 0..m.outputs {
        let row = |inner: &dyn Fn(u32, u32) -> u64| {
            (0..m.groups()).fold(0u64, |sum, g| {
                let first = g * m.group;
                let end = first.saturating_add(m.group).min(m.inputs);
                let scaled = u64::from(view.scale(n, g).unsigned_abs()).saturating_mul(inner(first, end));
                let offset = u64::from(view.offset(n, g).unsigned_abs()).saturating_mul(u64::from(end - first));
                sum.saturating_add(scaled).saturating_add(offset)
            })
        };
        if row(&|first, end| u64::from(end - first) * value) >= most {
            let code = |k| u64::from(m.codebook[usize::from(view.code(n, k))].unsigned_abs());
            if row(&|first, end| (first..end).map(code).sum()) >= most {
                return Err(("scales", format!("the sums of output {n} need more than 62 bits, expected at most 62")));
            }
        }
    }
    Ok(())
}
