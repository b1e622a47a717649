//! `hw_rms_norm` and `hw_layer_norm`: parameters, gains, and a LayerNorm's mean and bias.

use crate::error::Error;
use crate::folder::Folder;
use crate::instance::Instance;
use crate::roms;
use crate::shape::{Shape, ceil_log};
use hardwire_netlist::unit::{CentreSpec, NormSpec};
use hardwire_netlist::{Chip, Function, Unit};

/// The module with its parameters; writes its ROM images.
pub fn parameters(
    chip: &Chip,
    shape: &Shape,
    folder: &mut Folder,
    unit: &Unit,
    s: &NormSpec,
    instance: &dyn Fn(&str, String) -> Instance,
) -> Result<Instance, Error> {
    let (v, out) = (shape.lanes, unit.out.bits);
    let file = format!("rom/{}/gain.hex", unit.path);
    norm_gains(chip, folder, &file, s, v)?;
    let i = match &s.centre {
        None => instance("hw_rms_norm", format!("{} elements in {} groups", s.len, s.groups)).param("GROUPS", s.groups),
        Some(c) => centre(chip, folder, unit, s, c, v, instance("hw_layer_norm", format!("{} elements", s.len)))?,
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

fn norm_gains(chip: &Chip, folder: &mut Folder, file: &str, s: &NormSpec, lanes: u32) -> Result<(), Error> {
    let gain = chip.programs.gain(s.gain).to_vec();
    let m = s.len / s.groups;
    let words = s.gain_words(lanes);
    roms::beats(folder, file, lanes, (words * lanes).min(s.len), 20, &|i| gain[(i % m) as usize])
}

/// LayerNorm's mean and bias.
fn centre(chip: &Chip, folder: &mut Folder, unit: &Unit, s: &NormSpec, c: &CentreSpec, lanes: u32, i: Instance) -> Result<Instance, Error> {
    let i = i.param("MEAN_MANTISSA", c.mantissa).param("MEAN_SHIFT", c.shift).param("MEAN_TREE", ceil_log(lanes, 8).max(1));
    let Some(bias) = c.bias else { return Ok(i) };
    let (file, values) = (format!("rom/{}/bias.hex", unit.path), chip.programs.gain(bias).to_vec());
    roms::beats(folder, &file, lanes, s.len, 32, &|n| values[n as usize])?;
    Ok(i.param("BIAS", 1).file("BIASES", &file))
}
