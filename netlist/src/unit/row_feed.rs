//! RowFeed: quantizes a vector and feeds it to the matrices that take it (`docs/numerics.md`, section 5), a row stream from `hw_row_feed` or a
//! bit stream from `hw_bit_feed`. Input port 1, where it waits: the Route (section 10).

use super::fixed::Fixed;
use super::kind::{Around, Kind, Port, Working};
use crate::activity::events::Activity;
use crate::census::counts::Module;
use crate::check::{ACT_BITS, equal, format, within};
use crate::error::Error;
use crate::fabric::design::Feed;
use crate::fabric::list::Fabric;
use crate::unit::matrix::MOST;
use serde::{Deserialize, Serialize};

/// Multiplexer stages of the shift to an activation.
const SHIFT_STAGES: f64 = 5.0;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowFeedSpec {
    pub len: u32,
    pub input: Fixed,
    pub act_bits: u8,
    /// Inputs of a tile of the matrices it feeds.
    pub rows: u32,
    /// Rows between scale captures: `min(group, rows)` of the matrices it feeds.
    pub group: u32,
    /// Fabric of the matrices it feeds: it says what is played.
    pub fabric: Fabric,
    /// Keeps its rows until the Route on port 1 has chosen the experts that take them.
    pub waits: bool,
}

impl RowFeedSpec {
    /// As its fabric sees it.
    fn played(&self) -> Feed {
        let RowFeedSpec { len, input, act_bits, rows, group, waits, .. } = *self;
        Feed { len, input, act_bits, rows, group, waits }
    }

    pub fn k_tiles(&self) -> u32 {
        self.played().k_tiles()
    }

    /// Rows played: whole groups of the longest band.
    pub fn played_rows(&self) -> u32 {
        self.played().played_rows()
    }

    /// Cycles its output lasts.
    pub fn played_cycles(&self) -> u32 {
        self.fabric.design().played_cycles(&self.played())
    }
}

impl Kind for RowFeedSpec {
    fn name(&self) -> &'static str {
        "row_feed"
    }

    fn port_count(&self) -> usize {
        1 + usize::from(self.waits)
    }

    fn port(&self, port: usize, _: &dyn Around) -> Port {
        match port {
            0 => Port::new("input", self.len, self.input),
            // The experts of a Route are checked beside it.
            _ => Port { name: "route", len: None, format: None },
        }
    }

    fn out_len(&self, _: &dyn Around) -> u32 {
        self.len
    }

    fn check(&self, around: &dyn Around) -> Result<(), Error> {
        let path = around.path();
        format(path, "input", self.input)?;
        within(path, "len", self.len, 1..=MOST)?;
        within(path, "act_bits", self.act_bits, ACT_BITS)?;
        within(path, "rows", self.rows, 1..=MOST)?;
        within(path, "group", self.group, 1..=self.rows)?;
        self.fabric.design().validate_feed(path, &self.played())?;
        equal(path, "out.frac", around.out().frac, self.input.frac)
    }

    fn modules(&self, around: &dyn Around) -> Vec<Module> {
        let v = u64::from(around.lanes());
        vec![self.fabric.design().feed_module(&self.played(), v, around.group_sums())]
    }

    /// Every element waits for the greatest, then is shifted and rounded.
    fn activity(&self, _: &dyn Around, _: &Working) -> Activity {
        let (bits, act) = (f64::from(self.input.bits), f64::from(self.act_bits));
        let one = Activity {
            full_adder_ops: bits + act,
            mux2_ops: bits * SHIFT_STAGES,
            flop_cycles: 2.0 * (bits + act),
            ..Activity::buffered(bits)
        };
        one.times(f64::from(self.len))
    }
}
