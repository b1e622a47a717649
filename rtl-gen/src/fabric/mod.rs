//! The fabrics in Verilog, a file each: the feed before a matrix, the matrix, and what prints a feed in simulation.

mod design;
mod group;
mod metal;
pub mod output;
mod tile;

pub use design::{Design, Feed};
pub use tile::{Widths, emit as emit_tiles};

use hardwire_netlist::unit::Fabric;

/// The list: what of them is here belongs to no other file.
pub fn design(fabric: Fabric) -> &'static dyn Design {
    match fabric {
        Fabric::Tile => &tile::Tile,
        Fabric::Metal => &metal::Metal,
        Fabric::Group => &group::Group,
    }
}
