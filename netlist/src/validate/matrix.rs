//! Number systems of matrices, shapes of their tiles, and the row feeds that play into them.

use super::{equal, format, within, wrong};
use crate::error::Error;
use crate::graph::{Netlist, UnitId};
use crate::metal::MetalShape;
use crate::tile::TileShape;
use crate::unit::{Fabric, MatrixSpec, MvmSpec, Play, RowFeedSpec, RowPermutation, Unit, UnitKind};

/// Most inputs or outputs: the program file must hold them, but counts come before the file.
const MOST: u32 = 1 << 24;

/// Codes, codebook and scale widths (`docs/numerics.md`, section 2).
pub(super) fn codes(u: &Unit, m: &MatrixSpec) -> Result<(), Error> {
    within(u, "matrix.inputs", m.inputs, 1..=MOST)?;
    within(u, "matrix.outputs", m.outputs, 1..=MOST)?;
    within(u, "matrix.group", m.group, 1..=u32::MAX)?;
    if !matches!(m.code_bits, 2 | 3 | 4 | 6 | 8) {
        return wrong(u, "matrix.code_bits", m.code_bits, "2, 3, 4, 6 or 8");
    }
    within(u, "matrix.scale_bits", m.scale_bits, 2..=32)?;
    if m.offset_bits != 0 {
        within(u, "matrix.offset_bits", m.offset_bits, 2..=32)?;
    }
    codebook(u, m)?;
    match m.rows {
        RowPermutation::Interleave { head_dim, rotated } => {
            if head_dim == 0 || !m.outputs.is_multiple_of(head_dim) {
                return wrong(u, "matrix.rows.interleave.head_dim", head_dim, format!("a divisor of {} outputs", m.outputs));
            }
            if rotated < 2 || rotated > head_dim || rotated % 2 != 0 {
                return wrong(u, "matrix.rows.interleave.rotated", rotated, format!("an even number from 2 to {head_dim}"));
            }
            Ok(())
        }
        RowPermutation::Identity => Ok(()),
    }
}

/// Values are 8-bit: a product bank and the simulators' 32-bit partial sums are made for that. Eight-bit codes select from a bank for
/// each nibble, so their values are a sum of one value for each.
fn codebook(u: &Unit, m: &MatrixSpec) -> Result<(), Error> {
    let v = &m.codebook;
    equal(u, "matrix.codebook", v.len(), 1 << m.code_bits)?;
    if let Some(bad) = v.iter().find(|v| i8::try_from(**v).is_err()) {
        return wrong(u, "matrix.codebook", bad, "values from -128 to 127");
    }
    if m.code_bits == 8 && (0..256).any(|c| v[c] != v[c & 0xf0] + v[c & 0x0f] - v[0]) {
        return wrong(u, "matrix.codebook", "a free list", "for 8-bit codes, a value of the high nibble plus one of the low");
    }
    Ok(())
}

pub(super) fn mvm(n: &Netlist, u: &Unit, s: &MvmSpec) -> Result<(), Error> {
    codes(u, &s.matrix)?;
    within(u, "act_bits", s.act_bits, 2..=16)?;
    within(u, "acc_bits", s.acc_bits, 1..=62)?;
    within(u, "tot_bits", s.tot_bits, 1..=62)?;
    match s.fabric {
        Fabric::Tile(t) => tile(n, u, &t, &s.matrix),
        Fabric::Metal(t) => metal(n, u, t, &s.matrix),
    }
}

/// Wires have no place for an offset: its sum of activations would be one more matrix.
fn metal(n: &Netlist, u: &Unit, t: MetalShape, m: &MatrixSpec) -> Result<(), Error> {
    equal(u, "lanes", t.lanes, n.lanes)?;
    equal(u, "matrix.offset_bits", m.offset_bits, 0)
}

fn tile(n: &Netlist, u: &Unit, t: &TileShape, m: &MatrixSpec) -> Result<(), Error> {
    equal(u, "lanes", t.lanes, n.lanes)?;
    within(u, "rows", t.rows, 1..=1 << 16)?;
    within(u, "cols", t.cols, 1..=1 << 16)?;
    if t.deal == 0 || !t.lanes.is_multiple_of(t.deal) {
        return wrong(u, "deal", t.deal, format!("a divisor of {} lanes", t.lanes));
    }
    if !t.cols.is_multiple_of(t.tile_lanes()) {
        return wrong(u, "cols", t.cols, format!("a multiple of {}, the lanes of a tile", t.tile_lanes()));
    }
    let group = m.group.min(t.rows);
    if !t.rows.is_multiple_of(group) || (m.group < m.inputs && m.group > t.rows && !m.group.is_multiple_of(t.rows)) {
        return wrong(u, "matrix.group", m.group, format!("whole groups in {} rows, or whole tiles in a group", t.rows));
    }
    if t.steps() > group {
        return wrong(u, "cols", t.cols, format!("at most {}: a scan must fit a group of {group} rows", group * t.tile_lanes()));
    }
    Ok(())
}

pub(super) fn row_feed(u: &Unit, s: &RowFeedSpec) -> Result<(), Error> {
    format(u, "input", s.input)?;
    within(u, "len", s.len, 1..=MOST)?;
    within(u, "act_bits", s.act_bits, 2..=16)?;
    if s.play == Play::Bits {
        equal(u, "rows", s.rows, s.len)?;
        // Planes of bits are not kept for a choice of experts.
        equal(u, "waits", s.waits, false)?;
        return within(u, "group", s.group, 1..=s.rows);
    }
    within(u, "rows", s.rows, 1..=1 << 16)?;
    within(u, "group", s.group, 1..=s.rows)?;
    if !s.rows.is_multiple_of(s.group) { wrong(u, "rows", s.rows, format!("a multiple of the group of {}", s.group)) } else { Ok(()) }
}

/// A matrix is as its feed plays: the same activations, bands and groups.
pub(super) fn feed(n: &Netlist, id: UnitId) -> Result<(), Error> {
    let u = n.unit(id);
    let UnitKind::Mvm(s) = &u.kind else { return Ok(()) };
    let from = n.unit(n.inputs(id)[0]);
    let UnitKind::RowFeed(f) = &from.kind else { return wrong(u, "inputs", &from.path, "a row feed") };
    equal(u, "act_bits", s.act_bits, f.act_bits)?;
    match s.fabric {
        Fabric::Tile(t) if f.play == Play::Rows => equal(u, "rows", t.rows, f.rows)?,
        Fabric::Metal(_) if f.play == Play::Bits => {}
        _ => return wrong(u, "fabric", s.fabric.name(), format!("what {} plays: rows for tiles, bits for metal", from.path)),
    }
    equal(u, "matrix.group", s.matrix.group.min(f.rows), f.group)
}
