//! The site module of a matrix in group columns, its feed and the feed's probe.

use crate::error::Error;
use crate::folder::Folder;
use crate::gate::{Code, filters};
use crate::instance::Instance;
use crate::mvm::Outputs;
use crate::roms;
use crate::shape::{Shape, bits, ident, index_bits};
use askama::Template;
use hardwire_netlist::fabric::group::centre;
use hardwire_netlist::silicon::Part;
use hardwire_netlist::unit::{MvmSpec, RowFeedSpec};
use hardwire_netlist::{Chip, Silicon, Unit, UnitId};

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

/// Writes the site module and the images of one matrix, the first of `layers` that share it.
pub fn emit(
    shape: &Shape,
    folder: &mut Folder,
    unit: &Unit,
    silicon: &Silicon<'_>,
    s: &MvmSpec,
    layers: u32,
    feed: &RowFeedSpec,
) -> Result<(), Error> {
    let (m, t, w) = (&s.matrix, s.shape, Widths::of(feed));
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
        v: shape.lanes,
        e,
        deal: t.deal,
        group: w.group,
        beats: m.outputs.div_ceil(shape.lanes),
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
        lanes: lanes.map(|(band, d)| ((band * shape.lanes + d * e) * tot, totals(band, d))).collect(),
        layers,
        lw: shape.layer_bits,
    };
    folder.text(&format!("rtl/mvm_{}.v", text.ident), Code::render("group.v", &text)?.as_str())
}

/// Parameters and outputs of a feed, to be joined to its input stream.
pub fn feed(chip: &Chip, id: UnitId, s: &RowFeedSpec, v: u32, i: Instance) -> Instance {
    let w = Widths::of(s);
    let i = i.param("V", v).param("LEN", s.len).param("IB", s.input.bits).param("A", w.act).param("GROUP", w.group);
    let i = i.param("WORDS", s.rows / w.group).param("PLAYED", s.played_cycles()).param("BANDS", w.bands);
    let i = i.param("WAITS", u32::from(s.waits)).param("SUMS", u32::from(chip.netlist().group_sums(id)));
    i.param("AB", w.sum).param("WW", w.word)
}

/// A feed's nets: beginnings of the ports' names, suffixes of the nets', widths.
pub fn nets(s: &RowFeedSpec) -> [(&'static str, &'static str, u32); 6] {
    let w = Widths::of(s);
    [
        ("word_valid", "_row_valid", 1),
        ("word", "_row", w.word),
        ("word_last", "_row_last", 1),
        ("a", "_a", w.data()),
        ("h", "_h", 5),
        ("asum", "_asum", w.bands * w.sum),
    ]
}

/// Prints a group a cycle after its number.
pub fn probe(s: &RowFeedSpec, name: &str, i: Instance) -> Instance {
    let w = Widths::of(s);
    let i = i.param("BANDS", w.bands).param("GROUP", w.group).param("ROWS", s.rows).param("LEN", s.len).param("BITS", w.act);
    let i = i.param("WW", w.word).input("clk", 1, "clk").input("valid", 1, format!("{name}_row_valid"));
    i.input("word", w.word, format!("{name}_row")).input("data", w.data(), format!("{name}_a"))
}
