//! A chip with the defects that a command was asked for.

use crate::cli::DefectOptions;
use anyhow::{Result, bail};
use hardwire_netlist::Chip;
use hardwire_netlist::defects::{Defects, Inflicted, Place, inflict};
use std::path::Path;

/// The chip as it is, or its copy with defects in the folder `target`.
pub fn applied(chip: Chip, options: &DefectOptions, target: &Path) -> Result<(Chip, Option<Inflicted>)> {
    let Some(density) = options.density else { return Ok((chip, None)) };
    if !(0.0..=1.0).contains(&density) {
        bail!("--defects {density}: expected a share of the bits, 0 to 1");
    }
    let places = if options.places.is_empty() { Place::ALL.to_vec() } else { options.places.clone() };
    let (chip, inflicted) =
        inflict(&chip, &Defects { density, extent: options.extent.unwrap_or_default(), seed: options.seed, places }, target)?;
    Ok((chip, Some(inflicted)))
}

/// In words.
pub fn told(inflicted: &Inflicted) -> String {
    let Inflicted { bits, wrong, left_out } = inflicted;
    let rest = if *left_out > 0 { format!(", {left_out} more left out (docs/defects.md)") } else { String::new() };
    format!("{wrong} of {bits} stored bits are wrong{rest}")
}
