//! Parameters of each kind of unit, taken alone.

use super::{equal, experts, format, matrix, within, wrong};
use crate::error::Error;
use crate::graph::Netlist;
use crate::unit::{Activation, AttentionSpec, CentreSpec, EmbedSpec, GatedActSpec, NormSpec, RopeSpec, Unit, UnitKind};

/// Longest vector: its squares fit the 80 bits of section 4.
const MOST_ELEMENTS: u32 = 1 << 17;
/// Most positions of a cache.
pub(super) const MOST_CONTEXT: u32 = 1 << 24;
pub(super) const MOST_USERS: u32 = 1 << 16;

pub(super) fn parameters(n: &Netlist, u: &Unit) -> Result<(), Error> {
    match &u.kind {
        UnitKind::Embed(s) => embed(u, s),
        UnitKind::RmsNorm(s) => norm(n, u, s),
        UnitKind::RowFeed(s) => matrix::row_feed(u, s),
        UnitKind::Mvm(s) => matrix::mvm(n, u, s),
        UnitKind::Rope(s) => rope(n, u, s),
        UnitKind::Attention(s) => attention(n, u, s),
        UnitKind::GatedAct(s) => gated(u, s),
        UnitKind::Route(s) => experts::route(u, s),
        UnitKind::Mix(s) => format(u, "input", s.input),
        UnitKind::Add | UnitKind::Argmax => Ok(()),
    }
}

fn embed(u: &Unit, s: &EmbedSpec) -> Result<(), Error> {
    matrix::codes(u, &s.matrix)?;
    within(u, "omega", s.omega.len(), 0..=256)?;
    if s.omega.iter().any(|t| t.len() > MOST_ELEMENTS as usize) {
        return wrong(u, "omega", "a longer table", format!("at most {MOST_ELEMENTS} pairs a table"));
    }
    if let Some(p) = &s.positions {
        matrix::codes(u, p)?;
        equal(u, "positions.inputs", p.inputs, s.matrix.inputs)?;
        equal(u, "positions.bias", p.bias, false)?;
        equal(u, "omega with positions", s.omega.len(), 0)?;
    }
    equal(u, "matrix.bias", s.matrix.bias, false)
}

fn gated(u: &Unit, s: &GatedActSpec) -> Result<(), Error> {
    format(u, "gate", s.gate)?;
    if let Some(up) = s.up {
        format(u, "up", up)?;
    }
    if let Activation::SwigluClamped { gate_limit, up_limit } = s.activation {
        let Some(up) = s.up else { return wrong(u, "up", "none", "a format: this activation has a gate") };
        within(u, "up.frac", up.frac, 0..=29)?;
        within(u, "activation.gate_limit", gate_limit, 0..=i32::MAX)?;
        within(u, "activation.up_limit", up_limit, 0..=i32::MAX - (1 << up.frac))?;
    }
    Ok(())
}

fn norm(n: &Netlist, u: &Unit, s: &NormSpec) -> Result<(), Error> {
    format(u, "input", s.input)?;
    within(u, "len", s.len, 1..=MOST_ELEMENTS)?;
    within(u, "groups", s.groups, 1..=s.len)?;
    within(u, "epsilon", s.epsilon, 1..=u64::MAX)?;
    if !s.len.is_multiple_of(s.groups) {
        return wrong(u, "groups", s.groups, format!("a divisor of {}", s.len));
    }
    // A product of 32 by 20 bits.
    within(u, "shift", s.shift, 1..=51)?;
    if let Some(c) = &s.centre {
        equal(u, "groups", s.groups, 1)?;
        let (mantissa, shift) = CentreSpec::reciprocal(s.len);
        equal(u, "centre.mantissa", c.mantissa, mantissa)?;
        equal(u, "centre.shift", c.shift, shift)?;
    }
    if s.groups > 1 { whole_beats(n, u, "groups", s.len / s.groups) } else { Ok(()) }
}

/// A beat holds whole parts, or a part whole beats.
fn whole_beats(n: &Netlist, u: &Unit, field: &str, part: u32) -> Result<(), Error> {
    if n.lanes.is_multiple_of(part) || part.is_multiple_of(n.lanes) {
        return Ok(());
    }
    wrong(u, field, format!("parts of {part} elements"), format!("a divisor or a multiple of the {} lanes", n.lanes))
}

fn heads(n: &Netlist, u: &Unit, heads: u32, head_dim: u32) -> Result<(), Error> {
    within(u, "heads", heads, 1..=MOST_ELEMENTS)?;
    within(u, "head_dim", head_dim, 1..=1 << 13)?;
    within(u, "heads times head_dim", u64::from(heads) * u64::from(head_dim), 1..=u64::from(MOST_ELEMENTS))?;
    whole_beats(n, u, "head_dim", head_dim)
}

fn rope(n: &Netlist, u: &Unit, s: &RopeSpec) -> Result<(), Error> {
    format(u, "input", s.input)?;
    heads(n, u, s.heads, s.head_dim)?;
    within(u, "rotated", s.rotated, 0..=s.head_dim)?;
    if !s.rotated.is_multiple_of(2) {
        return wrong(u, "rotated", s.rotated, "an even number");
    }
    // The embedding is the first unit, and the only one of its station.
    let UnitKind::Embed(e) = &n.unit(crate::graph::UnitId::new(0)).kind else { return wrong(u, "table", s.table, "an embedding") };
    let Some(phases) = e.omega.get(usize::from(s.table)) else {
        return wrong(u, "table", s.table, format!("one of the embedding's {} tables", e.omega.len()));
    };
    if phases.len() < (s.rotated / 2) as usize {
        return wrong(u, "rotated", s.rotated, format!("at most {}, twice the phases of table {}", 2 * phases.len(), s.table));
    }
    Ok(())
}

fn attention(n: &Netlist, u: &Unit, s: &AttentionSpec) -> Result<(), Error> {
    for (field, f) in [("q", s.q), ("k", s.k), ("v", s.v)] {
        format(u, field, f)?;
    }
    heads(n, u, s.heads, s.head_dim)?;
    within(u, "kv_heads", s.kv_heads, 1..=s.heads)?;
    if !s.heads.is_multiple_of(s.kv_heads) {
        return wrong(u, "kv_heads", s.kv_heads, format!("a divisor of {} heads", s.heads));
    }
    within(u, "context", s.context, 1..=MOST_CONTEXT)?;
    within(u, "users", s.users, 1..=MOST_USERS)?;
    within(u, "window", s.window.unwrap_or(1), 1..=u32::MAX)?;
    within(u, "act_bits", s.act_bits, 2..=16)?;
    within(u, "kv_bits", s.kv_bits, 2..=12)?;
    within(u, "pos_lanes", s.pos_lanes, 1..=1024)?;
    within(u, "score_mantissa", s.score_mantissa, 1 << 15..=(1 << 16) - 1)?;
    within(u, "score_shift", s.score_shift, -1023..=1023)?;
    value_sums(u, s)
}

/// Sums of values weighted with 20 fractional bits stay within 62 bits over the whole context.
fn value_sums(u: &Unit, s: &AttentionSpec) -> Result<(), Error> {
    let positions = s.window.unwrap_or(s.context).min(s.context);
    let bits = 20 + u32::from(s.v.bits) - 1 + (32 - (positions - 1).leading_zeros());
    if bits <= 62 {
        return Ok(());
    }
    wrong(u, "context", positions, format!("at most {} with values of {} bits", 1u64 << (43 - u32::from(s.v.bits)), s.v.bits))
}

/// All attention units serve the same sequences.
pub(super) fn same_sequences(u: &Unit, s: &AttentionSpec, context: u32, users: u32) -> Result<(), Error> {
    equal(u, "context", s.context, context)?;
    equal(u, "users", s.users, users)
}
