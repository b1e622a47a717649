//! Group columns: an output adds its products with a whole scale group of inputs in one cycle, scales the sum, and adds it to its total.
//!
//! A stored code is a number of few digits, each of -2 to 1, that with one centre for the whole matrix is the codebook value (Booth's
//! recoding of radix 4 with half its digits): a digit selects 0, a, -a or -2a, so nothing is multiplied before the sum. The integers are those
//! of every other fabric (`docs/numerics.md`, section 6).
//!
//! ROM: a word a scale group, a record a column, column 0 lowest: the group's codes, input 0 lowest, then the scale, then the offset.

use super::design::{AddImage, Array, Contents, Design, Feed, Layout, Limits};
use super::shape::TileShape;
use super::{feed, output};
use crate::activity::events::{Activity, TOGGLE};
use crate::census::cells::{bit_length, chain, counter, flops, gates, long_product, mux, rom, sram, sum};
use crate::census::counts::{Census, Module};
use crate::census::matrix::{output_rom, scale_record};
use crate::check::{equal, within, wrong};
use crate::error::Error;
use crate::program::unpack;
use crate::silicon::cells::Cells;
use crate::silicon::image::{Part, RomImage, TileIndex};
use crate::silicon::word::Word;
use crate::unit::matrix::MatrixSpec;
use crate::width::{bits, index_bits};

/// Most inputs of a scale group: one tree adds them in a cycle.
const GROUP: u32 = 64;
/// Most inputs of a tile unless told: words of a ROM times its group.
const ROWS: u32 = 1024;
/// Columns of a tile for each of the columns that the plan allows a multiply-select-add tile: a column is as much larger.
const SHARE: u32 = 8;
/// Inputs summed in one stage (`PART` of `hw_group_column`).
const PART: u64 = 16;

/// Registers that a scale passes beside its group's sum: of the word, and two more.
const SCALE_REGISTERS: f64 = 3.0;
/// Levels of a digit's selector, and multiplexer stages of an output's shift: as many as number 64 ways.
const SELECT_LEVELS: f64 = 2.0;
const SHIFT_STAGES: f64 = 6.0;

pub struct Group;

/// Places of the digits of a stored code, the lowest first; where the width is odd, the lowest digit is one bit, 0 or 1.
fn places(code_bits: u8) -> impl Iterator<Item = u32> + Clone {
    let odd = u32::from(code_bits % 2);
    (0..u32::from(code_bits).div_ceil(2)).map(move |j| if j == 0 { 0 } else { 2 * j - odd })
}

/// Least and greatest number of a stored code.
fn range(code_bits: u8) -> (i32, i32) {
    let most: i32 = places(code_bits).map(|p| 1 << p).sum();
    (if code_bits.is_multiple_of(2) { -2 * most } else { -2 * (most - 1) }, most)
}

/// What is added to the number of a stored code to give its codebook value; `None` where the values lie too far apart.
pub fn centre(m: &MatrixSpec) -> Option<i32> {
    let (least, most) = range(m.code_bits);
    let (lo, hi) = (m.codebook.iter().min()? - least, m.codebook.iter().max()? - most);
    // Any from hi to lo will do; none at all spares the sums of activations.
    (hi <= lo).then(|| 0.clamp(hi, lo))
}

/// The digits that make up a number, as they are stored: two bits each, in two's complement.
fn digits(number: i32, code_bits: u8) -> u8 {
    let (mut left, mut stored, mut at) = (number, 0, 0);
    if code_bits % 2 == 1 {
        stored = left & 1;
        (left, at) = ((left - stored) >> 1, 1);
    }
    while at < code_bits {
        let digit = ((left + 2) & 3) - 2;
        stored |= (digit & 3) << at;
        (left, at) = ((left - digit) >> 2, at + 2);
    }
    stored as u8
}

/// Bits of a column's record in a word.
fn record(m: &MatrixSpec, group: u32) -> u32 {
    group * u32::from(m.code_bits) + u32::from(m.scale_bits) + u32::from(m.offset_bits)
}

/// Inputs of a cycle.
fn group(m: &MatrixSpec) -> u32 {
    m.group.min(m.inputs)
}

/// What of a matrix this fabric cannot hold.
fn complaint(m: &MatrixSpec, lanes: u32) -> Option<String> {
    let group = group(m);
    if !(2..=GROUP).contains(&group) {
        return Some(format!("scale groups of {group} inputs, and group columns add 2 to {GROUP} in a cycle; use --group or tiles"));
    }
    if !group.is_multiple_of(lanes) && !lanes.is_multiple_of(group) {
        return Some(format!("scale groups of {group} inputs on {lanes} lanes: one must divide the other"));
    }
    if centre(m).is_none() {
        let (least, most) = range(m.code_bits);
        return Some(format!(
            "codebook values further apart than the {} from {least} to {most} of its digits; use tiles",
            most - least + 1
        ));
    }
    None
}

impl Design for Group {
    fn shape(&self, m: &MatrixSpec, limits: &Limits) -> Result<TileShape, String> {
        let (lanes, group) = (limits.lanes, group(m));
        if let Some(what) = complaint(m, lanes) {
            return Err(what);
        }
        let whole = m.inputs.next_multiple_of(group);
        let most = limits.rows.unwrap_or(ROWS).max(group) / group * group;
        // Where there are several bands, each is whole beats.
        let step = group.max(lanes);
        let rows = if whole <= most { whole } else { (most / step).max(1) * step };
        let most = (limits.cols / SHARE).max(1);
        let deal = (1..=lanes).find(|d| lanes.is_multiple_of(*d) && lanes / d <= most).unwrap_or(lanes);
        let e = lanes / deal;
        let cols = (most / e * e).min(m.outputs.div_ceil(lanes) * e);
        Ok(TileShape { rows, cols, deal, lanes })
    }

    /// A scale group of every band a cycle.
    fn played_cycles(&self, s: &Feed) -> u32 {
        s.played_rows() / s.group
    }

    fn group_sums(&self, m: &MatrixSpec) -> bool {
        m.offset_bits > 0 || centre(m) != Some(0)
    }

    fn validate(&self, path: &str, s: &Array<'_>) -> Result<(), Error> {
        let (t, m) = (s.shape, s.matrix);
        if let Some(what) = complaint(m, t.lanes) {
            return wrong(path, "matrix", what, "what group columns hold");
        }
        if !t.rows.is_multiple_of(group(m)) {
            return wrong(path, "rows", t.rows, format!("whole groups of {}", group(m)));
        }
        if t.k_tiles(m.inputs) > 1 && !t.rows.is_multiple_of(t.lanes) {
            return wrong(path, "rows", t.rows, format!("whole beats of {} in every band", t.lanes));
        }
        Ok(())
    }

    fn validate_feed(&self, path: &str, s: &Feed) -> Result<(), Error> {
        within(path, "group", s.group, 2..=GROUP)?;
        equal(path, "rows past whole groups", s.rows % s.group, 0)
    }

    fn modules(&self, s: &Array<'_>, out: u64) -> Vec<Module> {
        let (m, t) = (s.matrix, s.shape);
        let mut all =
            vec![Module::new("hw_group_control", control(s)), output::module(s, u64::from(s.shape.k_tiles(s.matrix.inputs)), out)];
        // Tiles of one shape are counted once.
        let mut shapes: Vec<((u32, u32), u64)> = Vec::new();
        for k_tile in 0..t.k_tiles(m.inputs) {
            let words = t.tile_rows(k_tile, m.inputs).div_ceil(group(m));
            for n_tile in 0..t.n_tiles(m.outputs) {
                let shape = (t.tile_cols(n_tile, m.outputs), words);
                match shapes.last_mut().filter(|last| last.0 == shape) {
                    Some(last) => last.1 += 1,
                    None => shapes.push((shape, 1)),
                }
            }
        }
        all.extend(shapes.into_iter().map(|((columns, words), count)| Module {
            count,
            ..Module::new("hw_group_tile", tile(s, u64::from(columns), u64::from(words)))
        }));
        all
    }

    /// Every code is read once; its digits select, and every selected bit passes a full adder. A word of activations goes to every tile.
    fn activity(&self, s: &Array<'_>, _: &Census, area_um2: f64) -> Activity {
        let (m, t) = (s.matrix, s.shape);
        let (n, k_tiles, n_tiles) = (f64::from(m.outputs), f64::from(t.k_tiles(m.inputs)), f64::from(t.n_tiles(m.outputs)));
        let groups = n * f64::from(m.groups());
        let (acc, tot, act) = (f64::from(s.acc_bits), f64::from(s.tot_bits), f64::from(s.act_bits));
        let (scales, code) = (scale_record(m) as f64, f64::from(m.code_bits));
        let totals = if m.offset_bits > 0 { 2.0 } else { 1.0 };
        let selected = m.weights() as f64 * f64::from(m.code_bits.div_ceil(2)) * (act + 1.0);
        let fed = f64::from(m.inputs) * n_tiles * act;
        let tile_mm = (area_um2 / (k_tiles * n_tiles)).sqrt() * 1e-3;
        Activity {
            rom_bits_read: m.weights() as f64 * code + groups * scales + output_rom(m) as f64,
            // Codes and activations are taken, two sums of sixteen, the sum, its products, the total; then the chains shift.
            flop_cycles: m.weights() as f64 * (code + 2.0 * (act + code + 4.0) / PART as f64)
                + fed
                + groups * (SCALE_REGISTERS * scales + 2.0 * acc + tot)
                + n * k_tiles * f64::from(m.outputs.div_ceil(t.lanes)) * tot / 2.0,
            full_adder_ops: selected + groups * (acc * scales + tot * totals) + n * (k_tiles - 1.0) * tot,
            mux2_ops: SELECT_LEVELS * selected + n * tot * SHIFT_STAGES,
            wire_bit_mm: fed * tile_mm * TOGGLE,
            ..Activity::default()
        }
    }

    fn feed_module(&self, s: &Feed, lanes: u64, sums: bool) -> Module {
        Module::new("hw_group_feed", group_feed(s, lanes, sums))
    }
}

impl Layout for Group {
    fn stored(&self, m: &MatrixSpec) -> Vec<u8> {
        let centre = centre(m).unwrap_or(0);
        m.codebook.iter().map(|v| digits(v - centre, m.code_bits)).collect()
    }

    fn name(&self, _: Part, (k_tile, n_tile): TileIndex) -> String {
        format!("k{k_tile}n{n_tile}.words")
    }

    fn images(&self, of: &Contents<'_>, add: AddImage<'_>) {
        let (m, t) = (of.matrix, of.shape);
        for k_tile in 0..t.k_tiles(m.inputs) {
            for n_tile in 0..t.n_tiles(m.outputs) {
                let words = t.tile_rows(k_tile, m.inputs).div_ceil(group(m));
                add(Part::Codes, (k_tile, n_tile), t.tile_cols(n_tile, m.outputs) * record(m, group(m)), u64::from(words));
            }
        }
    }

    fn place(&self, m: &MatrixSpec, t: TileShape, n: u32, k: u32) -> (TileIndex, u64, u32) {
        let (s, group) = (t.site(n, k), group(m));
        let bit = s.col * record(m, group) + s.row % group * u32::from(m.code_bits);
        ((s.k_tile, s.n_tile), u64::from(s.row / group), bit)
    }

    fn word(&self, of: &Contents<'_>, image: &RomImage, line: u64, word: &mut Word) {
        let (m, t, (k_tile, n_tile)) = (of.matrix, of.shape, image.tile);
        let (group, code) = (group(m), u32::from(m.code_bits));
        let first = k_tile * t.rows + line as u32 * group;
        let (scale, offset) = (u32::from(m.scale_bits), u32::from(m.offset_bits));
        for col in 0..t.tile_cols(n_tile, m.outputs) {
            let (n, at) = (t.output_of(n_tile, col), col * record(m, group));
            if n >= m.outputs {
                continue;
            }
            let codes = of.program.row(n);
            for k in first..m.inputs.min(first + group) {
                word.field(at + (k - first) * code, code, i64::from(of.stored(unpack(codes, m.code_bits, k as usize))));
            }
            word.field(at + group * code, scale, i64::from(of.program.scale(n, first / m.group)));
            word.field(at + group * code + scale, offset, i64::from(of.program.offset(n, first / m.group)));
        }
    }

    fn cells(&self, m: &MatrixSpec, t: TileShape, _: f64) -> Cells {
        Cells::words(t, group(m), m.outputs, m.inputs, m.code_bits)
    }
}

fn control(s: &Array<'_>) -> Census {
    let beats = s.matrix.outputs.div_ceil(s.shape.lanes);
    let word = u64::from(bits(s.shape.rows / group(s.matrix)));
    counter(bit_length(u64::from(beats))) + flops(13) + gates(8 + word)
}

/// ROM, registers for the activations and for a word of it, and the columns.
fn tile(s: &Array<'_>, columns: u64, words: u64) -> Census {
    let m = s.matrix;
    let width = columns * u64::from(record(m, group(m)));
    rom(width * words) + flops(u64::from(group(m)) * u64::from(s.act_bits) + width) + column(s).times(columns)
}

/// `hw_group_column`: a selector a digit and bit, trees of full adders, the product with the scale, the total.
fn column(s: &Array<'_>) -> Census {
    let m = s.matrix;
    let (act, inputs, total, inner) = (u64::from(s.act_bits), u64::from(group(m)), u64::from(s.tot_bits), u64::from(s.acc_bits));
    let (code, scale, offset) = (u64::from(m.code_bits), u64::from(m.scale_bits), u64::from(m.offset_bits));
    let (whole, parts) = (code / 2, inputs.div_ceil(PART));
    // A digit is decoded to three lines, of which each bit selects one of a, ~a and ~2a: a cell of two levels, with its share of what drives
    // all of them as much as five gates, less three that are not there: an inverter behind it, and those that the constant of a full adder
    // counts, for the tree takes and gives bits of either polarity. A lowest bit alone lets a through.
    let digit = gates(3 + 2 * (act + 1));
    let select = digit.times(inputs * whole) + gates(inputs * (act + 1) * (code % 2));
    let terms = inputs * code.div_ceil(2);
    let part_bits = act + code + 4;
    // Two numbers are left of each part; the negations are counted apart.
    let trees = chain((terms - 2 * parts) * (act + 1)) + chain(inputs * whole);
    let asum = act + u64::from(index_bits(group(m)));
    let centre = if centre(m).unwrap_or(0) == 0 { Census::default() } else { chain(asum) };
    let joined = chain((2 * parts - 1) * part_bits) + centre + sum(inner);
    let kept = flops(2 * parts * part_bits + bit_length(inputs) + code + inner + 2 * (scale + offset) + inner + scale);
    let scaled = long_product(inner, scale, false) + sum(total) + mux(2, total) + gates(total) + flops(total);
    let shifted = if offset > 0 { long_product(asum, offset, false) + sum(total) + flops(2 * asum + offset) } else { Census::default() };
    select + trees + joined + kept + scaled + shifted
}

/// `hw_group_feed`: every band's memories give a scale group a cycle, all of whose elements are shifted and rounded at once.
fn group_feed(s: &Feed, v: u64, sums: bool) -> Census {
    let (wide, act, inputs) = (u64::from(s.input.bits), u64::from(s.act_bits), u64::from(s.group));
    let word = u64::from(bits(s.played_rows() / s.group));
    let total = act + u64::from(index_bits(s.group));
    let picks = (v / inputs).max(1);
    // Groups of a beat are picked, and what lies past the vector is nought.
    let element = mux(picks, wide) + gates(3 * wide) + flops(wide) + feed::rounded(s) + flops(act);
    let eights = inputs.div_ceil(8);
    let group_sum = if sums {
        chain((inputs - 2 * eights) * act) + sum(total).times(eights + 1) + flops((eights + 1) * total)
    } else {
        Census::default()
    };
    let band = element.times(inputs) + group_sum;
    sram(u64::from(s.len) * wide)
        + feed::magnitude(s, v)
        + band.times(u64::from(s.k_tiles()))
        + counter(word)
        + flops(3 * word + 6)
        + gates(30)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every number in a code's range is its digits.
    #[test]
    fn digits_make_up_their_number() {
        for code_bits in [2, 3, 4, 6, 8] {
            let (least, most) = range(code_bits);
            assert_eq!(most - least + 1, 1 << code_bits);
            for number in least..=most {
                let stored = i32::from(digits(number, code_bits));
                let digit = |place: u32| {
                    let wide = code_bits % 2 == 0 || place > 0;
                    let d = stored >> place & if wide { 3 } else { 1 };
                    if d >= 2 { d - 4 } else { d }
                };
                assert_eq!(places(code_bits).map(|p| digit(p) << p).sum::<i32>(), number, "{code_bits} bits");
            }
        }
    }

    #[test]
    fn shapes_are_whole_groups_and_beats_and_cover_their_matrix() {
        for (lanes, group, inputs, outputs, rows, cols) in [
            (4, 8, 24, 19, None, 8),
            (8, 32, 300, 100, Some(64), 64),
            (128, 32, 4096, 1024, None, 256),
            (64, 16, 4096, 14336, Some(256), 256),
        ] {
            let m = MatrixSpec { group, ..matrix(inputs, outputs) };
            let t = Group.shape(&m, &Limits { lanes, rows, cols }).unwrap();
            assert!(t.rows.is_multiple_of(group) && (t.k_tiles(inputs) == 1 || t.rows.is_multiple_of(lanes)), "{t:?}");
            assert!(t.cols.is_multiple_of(t.tile_lanes()) && t.n_tiles(outputs) * t.cols >= outputs, "{t:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let limits = Limits { lanes: 8, rows: None, cols: 64 };
        let say = |m: MatrixSpec| Group.shape(&m, &limits).unwrap_err();
        assert!(say(MatrixSpec { group: 256, ..matrix(512, 8) }).contains("groups of 256"));
        assert!(say(MatrixSpec { group: 12, ..matrix(48, 8) }).contains("on 8 lanes"));
        let mut far = matrix(64, 8);
        far.codebook[0] = -12;
        assert!(say(far).contains("further apart"));
    }

    fn matrix(inputs: u32, outputs: u32) -> MatrixSpec {
        MatrixSpec {
            tensor: "w".into(),
            inputs,
            outputs,
            code_bits: 4,
            codebook: (-8..8).collect(),
            group: 32,
            scale_bits: 8,
            offset_bits: 0,
            bias: false,
            shift_bits: 0,
            rows: Default::default(),
            program: crate::program::ProgramId(0),
        }
    }
}
