//! Group columns: the feed of groups, and the site module of a matrix.

use super::design::{Design, Feed};
use super::output::Outputs;
use crate::error::Error;
use crate::folder::Folder;
use crate::gate::{Code, filters};
use crate::instance::Instance;
use crate::roms;
use crate::shape::{bits, ident, index_bits};
use crate::site::{Context, Nets};
use askama::Template;
use hardwire_netlist::Silicon;
use hardwire_netlist::fabric::group::centre;
use hardwire_netlist::silicon::Part;
use hardwire_netlist::unit::{MvmSpec, RowFeedSpec};

struct TileText {
    k_tile: u32,
    n_tile: u32,
    words: u32,
    cols: u32,
    first_output: u32,
    first_input: u32,
    contents: String,
    /// Totals of the tile after it in its chain.
    next: String,
}

#[derive(Template)]
#[template(path = "group.v")]
struct Text<'a> {
    path: &'a str,
    ident: String,
    tensor: &'a str,
    outputs: u32,
    inputs: u32,
    rows: u32,
    bands: u32,
    v: u32,
    e: u32,
    deal: u32,
    group: u32,
    beats: u32,
    code_bits: u8,
    centre: i32,
    a: u32,
    ab: u32,
    ww: u32,
    inner: u8,
    scale_bits: u8,
    offset_bits: u8,
    tot: u32,
    out: Outputs,
    tiles: Vec<TileText>,
    /// Totals of each band and tile of a beat, by where they lie.
    lanes: Vec<(u32, String)>,
    layers: u32,
    /// 0: every layer has its own silicon.
    lw: u32,
}

/// Widths that a feed and its matrices share.
struct Widths {
    bands: u32,
    group: u32,
    act: u32,
    sum: u32,
    word: u32,
}

impl Widths {
    fn of(s: &RowFeedSpec) -> Widths {
        let act = u32::from(s.act_bits);
        Widths { bands: s.k_tiles(), group: s.group, act, sum: act + index_bits(s.group), word: bits(s.rows / s.group) }
    }

    /// Bits of a cycle's activations.
    fn data(&self) -> u32 {
        self.bands * self.group * self.act
    }
}

pub struct Group;

impl Design for Group {
    fn feed(&self, c: &Context, s: &RowFeedSpec) -> (Instance, Nets) {
        let w = Widths::of(s);
        let what = format!("{} elements as {} groups of {}", s.len, s.played_cycles(), s.group);
        let i = c.instance("hw_group_feed", what).param("V", c.shape.lanes).param("LEN", s.len).param("IB", s.input.bits);
        let i = i.param("A", w.act).param("GROUP", w.group).param("WORDS", s.rows / w.group).param("PLAYED", s.played_cycles());
        let i = i.param("BANDS", w.bands).param("WAITS", u32::from(s.waits)).param("SUMS", u32::from(c.netlist().group_sums(c.id)));
        (i.param("AB", w.sum).param("WW", w.word), nets(&w))
    }

    fn matrix(&self, c: &Context, folder: &mut Folder, s: &MvmSpec, feed: &Feed) -> Result<Instance, Error> {
        emit(c, folder, s, feed.spec)?;
        roms::further_layers(c.chip, folder, c.id)?;
        let i = c.in_layer(c.instance(&format!("mvm_{}", c.name), &s.matrix.tensor).clocked());
        Ok(nets(&Widths::of(feed.spec)).into_iter().fold(i, |i, (port, suffix, width)| {
            i.input(port, width, if port == "word_valid" { feed.row_valid(c) } else { feed.net(suffix) })
        }))
    }

    fn probe_module(&self) -> &'static str {
        "hw_probe_groups"
    }

    /// Prints a group a cycle after its number.
    fn probe(&self, c: &Context, s: &RowFeedSpec, i: Instance) -> Instance {
        let w = Widths::of(s);
        let i = i.param("BANDS", w.bands).param("GROUP", w.group).param("ROWS", s.rows).param("LEN", s.len).param("BITS", w.act);
        let i = i.param("WW", w.word).input("clk", 1, "clk").input("valid", 1, c.net("_row_valid"));
        i.input("word", w.word, c.net("_row")).input("data", w.data(), c.net("_a"))
    }
}

/// A feed's nets: port, what follows its identifier, width.
fn nets(w: &Widths) -> Nets {
    vec![
        ("word_valid", "_row_valid", 1),
        ("word", "_row", w.word),
        ("word_last", "_row_last", 1),
        ("a", "_a", w.data()),
        ("h", "_h", 5),
        ("asum", "_asum", w.bands * w.sum),
    ]
}

/// Writes the site module and the images of one matrix, the first of the layers that share it.
fn emit(c: &Context, folder: &mut Folder, s: &MvmSpec, feed: &RowFeedSpec) -> Result<(), Error> {
    let (m, t, w, unit) = (&s.matrix, s.shape, Widths::of(feed), c.unit);
    let silicon = &Silicon::of(c.chip, c.id)[0];
    roms::matrix(folder, silicon)?;
    let (e, tot, n_tiles) = (t.tile_lanes(), u32::from(s.tot_bits), t.n_tiles(m.outputs));
    let nought = format!("{}'d0", e * tot);
    let totals = |k: u32, n: u32| if n < n_tiles { format!("t{k}_{n}") } else { nought.clone() };
    let tiles = (0..w.bands).flat_map(|k_tile| (0..n_tiles).map(move |n_tile| (k_tile, n_tile))).map(|(k_tile, n_tile)| TileText {
        k_tile,
        n_tile,
        words: t.tile_rows(k_tile, m.inputs).div_ceil(w.group),
        cols: t.tile_cols(n_tile, m.outputs),
        first_output: t.output_of(n_tile, 0),
        first_input: k_tile * t.rows,
        contents: silicon.file(Part::Codes, (k_tile, n_tile)),
        next: totals(k_tile, n_tile + t.deal),
    });
    let lanes = (0..w.bands).flat_map(|band| (0..t.deal).map(move |d| (band, d)));
    let text = Text {
        path: &unit.path,
        ident: ident(&unit.path),
        tensor: &m.tensor,
        outputs: m.outputs,
        inputs: m.inputs,
        rows: t.rows,
        bands: w.bands,
        v: c.shape.lanes,
        e,
        deal: t.deal,
        group: w.group,
        beats: m.outputs.div_ceil(c.shape.lanes),
        code_bits: m.code_bits,
        centre: centre(m).ok_or_else(|| Error::unit(&unit.path, "its codebook does not fit group columns"))?,
        a: w.act,
        ab: w.sum,
        ww: w.word,
        inner: s.acc_bits,
        scale_bits: m.scale_bits,
        offset_bits: m.offset_bits,
        tot,
        out: Outputs::of(unit, silicon),
        tiles: tiles.collect(),
        lanes: lanes.map(|(band, d)| ((band * c.shape.lanes + d * e) * tot, totals(band, d))).collect(),
        layers: c.rounds(),
        lw: c.shape.layer_bits,
    };
    folder.text(&format!("rtl/mvm_{}.v", text.ident), Code::render("group.v", &text)?.as_str())
}
