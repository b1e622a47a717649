//! Multiply-select-add tiles: the feed of rows, and the site module of a matrix with its tiles, what tells them their steps, the output stage, and
//! all their ROM images.

use super::design::{Design, Feed};
use super::output::{Outputs, list};
use crate::error::Error;
use crate::folder::Folder;
use crate::gate::{Code, filters};
use crate::instance::Instance;
use crate::roms;
use crate::shape::{bits, ident, index_bits};
use crate::site::{Context, Nets};
use askama::Template;
use hardwire_netlist::silicon::{Part, TileIndex};
use hardwire_netlist::unit::{MvmSpec, RowFeedSpec};
use hardwire_netlist::{Silicon, TileShape};

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

/// Widths that a feed and its matrices share.
pub struct Widths {
    pub bands: u32,
    pub act: u32,
    /// Of a group's activation sum.
    pub sum: u32,
    /// Of a row's number.
    pub row: u32,
}

impl Widths {
    pub fn of(s: &RowFeedSpec) -> Widths {
        let act = u32::from(s.act_bits);
        Widths { bands: s.k_tiles(), act, sum: act + index_bits(s.group), row: bits(s.played_rows()) }
    }
}

pub struct Tile;

impl Design for Tile {
    fn feed(&self, c: &Context, s: &RowFeedSpec) -> (Instance, Nets) {
        let w = Widths::of(s);
        let what = format!("{} elements as {} rows of {} bands, {} bits", s.len, s.played_rows(), w.bands, w.act);
        let i = c.instance("hw_row_feed", what).param("V", c.shape.lanes).param("LEN", s.len).param("IB", s.input.bits);
        let i = i.param("A", w.act).param("ROWS", s.rows).param("GROUP", s.group).param("PLAYED", s.played_rows());
        let i = i.param("BANDS", w.bands).param("SUMS", u32::from(c.netlist().group_sums(c.id))).param("AB", w.sum);
        let i = i.param("RW", w.row).param("WAITS", u32::from(s.waits));
        let row = [("row_valid", "_row_valid", 1), ("row", "_row", w.row), ("row_end", "_row_end", 1), ("row_last", "_row_last", 1)];
        let all = [("a", "_a", w.bands * w.act), ("h", "_h", 5), ("asum", "_asum", w.bands * w.sum)];
        (i, row.into_iter().chain(all).collect())
    }

    fn matrix(&self, c: &Context, folder: &mut Folder, s: &MvmSpec, feed: &Feed) -> Result<Instance, Error> {
        emit(c, folder, s, feed.spec)?;
        roms::further_layers(c.chip, folder, c.id)?;
        let w = Widths::of(feed.spec);
        let i = c.instance(&format!("mvm_{}", c.name), &s.matrix.tensor).clocked();
        let i = c.in_layer(i).input("row_valid", 1, feed.row_valid(c)).input("row", w.row, feed.net("_row"));
        let i = i.input("row_end", 1, feed.net("_row_end")).input("row_last", 1, feed.net("_row_last"));
        let i = i.input("a", w.bands * w.act, feed.net("_a")).input("h", 5, feed.net("_h"));
        Ok(i.input("asum", w.bands * w.sum, feed.net("_asum")))
    }

    fn probe_module(&self) -> &'static str {
        "hw_probe_rows"
    }

    fn probe(&self, c: &Context, s: &RowFeedSpec, i: Instance) -> Instance {
        let w = Widths::of(s);
        let i = i.param("BANDS", w.bands).param("ROWS", s.rows).param("LEN", s.len).param("BITS", w.act);
        let i = i.param("RW", w.row).input("clk", 1, "clk").input("valid", 1, c.net("_row_valid"));
        i.input("row", w.row, c.net("_row")).input("data", w.bands * w.act, c.net("_a"))
    }
}

/// Writes the site module and the images of one matrix, the first of the layers that share it.
pub fn emit(c: &Context, folder: &mut Folder, s: &MvmSpec, spec: &RowFeedSpec) -> Result<(), Error> {
    let (m, t, v, unit) = (&s.matrix, s.shape, c.shape.lanes, c.unit);
    let (widths, silicon) = (Widths::of(spec), &Silicon::of(c.chip, c.id)[0]);
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
        ab: widths.sum,
        rw: widths.row,
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
        layers: c.rounds(),
        lw: c.shape.layer_bits,
    };
    folder.text(&format!("rtl/mvm_{}.v", text.ident), Code::render("mvm.v", &text)?.as_str())
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
