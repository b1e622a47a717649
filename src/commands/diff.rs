//! `hardwire diff`: what of the ROM of a die other weights change.

use crate::cli::{Diff, Global};
use crate::out::{self, out};
use crate::table::{Cell, Table};
use anyhow::{Context, Result};
use hardwire_netlist::Chip;
use hardwire_netlist::diff::Bits;
use hardwire_study::respin;

pub fn run(args: &Diff, global: &Global) -> Result<()> {
    let open = |path| Chip::open(path);
    let (a, b) = (open(&args.a)?, open(&args.b)?);
    let names = || format!("{} and {}", args.a.display(), args.b.display());
    let mut found = respin::stored_bits(&a, &b).with_context(names)?;
    if !args.tiles {
        found.tensors.iter_mut().for_each(|t| t.tiles.clear());
    }
    if global.json {
        return out::json(&found);
    }
    let mut table = Table::new(&["unit", "tensor", "stored bits", "changed", "share"]);
    let mut row = |unit: &str, tensor: &str, bits: Bits| {
        let share = if bits.stored > 0 { bits.changed as f64 / bits.stored as f64 } else { 0.0 };
        let share = format!("{:.2} %", share * 100.0);
        table.row([unit.into(), tensor.into(), Cell::Number(bits.stored as f64), Cell::Number(bits.changed as f64), share.into()]);
    };
    for t in &found.tensors {
        row(&t.path, &t.tensor, t.all);
        t.tiles.iter().for_each(|tile| row(&format!("{}/tile[{},{}]", t.path, tile.tile, tile.band), "", tile.bits));
    }
    row("all", "", found.all);
    out!("{}", table.text());
    Ok(())
}
