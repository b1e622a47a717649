//! Streams between units as Verilog: what a consumer sees of one.

use hardwire_netlist::UnitId;

/// A stream as its consumer sees it: nets and width of an element.
pub struct Source {
    pub valid: String,
    pub data: String,
    pub bits: u32,
    /// The row feed, for a matrix.
    pub feed: Option<UnitId>,
}
