//! Counts of metal embedding, `hw_metal`: every weight that is not zero one full adder of a tree, no ROM for codes.

use super::cells::{self, bit_length, chain, counter, flops, gates, long_product, mux, rom, sum};
use super::counts::{Census, Module};
use super::matrix::output_rom;
use super::tile;
use crate::metal::{LEAF, MetalShape, RADIX, digits};
use crate::unit::mvm::MvmSpec;

/// Trees over bits, an accumulator an output and group; then, for a beat of outputs at a time, a scale multiplier a group and the output
/// stage of every matrix. Code values count as equally likely: the structure is fixed before the weights are.
pub fn modules(s: &MvmSpec, t: MetalShape, out: u64) -> Vec<Module> {
    let m = &s.matrix;
    let (acc, total, scale) = (u64::from(s.acc_bits), u64::from(s.tot_bits), u64::from(m.scale_bits));
    let (n, groups, v) = (u64::from(m.outputs), u64::from(m.groups()), u64::from(t.lanes));
    // Every signed digit of a value is a wire into its leaf's carry-save tree.
    let digit_count = |&value: &i32| u64::from((digits(value).0 | digits(value).1).count_ones());
    let entered = m.weights() * m.codebook.iter().map(digit_count).sum::<u64>() / m.codebook.len() as u64;
    let most = u64::from(m.max_value().unsigned_abs()).max(1);
    // Registered sums, each as wide as its inputs can make it.
    let mut sums = Census::default();
    let mut inputs = u64::from(LEAF);
    let mut below = 0;
    for count in t.stages(m) {
        let covers = inputs.min(u64::from(m.group.min(m.inputs)));
        let wide = bit_length(covers * most) + 1;
        // The leaves' own trees are counted above.
        sums += if below == 0 { (flops(wide) + sum(wide)).times(u64::from(count)) } else { cells::stage(below, u64::from(RADIX), wide).1 };
        inputs *= u64::from(RADIX);
        below = u64::from(count);
    }
    let beats = n.div_ceil(v);
    // The sign's plane is subtracted, the others are added to twice the sum so far.
    let column = sum(acc) + gates(3 * acc) + flops(acc);
    let lane = mux(beats, acc) + flops(acc + scale) + long_product(acc, scale, false) + flops(total.min(acc + scale));
    let array = chain(entered)
        + sums.times(n * groups)
        + column.times(n * groups)
        + lane.times(v * groups)
        + counter(bit_length(beats))
        + flops(3 * t.stages(m).len() as u64 + 3)
        + rom(beats * v * groups * scale);
    let mut output = tile::output(s, t.lanes, groups, out);
    output += Census { weights: m.weights(), ..rom(output_rom(m)) };
    vec![Module::new("hw_metal", array), Module::new("hw_mvm_out", output)]
}
