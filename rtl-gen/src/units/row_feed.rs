//! The feed before matrices, as their fabric wants it.

use crate::fabric;
use crate::shape::ident;
use crate::site::{Context, Site};
use hardwire_netlist::unit::RowFeedSpec;

pub fn site(c: &Context, s: &RowFeedSpec) -> Site {
    let design = fabric::design(s.fabric);
    let (i, drives) = design.feed(c, s);
    let i = c.stream(i.clocked(), "in_valid", "in_data", 0);
    let i = if design.feed_waits() { i.input("go", 1, go(c, s)) } else { i };
    let nets = drives.iter().map(|&(_, suffix, width)| (c.net(suffix), width)).collect();
    Site { instances: vec![c.drive(i, &drives)], nets, ovf: None }
}

/// What a feed that waits plays after: the last beat of its Route's weights.
fn go(c: &Context, s: &RowFeedSpec) -> String {
    let netlist = c.netlist();
    if s.waits { format!("{}_last", ident(&netlist.unit(netlist.inputs(c.id)[1]).path)) } else { "1'b0".into() }
}
