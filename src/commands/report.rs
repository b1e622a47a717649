//! `hardwire report`: the HTML, JSON and CSV report of a chip.

use super::simulate::tempdir;
use super::source::Source;
use crate::beside::Ask;
use crate::cli::{Global, Report};
use crate::figures::figures_beside;
use crate::report;
use anyhow::Result;

pub fn run(args: &Report, global: &Global) -> Result<()> {
    let scratch = tempdir()?;
    let chip = Source::open(&args.source)?.into_chip(&args.options, &scratch.0, global)?;
    let b = &args.beside;
    let ask = Ask::read(&chip, b.devices.as_deref(), b.measured.as_deref(), b.device.clone())?;
    let figures = figures_beside(&chip, &ask)?;
    report::write(&chip, &figures, None, &args.output, args.csv)?;
    if global.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        println!("{}", args.output.join("report.html").display());
    }
    Ok(())
}
