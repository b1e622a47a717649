//! Metal embedding: a matrix whose weights are wires (HNLPU's way, arXiv 2508.16151).
//!
//! Activations enter a bit a cycle, the sign first. For each output and scale group a tree adds the values of the weights whose input bit
//! is one; an accumulator doubles and adds once a bit. Then `lanes` outputs a cycle pass their scales, and the sum over the groups
//! leaves through the same output stage as a tile's. The integers are those of every other fabric (`docs/numerics.md`, section 6).
//!
//! No ROM for codes: every weight is a wire. The simulated array reads its wires from an image, a word an output with input 0 lowest;
//! scales have a word a beat of outputs, group by group.

use super::design::{AddImage, Array, Contents, Design, Feed, Layout, Limits};
use super::shape::TileShape;
use super::{feed, output};
use crate::activity::events::{Activity, TOGGLE};
use crate::census::cells::{self, bit_length, chain, counter, flops, gates, long_product, mux, rom, sram, sum};
use crate::census::counts::{Census, Module};
use crate::check::{equal, within};
use crate::error::Error;
use crate::program::unpack;
use crate::silicon::cells::Cells;
use crate::silicon::image::{Part, RomImage, TileIndex};
use crate::silicon::word::Word;
use crate::unit::matrix::MatrixSpec;

/// Inputs one leaf of the tree adds in a cycle.
pub const LEAF: u32 = 32;
/// Sums one inner node of the tree adds in a cycle.
pub const RADIX: u32 = 8;

/// A value in signed binary digits, as few as there can be (non-adjacent form): those that are 1 and those that are -1. Each is a wire into
/// its leaf.
pub fn digits(value: i32) -> (u32, u32) {
    let n = value.unsigned_abs();
    let (half, thrice) = (n >> 1, n + (n >> 1));
    let odd = half ^ thrice;
    let (plus, minus) = (thrice & odd, half & odd);
    if value < 0 { (minus, plus) } else { (plus, minus) }
}

/// Sides of the fields that a matrix without tiles is divided into to be looked at.
const FIELD: u32 = 256;

/// Length of an average metal-embedding net, mm: HNLPU's 7.8 fF (arXiv 2508.16151) at 0.2 pF a millimetre.
const METAL_NET_MM: f64 = 0.039;

pub struct Metal;

/// Leaves of one output's tree in one group.
pub fn leaves(m: &MatrixSpec) -> u32 {
    m.group.min(m.inputs).div_ceil(LEAF)
}

/// Sums kept by each stage of one tree, the leaves first, the root last.
pub fn stages(m: &MatrixSpec) -> Vec<u32> {
    let mut sums = vec![leaves(m)];
    while let Some(&n) = sums.last().filter(|&&n| n > 1) {
        sums.push(n.div_ceil(RADIX));
    }
    sums
}

/// Stages after the leaves.
pub fn levels(m: &MatrixSpec) -> u32 {
    stages(m).len() as u32 - 1
}

impl Design for Metal {
    fn shape(&self, m: &MatrixSpec, limits: &Limits) -> Result<TileShape, String> {
        if m.offset_bits > 0 {
            return Err("has offsets beside its scales, which metal embedding has no place for; use tiles".into());
        }
        let lanes = limits.lanes;
        Ok(TileShape { rows: m.inputs, cols: m.outputs.next_multiple_of(lanes), deal: 1, lanes })
    }

    /// A bit of every element a cycle, the sign first.
    fn played_cycles(&self, s: &Feed) -> u32 {
        u32::from(s.act_bits)
    }

    fn group_sums(&self, _: &MatrixSpec) -> bool {
        false
    }

    fn parts(&self, s: &Array<'_>) -> u32 {
        s.matrix.groups()
    }

    /// Wires have no place for an offset: its sum of activations would be one more matrix.
    fn validate(&self, path: &str, s: &Array<'_>) -> Result<(), Error> {
        equal(path, "rows", s.shape.rows, s.matrix.inputs)?;
        equal(path, "matrix.offset_bits", s.matrix.offset_bits, 0)
    }

    fn validate_feed(&self, path: &str, s: &Feed) -> Result<(), Error> {
        equal(path, "rows", s.rows, s.len)?;
        // Planes of bits are not kept for a choice of experts.
        equal(path, "waits", s.waits, false)?;
        within(path, "group", s.group, 1..=s.rows)
    }

    fn modules(&self, s: &Array<'_>, out: u64) -> Vec<Module> {
        modules(s, out)
    }

    /// Every bit of the activations passes every weight's adder; half of them are ones.
    fn activity(&self, s: &Array<'_>, c: &Census, _: f64) -> Activity {
        let bits = f64::from(s.act_bits);
        Activity {
            rom_bits_read: c.rom_bits as f64,
            full_adder_ops: (c.full_adders + c.adder_bits) as f64 * bits * TOGGLE,
            mux2_ops: c.mux2 as f64,
            flop_cycles: c.flops as f64 * bits,
            wire_bit_mm: c.weights as f64 * bits * TOGGLE * METAL_NET_MM,
            ..Activity::default()
        }
    }

    fn feed_module(&self, s: &Feed, lanes: u64, _: bool) -> Module {
        Module::new("hw_bit_feed", bit_feed(s, lanes))
    }
}

impl Layout for Metal {
    fn wired(&self) -> bool {
        true
    }

    fn name(&self, part: Part, _: TileIndex) -> String {
        (if part == Part::Codes { "wires" } else { "scales" }).into()
    }

    fn images(&self, of: &Contents<'_>, add: AddImage<'_>) {
        let (m, lanes) = (of.matrix, of.shape.lanes);
        add(Part::Codes, (0, 0), m.inputs * u32::from(m.code_bits), u64::from(m.outputs));
        let beats = u64::from(m.outputs.div_ceil(lanes));
        add(Part::Scales, (0, 0), m.groups() * lanes * u32::from(m.scale_bits), beats);
    }

    fn place(&self, m: &MatrixSpec, _: TileShape, n: u32, k: u32) -> (TileIndex, u64, u32) {
        ((0, 0), u64::from(n), k * u32::from(m.code_bits))
    }

    fn word(&self, of: &Contents<'_>, image: &RomImage, line: u64, word: &mut Word) {
        let (m, lanes) = (of.matrix, of.shape.lanes);
        if image.part == Part::Codes {
            let (codes, bits) = (of.program.row(line as u32), u32::from(m.code_bits));
            for k in 0..m.inputs {
                word.field(k * bits, bits, i64::from(of.stored(unpack(codes, m.code_bits, k as usize))));
            }
            return;
        }
        let (bits, first) = (u32::from(m.scale_bits), line as u32 * lanes);
        for g in 0..m.groups() {
            for lane in 0..lanes.min(m.outputs - first) {
                word.field((g * lanes + lane) * bits, bits, i64::from(of.program.scale(first + lane, g)));
            }
        }
    }

    fn cells(&self, m: &MatrixSpec, _: TileShape, _: f64) -> Cells {
        let field = TileShape { rows: m.inputs.min(FIELD), cols: m.outputs.min(FIELD), deal: 1, lanes: 1 };
        Cells::columns(field, m.outputs, m.inputs, m.code_bits)
    }
}

/// Trees over bits, an accumulator an output and group; then, for a beat of outputs at a time, a scale multiplier a group and the output
/// stage of every matrix. Code values count as equally likely: the structure is fixed before the weights are.
fn modules(s: &Array<'_>, out: u64) -> Vec<Module> {
    let m = s.matrix;
    let (acc, total, scale) = (u64::from(s.acc_bits), u64::from(s.tot_bits), u64::from(m.scale_bits));
    let (n, groups, v) = (u64::from(m.outputs), u64::from(m.groups()), u64::from(s.shape.lanes));
    // Every signed digit of a value is a wire into its leaf's carry-save tree.
    let digit_count = |&value: &i32| u64::from((digits(value).0 | digits(value).1).count_ones());
    let entered = m.weights() * m.codebook.iter().map(digit_count).sum::<u64>() / m.codebook.len() as u64;
    let most = u64::from(m.max_value().unsigned_abs()).max(1);
    // Registered sums, each as wide as its inputs can make it.
    let mut sums = Census::default();
    let mut inputs = u64::from(LEAF);
    let mut below = 0;
    for count in stages(m) {
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
        + flops(3 * stages(m).len() as u64 + 3)
        + rom(beats * v * groups * scale);
    vec![Module::new("hw_metal", array), output::module(s, u64::from(s.matrix.groups()), out)]
}

/// `hw_bit_feed`: a vector waits in memory for its magnitude, then every element stands in a register that shifts out its bits.
fn bit_feed(s: &Feed, v: u64) -> Census {
    let (wide, act, len) = (u64::from(s.input.bits), u64::from(s.act_bits), u64::from(s.len));
    let beat = bit_length(len.div_ceil(v));
    // Filled a beat at a time, then shifted.
    let planes = flops(len * act) + gates(3 * len * act);
    sram(len * wide)
        + feed::magnitude(s, v)
        + (flops(wide) + feed::rounded(s)).times(v)
        + planes
        + counter(beat + bit_length(act))
        + flops(beat + 5)
        + gates(20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::ProgramId;
    use crate::unit::RowPermutation;

    #[test]
    fn digits_make_up_their_value() {
        for v in -200..200 {
            let (plus, minus) = digits(v);
            assert_eq!(plus as i32 - minus as i32, v);
            let all = plus | minus;
            assert_eq!(plus & minus | all & (all << 1), 0, "{v}");
        }
    }

    #[test]
    fn a_tree_ends_in_one_sum() {
        for (inputs, group, want) in
            [(1, 8, vec![1]), (32, 32, vec![1]), (33, 200, vec![2, 1]), (2048, 2048, vec![64, 8, 1]), (4096, 32, vec![1])]
        {
            let m = MatrixSpec {
                tensor: String::new(),
                inputs,
                outputs: 8,
                code_bits: 4,
                codebook: (-8..8).collect(),
                group,
                scale_bits: 8,
                offset_bits: 0,
                bias: false,
                shift_bits: 0,
                rows: RowPermutation::Identity,
                program: ProgramId(0),
            };
            assert_eq!(stages(&m), want);
        }
    }
}
