//! `hardwire compare`: the chip beside devices that fetch their weights for every token.

use super::simulate::tempdir;
use super::source::Source;
use crate::cli::{Compare, Global};
use crate::summary;
use anyhow::Result;
use hardwire_study::compare::{Against, compare};
use hardwire_study::flat;

pub fn run(args: &Compare, global: &Global) -> Result<()> {
    let scratch = tempdir()?;
    let chip = Source::open(&args.source)?.into_chip(&args.options, &scratch.0, global)?;
    let d = &args.devices;
    let comparison = compare(&chip, &Against::read(&chip, d.devices.as_deref(), d.measured.as_deref(), d.device.clone())?)?;
    if global.json {
        println!("{}", serde_json::to_string_pretty(&comparison)?);
    } else if args.csv {
        print!("{}", flat::csv(&comparison)?);
    } else {
        print!("{}", summary::comparison(&comparison));
    }
    Ok(())
}
