//! `hw_row_feed` and `hw_bit_feed`: what feeds tiles and metal. `group` has the feed of group columns.

use crate::instance::Instance;
use crate::stream::FeedShape;
use hardwire_netlist::unit::RowFeedSpec;

/// Nets that a feed drives: port, what follows the unit's identifier, width.
pub type Nets = Vec<(&'static str, &'static str, u32)>;

/// Rows for tiles: the module with its parameters, and its nets.
pub fn rows(lanes: u32, s: &RowFeedSpec, f: &FeedShape, instance: &dyn Fn(&str, String) -> Instance) -> (Instance, Nets) {
    let what = format!("{} elements as {} rows of {} bands, {} bits", s.len, s.played_rows(), f.bands, f.act);
    let i = instance("hw_row_feed", what).param("V", lanes).param("LEN", s.len).param("IB", s.input.bits).param("A", f.act);
    let i = i.param("ROWS", s.rows).param("GROUP", s.group).param("PLAYED", s.played_rows()).param("BANDS", f.bands);
    let i = i.param("SUMS", u32::from(f.sums)).param("AB", f.sum_bits).param("RW", f.row_bits).param("WAITS", u32::from(s.waits));
    let row = [("row_valid", "_row_valid", 1), ("row", "_row", f.row_bits), ("row_end", "_row_end", 1), ("row_last", "_row_last", 1)];
    let all = [("a", "_a", f.bands * f.act), ("h", "_h", 5), ("asum", "_asum", f.bands * f.sum_bits)];
    (i, row.into_iter().chain(all).collect())
}

/// Planes of bits for metal: the module with its parameters, and its nets.
pub fn planes(lanes: u32, s: &RowFeedSpec, instance: &dyn Fn(&str, String) -> Instance) -> (Instance, Nets) {
    let i = instance("hw_bit_feed", format!("{} elements as {} planes", s.len, s.act_bits));
    let i = i.param("V", lanes).param("LEN", s.len).param("IB", s.input.bits).param("A", s.act_bits);
    let flags = [("plane_valid", "_plane_valid", 1), ("plane_first", "_plane_first", 1), ("plane_last", "_plane_last", 1)];
    (i, flags.into_iter().chain([("plane", "_plane", s.len), ("h", "_h", 5)]).collect())
}
