//! `hardwire compare`: the chip beside devices that fetch their weights for every token.

use super::simulate::tempdir;
use super::source::Source;
use crate::beside::{Ask, beside};
use crate::cli::{Compare, Global};
use crate::{flat, summary};
use anyhow::Result;

pub fn run(args: &Compare, global: &Global) -> Result<()> {
    let scratch = tempdir()?;
    let chip = Source::open(&args.source)?.into_chip(&args.options, &scratch.0, global)?;
    let b = &args.beside;
    let beside = beside(&chip, &Ask::read(&chip, b.devices.as_deref(), b.measured.as_deref(), b.device.clone())?)?;
    if global.json {
        println!("{}", serde_json::to_string_pretty(&beside)?);
    } else if args.csv {
        print!("{}", flat::csv(&beside)?);
    } else {
        print!("{}", summary::comparison(&beside));
    }
    Ok(())
}
