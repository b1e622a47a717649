//! One matrix of a chip behind bytes, for an FPGA or a shuttle tile: inputs in, outputs out.

use crate::error::Error;
use crate::fabric::{Widths, emit_tiles};
use crate::folder::Folder;
use crate::gate::{Code, filters};
use crate::guide::{self, Bench, Place};
use crate::instance::Instance;
use crate::shape::{Shape, ident};
use crate::site::Context;
use askama::Template;
use hardwire_netlist::unit::Fabric;
use hardwire_netlist::{Chip, UnitKind};

#[derive(Template)]
#[template(path = "matrix.v")]
struct Text<'a> {
    path: &'a str,
    ident: String,
    outputs: u32,
    inputs: u32,
    group: u32,
    rw: u32,
    a: u32,
    ab: u32,
    in_bytes: u32,
    v: u32,
    beats: u32,
    ob: u32,
    out_bytes: u32,
    h: u32,
}

/// What a host must know of a matrix behind bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    pub path: String,
    pub inputs: u32,
    pub outputs: u32,
    /// Bits and bytes of an input.
    pub act_bits: u32,
    pub in_bytes: u32,
    /// Bytes of an output; the outputs that are sent are whole beats.
    pub out_bytes: u32,
    pub sent: u32,
    /// Exponent that the inputs come with (`docs/numerics.md`, section 5): as great as keeps the outputs whole.
    pub h: u32,
}

/// The matrix at `path` as a host sees it.
///
/// # Errors
/// No such matrix; one that is not in tiles of all its inputs, or that layers share.
pub fn find(chip: &Chip, path: &str) -> Result<Matrix, Error> {
    let netlist = chip.netlist();
    let found = netlist.find(path).map(|id| (id, netlist.unit(id)));
    let Some((id, unit, s)) = found.and_then(|(id, u)| if let UnitKind::Mvm(s) = &u.kind { Some((id, u, s)) } else { None }) else {
        let known: Vec<&str> = netlist.units().filter(|(_, u)| matches!(u.kind, UnitKind::Mvm(_))).map(|(_, u)| u.path.as_str()).collect();
        let what = format!("{path} is no matrix; there are {}, ...", known[..known.len().min(8)].join(", "));
        return Err(Error::Option { option: "matrix", what });
    };
    let m = &s.matrix;
    if s.fabric != Fabric::Tile || s.shape.k_tiles(m.inputs) > 1 || netlist.worked(id).len() > 1 {
        return Err(Error::Option {
            option: "matrix",
            what: format!("{path} must be in tiles as tall as its {} inputs, of one layer", m.inputs),
        });
    }
    if m.inputs % m.group.min(m.inputs) != 0 {
        return Err(Error::Option {
            option: "matrix",
            what: format!("{path}: its {} inputs are no whole groups of {}", m.inputs, m.group),
        });
    }
    let shifts = chip.programs.matrix(m.program).shifts;
    let least = (0..m.outputs as usize).map(|n| shifts.get(n)).min().unwrap_or(0);
    let wide = i32::from(s.tot_bits).saturating_sub(unit.out.bits.into()).max(0);
    Ok(Matrix {
        h: (least - wide).clamp(0, 31) as u32,
        path: path.into(),
        inputs: m.inputs,
        outputs: m.outputs,
        act_bits: s.act_bits.into(),
        in_bytes: u32::from(s.act_bits).div_ceil(8),
        out_bytes: u32::from(unit.out.bits).div_ceil(8),
        sent: m.outputs.next_multiple_of(netlist.lanes),
    })
}

/// Writes the matrix, its images and its host.
pub fn emit(chip: &Chip, shape: &Shape, folder: &mut Folder, path: &str) -> Result<guide::Top, Error> {
    let (netlist, told) = (chip.netlist(), find(chip, path)?);
    let id = netlist.find(path).ok_or_else(|| Error::unit(path, "it was there"))?;
    let unit = netlist.unit(id);
    let UnitKind::Mvm(s) = &unit.kind else { return Err(Error::unit(path, "is no matrix")) };
    let feed = netlist.inputs(id)[0];
    let UnitKind::RowFeed(f) = &netlist.unit(feed).kind else { return Err(Error::unit(path, "is not fed by a row feed")) };
    let widths = Widths::of(f);
    let text = Text {
        path,
        ident: ident(path),
        outputs: told.outputs,
        inputs: told.inputs,
        group: f.group,
        rw: widths.row,
        a: widths.act,
        ab: widths.sum,
        in_bytes: told.in_bytes,
        v: shape.lanes,
        beats: told.sent / shape.lanes,
        ob: unit.out.bits.into(),
        out_bytes: told.out_bytes,
        h: told.h,
    };
    let text = Code::render("matrix.v", &text)?;
    emit_tiles(&Context::new(chip, shape, id, &[], false), folder, s, f)?;
    folder.text("rtl/hardwire_matrix.v", text.as_str())?;
    let instance = Instance::new(&format!("mvm_{}", ident(path)), "matrix".into(), vec![s.matrix.tensor.clone()]);
    let module = "hardwire_matrix".to_string();
    let places = vec![Place::new(&module, unit, &[instance])];
    Ok(guide::Top { module, text, places, bench: Bench::Absent })
}
