//! `hardwire books`: what a token costs on one site, from this chip and from GPUs.

use super::simulate::tempdir;
use super::source::Source;
use crate::cli::{Books, Global};
use crate::flat;
use crate::ledger::{Ledger, LedgerAsk, ledger, lines, place, sentences};
use crate::report::number;
use crate::table::{Cell, Table};
use anyhow::Result;
use hardwire_baseline::economics::{Assumptions, Tornado};
use hardwire_baseline::gpu;
use hardwire_netlist::Chip;
use std::fmt::Write;

/// Bars of a tornado worth a line.
const BARS: usize = 10;

pub fn run(args: &Books, global: &Global) -> Result<()> {
    let scratch = tempdir()?;
    let chip = Source::open(&args.source)?.into_chip(&args.options, &scratch.0, global)?;
    let ledger = ledger(&chip, &ask(args, &chip)?)?;
    if global.json {
        println!("{}", serde_json::to_string_pretty(&ledger)?);
    } else if args.csv {
        print!("{}", flat::csv(&ledger)?);
    } else {
        print!("{}", text(&ledger));
    }
    Ok(())
}

fn ask(args: &Books, chip: &Chip) -> Result<LedgerAsk> {
    let mut ask = LedgerAsk::defaults(chip)?;
    if let Some(path) = &args.assumptions {
        ask.assumptions = Assumptions::from_toml(path)?;
    }
    if let Some(preset) = &args.preset {
        ask.assumptions = ask.assumptions.with_preset(preset)?;
    }
    ask.prompt = args.prompt.unwrap_or(ask.prompt);
    ask.output = args.output.unwrap_or(ask.output);
    ask.users = args.served.unwrap_or(ask.users);
    ask.latency_ms = args.latency_ms;
    let mut known = args.devices.as_deref().map(gpu::devices_from_file).transpose()?.unwrap_or_default();
    known.extend(gpu::devices()?);
    if !args.gpus.is_empty() {
        ask.gpus = args.gpus.iter().map(|name| gpu::find_in(&known, name)).collect::<Result<_, _>>()?;
    }
    Ok(ask)
}

fn text(ledger: &Ledger) -> String {
    let b = &ledger.books;
    let mut table = String::new();
    let names = [&b.chip].into_iter().chain(&b.gpus).map(|a| a.unit.name.as_str());
    let head: Vec<String> = ["on one site, full of one kind"].into_iter().chain(names).map(str::to_owned).collect();
    let rows: Vec<(&str, Vec<Cell>)> = lines(ledger);
    table += &Table::of(head, rows.into_iter().map(|(name, cells)| [name.into()].into_iter().chain(cells).collect()).collect()).text();
    let mut out = table + "\n";
    for refusal in &b.refused {
        let _ = writeln!(out, "{}: {}", refusal.name, refusal.reason);
    }
    for sentence in sentences(ledger) {
        let _ = writeln!(out, "{sentence}");
    }
    if let Some(tornado) = &ledger.tornado {
        out += "\n";
        out += &tornado_text(tornado);
    }
    out += "\n";
    for note in &ledger.notes {
        let _ = writeln!(out, "note: {note}");
    }
    let _ = writeln!(
        out,
        "{} tokens in, {} out; electricity of {}; silicon of {}; every assumption with its source: --json, docs/baseline.md",
        b.demand.prompt_tokens,
        b.demand.output_tokens,
        place(ledger),
        b.assumptions.node
    );
    out
}

fn tornado_text(t: &Tornado) -> String {
    let mut table = Table::new(&["chip cost / GPU cost, one input at a time", "low", "ratio", "high", "ratio", "unit"]);
    for bar in t.bars.iter().take(BARS) {
        let (at_low, at_high) = (bar.at_low.into(), bar.at_high.into());
        table.row([bar.input.name().into(), bar.low.into(), at_low, bar.high.into(), at_high, bar.unit.as_str().into()]);
    }
    let now = t.at_value.map(number).unwrap_or_default();
    format!("against {}, all as assumed: {now}\n{}", t.gpu, table.text())
}
