//! Counts of `hw_mvm_tile`, `hw_mvm_control` and `hw_mvm_out`.

use super::cells::{bit_length, chain, counter, flops, gates, limit, long_product, mux, product_by, radix4_digits, rom, round, sram, sum};
use super::counts::{Census, Module};
use super::matrix::{SHIFT, output_rom};
use crate::tile::TileShape;
use crate::unit::matrix::MatrixSpec;
use crate::unit::mvm::MvmSpec;
use crate::width::{bits, index_bits, range_bits};

/// Tiles, their conductor and their output stage. Tiles of a short last block have the columns they need.
pub fn modules(s: &MvmSpec, t: TileShape, out: u64) -> Vec<Module> {
    let m = &s.matrix;
    let (bands, n_tiles) = (u64::from(t.k_tiles(m.inputs)), t.n_tiles(m.outputs));
    let mut all = vec![Module::new("hw_mvm_control", control(s, t)), Module::new("hw_mvm_out", output(s, t.lanes, bands, out))];
    // Tiles of a block are alike; there are three kinds of block: the first, those behind it, and a short last one.
    let mut n = 0;
    while n < n_tiles {
        let (block, steps) = (n / t.deal, t.block_steps(n / t.deal, m.outputs));
        let alike = (n..n_tiles).take_while(|&i| (i / t.deal == 0) == (block == 0) && t.block_steps(i / t.deal, m.outputs) == steps);
        let count = alike.count() as u32;
        for (rows, copies) in band_rows(m, t) {
            all.push(Module { name: "hw_mvm_tile", count: copies * u64::from(count), census: tile(s, t, block == 0, steps, rows) });
        }
        n += count;
    }
    // A matrix's weights, which a last column may not fill, and the ROM of its outputs.
    all[1].census += Census { weights: m.weights(), ..rom(output_rom(m)) };
    all
}

/// Rows of the bands and how many bands have them: whole ones and a short last one.
fn band_rows(m: &MatrixSpec, t: TileShape) -> Vec<(u64, u64)> {
    let (whole, rest) = (u64::from(m.inputs / t.rows), u64::from(m.inputs % t.rows));
    [(u64::from(t.rows), whole), (rest, 1)].into_iter().filter(|&(rows, n)| rows > 0 && n > 0).collect()
}

/// A product bank; for each column a selector, an accumulator and its shadow; for each lane a scale multiplier over totals in SRAM.
fn tile(s: &MvmSpec, t: TileShape, first_block: bool, steps: u32, rows: u64) -> Census {
    let m = &s.matrix;
    let (act, e, steps) = (u64::from(s.act_bits), u64::from(t.tile_lanes()), u64::from(steps));
    let (acc, inner, total) = (u64::from(s.column_bits()), u64::from(s.acc_bits), u64::from(s.tot_bits));
    let (scale, offset) = (u64::from(m.scale_bits), u64::from(m.offset_bits));
    let group = m.group.min(t.rows);
    let group_sum = act + u64::from(index_bits(group));
    let columns = e * steps;
    let fold = m.fold();
    let values = m.bank();
    let wide = act + u64::from(range_bits(values.iter().map(|&v| i64::from(v)))) - 1;
    // A product and its double are one register.
    let mut odd: Vec<i32> = values.iter().filter(|&&v| v != 0).map(|v| v >> v.trailing_zeros()).collect();
    odd.sort_unstable();
    odd.dedup();
    let bank: Census = odd.iter().map(|&v| multiple(v, act)).sum();
    let selected = mux(values.len() as u64, wide) + flops(wide);
    // A selector that inverts: the adder's carry completes the negation.
    let signed = selected + gates(2 * wide) + flops(1);
    let column = match m.digits() {
        // Two selectors, none of which takes the bank where its digit is zero, and a row of full adders to add both at once.
        Some(digit) => (signed + gates(wide + 6 * u64::from(digit))).times(2) + chain(wide) + column_sum(acc),
        None if fold.is_some() => signed + column_sum(acc - 1) + gates(4),
        None => selected + column_sum(acc),
    };
    // The accumulator starts at zero with a group, its shadow is read a step at a time.
    let column = column + flops(2 * acc) + gates(acc);
    let lifted = match fold.as_ref().map_or(0, |f| f.lift) {
        0 => Census::default(),
        // A power of two is wires.
        lift => sum(acc.max(group_sum + 8) + 1) + product_by(group_sum, u64::from(lift.unsigned_abs())),
    };
    // Read, lifted, times its scale, added to its total.
    let mut lane = mux(steps, acc) + flops(acc) + lifted + flops(inner) + flops(scale + offset);
    lane += long_product(inner, scale, false) + flops(if offset > 0 { total } else { total.min(inner + scale) });
    lane += gates(2 * total) + sum(total) + if first_block { flops(total) } else { Census::default() } + gates(total);
    if offset > 0 {
        lane += long_product(group_sum, offset, false) + sum(total);
    }
    // Every tile has its rows of whole steps, and a word of scales for each step of a full one and each group played.
    let words = u64::from(m.inputs.min(t.rows).div_ceil(group)) * u64::from(t.steps());
    let shared = flops(if offset > 0 { 2 * group_sum } else { group_sum }) + gates(30);
    rom(columns * rows * u64::from(m.code_bits) + words * e * (scale + offset))
        + sram(columns * total)
        + bank
        + column.times(columns)
        + lane.times(e)
        + shared
}

/// The sum of a column: two chains of full adders, of which the upper takes the lower one's carry at its end.
fn column_sum(bits: u64) -> Census {
    chain(bits) + gates(3 * bits / 2)
}

/// A register of the bank: an odd value times the activation, a sum for every further digit in radix 4.
fn multiple(value: i32, act: u64) -> Census {
    let own = || act + bit_length(u64::from(value.unsigned_abs()));
    match radix4_digits(i64::from(value)) {
        1 => flops(act),
        n => chain((n - 2) * act) + sum(own()) + flops(own()),
    }
}

fn control(s: &MvmSpec, t: TileShape) -> Census {
    let m = &s.matrix;
    let group = m.group.min(t.rows);
    let groups = m.inputs.min(t.rows).div_ceil(group);
    let step = u64::from(bits(t.steps()));
    let (word, block) = (u64::from(bits(groups * t.steps())), u64::from(bits(t.blocks(m.outputs))));
    let beat = bit_length(u64::from(m.outputs.div_ceil(t.lanes)));
    counter(2 * step + word + block + beat) + flops(4 * step + 22) + gates(40)
}

/// For a beat of `lanes` outputs: a tree over `parts` sums, the shift, the bias.
pub fn output(s: &MvmSpec, lanes: u32, parts: u64, out: u64) -> Census {
    let (m, total) = (&s.matrix, u64::from(s.tot_bits));
    let levels = if parts > 2 { bit_length(parts - 1) } else { 1 };
    let kept: u64 = (0..=levels).map(|n| parts.div_ceil(1 << n)).sum();
    let beat = bit_length(u64::from(m.outputs.div_ceil(lanes)));
    let lane = sum(total).times(parts - 1) + flops(kept * total) + sum(SHIFT + 1) + gates(10) + flops(SHIFT + 2) + round(total, out);
    let bias = if m.bias { sum(33) + limit(33, out) + flops(out) } else { Census::default() };
    let control = counter(beat).times(1 + u64::from(m.bias)) + flops(levels + 3) + gates(12);
    (lane + flops(out) + bias).times(u64::from(lanes)) + control
}
