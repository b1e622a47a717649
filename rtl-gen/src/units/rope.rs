//! `hw_rope`: its heads, and its part of the rotation vector; where layers share it, that of the token's layer.

use crate::error::Error;
use crate::shape::Shape;
use crate::site::{Context, Site};
use hardwire_netlist::unit::RopeSpec;
use hardwire_netlist::{Chip, UnitId, UnitKind};

/// Bits of a pair's rotation, sine above cosine, and that of a pair that is not turned: a cosine of one.
const PAIR: u32 = 32;
const UNTURNED: &str = "32'h00004000";

pub fn site(c: &Context, s: &RopeSpec) -> Result<Site, Error> {
    let (chip, shape, id, unit) = (c.chip, c.shape, c.id, c.unit);
    let rotated = chip.netlist().rotated(id).unwrap_or(0);
    let (rotation, pairs) = rotation(chip, shape, id)?;
    let v = shape.lanes;
    if !v.is_multiple_of(s.head_dim) && !s.head_dim.is_multiple_of(v) {
        return Err(Error::unit(&unit.path, format!("heads of {} do not fit {v} lanes; choose other lanes", s.head_dim)));
    }
    let i = c.instance("hw_rope", format!("{} heads of {}, {rotated} rotated", s.heads, s.head_dim));
    let i = i.param("V", v).param("LEN", unit.out_len).param("HEAD_DIM", s.head_dim).param("ROTATED", rotated);
    let i = i.param("IB", s.input.bits).param("OB", unit.out.bits).param("PAIRS", pairs).clocked();
    Ok(c.alone(c.give(c.stream(i.input("rotation", pairs * PAIR, rotation), "in_valid", "in_data", 0))))
}

/// The rotations of the token's layer, and how many pairs they are.
fn rotation(chip: &Chip, shape: &Shape, id: UnitId) -> Result<(String, u32), Error> {
    let netlist = chip.netlist();
    let path = &netlist.unit(id).path;
    let all = netlist.worked(id);
    // The table of each layer; none where nothing is turned.
    let table = |id: &UnitId| match &netlist.unit(*id).kind {
        UnitKind::Rope(s) if s.rotated > 0 => Some(s.table),
        _ => None,
    };
    let tables: Vec<Option<u8>> = all.iter().map(table).collect();
    let at = |table: u8| {
        let found = shape.rope_tables.get(usize::from(table)).copied();
        found.ok_or_else(|| Error::unit(path, format!("rope table {table} does not exist")))
    };
    let (_, pairs) = at(tables.iter().flatten().next().copied().unwrap_or(0))?;
    let bits = |table: Option<u8>| match table.map(at).transpose()? {
        Some((_, other)) if other != pairs => Err(Error::unit(path, format!("tables of {pairs} and {other} pairs in one silicon"))),
        Some((first, _)) => Ok(format!("rotation[{} +: {}]", first * PAIR, pairs * PAIR)),
        None => Ok(format!("{{{pairs}{{{UNTURNED}}}}}")),
    };
    let mut kinds: Vec<Option<u8>> = Vec::new();
    tables.iter().for_each(|t| {
        if !kinds.contains(t) {
            kinds.push(*t)
        }
    });
    let mut text = bits(kinds[0])?;
    for &kind in &kinds[1..] {
        // A bit a layer, layer 0 lowest.
        let mask: String = tables.iter().rev().map(|&t| if t == kind { '1' } else { '0' }).collect();
        let n = tables.len();
        text = format!("((({n}'b{mask} >> layer) & {n}'d1) != 0) ? {} : ({text})", bits(kind)?);
    }
    Ok((text, pairs))
}
