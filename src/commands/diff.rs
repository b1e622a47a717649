//! `hardwire diff`: what of the ROM of a die other weights change, and with `--masks` what that is on the masks.

use crate::cli::{Diff, Global};
use crate::out::{self, out, outln};
use crate::report::number;
use crate::table::{Cell, Table};
use anyhow::{Context, Result};
use hardwire_layout::{Process, chip};
use hardwire_netlist::Chip;
use hardwire_netlist::diff::{Bits, TensorBits};
use hardwire_study::respin::{self, StoredBits};
use serde::Serialize;

pub fn run(args: &Diff, global: &Global) -> Result<()> {
    let open = |path| Chip::open(path);
    let (a, b) = (open(&args.a)?, open(&args.b)?);
    let names = || format!("{} and {}", args.a.display(), args.b.display());
    let mut found = respin::stored_bits(&a, &b).with_context(names)?;
    let drawn: Vec<bool> = found.tensors.iter().map(TensorBits::in_rom_macros).collect();
    if !args.tiles {
        found.tensors.iter_mut().for_each(|t| t.tiles.clear());
    }
    if args.masks {
        return masks(&found, &drawn, &a.structure.technology.node, global);
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
        t.tiles.iter().for_each(|tile| row(&format!("{}/tile[{},{}]", t.path, tile.band, tile.tile), "", tile.bits));
    }
    row("all", "", found.all);
    out!("{}", table.text());
    Ok(())
}

/// Vias of a tensor or a ROM.
#[derive(Serialize)]
struct Vias {
    path: String,
    tensor: String,
    added: u64,
    removed: u64,
}

fn vias(path: String, tensor: &str, bits: Bits) -> Vias {
    Vias { path, tensor: tensor.into(), added: bits.added, removed: bits.changed - bits.added }
}

/// The same bits as vias. What is no macro of the masks (wires; gains and rotations) is told apart: it is on other layers.
fn masks(found: &StoredBits, drawn: &[bool], node: &str, global: &Global) -> Result<()> {
    let process = Process::of_node(node)?;
    let (program, base) = chip::masks(&process);
    let of = |yes: bool| found.tensors.iter().zip(drawn).filter(move |(_, d)| **d == yes).map(|(t, _)| t);
    let (all, elsewhere): (Bits, Bits) = (of(true).map(|t| t.all).sum(), of(false).map(|t| t.all).sum());
    let rows: Vec<Vias> = of(true)
        .flat_map(|t| {
            let tiles = t.tiles.iter().map(|tile| vias(format!("{}/tile[{},{}]", t.path, tile.band, tile.tile), "", tile.bits));
            std::iter::once(vias(t.path.clone(), &t.tensor, t.all)).chain(tiles)
        })
        .collect();
    let [usd, weeks] = respin::masks(node)?;
    let differ: &[String] = if all.changed > 0 { &program } else { &[] };
    if global.json {
        return out::json(&serde_json::json!({
            "process": process.name, "masks_that_differ": differ, "base_masks_that_differ": 0, "base_masks": base,
            "vias_added": all.added, "vias_removed": all.changed - all.added, "bits_elsewhere": elsewhere.changed, "vias": rows,
            "mask_usd": usd, "weeks": weeks,
        }));
    }
    let mut table = Table::new(&["unit", "tensor", "vias added", "vias removed"]);
    for v in rows.iter().chain([&vias("all".into(), "", all)]) {
        table.row([v.path.as_str().into(), v.tensor.as_str().into(), Cell::Number(v.added as f64), Cell::Number(v.removed as f64)]);
    }
    out!("{}", table.text());
    let names = if differ.is_empty() { "none".to_string() } else { differ.join(", ") };
    outln!("masks that differ  {names}; {base} others do not");
    if elsewhere.changed > 0 {
        outln!("not on them        {} bits of gains, rotations or wires, which are not drawn as ROM macros", elsewhere.changed);
    }
    outln!("masks              {} USD ({} to {}): {}", number(usd.value), number(usd.low), number(usd.high), usd.source);
    outln!("until chips        {} weeks ({} to {}): {}", weeks.value, weeks.low, weeks.high, weeks.source);
    Ok(())
}
