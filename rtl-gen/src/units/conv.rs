//! `hw_conv`: a short convolution over positions.

use crate::error::Error;
use crate::folder::Folder;
use crate::roms;
use crate::site::{Context, Site};
use hardwire_netlist::UnitKind;
use hardwire_netlist::unit::ConvSpec;

/// Writes its weights too, those of all layers that share it.
pub fn site(c: &Context, folder: &mut Folder, s: &ConvSpec) -> Result<Site, Error> {
    let v = c.shape.lanes;
    let file = format!("rom/{}/weights.hex", c.unit.path);
    for (round, layer) in (0..).zip(c.netlist().worked(c.id)) {
        if let UnitKind::Conv(s) = &c.netlist().unit(layer).kind {
            let weights = c.chip.programs.gain(s.weights).to_vec();
            roms::layer_beats(folder, &file, round, v * s.taps, s.len * s.taps, 16, &|n| weights[n as usize])?;
        }
    }
    let i = c.instance("hw_conv", format!("{} taps of {} elements, {} users", s.taps, s.len, s.users));
    let i = i.param("V", v).param("LEN", s.len).param("TAPS", s.taps).param("USERS", c.sequences(s.users));
    let i = i.param("UW", c.shape.user_bits + c.shape.layer_bits).param("POSW", c.shape.pos_bits);
    let i = i.param("IB", s.input.bits).param("OB", c.out()).param("SHIFT", s.shift).file("WEIGHTS", &file);
    Ok(c.alone(c.give(c.stream(c.layered(c.sequence(i)), "in_valid", "in_data", 0))))
}
