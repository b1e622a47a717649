//! What must hold of a chip before anything computes with it. A chip file comes from outside: whatever passes here can make no later
//! stage divide by zero, index past an end, overflow or run without end; each of them relies on it and checks nothing again.
//!
//! What must hold of a unit taken alone is in its kind's file (`unit/`, [`Kind::check`](crate::unit::Kind::check)), of a function table in `tables`. Here is what must
//! hold between them; one file a subject, one small function a rule:
//!
//! | file | subject |
//! |---|---|
//! | `graph` | stations, units, ports: who feeds whom |
//! | `streams` | lengths and formats of the streams between units; row feeds and their matrices |
//! | `experts` | routers, and who works for which expert |
//! | `ring` | stations that share silicon |
//! | `model` | the model, the process and the floorplan around the netlist |
//! | `program` | records, and values in `program.bin` |
//!
//! What is not checked again: that `acc_bits` and `tot_bits` are as narrow as the compiler proved from the codes. That would read
//! every code at each opening; the digest of `program.bin` answers for it. What the simulators need of them, that no sum leaves 62
//! bits, is checked.

mod experts;
mod graph;
mod model;
mod program;
mod ring;
mod streams;

pub(crate) use model::structure;
pub(crate) use program::{contents, shapes};
pub(crate) use ring::difference;

use crate::check::{format, named};
use crate::error::Error;
use crate::graph::Netlist;

/// Most units of a chip; Qwen3-Next, with 512 experts in each of 48 layers, has 125 thousand.
const MOST_UNITS: usize = 1 << 18;

impl Netlist {
    /// Checks what every later stage relies on.
    ///
    /// # Errors
    /// `Error::Structure` names the unit, the field and what was expected.
    pub fn validate(&self) -> Result<(), Error> {
        whole(self)?;
        self.tables.check()?;
        graph::paths(self)?;
        graph::stations(self)?;
        graph::ports(self)?;
        graph::hand_over(self)?;
        graph::ends(self)?;
        for (id, u) in self.units() {
            format(&u.path, "out", u.out)?;
            u.kind.kind().check(&self.site(id))?;
            streams::output(self, id)?;
            streams::inputs(self, id)?;
            streams::feed(self, id)?;
        }
        experts::choices(self)?;
        ring::alike(self)
    }
}

fn whole(n: &Netlist) -> Result<(), Error> {
    if !(2..=1024).contains(&n.lanes) || !n.lanes.is_multiple_of(2) {
        return Err(named("netlist", "lanes", n.lanes, "an even number from 2 to 1024"));
    }
    if n.graph.node_count() > MOST_UNITS {
        return Err(named("netlist", "graph", format!("{} units", n.graph.node_count()), format!("at most {MOST_UNITS}")));
    }
    Ok(())
}
