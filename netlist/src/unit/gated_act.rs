//! GatedAct: the activation function of an MLP, times its gate (`docs/numerics.md`, section 8). Input ports: 0 gate, 1 up, where it has one.
//! Its module is `hw_gated_act`, `hw_swiglu`, `hw_relu2` or `hw_sigmoid`, behind `hw_hold` where the gate has to wait for up.

use super::fixed::Fixed;
use super::kind::{Around, Kind, Port, Working};
use crate::activity::events::Activity;
use crate::census::cells::{bit_length, compare, counter, cut, flops, gates, increment, interpolate, long_product, sram, table_rom};
use crate::census::counts::{Census, Module};
use crate::check::{equal, format, within, wrong};
use crate::error::Error;
use crate::tables::{Function, Tables};
use crate::width::table_bits;
use serde::{Deserialize, Serialize};

/// Bits of the share of the gate that a table gives: 0 to 2^20.
const SHARE: u64 = 21;
/// Its fractional bits.
const SHARE_FRACTION: i16 = 20;
/// Bits of a table's argument, and those of them between two entries.
const ARGUMENT: u64 = 16;
const ARGUMENT_FRACTION: u64 = 8;
/// Bits of the one that takes the place of an absent up.
const ONE: u64 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    Silu,
    /// GELU in its tanh form.
    GeluTanh,
    /// GELU by the error function.
    Gelu,
    /// The positive part, squared.
    Relu2,
    /// The share of SiLU itself: a gate between 0 and 1.
    Sigmoid,
    /// gpt-oss: gate and up limited, `(up + 1) * gate * sigmoid(alpha gate)`, alpha that of the tables.
    SwigluClamped {
        gate_limit: i32,
        up_limit: i32,
    },
}

impl Activation {
    /// The table of the share of `g` that the activation gives at `-|g|`, and the fractional bits of its argument; at `|g|` it is one less
    /// that share. `None`: no table.
    pub fn table(self) -> Option<(Function, i16)> {
        match self {
            Activation::Silu | Activation::Sigmoid => Some((Function::Sigmoid, 12)),
            Activation::GeluTanh => Some((Function::Gelu, 13)),
            Activation::Gelu => Some((Function::GeluErf, 13)),
            Activation::SwigluClamped { .. } => Some((Function::Swish, 12)),
            Activation::Relu2 => None,
        }
    }

    /// As people call it.
    pub fn title(self) -> &'static str {
        match self {
            Activation::Silu => "SiLU",
            Activation::GeluTanh => "GELU",
            Activation::Gelu => "GELU by the error function",
            Activation::Relu2 => "ReLU^2",
            Activation::Sigmoid => "sigmoid",
            Activation::SwigluClamped { .. } => "clamped SwiGLU",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GatedActSpec {
    pub activation: Activation,
    pub gate: Fixed,
    /// Format of port 1; `None` for an activation without a gate.
    pub up: Option<Fixed>,
    /// `shift` of section 8.
    pub shift: i16,
    /// The gate comes before up, which is computed of other things, and is kept until then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub holds: bool,
}

impl GatedActSpec {
    /// Fractional bits of the activation that is multiplied with up.
    pub fn act_frac(&self) -> i16 {
        if self.activation == Activation::Sigmoid { SHARE_FRACTION } else { self.gate.frac }
    }

    fn gate_bits(&self) -> u64 {
        u64::from(self.gate.bits)
    }

    fn up_bits(&self) -> u64 {
        self.up.map_or(ONE, |f| u64::from(f.bits))
    }

    fn up_frac(&self) -> i16 {
        self.up.map_or(0, |f| f.frac)
    }
}

impl Kind for GatedActSpec {
    fn name(&self) -> &'static str {
        "gated_act"
    }

    fn port_count(&self) -> usize {
        1 + usize::from(self.up.is_some())
    }

    fn port(&self, port: usize, around: &dyn Around) -> Port {
        let len = Some(around.out_len());
        match port {
            0 => Port { name: "gate", len, format: Some(self.gate) },
            _ => Port { name: "up", len, format: self.up },
        }
    }

    fn out_len(&self, around: &dyn Around) -> u32 {
        around.producer(0).map_or(0, |p| p.out_len)
    }

    fn check(&self, around: &dyn Around) -> Result<(), Error> {
        let path = around.path();
        format(path, "gate", self.gate)?;
        if let Some(up) = self.up {
            format(path, "up", up)?;
        }
        if let Activation::SwigluClamped { gate_limit, up_limit } = self.activation {
            let Some(up) = self.up else { return wrong(path, "up", "none", "a format: this activation has a gate") };
            within(path, "up.frac", up.frac, 0..=29)?;
            within(path, "activation.gate_limit", gate_limit, 0..=i32::MAX)?;
            within(path, "activation.up_limit", up_limit, 0..=i32::MAX - (1 << up.frac))?;
        }
        if self.holds && self.up.is_none() {
            return wrong(path, "holds", true, "false: there is no up to wait for");
        }
        let product = i32::from(self.act_frac()) + i32::from(self.up_frac());
        equal(path, "shift", i32::from(self.shift), product - i32::from(around.out().frac))
    }

    fn modules(&self, around: &dyn Around) -> Vec<Module> {
        let (tables, v, out) = (around.tables(), u64::from(around.lanes()), u64::from(around.out().bits));
        let (gate, up) = (self.gate_bits(), self.up_bits());
        let (name, census) = match (self.activation, self.activation.table()) {
            (Activation::SwigluClamped { .. }, Some((table, frac))) => {
                // Up, limited and one more.
                let raised = up.max(self.up_frac().max(0) as u64 + 1) + 1;
                let limited = (compare(gate) + gates(2 * gate)) + (compare(up).times(2) + gates(3 * up)) + increment(raised);
                let limited = limited + flops(gate + raised);
                ("hw_swiglu", by_table(self, tables, table, frac, v, raised, out) + limited.times(v) + flops(1))
            }
            (Activation::Sigmoid, Some((table, frac))) => ("hw_sigmoid", share_alone(self, tables, table, frac, v, up, out)),
            (_, Some((table, frac))) => ("hw_gated_act", by_table(self, tables, table, frac, v, up, out)),
            (_, None) => {
                // Neither the positive part nor its square has a sign.
                let positive = gate - 1;
                let square = long_product(positive, gate, true) + cut(2 * gate + 1, i64::from(self.gate.frac), gate);
                let lane = flops(2 * positive + 3 * up) + gates(gate) + square + scaled(self, positive, up, out);
                ("hw_relu2", lane.times(v) + flops(8))
            }
        };
        let mut modules = vec![Module::new(name, census)];
        if self.holds {
            modules.push(hold(u64::from(around.out_len()), gate, v));
        }
        modules
    }

    fn activity(&self, around: &dyn Around, _: &Working) -> Activity {
        let n = f64::from(around.out_len());
        let gate = f64::from(self.gate.bits);
        let kept = if self.holds { Activity::buffered(gate) } else { Activity::default() };
        // The gate times its share, or itself, or the share alone; the result times up.
        let (act, result) = match (self.activation, self.activation.table()) {
            (Activation::Sigmoid, _) => (Activity::default(), SHARE as f64),
            (_, Some(_)) => (Activity::product(1.0, gate, SHARE as f64), gate),
            (_, None) => (Activity::product(1.0, gate, gate), gate),
        };
        let gated = self.up.map_or(Activity::default(), |up| Activity::product(1.0, result, f64::from(up.bits)));
        (kept + act + gated).times(n)
    }
}

/// `hw_hold`: a vector that waits for another one, beat by beat.
pub(super) fn hold(len: u64, bits: u64, v: u64) -> Module {
    Module::new("hw_hold", sram(len * bits) + counter(2 * bit_length(len.div_ceil(v))) + flops(1) + gates(4))
}

/// `hw_gated_act`: gate and up travel beside the pipeline, five and seven stages.
fn by_table(s: &GatedActSpec, tables: &Tables, table: Function, argument_frac: i16, v: u64, up: u64, out: u64) -> Census {
    let gate = s.gate_bits();
    let shift = i64::from(s.gate.frac - argument_frac);
    let argument = increment(gate) + gates(if shift > 0 { 3 * gate } else { gate }) + cut(gate + 2, shift, ARGUMENT + 1);
    let argument = argument + flops(ARGUMENT + ARGUMENT_FRACTION);
    let share = interpolate(table_bits(&tables[table]), ARGUMENT_FRACTION) + flops(2 * SHARE) + increment(SHARE) + gates(2 * SHARE);
    let weighed = long_product(gate, SHARE + 1, true) + flops(gate);
    let lane = flops(5 * gate + 7 * up) + argument + share + weighed + scaled(s, gate, up, out);
    table_rom(&tables[table]) + lane.times(v) + flops(10)
}

/// `hw_sigmoid`: the share itself, times up, which travels beside the pipeline for five stages.
fn share_alone(s: &GatedActSpec, tables: &Tables, table: Function, argument_frac: i16, v: u64, up: u64, out: u64) -> Census {
    let gate = s.gate_bits();
    let shift = i64::from(s.gate.frac - argument_frac);
    let argument = increment(gate) + gates(if shift > 0 { 3 * gate } else { gate }) + cut(gate + 2, shift, ARGUMENT + 1);
    let argument = argument + flops(ARGUMENT + ARGUMENT_FRACTION);
    let share = interpolate(table_bits(&tables[table]), ARGUMENT_FRACTION) + flops(2 * SHARE + 5) + increment(SHARE) + gates(2 * SHARE);
    let scaled = long_product(SHARE + 1, up, true) + cut(SHARE + up + 2, i64::from(s.shift), out) + flops(out);
    table_rom(&tables[table]) + (flops(5 * up) + argument + share + scaled).times(v) + flops(8)
}

/// The product with up, rounded.
fn scaled(s: &GatedActSpec, gate: u64, up: u64, out: u64) -> Census {
    long_product(gate, up, true) + cut(gate + up + 1, i64::from(s.shift), out) + flops(out)
}
