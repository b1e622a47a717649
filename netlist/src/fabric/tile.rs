//! Multiply-select-add tiles: a bank forms the products of a row's activation with every value once, each column's code selects one.
//!
//! ROM: a word a row with the codes of all columns, column 0 lowest; scales in a ROM of their own, a word a scan step, groups one after
//! another. Unused columns are 0, their scales too.

use super::design::{AddImage, Array, Contents, Design, Feed, Layout, Limits};
use super::shape::TileShape;
use super::{feed, output};
use crate::activity::events::{Activity, TOGGLE};
use crate::census::cells::{bit_length, chain, counter, flops, gates, long_product, mux, product_by, radix4_digits, rom, sram, sum};
use crate::census::counts::{Census, Module};
use crate::census::matrix::{output_rom, scale_record};
use crate::check::{within, wrong};
use crate::error::Error;
use crate::program::unpack;
use crate::silicon::cells::Cells;
use crate::silicon::image::{Part, RomImage, TileIndex};
use crate::silicon::word::Word;
use crate::unit::matrix::MatrixSpec;
use crate::width::{bits, index_bits, range_bits};

/// Most inputs of a tile unless told.
const ROWS: u32 = 256;
/// Most rows or columns of a tile: more than any ROM has, and counts of them stay far from overflowing.
const MOST_ROWS: u32 = 1 << 16;

/// Multiplexer stages between an accumulator's shadow and its multiplier, and of an output's shift: as many as number 32 and 64 ways.
const PICK_STAGES: f64 = 5.0;
const SHIFT_STAGES: f64 = 6.0;
/// Sums that a product bank forms for each value it holds, and at most: the others are shifts of those.
const BANK_SUMS: f64 = 0.25;
const MOST_BANK_SUMS: f64 = 8.0;

pub struct Tile;

impl Design for Tile {
    fn shape(&self, m: &MatrixSpec, limits: &Limits) -> Result<TileShape, String> {
        let rows = rows(m.inputs, m.group, limits.rows.unwrap_or(ROWS));
        if m.group < m.inputs && m.group > rows && !m.group.is_multiple_of(rows) {
            return Err(format!("groups of {} inputs do not fit tiles of {rows} rows", m.group));
        }
        Ok(widest(m.outputs, rows, m.group.min(rows), limits))
    }

    fn played_cycles(&self, s: &Feed) -> u32 {
        s.played_rows()
    }

    fn group_sums(&self, m: &MatrixSpec) -> bool {
        m.offset_bits > 0 || m.fold().is_some_and(|f| f.lift != 0)
    }

    fn validate(&self, path: &str, s: &Array<'_>) -> Result<(), Error> {
        let (t, m) = (s.shape, s.matrix);
        within(path, "rows", t.rows, 1..=MOST_ROWS)?;
        within(path, "cols", t.cols, 1..=MOST_ROWS)?;
        let group = m.group.min(t.rows);
        if !t.rows.is_multiple_of(group) || (m.group < m.inputs && m.group > t.rows && !m.group.is_multiple_of(t.rows)) {
            return wrong(path, "matrix.group", m.group, format!("whole groups in {} rows, or whole tiles in a group", t.rows));
        }
        if t.steps() > group {
            return wrong(path, "cols", t.cols, format!("at most {}: a scan must fit a group of {group} rows", group * t.tile_lanes()));
        }
        Ok(())
    }

    fn validate_feed(&self, path: &str, s: &Feed) -> Result<(), Error> {
        within(path, "rows", s.rows, 1..=MOST_ROWS)?;
        if !s.rows.is_multiple_of(s.group) {
            wrong(path, "rows", s.rows, format!("a multiple of the group of {}", s.group))
        } else {
            Ok(())
        }
    }

    fn modules(&self, s: &Array<'_>, out: u64) -> Vec<Module> {
        modules(s, out)
    }

    /// Every code is read once; every column adds once a row played.
    fn activity(&self, s: &Array<'_>, _: &Census, area_um2: f64) -> Activity {
        let (m, t) = (s.matrix, s.shape);
        let group = m.group.min(t.rows);
        let played = f64::from(m.inputs.min(t.rows).div_ceil(group) * group);
        let k_tiles = f64::from(t.k_tiles(m.inputs));
        let n_tiles = f64::from(t.n_tiles(m.outputs));
        let n = f64::from(m.outputs);
        let (acc, tot, act) = (f64::from(column_bits(s)), f64::from(s.tot_bits), f64::from(s.act_bits));
        // What a column selects from, and in how many levels: magnitudes of a folded codebook or of two digits, whose sign then inverts.
        let (values, digits) = (m.bank(), m.digits().is_some());
        let (signed, picks) = (digits || m.fold().is_some(), if digits { 2.0 } else { 1.0 });
        let value_bits = f64::from(33 - values.iter().map(|v| v.unsigned_abs()).max().unwrap_or(0).leading_zeros());
        let product = act + value_bits;
        let adds = n * played * k_tiles;
        let captures = n * k_tiles * played / f64::from(group);
        let bank = values.len() as f64;
        let levels = bank.log2() + if signed { 1.0 } else { 0.0 };
        // Rows that the banks of all tiles form products of.
        let rows = played * k_tiles * n_tiles;
        let tile_mm = (area_um2 / (k_tiles * n_tiles)).sqrt() * 1e-3;
        let scales = scale_record(m) as f64;
        let totals = if m.offset_bits > 0 { 2.0 } else { 1.0 };
        Activity {
            rom_bits_read: m.weights() as f64 * f64::from(m.code_bits) + n * f64::from(m.groups()) * scales + output_rom(m) as f64,
            flop_cycles: adds * (acc + picks * product) + captures * acc + rows * product * bank,
            full_adder_ops: adds * (acc + (picks - 1.0) * product)
                + captures * (acc * scales + tot * totals)
                + rows * product * (bank * BANK_SUMS).min(MOST_BANK_SUMS)
                + n * (k_tiles - 1.0) * tot,
            mux2_ops: adds * picks * product * levels + captures * acc * PICK_STAGES + n * tot * SHIFT_STAGES,
            wire_bit_mm: rows * bank * product * tile_mm * TOGGLE,
            ..Activity::buffered(captures * tot)
        }
    }

    fn feed_module(&self, s: &Feed, lanes: u64, sums: bool) -> Module {
        Module::new("hw_row_feed", row_feed(s, lanes, sums))
    }
}

/// Rows of a tile: whole groups, no more than the matrix has.
fn rows(inputs: u32, group: u32, most: u32) -> u32 {
    if group >= inputs {
        return inputs.min(most);
    }
    if group >= most {
        return most;
    }
    inputs.min(most / group * group).div_ceil(group) * group
}

/// The largest tile up to the columns allowed whose scan fits between two scale captures, dealing over as many tiles as that allows, so
/// that scale multipliers are few.
fn widest(outputs: u32, rows: u32, group: u32, limits: &Limits) -> TileShape {
    let lanes = limits.lanes;
    let candidates = (1..=lanes).filter(|d| lanes.is_multiple_of(*d)).map(|deal| {
        let e = lanes / deal;
        let needed = outputs.div_ceil(lanes) * e;
        let cols = (limits.cols / e).max(1).min(group) * e;
        TileShape { rows, cols: cols.min(needed), deal, lanes }
    });
    // A tile narrower than it could be wastes product banks; more lanes than needed waste multipliers.
    candidates.max_by_key(|t| (t.cols, t.deal)).expect("one divides every width")
}

/// Bits of a column's accumulator: those proven for the group's sum, or, where a folded codebook makes it another sum, those of
/// the greatest magnitude over a whole group.
pub fn column_bits(s: &Array<'_>) -> u32 {
    match s.matrix.fold() {
        Some(f) if f.lift != 0 => {
            let most = f.factors.iter().map(|d| u64::from(d.unsigned_abs())).max().unwrap_or(0);
            let rows = u64::from(s.matrix.group.min(s.shape.rows).min(s.matrix.inputs));
            65 - (most * rows * ((1 << (s.act_bits - 1)) - 1)).leading_zeros()
        }
        _ => u32::from(s.acc_bits),
    }
}

impl Layout for Tile {
    /// A folded codebook stores a sign and the place of a magnitude.
    fn stored(&self, m: &MatrixSpec) -> Vec<u8> {
        m.fold().map_or_else(|| (0..m.codebook.len()).map(|c| c as u8).collect(), |f| f.codes)
    }

    fn name(&self, part: Part, (k_tile, n_tile): TileIndex) -> String {
        format!("k{k_tile}n{n_tile}.{}", if part == Part::Codes { "codes" } else { "scales" })
    }

    fn images(&self, of: &Contents<'_>, add: AddImage<'_>) {
        let (m, t) = (of.matrix, of.shape);
        let scale = u32::from(m.scale_bits) + u32::from(m.offset_bits);
        let groups = m.inputs.min(t.rows).div_ceil(m.group.min(t.rows));
        for k_tile in 0..t.k_tiles(m.inputs) {
            for n_tile in 0..t.n_tiles(m.outputs) {
                let width = t.tile_cols(n_tile, m.outputs) * u32::from(m.code_bits);
                add(Part::Codes, (k_tile, n_tile), width, u64::from(t.tile_rows(k_tile, m.inputs)));
                add(Part::Scales, (k_tile, n_tile), t.tile_lanes() * scale, u64::from(groups) * u64::from(t.steps()));
            }
        }
    }

    fn place(&self, m: &MatrixSpec, t: TileShape, n: u32, k: u32) -> (TileIndex, u64, u32) {
        let s = t.site(n, k);
        ((s.k_tile, s.n_tile), u64::from(s.row), s.col * u32::from(m.code_bits))
    }

    fn word(&self, of: &Contents<'_>, image: &RomImage, line: u64, word: &mut Word) {
        let (m, t, (k_tile, n_tile)) = (of.matrix, of.shape, image.tile);
        let e = t.tile_lanes();
        let first_input = k_tile * t.rows;
        let steps = t.tile_cols(n_tile, m.outputs) / e;
        if image.part == Part::Codes {
            let (k, bits) = (first_input as usize + line as usize, u32::from(m.code_bits));
            for col in 0..steps * e {
                let n = t.output_of(n_tile, col);
                if n < m.outputs {
                    let code = unpack(of.program.row(n), m.code_bits, k);
                    word.field(col * bits, bits, i64::from(of.stored(code)));
                }
            }
            return;
        }
        let (scale_bits, offset_bits) = (u32::from(m.scale_bits), u32::from(m.offset_bits));
        let (group, step) = (line as u32 / t.steps(), line as u32 % t.steps());
        let row = group * m.group.min(t.rows);
        let k = first_input + row;
        if step >= steps || row >= t.tile_rows(k_tile, m.inputs) {
            return;
        }
        for lane in 0..e {
            let n = t.output_of(n_tile, step * e + lane);
            if n < m.outputs {
                let at = lane * (scale_bits + offset_bits);
                word.field(at, scale_bits, i64::from(of.program.scale(n, k / m.group)));
                word.field(at + scale_bits, offset_bits, i64::from(of.program.offset(n, k / m.group)));
            }
        }
    }

    fn cells(&self, m: &MatrixSpec, t: TileShape, _: f64) -> Cells {
        Cells::columns(t, m.outputs, m.inputs, m.code_bits)
    }
}

/// Tiles, their conductor and their output stage. Tiles of a short last block have the columns they need.
fn modules(s: &Array<'_>, out: u64) -> Vec<Module> {
    let (m, t) = (s.matrix, s.shape);
    let n_tiles = t.n_tiles(m.outputs);
    let mut all = vec![Module::new("hw_mvm_control", control(s, t)), output::module(s, u64::from(s.shape.k_tiles(s.matrix.inputs)), out)];
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
    all
}

/// Rows of the bands and how many bands have them: whole ones and a short last one.
fn band_rows(m: &MatrixSpec, t: TileShape) -> Vec<(u64, u64)> {
    let (whole, rest) = (u64::from(m.inputs / t.rows), u64::from(m.inputs % t.rows));
    [(u64::from(t.rows), whole), (rest, 1)].into_iter().filter(|&(rows, n)| rows > 0 && n > 0).collect()
}

/// A product bank; for each column a selector, an accumulator and its shadow; for each lane a scale multiplier over totals in SRAM.
fn tile(s: &Array<'_>, t: TileShape, first_block: bool, steps: u32, rows: u64) -> Census {
    let m = s.matrix;
    let (act, e, steps) = (u64::from(s.act_bits), u64::from(t.tile_lanes()), u64::from(steps));
    let (acc, inner, total) = (u64::from(column_bits(s)), u64::from(s.acc_bits), u64::from(s.tot_bits));
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

fn control(s: &Array<'_>, t: TileShape) -> Census {
    let m = s.matrix;
    let group = m.group.min(t.rows);
    let groups = m.inputs.min(t.rows).div_ceil(group);
    let step = u64::from(bits(t.steps()));
    let (word, block) = (u64::from(bits(groups * t.steps())), u64::from(bits(t.blocks(m.outputs))));
    let beat = bit_length(u64::from(m.outputs.div_ceil(t.lanes)));
    counter(2 * step + word + block + beat) + flops(4 * step + 22) + gates(40)
}

/// `hw_row_feed`: every band's memory gives an element a cycle.
fn row_feed(s: &Feed, v: u64, sums: bool) -> Census {
    let (wide, act) = (u64::from(s.input.bits), u64::from(s.act_bits));
    let total = act + u64::from(index_bits(s.group));
    let row = u64::from(bits(s.played_rows()));
    let beat = bit_length(u64::from(s.len).div_ceil(v));
    let group_sum = if sums { sum(total) + gates(total) + flops(4 * total + 1) } else { Census::default() };
    // A lane of the word is picked and kept, then shifted.
    let band = mux(v, wide) + flops(wide) + feed::rounded(s) + flops(act) + gates(6 * beat + 3 * row) + group_sum;
    let control = counter(2 * row) + flops(3 * row + 9) + gates(20);
    sram(u64::from(s.len) * wide) + feed::magnitude(s, v) + band.times(u64::from(s.k_tiles())) + control
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_fit_their_scan_and_cover_their_matrix() {
        for lanes in [2, 4, 8, 16, 64, 128] {
            for group in [8, 16, 32, 256] {
                for outputs in [1, 7, 64, 172, 576, 1024, 14336, 49152] {
                    for inputs in [8, 64, 172, 576, 4096] {
                        let limits = Limits { lanes, rows: Some(256), cols: 256 };
                        let r = rows(inputs, group, 256);
                        let t = widest(outputs, r, group.min(r), &limits);
                        assert!(t.steps() <= group.min(r), "{t:?} for group {group}");
                        assert!(t.cols <= limits.cols.max(t.tile_lanes()) && t.cols.is_multiple_of(t.tile_lanes()), "{t:?}");
                        assert!(t.n_tiles(outputs) * t.cols >= outputs, "{t:?} does not cover {outputs}");
                    }
                }
            }
        }
    }
}
