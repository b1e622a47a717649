//! Argmax: the greatest logit, and the few greatest of them (`docs/numerics.md`, section 8): `hw_argmax` and `hw_topk`. Last station only.

use super::kind::{Around, Kind, Port, Working};
use crate::activity::events::Activity;
use crate::census::cells::{bit_length, compare, contest, counter, flops, gates, mux, select};
use crate::census::counts::{Census, Module};
use crate::error::Error;
use crate::width::{TOP_K, ceil_log, index_bits};

/// An Argmax has no parameters.
#[derive(Clone, Copy, Debug)]
pub struct ArgmaxSpec;

impl Kind for ArgmaxSpec {
    fn name(&self) -> &'static str {
        "argmax"
    }

    /// The chip's vocabulary is checked beside its model.
    fn port(&self, _: usize, _: &dyn Around) -> Port {
        Port { name: "input", len: None, format: None }
    }

    fn out_len(&self, _: &dyn Around) -> u32 {
        1
    }

    fn check(&self, _: &dyn Around) -> Result<(), Error> {
        Ok(())
    }

    fn modules(&self, around: &dyn Around) -> Vec<Module> {
        let (len, bits) = logits(around);
        let v = u64::from(around.lanes());
        vec![Module::new("hw_argmax", argmax(len, bits, v)), Module::new("hw_topk", top_k(len, bits, v))]
    }

    /// Every logit meets another once.
    fn activity(&self, around: &dyn Around, _: &Working) -> Activity {
        let (len, bits) = logits(around);
        Activity { full_adder_ops: f64::from(len) * bits as f64, ..Activity::default() }
    }
}

/// How many logits there are, and their bits.
fn logits(around: &dyn Around) -> (u32, u64) {
    around.producer(0).map_or((1, 32), |p| (p.out_len, u64::from(p.out.bits)))
}

/// A tree that compares four a stage, and the best so far.
fn argmax(len: u32, bits: u64, v: u64) -> Census {
    let index = u64::from(index_bits(len));
    let levels = ceil_log(v as u32, 4).max(1);
    // Indices of one beat differ in their lowest bits.
    let tree = contest(v, levels, bits + index, |level| compare(bits) + select(bits + index.min(2 * level)));
    let so_far = compare(bits) + select(bits + index) + flops(bits + index + 1);
    tree + so_far + flops(3 * u64::from(levels)) + gates(60) + counter(bit_length(u64::from(len).div_ceil(v)))
}

/// The greatest of every lane by insertion; then rounds that compare the lanes' heads.
fn top_k(len: u32, bits: u64, v: u64) -> Census {
    let (index, k, lane_bits) = (u64::from(index_bits(len)), u64::from(TOP_K), bit_length(v - 1));
    let entry = bits + index;
    let place = compare(bits) + select(entry) + gates(2 * entry) + flops(entry);
    // Of up to four heads every pair meets at once.
    let best_of = |n: u64| compare(bits + index).times(n * (n - 1) / 2) + mux(n, entry + lane_bits) + gates(2 * n);
    let (mut heads, mut left) = (Census::default(), v);
    for _ in 0..ceil_log(v as u32, 4).max(1) {
        let rest = left % 4;
        heads += best_of(4).times(left / 4) + if rest > 0 { best_of(rest) } else { Census::default() };
        left = left.div_ceil(4);
        heads += flops(left * (entry + lane_bits));
    }
    place.times(v * k) + heads + flops(entry + 3) + counter(bit_length(u64::from(len).div_ceil(v)) + 6)
}
