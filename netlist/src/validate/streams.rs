//! Lengths and formats: what a unit says of its streams is what its producers give and what it computes; a matrix is as its feed plays.

use crate::check::{equal, same_format, wrong};
use crate::error::Error;
use crate::graph::{Netlist, UnitId};
use crate::unit::UnitKind;

/// `out_len` is what the unit gives out.
pub(super) fn output(n: &Netlist, id: UnitId) -> Result<(), Error> {
    let u = n.unit(id);
    equal(&u.path, "out_len", u.out_len, u.kind.kind().out_len(&n.site(id)))
}

/// Length and, where the unit states it, format of every input.
pub(super) fn inputs(n: &Netlist, id: UnitId) -> Result<(), Error> {
    let u = n.unit(id);
    for (number, from) in n.inputs(id).into_iter().enumerate() {
        let (producer, port) = (n.unit(from), u.kind.kind().port(number, &n.site(id)));
        if let Some(len) = port.len.filter(|&len| len != producer.out_len) {
            let given = format!("{}, as {} gives", producer.out_len, producer.path);
            return wrong(&u.path, port.name, format!("{len} elements"), given);
        }
        if let Some(f) = port.format {
            same_format(&u.path, port.name, f, producer.out)?;
        }
    }
    Ok(())
}

/// A matrix is as its feed plays: the same activations, bands and groups.
pub(super) fn feed(n: &Netlist, id: UnitId) -> Result<(), Error> {
    let u = n.unit(id);
    let UnitKind::Mvm(s) = &u.kind else { return Ok(()) };
    let from = n.unit(n.inputs(id)[0]);
    let UnitKind::RowFeed(f) = &from.kind else { return wrong(&u.path, "inputs", &from.path, "a row feed") };
    equal(&u.path, "act_bits", s.act_bits, f.act_bits)?;
    equal(&u.path, "fabric", s.fabric.name(), f.fabric.name())?;
    equal(&u.path, "rows", s.shape.rows, f.rows)?;
    equal(&u.path, "matrix.group", s.matrix.group.min(f.rows), f.group)
}
