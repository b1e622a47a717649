//! `hardwire shuttle`: one matrix of a model as a project for a shuttle.

use super::compile::{compile, open_checkpoint};
use super::fpga::alone;
use crate::cli::{Global, Shuttle};
use crate::out::{self, outln};
use crate::report::number;
use crate::scratch::Scratch;
use anyhow::Result;
use hardwire_fpga::shuttle;
use serde_json::json;

pub fn run(args: &Shuttle, global: &Global) -> Result<()> {
    let scratch = Scratch::new()?;
    let chip = compile(&mut open_checkpoint(&args.checkpoint)?, &alone(&args.options), &scratch.path().join("chip"), global)?;
    let p = shuttle::write(&chip, &args.matrix, args.frame.into(), &args.output, scratch.path())?;
    if global.json {
        return out::json(&json!({
            "folder": args.output, "matrix": args.matrix, "parameters": p.parameters, "area_um2": p.area_um2, "tiles": p.tiles,
            "utilisation": p.utilisation,
        }));
    }
    let place = p.tiles.map_or(String::new(), |t| format!(", {:.0} % of {t} tiles", p.utilisation * 100.0));
    outln!(
        "{}: {} weights, {} um2 of SKY130 cells (estimated from the census){place}",
        args.output.display(),
        p.parameters,
        number(p.area_um2)
    );
    Ok(())
}
