//! Route: the choice of experts (`docs/numerics.md`, section 10), `hw_route`. Input: the router's logits. Output: a weight an expert.

use super::fixed::Fixed;
use super::kind::{Around, Kind, Port, Working};
use crate::activity::events::Activity;
use crate::census::cells::{
    bit_length, compare, contest, counter, cut, flops, gates, interpolate, length, long_product, long_product_by, mux, round_down, select,
    stages, sum, table_rom,
};
use crate::census::counts::{Census, Module};
use crate::check::{SCORE_MANTISSA, format, same_format, within};
use crate::error::Error;
use crate::tables::Function;
use crate::width::{ceil_log, index_bits, table_bits};
use serde::{Deserialize, Serialize};

/// Most experts of a router: each is a port of its Mix.
const MOST_EXPERTS: u32 = 1024;
/// Bits of a share, and of an expert's weight.
const SHARE: u64 = 21;
const WEIGHT: u64 = RouteSpec::OUT.bits as u64;
/// Bits of the constant that makes a score of a logit.
const MANTISSA: u64 = 16;

/// The choice of experts (section 10).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RouteSpec {
    pub experts: u32,
    /// Experts chosen for a token.
    pub active: u32,
    /// The weights are shares of all experts' sum, not of the chosen ones'.
    pub of_all: bool,
    /// Format of the logits.
    pub logits: Fixed,
    /// `c` and `kc`.
    pub score_mantissa: u32,
    pub score_shift: i32,
}

impl RouteSpec {
    /// Format of the weights.
    pub const OUT: Fixed = Fixed { bits: 18, frac: 16 };
}

impl Kind for RouteSpec {
    fn name(&self) -> &'static str {
        "route"
    }

    fn port(&self, _: usize, _: &dyn Around) -> Port {
        Port::new("logits", self.experts, self.logits)
    }

    fn out_len(&self, _: &dyn Around) -> u32 {
        self.experts
    }

    fn check(&self, around: &dyn Around) -> Result<(), Error> {
        let path = around.path();
        format(path, "logits", self.logits)?;
        within(path, "experts", self.experts, 1..=MOST_EXPERTS)?;
        within(path, "active", self.active, 1..=self.experts)?;
        within(path, "score_mantissa", self.score_mantissa, SCORE_MANTISSA)?;
        within(path, "score_shift", self.score_shift, -511..=511)?;
        same_format(path, "out", around.out(), RouteSpec::OUT)
    }

    /// All logits in registers, a tree that compares four a stage, then one exponential and one reciprocal for expert after expert.
    fn modules(&self, around: &dyn Around) -> Vec<Module> {
        let (e, k, bits) = (u64::from(self.experts), u64::from(self.active), u64::from(self.logits.bits));
        let (tables, v) = (around.tables(), u64::from(around.lanes()));
        let index = u64::from(index_bits(self.experts));
        let (exp2, recip) = (table_bits(&tables[Function::Exp2]), table_bits(&tables[Function::Recip]));
        let beats = e.div_ceil(v);
        // Stage 0: the logits, and which are free.
        let meeting = |stage: u64| compare(bits) + select(bits + index.min(2 * stage)) + gates(4);
        let rounds = flops(e * (bits + 1)) + gates(2 * e) + contest(e, ceil_log(self.experts, 4).max(1), bits + index + 1, meeting);
        let total = SHARE + bit_length(e);
        let size = bit_length(total + 1);
        let item = bit_length(if self.of_all { k + e } else { k });
        let product = long_product_by(bits, u64::from(self.score_mantissa), true) + cut(bits + 18, i64::from(self.score_shift), 32);
        let score = mux(e, bits) + flops(index + bits) + product + flops(2 * 32);
        let distance = sum(33) + gates(20) + flops(7 + 2 * 9 + 4 * 5);
        let shift = stages(5, SHARE + 1) + gates(SHARE) + flops(SHARE);
        let share = score + distance + interpolate(exp2, 9) + flops(u64::from(exp2.0)) + shift + sum(total) + flops(2 * total);
        let reciprocal = length(total - 16) + stages(size - 1, 24) + flops(size + 15 + 7) + interpolate(recip, 7) + flops(WEIGHT);
        let weigh = mux(k, SHARE) + long_product(SHARE + 1, WEIGHT, false) + flops(40) + round_down(40, size + 1, WEIGHT);
        // What stands until the next token: who was chosen, their powers and weights, and every expert's weight.
        let kept = flops(e + k * (index + SHARE + WEIGHT) + e * WEIGHT) + gates(2 * e + 2 * k);
        let given = (mux(beats, WEIGHT) + flops(WEIGHT)).times(v);
        let all: Census = table_rom(&tables[Function::Exp2])
            + table_rom(&tables[Function::Recip])
            + rounds
            + share
            + reciprocal
            + weigh
            + kept
            + given
            + flops(9 * item + 31)
            + counter(2 * bit_length(beats) + 4 * bit_length(k) + item);
        vec![Module::new("hw_route", all)]
    }

    /// Every round compares all logits; then an exponential for each share and a product for each weight.
    fn activity(&self, _: &dyn Around, _: &Working) -> Activity {
        let (e, k, bits) = (f64::from(self.experts), f64::from(self.active), f64::from(self.logits.bits));
        let shares = if self.of_all { e + k } else { k };
        let rounds = Activity {
            full_adder_ops: k * e * bits,
            mux2_ops: k * e * bits,
            // The logits come in, and half of a tree's entries are replaced in a round.
            flop_cycles: e * bits + k * e * bits / 2.0,
            ..Activity::default()
        };
        Activity::product(1.0, bits, MANTISSA as f64).times(shares) + Activity::product(1.0, SHARE as f64, WEIGHT as f64).times(k) + rounds
    }
}
