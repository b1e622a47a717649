//! The site module of a matrix in metal embedding: its wires, scales and output stage.

use crate::error::Error;
use crate::folder::Folder;
use crate::gate::{Code, filters};
use crate::mvm::{Outputs, codebook};
use crate::roms;
use crate::shape::{Shape, ident};
use askama::Template;
use hardwire_netlist::fabric::metal::{LEAF, RADIX, digits, leaves, levels};
use hardwire_netlist::silicon::Part;
use hardwire_netlist::unit::MvmSpec;
use hardwire_netlist::{Silicon, Unit};

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

/// Writes the site module and the images of one matrix.
pub fn emit(shape: &Shape, folder: &mut Folder, unit: &Unit, silicon: &Silicon<'_>, s: &MvmSpec) -> Result<(), Error> {
    let (m, v) = (&s.matrix, shape.lanes);
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
