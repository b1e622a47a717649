//! What a chip is made of: counted per unit from its parameters, summed, never estimated twice. Every kind of unit counts its library modules
//! in its own file (`unit/`), in the pieces of [`cells`]; `docs/calibration.md` holds every module against synthesis.

use crate::graph::{Netlist, UnitId};

pub mod cells;
pub mod counts;
pub mod matrix;

pub use counts::{Census, Module};

/// Counts of the silicon of one unit, with all that the layers which share it hold there.
pub fn unit(netlist: &Netlist, id: UnitId) -> Census {
    let site = netlist.site(id);
    let further = u64::from(netlist.rounds(site.unit().station)) - 1;
    let one: Census = modules(netlist, id).iter().map(|m| m.census.times(m.count)).sum();
    one + site.unit().kind.kind().own(&site).times(further)
}

/// The modules a unit is emitted as, with the counts of each for one layer.
pub fn modules(netlist: &Netlist, id: UnitId) -> Vec<Module> {
    let site = netlist.site(id);
    site.unit().kind.kind().modules(&site)
}

/// All that is built of a netlist.
pub fn total(netlist: &Netlist) -> Census {
    netlist.built_units().map(|(id, _)| unit(netlist, id)).sum()
}
