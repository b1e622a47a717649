//! `hw_attention`: parameters, tables and sinks.

use crate::error::Error;
use crate::folder::Folder;
use crate::instance::Instance;
use crate::roms;
use crate::shape::{Shape, ceil_log};
use hardwire_netlist::unit::AttentionSpec;
use hardwire_netlist::{Chip, Function, UnitId, UnitKind};

/// In words.
pub fn title(s: &AttentionSpec) -> String {
    format!("{} heads on {} KV heads of {}, {} users of {} positions", s.heads, s.kv_heads, s.head_dim, s.users, s.context)
}

/// The window of every layer that shares the unit, 0 for none, layer 0 lowest.
fn windows(chip: &Chip, id: UnitId) -> String {
    let netlist = chip.netlist();
    let window = |id: UnitId| if let UnitKind::Attention(a) = &netlist.unit(id).kind { a.window.unwrap_or(0) } else { 0 };
    let all: Vec<String> = netlist.worked(id).into_iter().rev().map(|id| format!("32'd{}", window(id))).collect();
    format!("{{{}}}", all.join(", "))
}

/// The module with its parameters; writes its ROM images, those of all layers that share it.
pub fn parameters(chip: &Chip, shape: &Shape, folder: &mut Folder, id: UnitId, s: &AttentionSpec, i: Instance) -> Result<Instance, Error> {
    let (netlist, v) = (chip.netlist(), shape.lanes);
    let unit = netlist.unit(id);
    // A layer's sequences are sequences of the one cache.
    let users = s.users * netlist.rounds(unit.station);
    if !v.is_multiple_of(s.head_dim) && !s.head_dim.is_multiple_of(v) {
        return Err(Error::unit(&unit.path, format!("heads of {} do not fit {v} lanes; choose other lanes", s.head_dim)));
    }
    if !(-511..=511).contains(&s.score_shift) || s.score_mantissa >= 1 << 16 {
        return Err(Error::unit(&unit.path, format!("score shift {} or mantissa {} is out of range", s.score_shift, s.score_mantissa)));
    }
    let (exp2, recip) = (shape.table(Function::Exp2), shape.table(Function::Recip));
    let i = i.param("V", v).param("HEADS", s.heads).param("KV_HEADS", s.kv_heads).param("HEAD_DIM", s.head_dim);
    let i = i.param("CONTEXT", s.context).param("USERS", users).param("A", s.act_bits);
    let i = if shape.layer_bits > 0 { i.param("WINDOWS", windows(chip, id)) } else { i.param("WINDOW", s.window.unwrap_or(0)) };
    let i = i.param("KVB", s.kv_bits).param("P", s.pos_lanes).param("QB", s.q.bits).param("KB", s.k.bits).param("VB", s.v.bits);
    let i = i
        .param("OB", unit.out.bits)
        .param("POSW", shape.pos_bits)
        .param("UW", shape.user_bits + shape.layer_bits)
        .param("TREE", ceil_log(s.head_dim, 8));
    let i = i.param("MOST", ceil_log(s.pos_lanes, 4)).param("SUM", ceil_log(s.pos_lanes, 8));
    let i = i.param("MANTISSA", s.score_mantissa).param("SHIFT", s.score_shift);
    let i = i.param("EXP2_VALUE", exp2.value_bits).param("EXP2_SLOPE", exp2.slope_bits);
    let i = i.param("RECIP_VALUE", recip.value_bits).param("RECIP_SLOPE", recip.slope_bits);
    let i = i.file("EXP2", &exp2.file).file("RECIP", &recip.file);
    if s.sinks.is_none() {
        return Ok(i);
    }
    let file = format!("rom/{}/sinks.hex", unit.path);
    for (round, layer) in (0..).zip(netlist.worked(id)) {
        if let UnitKind::Attention(AttentionSpec { sinks: Some(sinks), .. }) = netlist.unit(layer).kind {
            let scores = chip.programs.gain(sinks).to_vec();
            roms::layer_beats(folder, &file, round, s.heads, s.heads, 32, &|h| scores[h as usize])?;
        }
    }
    Ok(i.param("SINKS", 1).file("SINK_SCORES", &file))
}
