//! Streams between units as Verilog: what a consumer sees of one, and the widths that a row feed and its matrices share.

use crate::shape::{bits, ident, index_bits};
use hardwire_netlist::unit::RowFeedSpec;
use hardwire_netlist::{Chip, UnitId};

/// A stream as its consumer sees it: nets and width of an element.
pub struct Source {
    pub valid: String,
    pub data: String,
    pub bits: u32,
    /// The row feed, for a matrix.
    pub feed: Option<UnitId>,
}

/// Row-stream widths shared by a feed and its matrices.
pub struct FeedShape {
    pub bands: u32,
    pub act: u32,
    pub sum_bits: u32,
    pub row_bits: u32,
    pub sums: bool,
}

/// What a feed that waits plays after: the last beat of its Route's weights.
pub fn go(chip: &Chip, id: UnitId, s: &RowFeedSpec) -> String {
    let netlist = chip.netlist();
    if s.waits { format!("{}_last", ident(&netlist.unit(netlist.inputs(id)[1]).path)) } else { "1'b0".into() }
}

pub fn feed_shape(chip: &Chip, id: UnitId, s: &RowFeedSpec) -> FeedShape {
    let sums = chip.netlist().group_sums(id);
    let act = u32::from(s.act_bits);
    FeedShape { bands: s.k_tiles(), act, sum_bits: act + index_bits(s.group), row_bits: bits(s.played_rows()), sums }
}
