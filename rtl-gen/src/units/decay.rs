//! `hw_decay`: how much of a state stays.

use crate::error::Error;
use crate::folder::Folder;
use crate::roms;
use crate::site::{Context, Site};
use hardwire_netlist::unit::DecaySpec;
use hardwire_netlist::{Function, UnitKind};

/// Writes its rates too, those of all layers that share it.
pub fn site(c: &Context, folder: &mut Folder, s: &DecaySpec) -> Result<Site, Error> {
    let v = c.shape.lanes;
    let file = format!("rom/{}/rates.hex", c.unit.path);
    for (round, layer) in (0..).zip(c.netlist().worked(c.id)) {
        if let UnitKind::Decay(s) = &c.netlist().unit(layer).kind {
            let rates = c.chip.programs.gain(s.rates).to_vec();
            roms::layer_beats(folder, &file, round, v, s.len, 20, &|n| rates[n as usize])?;
        }
    }
    let (softplus, exp2) = (c.shape.table(Function::Softplus), c.shape.table(Function::Exp2));
    let i = c.instance("hw_decay", format!("{} heads", s.len)).param("V", v).param("LEN", s.len);
    let i = i.param("IB", s.input.bits).param("SHIFT", s.shift);
    let i = i.param("ARGUMENT_SHIFT", s.input.frac - 12).param("SOFTPLUS_SHIFT", s.input.frac - 20);
    let i = i.param("SOFTPLUS_VALUE", softplus.value_bits).param("SOFTPLUS_SLOPE", softplus.slope_bits);
    let i = i.param("EXP2_VALUE", exp2.value_bits).param("EXP2_SLOPE", exp2.slope_bits);
    let i = i.file("SOFTPLUS", &softplus.file).file("EXP2", &exp2.file).file("RATES", &file);
    Ok(c.alone(c.give(c.stream(c.layered(i.clocked()), "in_valid", "in_data", 0))))
}
