//! Lengths and formats: what a unit says of its streams is what its producers give and what it computes.

use super::{equal, same_format, wrong};
use crate::error::Error;
use crate::graph::{Netlist, UnitId};
use crate::unit::{Fixed, RouteSpec, UnitKind};

/// `out_len` is what the unit gives out; formats that follow from the inputs do follow.
pub(super) fn output(n: &Netlist, id: UnitId) -> Result<(), Error> {
    let u = n.unit(id);
    let from = n.inputs(id);
    let len = match &u.kind {
        UnitKind::Embed(s) => s.matrix.inputs,
        UnitKind::RmsNorm(s) => s.len,
        UnitKind::RowFeed(s) => s.len,
        UnitKind::Mvm(s) => s.matrix.outputs,
        UnitKind::Rope(s) => s.heads * s.head_dim,
        UnitKind::Attention(s) => s.heads * s.head_dim,
        UnitKind::GatedAct(_) | UnitKind::Add => n.unit(from[0]).out_len,
        UnitKind::Argmax => 1,
        UnitKind::Route(s) => s.experts,
        UnitKind::Mix(_) => n.unit(from[1]).out_len,
    };
    equal(u, "out_len", u.out_len, len)?;
    match &u.kind {
        UnitKind::Rope(s) => same_format(u, "out", u.out, s.input),
        UnitKind::Attention(s) => same_format(u, "out", u.out, s.v),
        UnitKind::RowFeed(s) => equal(u, "out.frac", u.out.frac, s.input.frac),
        UnitKind::GatedAct(s) => {
            let up = s.up.map_or(0, |f| i32::from(f.frac));
            equal(u, "shift", i32::from(s.shift), i32::from(s.gate.frac) + up - i32::from(u.out.frac))
        }
        UnitKind::Route(_) => same_format(u, "out", u.out, RouteSpec::OUT),
        UnitKind::Mix(s) => same_format(u, "out", u.out, s.input),
        UnitKind::Embed(_) | UnitKind::RmsNorm(_) | UnitKind::Mvm(_) | UnitKind::Add | UnitKind::Argmax => Ok(()),
    }
}

/// Length and, where the unit states it, format of every input.
pub(super) fn inputs(n: &Netlist, id: UnitId) -> Result<(), Error> {
    let u = n.unit(id);
    for (port, from) in n.inputs(id).into_iter().enumerate() {
        let producer = n.unit(from);
        let (name, len, format): (&str, u32, Option<Fixed>) = match &u.kind {
            UnitKind::Embed(_) => return Ok(()),
            UnitKind::RmsNorm(s) => ("input", s.len, Some(s.input)),
            // The experts of a Route are checked beside it.
            UnitKind::RowFeed(_) if port == 1 => ("route", producer.out_len, None),
            UnitKind::RowFeed(s) => ("input", s.len, Some(s.input)),
            UnitKind::Route(s) => ("logits", s.experts, Some(s.logits)),
            UnitKind::Mix(s) if port == 0 => ("weights", s.experts, Some(RouteSpec::OUT)),
            UnitKind::Mix(s) => ("input", u.out_len, Some(s.input)),
            UnitKind::Mvm(s) => ("input", s.matrix.inputs, None),
            UnitKind::Rope(s) => ("input", s.heads * s.head_dim, Some(s.input)),
            UnitKind::Attention(s) => match port {
                0 => ("q", s.heads * s.head_dim, Some(s.q)),
                1 => ("k", s.kv_heads * s.head_dim, Some(s.k)),
                _ => ("v", s.kv_heads * s.head_dim, Some(s.v)),
            },
            UnitKind::GatedAct(s) if port == 0 => ("gate", u.out_len, Some(s.gate)),
            UnitKind::GatedAct(s) => ("up", u.out_len, s.up),
            UnitKind::Add => ("input", u.out_len, Some(u.out)),
            // The chip's vocabulary is checked beside its model.
            UnitKind::Argmax => ("input", producer.out_len, None),
        };
        if producer.out_len != len {
            return wrong(u, name, format!("{len} elements"), format!("{}, as {} gives", producer.out_len, producer.path));
        }
        if let Some(f) = format {
            same_format(u, name, f, producer.out)?;
        }
    }
    Ok(())
}
