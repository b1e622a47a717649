//! Metal embedding: the feed of bit planes, and the site module of a matrix with its wires, scales and output stage.

use super::design::{Design, Feed};
use super::output::{Outputs, codebook};
use crate::error::Error;
use crate::folder::Folder;
use crate::gate::{Code, filters};
use crate::instance::Instance;
use crate::roms;
use crate::shape::ident;
use crate::site::{Context, Nets};
use askama::Template;
use hardwire_netlist::Silicon;
use hardwire_netlist::fabric::metal::{LEAF, RADIX, digits, leaves, levels};
use hardwire_netlist::silicon::Part;
use hardwire_netlist::unit::{MvmSpec, RowFeedSpec};

#[derive(Template)]
#[template(path = "metal.v")]
struct Text<'a> {
    path: &'a str,
    ident: String,
    tensor: &'a str,
    outputs: u32,
    inputs: u32,
    v: u32,
    beats: u32,
    group: u32,
    groups: u32,
    leaf: u32,
    radix: u32,
    leaves: u32,
    levels: u32,
    code_bits: u8,
    value_bits: u32,
    plus: String,
    minus: String,
    acc: u8,
    scale_bits: u8,
    tot: u32,
    wires: String,
    scales: String,
    out: Outputs,
}

pub struct Metal;

impl Design for Metal {
    fn feed(&self, c: &Context, s: &RowFeedSpec) -> (Instance, Nets) {
        let i = c.instance("hw_bit_feed", format!("{} elements as {} planes", s.len, s.act_bits));
        let i = i.param("V", c.shape.lanes).param("LEN", s.len).param("IB", s.input.bits).param("A", s.act_bits);
        let flags = [("plane_valid", "_plane_valid", 1), ("plane_first", "_plane_first", 1), ("plane_last", "_plane_last", 1)];
        (i, flags.into_iter().chain([("plane", "_plane", s.len), ("h", "_h", 5)]).collect())
    }

    /// It begins with the vector's last beat.
    fn feed_waits(&self) -> bool {
        false
    }

    fn matrix(&self, c: &Context, folder: &mut Folder, s: &MvmSpec, feed: &Feed) -> Result<Instance, Error> {
        emit(c, folder, s)?;
        let i = c.instance(&format!("mvm_{}", c.name), &s.matrix.tensor).clocked();
        let i = i.input("plane_valid", 1, feed.net("_plane_valid")).input("plane_first", 1, feed.net("_plane_first"));
        let i = i.input("plane_last", 1, feed.net("_plane_last")).input("plane", feed.spec.len, feed.net("_plane"));
        Ok(i.input("h", 5, feed.net("_h")))
    }

    fn probe_module(&self) -> &'static str {
        "hw_probe_planes"
    }

    fn probe(&self, c: &Context, s: &RowFeedSpec, i: Instance) -> Instance {
        let i = i.param("LEN", s.len).param("BITS", s.act_bits).input("clk", 1, "clk");
        let i = i.input("valid", 1, c.net("_plane_valid")).input("last", 1, c.net("_plane_last"));
        i.input("plane", s.len, c.net("_plane"))
    }
}

/// Writes the site module and the images of one matrix.
fn emit(c: &Context, folder: &mut Folder, s: &MvmSpec) -> Result<(), Error> {
    let (m, v, unit, silicon) = (&s.matrix, c.shape.lanes, c.unit, &Silicon::of(c.chip, c.id)[0]);
    roms::matrix(folder, silicon)?;
    let (value_bits, _) = codebook(m);
    let text = Text {
        path: &unit.path,
        ident: ident(&unit.path),
        tensor: &m.tensor,
        outputs: m.outputs,
        inputs: m.inputs,
        v,
        beats: m.outputs.div_ceil(v),
        group: m.group.min(m.inputs),
        groups: m.groups(),
        leaf: LEAF,
        radix: RADIX,
        leaves: leaves(m),
        levels: levels(m),
        code_bits: m.code_bits,
        value_bits,
        plus: literal(m.codebook.iter().map(|&v| digits(v).0), value_bits),
        minus: literal(m.codebook.iter().map(|&v| digits(v).1), value_bits),
        acc: s.acc_bits,
        scale_bits: m.scale_bits,
        tot: u32::from(s.tot_bits),
        wires: silicon.file(Part::Codes, (0, 0)),
        scales: silicon.file(Part::Scales, (0, 0)),
        out: Outputs::of(unit, silicon),
    };
    folder.text(&format!("rtl/mvm_{}.v", text.ident), Code::render("metal.v", &text)?.as_str())
}

/// A vector of fields as a Verilog literal, the first lowest.
fn literal(values: impl DoubleEndedIterator<Item = u32> + ExactSizeIterator, bits: u32) -> String {
    let width = values.len() * bits as usize;
    let digit = |v: u32, b: u32| if v >> b & 1 == 1 { '1' } else { '0' };
    let digits: String = values.rev().flat_map(|v| (0..bits).rev().map(move |b| digit(v, b))).collect();
    format!("{width}'b{digits}")
}
