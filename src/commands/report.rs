//! `hardwire report`: the HTML, JSON and CSV report of a chip.

use super::simulate::tempdir;
use super::source::Source;
use crate::cli::{Global, Report};
use crate::report;
use anyhow::Result;
use hardwire_study::chip::{figures, model_shape};
use hardwire_study::compare::Against;

pub fn run(args: &Report, global: &Global) -> Result<()> {
    let scratch = tempdir()?;
    let chip = Source::open(&args.source)?.into_chip(&args.options, &scratch.0, global)?;
    let d = &args.devices;
    let against = Against::read(&model_shape(&chip), d.devices.as_deref(), d.measured.as_deref(), d.device.clone())?;
    let figures = figures(&chip, &against)?;
    report::write(&chip, &figures, None, &args.output, args.csv)?;
    if global.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        println!("{}", args.output.join("report.html").display());
    }
    Ok(())
}
