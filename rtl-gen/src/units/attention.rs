//! `hw_attention`: parameters, tables and sinks.

use crate::error::Error;
use crate::folder::Folder;
use crate::instance::Instance;
use crate::roms;
use crate::shape::ceil_log;
use crate::site::{Context, Site};
use hardwire_netlist::unit::AttentionSpec;
use hardwire_netlist::{Function, UnitId, UnitKind};

/// Writes its ROM images too, those of all layers that share it.
pub fn site(c: &Context, folder: &mut Folder, s: &AttentionSpec) -> Result<Site, Error> {
    let what = format!("{} heads on {} KV heads of {}, {} users of {} positions", s.heads, s.kv_heads, s.head_dim, s.users, s.context);
    let i = parameters(c, folder, s, c.instance("hw_attention", what))?;
    let i = c.stream(c.stream(c.layered(c.sequence(i)), "q_valid", "q_data", 0), "k_valid", "k_data", 1);
    Ok(c.alone(c.give(c.stream(i, "v_valid", "v_data", 2))))
}

/// The window of every layer that shares the unit, 0 for none, layer 0 lowest.
fn windows(c: &Context) -> String {
    let netlist = c.netlist();
    let window = |id: UnitId| if let UnitKind::Attention(a) = &netlist.unit(id).kind { a.window.unwrap_or(0) } else { 0 };
    let all: Vec<String> = netlist.worked(c.id).into_iter().rev().map(|id| format!("32'd{}", window(id))).collect();
    format!("{{{}}}", all.join(", "))
}

fn parameters(c: &Context, folder: &mut Folder, s: &AttentionSpec, i: Instance) -> Result<Instance, Error> {
    let (chip, shape, netlist, unit, v) = (c.chip, c.shape, c.netlist(), c.unit, c.shape.lanes);
    if !v.is_multiple_of(s.head_dim) && !s.head_dim.is_multiple_of(v) {
        return Err(Error::unit(&unit.path, format!("heads of {} do not fit {v} lanes; choose other lanes", s.head_dim)));
    }
    if !(-511..=511).contains(&s.score_shift) || s.score_mantissa >= 1 << 16 {
        return Err(Error::unit(&unit.path, format!("score shift {} or mantissa {} is out of range", s.score_shift, s.score_mantissa)));
    }
    let (exp2, recip) = (shape.table(Function::Exp2), shape.table(Function::Recip));
    let i = i.param("V", v).param("HEADS", s.heads).param("KV_HEADS", s.kv_heads).param("HEAD_DIM", s.head_dim);
    let i = i.param("CONTEXT", s.context).param("USERS", c.sequences(s.users)).param("A", s.act_bits);
    let i = if shape.layer_bits > 0 { i.param("WINDOWS", windows(c)) } else { i.param("WINDOW", s.window.unwrap_or(0)) };
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
    for (round, layer) in (0..).zip(netlist.worked(c.id)) {
        if let UnitKind::Attention(AttentionSpec { sinks: Some(sinks), .. }) = netlist.unit(layer).kind {
            let scores = chip.programs.gain(sinks).to_vec();
            roms::layer_beats(folder, &file, round, s.heads, s.heads, 32, &|h| scores[h as usize])?;
        }
    }
    Ok(i.param("SINKS", 1).file("SINK_SCORES", &file))
}
