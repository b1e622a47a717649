//! What must hold of a chip before anything computes with it. A chip file comes from outside: whatever passes here can make no later
//! stage divide by zero, index past an end, overflow or run without end; each of them relies on it and checks nothing again.
//!
//! One file a subject, one small function a rule:
//!
//! | file | subject |
//! |---|---|
//! | `graph` | stations, units, ports: who feeds whom |
//! | `streams` | lengths and formats of the streams between units |
//! | `kinds` | parameters of each kind of unit |
//! | `experts` | routers, and who works for which expert |
//! | `matrix` | codes, codebooks, tiles, row feeds |
//! | `tables` | the function tables |
//! | `model` | the model, the process and the floorplan around the netlist |
//! | `program` | records, and values in `program.bin` |
//!
//! What is not checked again: that `acc_bits` and `tot_bits` are as narrow as the compiler proved from the codes. That would read
//! every code at each opening; the digest of `program.bin` answers for it. What the simulators need of them, that no sum leaves 62
//! bits, is checked.

mod experts;
mod graph;
mod kinds;
mod matrix;
mod model;
mod program;
mod streams;
mod tables;

pub(crate) use model::structure;
pub(crate) use program::{contents, shapes};

use crate::error::Error;
use crate::graph::Netlist;
use crate::unit::{Fixed, Unit};
use std::fmt::Display;
use std::ops::RangeInclusive;

/// Checks the netlist by itself. `Error::Structure` names the unit, the field and what was expected.
pub(crate) fn netlist(n: &Netlist) -> Result<(), Error> {
    whole(n)?;
    tables::contents(&n.tables)?;
    graph::paths(n)?;
    graph::stations(n)?;
    graph::ports(n)?;
    graph::hand_over(n)?;
    graph::ends(n)?;
    for (id, u) in n.units() {
        format(u, "out", u.out)?;
        kinds::parameters(n, u)?;
        streams::output(n, id)?;
        streams::inputs(n, id)?;
        matrix::feed(n, id)?;
    }
    experts::choices(n)
}

/// Most units of a chip; the largest known models need a few tens of thousands.
const MOST_UNITS: usize = 1 << 16;

fn whole(n: &Netlist) -> Result<(), Error> {
    if !(2..=1024).contains(&n.lanes) || !n.lanes.is_multiple_of(2) {
        return Err(named("netlist", "lanes", n.lanes, "an even number from 2 to 1024"));
    }
    if n.graph.node_count() > MOST_UNITS {
        return Err(named("netlist", "graph", format!("{} units", n.graph.node_count()), format!("at most {MOST_UNITS}")));
    }
    Ok(())
}

fn named(owner: &str, field: &str, found: impl Display, expected: impl Display) -> Error {
    Error::Structure { unit: owner.into(), what: format!("{field}: {found}, expected {expected}") }
}

fn wrong(u: &Unit, field: &str, found: impl Display, expected: impl Display) -> Result<(), Error> {
    Err(named(&u.path, field, found, expected))
}

fn within<T: PartialOrd + Display>(u: &Unit, field: &str, found: T, range: RangeInclusive<T>) -> Result<(), Error> {
    if range.contains(&found) { Ok(()) } else { wrong(u, field, found, format!("{} to {}", range.start(), range.end())) }
}

fn equal<T: PartialEq + Display>(u: &Unit, field: &str, found: T, expected: T) -> Result<(), Error> {
    if found == expected { Ok(()) } else { wrong(u, field, found, expected) }
}

/// Any stream: 2 to 32 bits. Fractional bits from -16 keep every shift of a 32-bit value by them inside 62 bits.
fn format(u: &Unit, field: &str, f: Fixed) -> Result<(), Error> {
    within(u, &format!("{field}.bits"), f.bits, 2..=32)?;
    within(u, &format!("{field}.frac"), f.frac, -16..=127)
}

fn same_format(u: &Unit, field: &str, found: Fixed, expected: Fixed) -> Result<(), Error> {
    let show = |f: Fixed| format!("{} bits with {} fractional", f.bits, f.frac);
    if found == expected { Ok(()) } else { wrong(u, field, show(found), show(expected)) }
}
