//! `hardwire report`: the HTML and JSON report of a chip.

use super::simulate::tempdir;
use super::source::Source;
use crate::cli::{Global, Report};
use crate::figures::figures;
use crate::report;
use anyhow::Result;

pub fn run(args: &Report, global: &Global) -> Result<()> {
    let scratch = tempdir()?;
    let chip = Source::open(&args.source)?.into_chip(&args.options, &scratch.0, global)?;
    let figures = figures(&chip)?;
    report::write(&chip, &figures, None, &args.output)?;
    if global.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        println!("{}", args.output.join("report.html").display());
    }
    Ok(())
}
