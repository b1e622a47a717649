//! Mix: the chosen experts' outputs, weighted and added (`docs/numerics.md`, section 10), `hw_mix`. Input ports: 0 the Route's weights, 1 and
//! up the experts' outputs; with a shared expert two more: its weight and its output.

use super::fixed::Fixed;
use super::gated_act::hold;
use super::kind::{Around, Kind, Port, Working};
use super::route::RouteSpec;
use crate::activity::events::Activity;
use crate::census::cells::{self, bit_length, cut, flops, gates, product};
use crate::census::counts::{Census, Module};
use crate::check::{format, same_format};
use crate::error::Error;
use crate::width::ceil_log;
use serde::{Deserialize, Serialize};

/// Bits of an expert's weight.
const WEIGHT: u64 = RouteSpec::OUT.bits as u64;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MixSpec {
    pub experts: u32,
    pub active: u32,
    /// Format of the experts' outputs, and of its own.
    pub input: Fixed,
    /// One more expert works on every token; its output comes before the others' and is kept until then, `hw_hold`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
}

impl MixSpec {
    /// Outputs that are weighed for a token.
    pub fn weighed(&self) -> u32 {
        self.active + u32::from(self.shared)
    }
}

impl Kind for MixSpec {
    fn name(&self) -> &'static str {
        "mix"
    }

    fn port_count(&self) -> usize {
        1 + self.experts as usize + if self.shared { 2 } else { 0 }
    }

    fn port(&self, port: usize, around: &dyn Around) -> Port {
        match port {
            0 => Port::new("weights", self.experts, RouteSpec::OUT),
            _ if self.shared && port == 1 + self.experts as usize => Port::new("shared weight", 1, RouteSpec::OUT),
            _ => Port::new("input", around.out_len(), self.input),
        }
    }

    fn out_len(&self, around: &dyn Around) -> u32 {
        around.producer(1).map_or(0, |p| p.out_len)
    }

    /// Its experts are checked beside the Route.
    fn check(&self, around: &dyn Around) -> Result<(), Error> {
        format(around.path(), "input", self.input)?;
        same_format(around.path(), "out", around.out(), self.input)
    }

    /// A crossbar, a product and a share of a sum for each chosen expert, in every lane.
    fn modules(&self, around: &dyn Around) -> Vec<Module> {
        let (e, k, bits) = (u64::from(self.experts) + u64::from(self.shared), u64::from(self.weighed()), u64::from(self.input.bits));
        let (v, out) = (u64::from(around.lanes()), u64::from(around.out().bits));
        let total = bits + WEIGHT + bit_length(k);
        // A crossbar, whose every crossing costs; two digits of a weight, whose products join the others' sum.
        let crossing = Census { mux2: 5 * e * bits / 8, ..Census::default() };
        let mut lane = (crossing + flops(bits) + product(bits, 10) + product(bits, 9) + flops(2 * bits + 19)).times(k);
        let mut left = 2 * k;
        for _ in 0..ceil_log(2 * self.weighed(), 8).max(1) {
            let (next, made) = cells::stage(left, 8, total);
            (left, lane) = (next, lane + made);
        }
        let mut modules = vec![Module::new("hw_mix", (lane + gates(3 * total) + cut(total, 16, out) + flops(out)).times(v) + flops(6))];
        modules.extend(self.shared.then(|| hold(u64::from(around.out_len()), bits, v)));
        modules
    }

    fn activity(&self, around: &dyn Around, _: &Working) -> Activity {
        let (n, active, bits) = (f64::from(around.out_len()), f64::from(self.weighed()), f64::from(self.input.bits));
        let picked = Activity { mux2_ops: active * bits, ..Activity::default() };
        let kept = if self.shared { Activity::buffered(bits) } else { Activity::default() };
        (Activity::product(active, bits, WEIGHT as f64) + picked + kept).times(n)
    }
}
