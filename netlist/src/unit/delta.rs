//! Gated delta rule (`docs/numerics.md`, section 11), `hw_delta` with `hw_delta_head`: a matrix of state for each value head and user, which a
//! token reads once and writes once. Input ports: 0 queries, 1 keys, 2 values, 3 decay, 4 step.

use super::attention::MOST_USERS;
use super::decay::DecaySpec;
use super::fixed::Fixed;
use super::kind::{Around, Kind, Memory, Port, Working};
use crate::activity::events::Activity;
use crate::census::cells::{bit_length, clamp, counter, cut, flops, gates, limit, long_product, mux, product, sram, stages, sum, tree};
use crate::census::counts::{Census, Module};
use crate::check::{MOST_ELEMENTS, format, whole_beats, within, wrong};
use crate::error::Error;
use serde::{Deserialize, Serialize};

/// Bits of a decay as it multiplies the state.
const DECAY: u64 = 21;
/// Guard bits of the read-out's parts under the output's last.
const GUARD: i16 = 6;
/// Bits of a read-out's part.
const PART: u64 = 32;
/// Most bits of an element of a query or a key.
const MOST_KEY_BITS: u8 = 18;
/// Fewest cycles between the last beat given out and the first that comes of the next token's decays and keys, whatever the model: a norm of
/// every head, a gate, a matrix, an adder, then a norm, a matrix and a decay (`docs/microarchitecture.md`); heads and beats left out.
const TURN: u32 = 64;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeltaSpec {
    pub key_heads: u32,
    pub value_heads: u32,
    pub key_dim: u32,
    pub value_dim: u32,
    /// Sequences the state is kept for.
    pub users: u32,
    /// Format of the state.
    pub state: Fixed,
    pub q: Fixed,
    pub k: Fixed,
    pub v: Fixed,
}

impl DeltaSpec {
    /// Steps from 0 to 1.
    pub const STEP: Fixed = Fixed { bits: 18, frac: 16 };

    pub fn keys(&self) -> u32 {
        self.key_heads * self.key_dim
    }

    pub fn values(&self) -> u32 {
        self.value_heads * self.value_dim
    }

    /// State of one user, bits.
    pub fn state_bits(&self) -> u64 {
        u64::from(self.values()) * u64::from(self.key_dim) * u64::from(self.state.bits)
    }

    /// Fractional bits of the read-out's parts, for an output of so many.
    pub fn part_frac(out: Fixed) -> i16 {
        out.frac + GUARD
    }

    /// Guard bits that the output rounds away.
    pub fn guard() -> u8 {
        GUARD as u8
    }

    /// Shift of what the state holds for a query, and of what is new to it, to the read-out's parts.
    pub fn part_shift(&self, out: Fixed) -> i16 {
        self.q.frac + self.state.frac - DeltaSpec::part_frac(out)
    }

    /// Bits of a sum over a key's elements of products with numbers of `bits`.
    pub fn sum_bits(&self, bits: u8) -> u32 {
        u32::from(self.q.bits.max(self.k.bits)) + u32::from(bits) + (32 - (self.key_dim - 1).leading_zeros())
    }
}

impl Kind for DeltaSpec {
    fn name(&self) -> &'static str {
        "delta"
    }

    fn port_count(&self) -> usize {
        5
    }

    fn port(&self, port: usize, _: &dyn Around) -> Port {
        match port {
            0 => Port::new("q", self.keys(), self.q),
            1 => Port::new("k", self.keys(), self.k),
            2 => Port::new("v", self.values(), self.v),
            3 => Port::new("decay", self.value_heads, DecaySpec::OUT),
            _ => Port::new("step", self.value_heads, DeltaSpec::STEP),
        }
    }

    fn out_len(&self, _: &dyn Around) -> u32 {
        self.values()
    }

    fn check(&self, around: &dyn Around) -> Result<(), Error> {
        let path = around.path();
        for (field, f) in [("q", self.q), ("k", self.k), ("v", self.v), ("state", self.state)] {
            format(path, field, f)?;
        }
        within(path, "key_heads", self.key_heads, 1..=MOST_ELEMENTS)?;
        within(path, "value_heads", self.value_heads, self.key_heads..=MOST_ELEMENTS)?;
        if !self.value_heads.is_multiple_of(self.key_heads) {
            return wrong(path, "key_heads", self.key_heads, format!("a divisor of {} value heads", self.value_heads));
        }
        for (field, dim, heads) in [("key_dim", self.key_dim, self.key_heads), ("value_dim", self.value_dim, self.value_heads)] {
            within(path, field, dim, 1..=1 << 13)?;
            within(path, "heads times their size", u64::from(dim) * u64::from(heads), 1..=u64::from(MOST_ELEMENTS))?;
            whole_beats(path, field, dim, around.lanes())?;
        }
        within(path, "users", self.users, 1..=MOST_USERS)?;
        within(path, "state.bits", self.state.bits, 8..=32)?;
        within(path, "state.frac", self.state.frac, -16..=40)?;
        for (field, f) in [("q", self.q), ("k", self.k)] {
            within(path, &format!("{field}.bits"), f.bits, 2..=MOST_KEY_BITS)?;
        }
        within(path, "q.frac", self.q.frac, 1..=30)?;
        // Decays have 20 fractional bits, and the products with a key, whose elements are less than 2, join theirs.
        within(path, "k.frac", self.k.frac, i16::from(self.k.bits).saturating_sub(2).max(1)..=20)?;
        within(path, "v.frac less state.frac", self.v.frac - self.state.frac, -30..=30)?;
        within(path, "out.frac", self.part_shift(around.out()), 1..=60)?;
        // The next token's keys come when the state has been written.
        let most = TURN + self.value_heads + self.values().div_ceil(around.lanes());
        within(path, "key_dim", self.key_dim, 1..=most)
    }

    fn modules(&self, around: &dyn Around) -> Vec<Module> {
        let (v, out) = (u64::from(around.lanes()), u64::from(around.out().bits));
        vec![Module::new("hw_delta", heads(self, v) + middle(self, v, out))]
    }

    fn own(&self, _: &dyn Around) -> Census {
        sram(self.state_bits() * u64::from(self.users))
    }

    fn memory(&self) -> Option<Memory> {
        let bits = self.state_bits().saturating_mul(u64::from(self.users));
        Some(Memory { users: self.users, bits, rewinds: false })
    }

    fn activity(&self, _: &dyn Around, _: &Working) -> Activity {
        let state = self.state_bits() as f64;
        let elements = f64::from(self.values()) * f64::from(self.key_dim);
        let (w, q, k) = (f64::from(self.state.bits), f64::from(self.q.bits), f64::from(self.k.bits));
        // Read for the prediction and the read-out; read again, decayed, joined by what is new, and written.
        let total = f64::from(self.sum_bits(self.state.bits));
        let adds = w * (k + q) + 2.0 * total + w * (DECAY as f64 + k) + 2.0 * (w + DECAY as f64);
        let column = Activity::product(4.0, w, DECAY as f64).times(f64::from(self.values()));
        Activity {
            sram_bits_read: 2.0 * state,
            sram_bits_written: state,
            full_adder_ops: elements * adds,
            flop_cycles: elements * 2.0 * (2.0 * (w + DECAY as f64) + total),
            ..Activity::default()
        } + column
    }
}

/// A column of the state: two products a cycle, which in the first pass join two sums, in the second one another.
fn heads(s: &DeltaSpec, v: u64) -> Census {
    let (w, q, k) = (u64::from(s.state.bits), u64::from(s.q.bits), u64::from(s.k.bits));
    let total = u64::from(s.sum_bits(s.state.bits));
    let first = long_product(w, k, false) + flops(w + k) + gates(2 * w) + flops(w + k);
    let second = long_product(w, DECAY.max(q), false) + flops(w + DECAY) + gates(2 * DECAY) + flops(w + DECAY);
    // Both sums are registers that move on by a beat, and what is written comes in behind them.
    let sums = (sum(total) + gates(total) + flops(total)).times(2) + stages(2, total) + flops(w) + stages(1, w);
    let next = sum(w + DECAY + 2) + flops(w + DECAY + 2) + cut(w + DECAY + 2, 20, w) + flops(w) + gates(w);
    let column = first + second + sums + next;
    // Elements of queries and keys: kept in order, one of each head a cycle; and their own product.
    let kept = |heads: u64, dim: u64, bits: u64| (flops(dim * bits) + mux(dim, bits) + flops(2 * bits)).times(heads);
    let (heads, dim) = (u64::from(s.key_heads), u64::from(s.key_dim));
    let own = (product(q, k) + flops(q + k) + sum(u64::from(s.sum_bits(s.k.bits))) + flops(u64::from(s.sum_bits(s.k.bits)))).times(heads);
    let scalars = flops((DECAY + u64::from(DeltaSpec::STEP.bits)) * u64::from(s.value_heads));
    column.times(u64::from(s.values()))
        + kept(heads, dim, q)
        + kept(heads, dim, k)
        + own
        + scalars
        + sram(s.state_bits() * u64::from(s.users) + u64::from(s.values()) * u64::from(s.v.bits))
        + gates(4 * v)
}

/// Between the passes, a beat of columns a cycle: the error, the step, the read-out.
fn middle(s: &DeltaSpec, v: u64, out: u64) -> Census {
    let (w, step) = (u64::from(s.state.bits), u64::from(DeltaSpec::STEP.bits));
    let total = u64::from(s.sum_bits(s.state.bits));
    let heads = u64::from(s.value_heads);
    let lane = cut(total, i64::from(s.k.frac), w)
        + flops(w)
        + long_product(w, DECAY + 1, true)
        + limit(w + 2, w)
        + flops(2 * w)
        + long_product(w, step, true)
        + clamp(w + 2, w)
        + flops(w)
        + cut(total, 8, PART)
        + flops(PART)
        + long_product(PART, DECAY + 1, true)
        + long_product(w, u64::from(s.q.bits) + 2, true)
        + tree(2, PART + 2)
        + flops(6 * PART)
        + cut(PART + 2, i64::from(GUARD), out)
        + flops(out)
        + mux(heads, DECAY + step);
    let beats = bit_length(u64::from(s.values()).div_ceil(v));
    lane.times(v) + counter(2 * beats + 3 * bit_length(u64::from(s.key_dim))) + flops(40) + gates(120)
}
