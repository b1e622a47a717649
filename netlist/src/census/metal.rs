//! Counts of metal embedding: every weight that is not zero one full adder of a tree, no ROM for codes.

use super::{Census, adder, bitlen, flops, mux, output_lane, output_rom, rom, round_shift, sram};
use crate::metal::{LEAF, MetalShape, RADIX, odd_parts};
use crate::unit::{MvmSpec, RowFeedSpec};

/// A vector waits in memory for its magnitude, then every element stands in a register that shifts out its bits.
pub(super) fn feed(s: &RowFeedSpec, v: u64) -> Census {
    let (bits, act, len) = (u64::from(s.input.bits), u64::from(s.act_bits), u64::from(s.len));
    sram(len * bits)
        + flops(bits)
        + Census { gates: v * bits, ..Census::default() }
        + round_shift(bits, act).times(v)
        + flops(len * act)
        // Load or shift.
        + Census { mux2: len * act, ..Census::default() }
}

/// Trees over bits, an accumulator an output and group; then, for a beat of outputs at a time, a scale multiplier a group and the output
/// stage of every matrix. Code values count as equally likely: the structure is fixed before the weights are.
pub(super) fn matrix(s: &MvmSpec, t: MetalShape, out: u64) -> Census {
    let m = &s.matrix;
    let (acc, tot, scale) = (u64::from(s.acc_bits), u64::from(s.tot_bits), u64::from(m.scale_bits));
    let (n, groups, v) = (u64::from(m.outputs), u64::from(m.groups()), u64::from(t.lanes));
    // Every weight that is not zero enters the sum of its odd part; negative values enter inverted.
    let nonzero = m.codebook.iter().filter(|&&value| value != 0).count() as u64;
    let most = u64::from(m.max_value().unsigned_abs()).max(1);
    let entered = m.weights() * nonzero / m.codebook.len() as u64;
    // A sum is multiplied by its odd part, one adder for each further one of its bits, and added to the others.
    let width = bitlen(u64::from(LEAF) * most) + 1;
    let odd = odd_parts(m);
    let adders = odd.iter().map(|p| u64::from(p.count_ones())).sum::<u64>().saturating_sub(1);
    let joined = n * groups * u64::from(t.leaves(m)) * adders * width;
    // Registered sums, each as wide as its inputs can make it.
    let mut sums = 0;
    let mut inputs = u64::from(LEAF);
    for count in t.stages(m) {
        let covers = inputs.min(u64::from(m.group.min(m.inputs)));
        sums += u64::from(count) * (bitlen(covers * most) + 1);
        inputs *= u64::from(RADIX);
    }
    let beats = n.div_ceil(v);
    let product = Census { gates: acc * scale, full_adders: acc * scale - acc.min(scale), ..flops(tot) };
    Census { weights: m.weights(), full_adders: entered + joined, ..Census::default() }
        + flops(n * groups * sums)
        + (adder(acc) + flops(acc)).times(n * groups)
        + (mux(beats, acc) + flops(acc) + product).times(v * groups)
        + rom(beats * v * groups * scale + output_rom(m))
        + output_lane(s, groups, out).times(v)
}
