//! `hw_rms_norm` and `hw_layer_norm`: parameters, gains, and a LayerNorm's mean and bias.

use crate::error::Error;
use crate::folder::Folder;
use crate::instance::Instance;
use crate::roms;
use crate::shape::ceil_log;
use crate::site::{Context, Site};
use hardwire_netlist::unit::{CentreSpec, NormSpec};
use hardwire_netlist::{Chip, Function, Unit, UnitId, UnitKind};

/// Writes its ROM images too, those of all layers that share it.
pub fn site(c: &Context, folder: &mut Folder, s: &NormSpec) -> Result<Site, Error> {
    let i = c.layered(parameters(c, folder, s)?.clocked());
    Ok(c.alone(c.give(c.stream(i, "in_valid", "in_data", 0))))
}

fn parameters(c: &Context, folder: &mut Folder, s: &NormSpec) -> Result<Instance, Error> {
    let (chip, id, unit, v, out) = (c.chip, c.id, c.unit, c.shape.lanes, c.out());
    let file = format!("rom/{}/gain.hex", unit.path);
    for (round, layer) in (0..).zip(chip.netlist().worked(id)) {
        images(chip, folder, unit, layer, round)?;
    }
    let i = match &s.centre {
        None => c.instance("hw_rms_norm", format!("{} elements in {} groups", s.len, s.groups)).param("GROUPS", s.groups),
        Some(mean) => centre(unit, mean, v, c.instance("hw_layer_norm", format!("{} elements", s.len))),
    };
    let i = i.param("V", v).param("LEN", s.len).param("SHIFT", s.shift).param("IB", s.input.bits).param("OB", out);
    let i =
        i.param("QB", s.square_bits()).param("EPSILON", format!("64'd{}", s.epsilon)).param("TREE", ceil_log(s.square_lanes(v), 8).max(1));
    let t = c.shape.table(Function::Rsqrt);
    let i = i
        .param("GAIN_WORDS", s.gain_words(v))
        .param("VALUE_BITS", t.value_bits)
        .param("SLOPE_BITS", t.slope_bits)
        .file("GAIN", &file)
        .file("RSQRT", &t.file);
    Ok(i)
}

/// Gains and bias of one layer's norm, in the images of `unit`, whose silicon works it.
fn images(chip: &Chip, folder: &mut Folder, unit: &Unit, layer: UnitId, round: u32) -> Result<(), Error> {
    let UnitKind::RmsNorm(s) = &chip.netlist().unit(layer).kind else { return Ok(()) };
    let lanes = chip.netlist().lanes;
    let gain = chip.programs.gain(s.gain).to_vec();
    let (m, len) = (s.len / s.groups, (s.gain_words(lanes) * lanes).min(s.len));
    roms::layer_beats(folder, &format!("rom/{}/gain.hex", unit.path), round, lanes, len, 20, &|i| gain[(i % m) as usize])?;
    if let Some(bias) = s.centre.as_ref().and_then(|c| c.bias) {
        let values = chip.programs.gain(bias).to_vec();
        roms::layer_beats(folder, &format!("rom/{}/bias.hex", unit.path), round, lanes, s.len, 32, &|n| values[n as usize])?;
    }
    Ok(())
}

/// LayerNorm's mean and bias.
fn centre(unit: &Unit, c: &CentreSpec, lanes: u32, i: Instance) -> Instance {
    let i = i.param("MEAN_MANTISSA", c.mantissa).param("MEAN_SHIFT", c.shift).param("MEAN_TREE", ceil_log(lanes, 8).max(1));
    if c.bias.is_none() {
        return i;
    }
    i.param("BIAS", 1).file("BIASES", &format!("rom/{}/bias.hex", unit.path))
}
