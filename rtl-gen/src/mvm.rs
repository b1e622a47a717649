//! The site module of a matrix: its tiles, their conductor, the output stage, and all their ROM images.

use crate::error::Error;
use crate::folder::Folder;
use crate::gate::{Code, filters};
use crate::roms;
use crate::shape::{Shape, bits, ident};
use crate::stream::FeedShape;
use askama::Template;
use hardwire_netlist::silicon::{Part, TileIndex};
use hardwire_netlist::unit::{MatrixSpec, MvmSpec, RowFeedSpec};
use hardwire_netlist::width::range_bits;
use hardwire_netlist::{Silicon, TileShape, Unit};

struct TileText {
    k_tile: u32,
    n_tile: u32,
    block: u32,
    rows: u32,
    cols: u32,
    steps: u32,
    first_output: u32,
    first_input: u32,
    codes: String,
    scales: String,
}

/// The lanes one tile column of a band gives to a beat: the tiles of all blocks, only one of which is not zero.
struct LaneText {
    at: u32,
    value: String,
}

#[derive(Template)]
#[template(path = "mvm.v")]
struct Text<'a> {
    path: &'a str,
    ident: String,
    tensor: &'a str,
    outputs: u32,
    inputs: u32,
    rows: u32,
    cols: u32,
    deal: u32,
    block_outputs: u32,
    v: u32,
    e: u32,
    bands: u32,
    a: u32,
    ab: u32,
    rw: u32,
    sw: u32,
    cw: u32,
    kw: u32,
    steps: u32,
    groups: u32,
    beats: u32,
    code_bits: u8,
    fold: u32,
    values: usize,
    value_bits: u32,
    factors: String,
    lift: i32,
    halve: u32,
    digit: u32,
    first_value: i32,
    acc: u32,
    inner: u8,
    tot: u32,
    scale_bits: u8,
    offset_bits: u8,
    out: Outputs,
    tiles: Vec<TileText>,
    lanes: Vec<LaneText>,
    layers: u32,
    /// 0: every layer has its own silicon.
    lw: u32,
}

/// Value bits and Verilog literal of a codebook, value 0 lowest.
pub fn codebook(m: &MatrixSpec) -> (u32, String) {
    list(&m.codebook)
}

fn list(values: &[i32]) -> (u32, String) {
    let bits = range_bits(values.iter().map(|&v| i64::from(v)));
    let mut digits = String::with_capacity(values.len() * bits as usize + 16);
    for &v in values.iter().rev() {
        for b in (0..bits).rev() {
            digits.push(if v >> b & 1 == 1 { '1' } else { '0' });
        }
    }
    (bits, format!("{}'b{digits}", values.len() * bits as usize))
}

/// Writes the site module and the images of one matrix, the first of `layers` that share it.
#[allow(clippy::too_many_arguments)]
pub fn emit(
    shape: &Shape,
    folder: &mut Folder,
    unit: &Unit,
    silicon: &Silicon<'_>,
    s: &MvmSpec,
    layers: u32,
    feed: &(&RowFeedSpec, FeedShape),
) -> Result<(), Error> {
    let (m, t, v) = (&s.matrix, s.shape, shape.lanes);
    let (spec, widths) = feed;
    let fail = |what: String| Err(Error::unit(&unit.path, what));
    let digits = m.digits();
    if m.code_bits == 8 && digits.is_none() {
        return fail("8-bit codes whose values do not count up need 256 products a row; use 6 bits or fewer".into());
    }
    if t.rows != spec.rows || m.group.min(t.rows) != spec.group {
        return fail(format!("{} rows in groups of {} on a feed of {} in {}", t.rows, m.group, spec.rows, spec.group));
    }
    let groups = spec.played_rows() / spec.group;
    if spec.group < 2 && groups > 1 {
        return fail("groups of one row: totals are read again before they are written; use groups of at least 2".into());
    }
    roms::matrix(folder, silicon)?;
    let (bands, e) = (t.k_tiles(m.inputs), t.tile_lanes());
    let tiles: Vec<TileIndex> = (0..bands).flat_map(|k| (0..t.n_tiles(m.outputs)).map(move |n| (k, n))).collect();
    let fold = m.fold();
    let texts = tiles.iter().map(|&tile| text_of(&t, tile, silicon)).collect();
    let (sw, cw, kw) = (bits(t.steps()), bits(groups * t.steps()), bits(t.blocks(m.outputs)));
    let bank = m.bank();
    let (value_bits, factors) = list(&bank);
    let text = Text {
        path: &unit.path,
        ident: ident(&unit.path),
        tensor: &m.tensor,
        outputs: m.outputs,
        inputs: m.inputs,
        rows: t.rows,
        cols: t.cols,
        deal: t.deal,
        block_outputs: t.block_outputs(),
        v,
        e,
        bands,
        a: widths.act,
        ab: widths.sum_bits,
        rw: widths.row_bits,
        sw,
        cw,
        kw,
        steps: t.steps(),
        groups,
        beats: m.outputs.div_ceil(v),
        code_bits: m.code_bits,
        fold: u32::from(fold.is_some()),
        values: bank.len(),
        value_bits,
        factors,
        lift: fold.as_ref().map_or(0, |f| f.lift),
        halve: u32::from(fold.as_ref().is_some_and(|f| f.halved)),
        digit: digits.unwrap_or(0),
        first_value: m.codebook.first().copied().unwrap_or(0),
        acc: s.column_bits(),
        inner: s.acc_bits,
        tot: u32::from(s.tot_bits),
        scale_bits: m.scale_bits,
        offset_bits: m.offset_bits,
        out: Outputs::of(unit, silicon),
        lanes: lanes(&t, &tiles, bands, v, e, u32::from(s.tot_bits)),
        tiles: texts,
        layers,
        lw: shape.layer_bits,
    };
    folder.text(&format!("rtl/mvm_{}.v", text.ident), Code::render("mvm.v", &text)?.as_str())
}

/// What the output stage of a matrix reads.
pub struct Outputs {
    /// Bits of an output.
    pub bits: u32,
    pub shift_bits: u32,
    pub shifts: String,
    /// 1: there is a bias.
    pub bias: u32,
    /// Empty where there is none.
    pub biases: String,
}

impl Outputs {
    pub fn of(unit: &Unit, silicon: &Silicon<'_>) -> Outputs {
        let biased = silicon.matrix.bias;
        Outputs {
            bits: u32::from(unit.out.bits),
            shift_bits: silicon.shift_bits(),
            shifts: silicon.file(Part::Shifts, (0, 0)),
            bias: u32::from(biased),
            biases: if biased { silicon.file(Part::Biases, (0, 0)) } else { String::new() },
        }
    }
}

fn text_of(t: &TileShape, tile: TileIndex, silicon: &Silicon<'_>) -> TileText {
    let ((k_tile, n_tile), m) = (tile, silicon.matrix);
    let cols = t.tile_cols(n_tile, m.outputs);
    TileText {
        k_tile,
        n_tile,
        block: n_tile / t.deal,
        rows: t.tile_rows(k_tile, m.inputs),
        cols,
        steps: cols / t.tile_lanes(),
        first_output: t.output_of(n_tile, 0),
        first_input: k_tile * t.rows,
        codes: silicon.file(Part::Codes, tile),
        scales: silicon.file(Part::Scales, tile),
    }
}

fn lanes(t: &TileShape, tiles: &[TileIndex], bands: u32, v: u32, e: u32, tot: u32) -> Vec<LaneText> {
    let mut lanes = Vec::new();
    for band in 0..bands {
        for d in 0..t.deal {
            let mine = tiles.iter().filter(|(k, n)| *k == band && n % t.deal == d);
            let names: Vec<String> = mine.map(|(k, n)| format!("t{k}_{n}")).collect();
            let value = if names.is_empty() { format!("{}'d0", e * tot) } else { names.join(" | ") };
            lanes.push(LaneText { at: (band * v + d * e) * tot, value });
        }
    }
    lanes
}
