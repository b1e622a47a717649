//! `hardwire report`: the HTML, JSON and CSV report of a chip.

use super::source::Source;
use crate::cli::{Global, Report};
use crate::out::{self, outln};
use crate::report;
use crate::scratch::Scratch;
use anyhow::Result;
use hardwire_study::chip::{figures, model_shape};
use hardwire_study::compare::Against;

pub fn run(args: &Report, global: &Global) -> Result<()> {
    let folder = report::create(&args.output)?;
    let scratch = Scratch::new()?;
    let chip = Source::open(&args.source)?.into_chip(&args.options, scratch.path(), global)?;
    let d = &args.devices;
    let against = Against::read(&model_shape(&chip), d.devices.as_deref(), d.measured.as_deref(), d.device.clone())?;
    let figures = figures(&chip, &against)?;
    report::write(folder, &chip, &figures, None, args.csv)?;
    if global.json {
        out::json(&figures)?;
    } else {
        outln!("{}", args.output.join("report.html").display());
    }
    Ok(())
}
