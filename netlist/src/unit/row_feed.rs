//! RowFeed: quantizes a vector and feeds it to the matrices that take it (`docs/numerics.md`, section 5), a row stream from `hw_row_feed` or a
//! bit stream from `hw_bit_feed`. Input port 1, where it waits: the Route (section 10).

use super::fixed::Fixed;
use super::kind::{Around, Kind, Port, Working};
use crate::activity::events::Activity;
use crate::census::counts::Module;
use crate::census::feed;
use crate::check::{ACT_BITS, equal, format, within, wrong};
use crate::error::Error;
use crate::unit::matrix::MOST;
use serde::{Deserialize, Serialize};

/// Multiplexer stages of the shift to an activation.
const SHIFT_STAGES: f64 = 5.0;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowFeedSpec {
    pub len: u32,
    pub input: Fixed,
    pub act_bits: u8,
    /// R of the matrices it feeds; the whole vector where bits are played.
    pub rows: u32,
    /// Rows between scale captures: `min(group, rows)` of the matrices it feeds.
    pub group: u32,
    #[serde(default)]
    pub play: Play,
    /// Keeps its rows until the Route on port 1 has chosen the experts that take them.
    pub waits: bool,
}

/// How a vector enters its matrices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Play {
    /// A row of every K-tile band a cycle: for tiles.
    #[default]
    Rows,
    /// A bit of every element a cycle, the sign first: for metal embedding.
    Bits,
}

impl RowFeedSpec {
    pub fn k_tiles(&self) -> u32 {
        self.len.div_ceil(self.rows)
    }

    /// Rows played: whole groups of the longest band.
    pub fn played_rows(&self) -> u32 {
        self.len.min(self.rows).div_ceil(self.group) * self.group
    }

    /// Cycles its output lasts.
    pub fn played_cycles(&self) -> u32 {
        match self.play {
            Play::Rows => self.played_rows(),
            Play::Bits => u32::from(self.act_bits),
        }
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
        match self.play {
            Play::Bits => {
                equal(path, "rows", self.rows, self.len)?;
                // Planes of bits are not kept for a choice of experts.
                equal(path, "waits", self.waits, false)?;
                within(path, "group", self.group, 1..=self.rows)?;
            }
            Play::Rows => {
                within(path, "rows", self.rows, 1..=1 << 16)?;
                within(path, "group", self.group, 1..=self.rows)?;
                if !self.rows.is_multiple_of(self.group) {
                    return wrong(path, "rows", self.rows, format!("a multiple of the group of {}", self.group));
                }
            }
        }
        equal(path, "out.frac", around.out().frac, self.input.frac)
    }

    fn modules(&self, around: &dyn Around) -> Vec<Module> {
        let v = u64::from(around.lanes());
        match self.play {
            Play::Bits => vec![Module::new("hw_bit_feed", feed::bits_out(self, v))],
            Play::Rows => vec![Module::new("hw_row_feed", feed::rows(self, v, around.group_sums()))],
        }
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
