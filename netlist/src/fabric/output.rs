//! Counts of `hw_mvm_out`, the output stage of every fabric, with the ROM of its shifts and biases.

use super::design::Array;
use crate::census::cells::{bit_length, counter, flops, gates, limit, rom, round, sum};
use crate::census::counts::{Census, Module};
use crate::census::matrix::{SHIFT, output_rom};

/// The module of one matrix, its weights counted here: a last column may not be filled.
pub fn module(s: &Array<'_>, parts: u64, out: u64) -> Module {
    let stage = output(s, s.shape.lanes, parts, out);
    Module::new("hw_mvm_out", stage + Census { weights: s.matrix.weights(), ..rom(output_rom(s.matrix)) })
}

/// For a beat of `lanes` outputs: a tree over `parts` sums, the shift, the bias.
fn output(s: &Array<'_>, lanes: u32, parts: u64, out: u64) -> Census {
    let (m, total) = (s.matrix, u64::from(s.tot_bits));
    let levels = if parts > 2 { bit_length(parts - 1) } else { 1 };
    let kept: u64 = (0..=levels).map(|n| parts.div_ceil(1 << n)).sum();
    let beat = bit_length(u64::from(m.outputs.div_ceil(lanes)));
    let lane = sum(total).times(parts - 1) + flops(kept * total) + sum(SHIFT + 1) + gates(10) + flops(SHIFT + 2) + round(total, out);
    let bias = if m.bias { sum(33) + limit(33, out) + flops(out) } else { Census::default() };
    let control = counter(beat).times(1 + u64::from(m.bias)) + flops(levels + 3) + gates(12);
    (lane + flops(out) + bias).times(u64::from(lanes)) + control
}
