//! What stands around the netlist: the model it says it is, the process it was planned in, and where its blocks lie.

use crate::Figure;
use crate::check::{equal, named, within, wrong};
use crate::chip::{ModelInfo, Structure};
use crate::error::Error;
use crate::floorplan::{Block, BlockKind, Floorplan, Rect};
use crate::graph::Netlist;
use crate::technology::Technology;
use crate::unit::UnitKind;
use crate::unit::attention::{MOST_CONTEXT, MOST_USERS};
use std::collections::HashMap;

/// Cache of all layers together. No die holds more, and no simulator should try to.
const MOST_CACHE_BITS: u64 = 1 << 40;
/// Longest edge of a die, nm: four metres, past any wafer, and short enough that edge times index fits 64 bits.
const MOST_NM: i64 = 1 << 32;

/// Checks a structure whole; `program.bin` apart.
pub(crate) fn structure(s: &Structure) -> Result<(), Error> {
    s.netlist.validate()?;
    counts(&s.model)?;
    vocabulary(s)?;
    sequences(s)?;
    technology(&s.technology)?;
    floorplan(&s.netlist, &s.floorplan)?;
    quality(s)
}

fn counts(m: &ModelInfo) -> Result<(), Error> {
    let whole = [
        ("hidden", m.hidden),
        ("ffn", m.ffn),
        ("layers", m.layers),
        ("heads", m.heads),
        ("kv_heads", m.kv_heads),
        ("head_dim", m.head_dim),
        ("vocab", m.vocab),
        ("model_context", m.model_context),
    ];
    if let Some((field, _)) = whole.iter().find(|w| w.1 == 0) {
        return Err(named("model", field, 0, "at least 1"));
    }
    for (field, value, most) in [("context", m.context, MOST_CONTEXT), ("users", m.users, MOST_USERS)] {
        if !(1..=most).contains(&value) {
            return Err(named("model", field, value, format!("1 to {most}")));
        }
    }
    Ok(())
}

/// Embedding and head have a row for every token.
fn vocabulary(s: &Structure) -> Result<(), Error> {
    for (id, u) in s.netlist.units() {
        match &u.kind {
            UnitKind::Embed(e) => {
                equal(&u.path, "matrix.outputs", e.matrix.outputs, s.model.vocab)?;
                equal(&u.path, "matrix.inputs", e.matrix.inputs, s.model.hidden)?;
                if let Some(p) = &e.positions {
                    within(&u.path, "positions.outputs", p.outputs, s.model.context..=u32::MAX)?;
                }
            }
            UnitKind::Argmax => {
                let logits = s.netlist.unit(s.netlist.inputs(id)[0]);
                equal(&logits.path, "matrix.outputs", logits.out_len, s.model.vocab)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// All units that remember serve the same sequences, and what they keep fits a die.
fn sequences(s: &Structure) -> Result<(), Error> {
    let mut bits = 0u64;
    for (_, u) in s.netlist.units() {
        let Some(memory) = u.memory() else { continue };
        if let UnitKind::Attention(a) = &u.kind {
            equal(&u.path, "context", a.context, s.model.context)?;
        }
        equal(&u.path, "users", memory.users, s.model.users)?;
        bits = bits.saturating_add(memory.bits);
        if bits > MOST_CACHE_BITS {
            let asked = format!("{} positions of {} users", s.model.context, memory.users);
            return wrong(&u.path, "context", asked, format!("KV caches and states of at most {} GiB on the die", MOST_CACHE_BITS >> 33));
        }
    }
    Ok(())
}

/// Costs are numbers one can multiply with, and what is divided by is not zero.
fn technology(t: &Technology) -> Result<(), Error> {
    let (a, e) = (&t.area, &t.energy);
    let costs = [
        ("clock_mhz", &t.clock_mhz),
        ("area.rom_bit_um2", &a.rom_bit_um2),
        ("area.sram_bit_um2", &a.sram_bit_um2),
        ("area.flop_um2", &a.flop_um2),
        ("area.full_adder_um2", &a.full_adder_um2),
        ("area.adder_bit_um2", &a.adder_bit_um2),
        ("area.mux2_um2", &a.mux2_um2),
        ("area.gate_um2", &a.gate_um2),
        ("area.utilisation", &a.utilisation),
        ("energy.rom_bit_read_pj", &e.rom_bit_read_pj),
        ("energy.sram_bit_read_pj", &e.sram_bit_read_pj),
        ("energy.sram_bit_write_pj", &e.sram_bit_write_pj),
        ("energy.flop_cycle_pj", &e.flop_cycle_pj),
        ("energy.full_adder_pj", &e.full_adder_pj),
        ("energy.mux2_pj", &e.mux2_pj),
        ("energy.wire_bit_mm_pj", &e.wire_bit_mm_pj),
        ("leakage_logic_w_per_mm2", &t.leakage_logic_w_per_mm2),
        ("leakage_sram_w_per_mm2", &t.leakage_sram_w_per_mm2),
        ("leakage_rom_w_per_mm2", &t.leakage_rom_w_per_mm2),
    ];
    let divisors = ["clock_mhz", "area.utilisation"];
    for (field, f) in costs {
        figure(field, f, if divisors.contains(&field) { 1e-3 } else { 0.0 })?;
    }
    if a.utilisation.value > 1.0 {
        return Err(named("technology", "area.utilisation", a.utilisation.value, "at most 1"));
    }
    Ok(())
}

fn figure(field: &str, f: &Figure, least: f64) -> Result<(), Error> {
    let all = [Some(f.value), f.low, f.high];
    match all.into_iter().flatten().find(|v| !(least..=1e6).contains(v)) {
        Some(v) => Err(named("technology", field, v, format!("{least} to 1000000"))),
        None => Ok(()),
    }
}

/// Blocks lie inside the die, belong to units, and an array has its matrix's tiles.
fn floorplan(n: &Netlist, plan: &Floorplan) -> Result<(), Error> {
    let die = &plan.die;
    let range = |r: &Rect| [r.x0_nm, r.y0_nm, r.x1_nm, r.y1_nm].into_iter().all(|v| (-MOST_NM..=MOST_NM).contains(&v));
    if !range(die) || die.width_nm() < 1 || die.height_nm() < 1 || die.width_nm().max(die.height_nm()) > MOST_NM {
        return Err(named("floorplan", "die", show(die), format!("sides of 1 to {MOST_NM} nm")));
    }
    let inside = |r: &Rect| range(r) && r.width_nm() >= 1 && r.height_nm() >= 1 && die.contains(r);
    for r in &plan.regions {
        if !inside(&r.rect) {
            return Err(named(&r.path, "floorplan.regions.rect", show(&r.rect), "a rectangle inside the die"));
        }
    }
    let units: HashMap<&str, &UnitKind> = n.graph.node_weights().map(|u| (u.path.as_str(), &u.kind)).collect();
    for b in &plan.blocks {
        if !inside(&b.rect) {
            return Err(named(&b.path, "floorplan.blocks.rect", show(&b.rect), "a rectangle inside the die"));
        }
        match (units.get(b.path.as_str()), b.kind) {
            (Some(kind), _) => array(b, kind)?,
            (None, BlockKind::Io) if b.array.is_none() => {}
            (None, _) => return Err(named(&b.path, "floorplan.blocks.path", "names no unit", "a unit of the netlist")),
        }
    }
    Ok(())
}

fn array(b: &Block, kind: &UnitKind) -> Result<(), Error> {
    let want = match kind {
        UnitKind::Mvm(m) if b.kind == BlockKind::Matrix(m.fabric) => m.array(),
        _ => None,
    };
    if b.array == want {
        return Ok(());
    }
    let show = |a: Option<(u32, u32)>| a.map_or("none".into(), |(x, y)| format!("{x} by {y} tiles"));
    Err(named(&b.path, "floorplan.blocks.array", show(b.array), show(want)))
}

fn show(r: &Rect) -> String {
    format!("({}, {}) to ({}, {})", r.x0_nm, r.y0_nm, r.x1_nm, r.y1_nm)
}

fn quality(s: &Structure) -> Result<(), Error> {
    for q in &s.quality {
        for (field, v) in [("bits_per_weight", q.bits_per_weight), ("relative_square_error", q.relative_square_error)] {
            if !(0.0..=1e9).contains(&v) {
                return Err(named(&q.tensor, field, v, "0 to 1e9"));
            }
        }
    }
    Ok(())
}
