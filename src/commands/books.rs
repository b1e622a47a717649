//! `hardwire books`: what a token costs on one site, from this chip and from GPUs.

use super::comparable::Comparable;
use super::pair::{self, Ways};
use crate::cli::{Books, Global};
use crate::out::{self, one_line, out};
use crate::report::number;
use crate::scratch::Scratch;
use crate::summary;
use crate::table::{Cell, Table};
use crate::words::{electricity, fleet, fleet_sentences, lines, market, place, sentences};
use anyhow::Result;
use hardwire_baseline::economics::Tornado;
use hardwire_baseline::gpu::{self, Device};
use hardwire_study::books::{ChipBooks, Question, books};
use hardwire_study::flat;
use hardwire_study::load::Request;
use hardwire_study::subject::Subject;
use serde::Serialize;
use std::fmt::Write;

/// Bars of a tornado worth a line.
const BARS: usize = 10;

#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    books: ChipBooks,
    #[serde(flatten)]
    ways: Ways,
}

pub fn run(args: &Books, global: &Global) -> Result<()> {
    let scratch = Scratch::new()?;
    let mut chip = Comparable::open(&args.source, &args.options, scratch.path(), global)?;
    let devices = devices(args)?;
    let subject = chip.subject();
    let question = question(args, &subject, &devices)?;
    let books = books(&subject, &question)?;
    drop(subject);
    let load = pair::Load {
        request: Request::new(question.prompt, question.output),
        latency_ms: question.site.latency_ms,
        assumptions: &question.site.assumptions,
        devices: &devices,
    };
    let ways = pair::ways(&args.pair, &mut chip, &load, args.options.quantizing.calibrated_on_ours(), global)?;
    let told = Told { books, ways };
    if global.json {
        out::json(&told)?;
    } else if args.csv {
        out!("{}", flat::csv(&told)?);
    } else {
        out!("{}{}", text(&told.books), pair::text(&told.ways));
    }
    Ok(())
}

/// The user's own devices and the bundled ones.
fn devices(args: &Books) -> Result<Vec<Device>> {
    let mut known = args.devices.as_deref().map(gpu::devices_from_file).transpose()?.unwrap_or_default();
    known.extend(gpu::devices()?);
    Ok(known)
}

fn question(args: &Books, subject: &Subject<'_>, known: &[Device]) -> Result<Question> {
    let mut question = Question::new(subject, super::site::site(&args.site)?)?;
    question.prompt = args.prompt.unwrap_or(question.prompt);
    question.output = args.output.unwrap_or(question.output);
    question.users = args.served.unwrap_or(question.users);
    if !args.gpus.is_empty() {
        question.gpus = args.gpus.iter().map(|name| gpu::find_in(known, name)).collect::<Result<_, _>>()?;
    }
    Ok(question)
}

fn text(books: &ChipBooks) -> String {
    let b = &books.books;
    let mut table = String::new();
    let names = [&b.chip].into_iter().chain(&b.gpus).map(|a| a.unit.name.as_str());
    let head: Vec<String> = ["on one site, full of one kind"].into_iter().chain(names).map(str::to_owned).collect();
    let rows: Vec<(&str, Vec<Cell>)> = lines(books);
    table += &Table::of(head, rows.into_iter().map(|(name, cells)| [name.into()].into_iter().chain(cells).collect()).collect()).text();
    let mut out = table + "\n" + &summary::efficiencies(&books.efficiency) + "\n";
    for refusal in &b.refused {
        let _ = writeln!(out, "{}", one_line(&format!("{}: {}", refusal.name, refusal.reason)));
    }
    for sentence in sentences(books) {
        let _ = writeln!(out, "{}", one_line(&sentence));
    }
    for (head, rows) in [market(books), fleet(books)].into_iter().flatten() {
        out += "\n";
        out += &Table::of(head, rows).text();
    }
    for sentence in fleet_sentences(books) {
        let _ = writeln!(out, "{sentence}");
    }
    if let Some(tornado) = &books.tornado {
        out += "\n";
        out += &tornado_text(tornado);
    }
    out += "\n";
    for note in &books.notes {
        let _ = writeln!(out, "note: {}", one_line(note));
    }
    for sentence in electricity(books) {
        let _ = writeln!(out, "{sentence}");
    }
    let _ = writeln!(
        out,
        "{} tokens in, {} out; electricity of {}; silicon of {}; every assumption with its source: --json, docs/baseline.md",
        b.demand.prompt_tokens,
        b.demand.output_tokens,
        place(books),
        one_line(&b.assumptions.node)
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
