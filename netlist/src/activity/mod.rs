//! What a token makes a chip do: counted events, whose costs are in the chip's [`Technology`]. Every kind of unit counts its own in its own
//! file (`unit/`).

use crate::census;
use crate::graph::{Netlist, UnitId};
use crate::technology::Technology;
use crate::unit::kind::Working;

pub mod events;

pub use events::{Activity, TOGGLE};

/// Events of one unit for the token at `position` of a sequence; of an expert's unit, those times the share of tokens it works on.
/// `technology` gives the areas that wires must cross.
pub fn unit(netlist: &Netlist, technology: &Technology, id: UnitId, position: u32) -> Activity {
    let u = netlist.unit(id);
    let census = census::unit(netlist, id);
    let area_um2 = technology.area_um2(&census);
    let mut all = u.kind.kind().activity(&netlist.site(id), &Working { position, census, area_um2 });
    // Every unit hands its output over about its own width.
    let side_mm = area_um2.sqrt() * 1e-3;
    all.wire_bit_mm += f64::from(u.out_len) * f64::from(u.out.bits) * side_mm * TOGGLE;
    all.times(netlist.duty(id))
}
