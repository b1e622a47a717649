//! How matrices are realised: a fabric a file, with everything the netlist says of it.
//!
//! [`Fabric`] is the one list. Each has a [`Design`] in a file of its own: shape of its array, order of its bits in ROM, grid of its
//! cells, what its row feed plays, validation, census and activity. What its Verilog is and when it is done are in `rtl-gen` and `sim`, a file
//! each.

pub(crate) mod design;
mod feed;
pub(crate) mod fold;
pub mod group;
pub(crate) mod list;
pub mod metal;
mod output;
pub(crate) mod shape;
pub(crate) mod table;
pub(crate) mod tile;

pub use design::Limits;
pub use list::Fabric;
pub use shape::TileShape;
