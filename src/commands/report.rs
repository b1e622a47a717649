//! `hardwire report`: the HTML, JSON and CSV report of a chip, compiled or planned.

use super::comparable::Comparable;
use crate::cli::{Global, Report};
use crate::out::{self, outln};
use crate::report;
use crate::scratch::Scratch;
use anyhow::Result;
use hardwire_study::chip::figures;
use hardwire_study::compare::Against;

pub fn run(args: &Report, global: &Global) -> Result<()> {
    let folder = report::create(&args.output)?;
    let site = super::site::site(&args.site)?;
    let scratch = Scratch::new()?;
    let chip = Comparable::open(&args.source, &args.options, scratch.path(), global)?;
    let (d, subject) = (&args.devices, chip.subject());
    let against = Against::read(&subject.model, d.devices.as_deref(), d.measured.as_deref(), d.device.clone())?;
    let figures = figures(&subject, &against, site)?;
    report::write(folder, subject.structure, &figures, None, args.csv)?;
    if global.json {
        out::json(&figures)?;
    } else {
        outln!("{}", args.output.join("report.html").display());
    }
    Ok(())
}
