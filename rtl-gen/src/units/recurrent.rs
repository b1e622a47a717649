//! `hw_conv`, `hw_decay` and `hw_delta`: parameters, tables, weights and rates.

use crate::error::Error;
use crate::folder::Folder;
use crate::instance::Instance;
use crate::roms;
use crate::shape::Shape;
use hardwire_netlist::unit::{ConvSpec, DecaySpec, DeltaSpec};
use hardwire_netlist::{Chip, Function, UnitId, UnitKind};

/// The users of a unit that remembers: a layer's sequences are sequences of the one memory.
fn users(chip: &Chip, id: UnitId, users: u32) -> u32 {
    users * chip.netlist().rounds(chip.netlist().unit(id).station)
}

/// The module with its parameters; writes its weights, those of all layers that share it.
pub fn conv(chip: &Chip, shape: &Shape, folder: &mut Folder, id: UnitId, s: &ConvSpec, i: Instance) -> Result<Instance, Error> {
    let (netlist, v) = (chip.netlist(), shape.lanes);
    let unit = netlist.unit(id);
    let file = format!("rom/{}/weights.hex", unit.path);
    for (round, layer) in (0..).zip(netlist.worked(id)) {
        if let UnitKind::Conv(s) = &netlist.unit(layer).kind {
            let weights = chip.programs.gain(s.weights).to_vec();
            roms::layer_beats(folder, &file, round, v * s.taps, s.len * s.taps, 16, &|n| weights[n as usize])?;
        }
    }
    let i = i.param("V", v).param("LEN", s.len).param("TAPS", s.taps).param("USERS", users(chip, id, s.users));
    let i = i.param("UW", shape.user_bits + shape.layer_bits).param("POSW", shape.pos_bits);
    Ok(i.param("IB", s.input.bits).param("OB", unit.out.bits).param("SHIFT", s.shift).file("WEIGHTS", &file))
}

/// The module with its parameters; writes its rates, those of all layers that share it.
pub fn decay(chip: &Chip, shape: &Shape, folder: &mut Folder, id: UnitId, s: &DecaySpec, i: Instance) -> Result<Instance, Error> {
    let (netlist, v) = (chip.netlist(), shape.lanes);
    let file = format!("rom/{}/rates.hex", netlist.unit(id).path);
    for (round, layer) in (0..).zip(netlist.worked(id)) {
        if let UnitKind::Decay(s) = &netlist.unit(layer).kind {
            let rates = chip.programs.gain(s.rates).to_vec();
            roms::layer_beats(folder, &file, round, v, s.len, 20, &|n| rates[n as usize])?;
        }
    }
    let (softplus, exp2) = (shape.table(Function::Softplus), shape.table(Function::Exp2));
    let i = i.param("V", v).param("LEN", s.len).param("IB", s.input.bits).param("SHIFT", s.shift);
    let i = i.param("ARGUMENT_SHIFT", s.input.frac - 12).param("SOFTPLUS_SHIFT", s.input.frac - 20);
    let i = i.param("SOFTPLUS_VALUE", softplus.value_bits).param("SOFTPLUS_SLOPE", softplus.slope_bits);
    let i = i.param("EXP2_VALUE", exp2.value_bits).param("EXP2_SLOPE", exp2.slope_bits);
    Ok(i.file("SOFTPLUS", &softplus.file).file("EXP2", &exp2.file).file("RATES", &file))
}

/// The module with its parameters.
pub fn delta(chip: &Chip, shape: &Shape, id: UnitId, s: &DeltaSpec, i: Instance) -> Instance {
    let out = chip.netlist().unit(id).out;
    let i = i.param("V", shape.lanes).param("KEY_HEADS", s.key_heads).param("VALUE_HEADS", s.value_heads);
    let i = i.param("DK", s.key_dim).param("DV", s.value_dim).param("USERS", users(chip, id, s.users));
    let i = i.param("UW", shape.user_bits + shape.layer_bits).param("POSW", shape.pos_bits);
    let i = i.param("QB", s.q.bits).param("KB", s.k.bits).param("VB", s.v.bits).param("W", s.state.bits).param("OB", out.bits);
    let i = i.param("KEY_FRAC", s.k.frac).param("VALUE_SHIFT", s.v.frac - s.state.frac);
    i.param("PART_SHIFT", s.part_shift(out)).param("GUARD", DeltaSpec::guard())
}
