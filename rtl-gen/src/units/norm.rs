//! `hw_rms_norm` and `hw_layer_norm`: parameters, gains, and a LayerNorm's mean and bias.

use crate::error::Error;
use crate::folder::Folder;
use crate::instance::Instance;
use crate::roms;
use crate::shape::{Shape, ceil_log};
use hardwire_netlist::unit::{CentreSpec, NormSpec};
use hardwire_netlist::{Chip, Function, Unit, UnitId, UnitKind};

/// The module with its parameters; writes its ROM images, those of all layers that share it.
pub fn parameters(
    chip: &Chip,
    shape: &Shape,
    folder: &mut Folder,
    id: UnitId,
    s: &NormSpec,
    instance: &dyn Fn(&str, String) -> Instance,
) -> Result<Instance, Error> {
    let unit = chip.netlist().unit(id);
    let (v, out) = (shape.lanes, unit.out.bits);
    let file = format!("rom/{}/gain.hex", unit.path);
    for (round, layer) in (0..).zip(chip.netlist().worked(id)) {
        images(chip, folder, unit, layer, round)?;
    }
    let i = match &s.centre {
        None => instance("hw_rms_norm", format!("{} elements in {} groups", s.len, s.groups)).param("GROUPS", s.groups),
        Some(c) => centre(unit, c, v, instance("hw_layer_norm", format!("{} elements", s.len))),
    };
    let i = i.param("V", v).param("LEN", s.len).param("SHIFT", s.shift).param("IB", s.input.bits).param("OB", out);
    let i =
        i.param("QB", s.square_bits()).param("EPSILON", format!("64'd{}", s.epsilon)).param("TREE", ceil_log(s.square_lanes(v), 8).max(1));
    let t = shape.table(Function::Rsqrt);
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
