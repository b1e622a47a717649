//! `hardwire validate`: our figures beside those of published chips, misses shown.

use crate::cli::Global;
use crate::out::{self, outln};
use crate::report::number;
use anyhow::Result;
use hardwire_study::published;

pub fn run(global: &Global) -> Result<()> {
    let all = published::all()?;
    if global.json {
        out::json(&all)?;
        return Ok(());
    }
    for c in &all {
        outln!("{}: {} ({})\n  described by: {}", c.chip, c.model, c.source, c.choices);
        if !c.modelled_only.is_empty() {
            outln!("  without Verilog: {}", c.modelled_only.join(", "));
        }
        outln!("  {:<26}{:>12}{:>12}{:>26}{:>10}", "", "published", "ours", "low to high", "error");
        for r in &c.rows {
            let name = if r.unit.is_empty() { r.metric.to_string() } else { format!("{} [{}]", r.metric, r.unit) };
            let span = format!("{} to {}{}", number(r.low), number(r.high), if r.within { "" } else { " !" });
            outln!("  {name:<34}{:>10}{:>12}{span:>24}{:>+9.0}%", number(r.published), number(r.ours), r.error * 100.0);
            outln!("      {}", r.reason);
        }
        outln!();
    }
    outln!("published: cited; ours: estimated from one set of constants (docs/process.md); low and high take every constant at that end;");
    outln!("! marks a published figure outside them");
    Ok(())
}
