//! The report: one self-contained HTML page, and the same figures as JSON and CSV. Everything drawn is inline SVG; nothing is fetched.

mod books;
mod chart;
mod compare;
mod floorplan;
mod format;
mod plot;
mod queues;
pub mod sweep;

use crate::words::{errors, sentences, verdict};
use anyhow::Result;
use askama::Template;
use books::BooksPage;
use compare::HtmlTable;
pub use floorplan::file as floorplan_file;
use format::figure;
pub use format::{HtmlText, number};
use hardwire_netlist::folder::{Folder, Kind};
use hardwire_netlist::{Figure, Structure};
use hardwire_study::chip::ChipFigures;
use hardwire_study::flat;
use plot::Bar;
use serde_json::json;
use std::path::Path;

/// Text the chip wrote, shown at the top of a report.
pub struct Sample {
    pub prompt: String,
    pub text: String,
    /// How its tokens were chosen.
    pub how: String,
}

struct Row {
    name: String,
    /// HTML of the value, with its provenance on hover.
    value: String,
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    figures: &'a ChipFigures,
    version: &'static str,
    sample: Option<&'a Sample>,
    summary: Vec<Row>,
    verdict: Vec<String>,
    both_sides: HtmlTable,
    queues: String,
    floorplan: String,
    area: String,
    energy: String,
    roofline: String,
    against_users: String,
    each_against_users: String,
    against_context: String,
    single: HtmlTable,
    saturated: HtmlTable,
    left_out: Vec<String>,
    measured: String,
    errors: String,
    books: Option<BooksPage>,
    books_refused: &'a str,
    sources: Vec<(String, String, usize)>,
    units: Vec<Vec<String>>,
    quality: Vec<Vec<String>>,
    constants: Vec<Vec<String>>,
    context: u32,
    size: String,
    worst: String,
    parameters: String,
}

/// As an output: all of a report or none of it, so its files are of one chip.
const FOLDER: Kind = Kind { name: "a Hardwire report", manifest: "hardwire-report.json", scratch: &[] };

/// A report that will be written into `folder`, which must be absent, empty, or a report as it was written.
pub fn create(folder: &Path) -> Result<Folder> {
    Ok(Folder::create(folder, FOLDER)?)
}

/// Writes `report.html`, `report.json` and, if asked, `report.csv`.
pub fn write(mut folder: Folder, chip: &Structure, figures: &ChipFigures, sample: Option<&Sample>, csv: bool) -> Result<()> {
    folder.put("report.json", (serde_json::to_string_pretty(figures)? + "\n").as_bytes())?;
    if csv {
        folder.put("report.csv", flat::csv(figures)?.as_bytes())?;
    }
    folder.put("report.html", html(chip, figures, sample)?.as_bytes())?;
    let manifest = json!({"hardwire": env!("CARGO_PKG_VERSION"), "files": folder.digests()});
    folder.finish((manifest.to_string() + "\n").as_bytes())?;
    Ok(())
}

/// The page.
pub fn html(chip: &Structure, f: &ChipFigures, sample: Option<&Sample>) -> Result<String> {
    Ok(Page {
        figures: f,
        version: env!("CARGO_PKG_VERSION"),
        sample,
        summary: summary(f),
        verdict: in_short(f),
        both_sides: compare::both_sides(&f.compare),
        queues: queues::figure(&f.compare.queues),
        floorplan: floorplan::svg(chip),
        area: area(f),
        energy: energy(f),
        roofline: compare::roofline(&f.compare),
        against_users: compare::against_users(&f.compare),
        each_against_users: compare::each_against_users(&f.compare),
        against_context: compare::against_context(&f.compare),
        single: compare::single(&f.compare),
        saturated: compare::saturated(&f.compare),
        left_out: f.compare.left_out.iter().map(|l| l.reason.clone()).collect(),
        measured: measured(f),
        errors: errors(&f.compare),
        books: f.books.as_ref().map(books::page),
        books_refused: f.books_refused.as_deref().unwrap_or_default(),
        sources: flat::sources(f)?,
        units: units(f),
        quality: quality(chip),
        constants: constants(chip),
        context: f.energy.context,
        size: format!("{} mm by {} mm", number(f.die.width_mm), number(f.die.height_mm)),
        worst: f.quality.kept.as_ref().map_or(String::new(), |kept| number(kept.worst_relative_square_error)),
        parameters: number(f.model.parameters as f64),
    }
    .render()?)
}

fn summary(f: &ChipFigures) -> Vec<Row> {
    let mut rows = vec![
        row("Die", &f.die.area_mm2),
        row("Transistors", &f.die.transistors),
        row("Area a weight", &f.die.um2_per_weight),
        row("Clock", &f.clock_mhz),
    ];
    let c = &f.compare.chip;
    rows.push(row(&format!("One user, context {}", c.context), &c.tokens_per_s));
    rows.push(row("Energy a token, one user", &c.j_per_token));
    rows.push(row("Power, one user", &c.power_w));
    rows.push(row(&format!("Decode with all {} stations busy", c.all_busy.users), &c.all_busy.decode_tokens_per_s));
    rows.push(row("Power, all stations busy", &c.all_busy.power_w));
    rows.push(row("Power, idle", &c.idle_w));
    for (way, e) in [("one user", &c.efficiency.one_user), ("full queue", &c.efficiency.full_queue)] {
        rows.extend(e.figures().iter().map(|(name, figure)| row(&format!("{name}, {way}"), figure)));
    }
    if let Some(p) = f.first_token.last() {
        rows.push(row(&format!("First token after a prompt of {}", p.prompt), &p.time_us));
    }
    let bits = number(f.quality.bits_per_weight);
    rows.push(match &f.quality.kept {
        Some(kept) => Row {
            name: "Weights kept exactly".into(),
            value: format!("{} of {} matrices, {bits} bits a weight with scales", kept.lossless, f.quality.matrices),
        },
        None => Row { name: "Weights".into(), value: format!("{bits} bits each with scales; planned from a shape, none is known") },
    });
    rows
}

fn row(name: &str, f: &Figure) -> Row {
    Row { name: name.into(), value: figure(f) }
}

fn area(f: &ChipFigures) -> String {
    let bars: Vec<Bar> = f
        .units
        .iter()
        .map(|k| Bar { label: format!("{} ({})", k.kind, k.units), value: k.area_mm2, note: format!("{} mm²", number(k.area_mm2)) })
        .collect();
    let cells: Vec<Bar> = (f.die.by_cells_mm2.iter())
        .map(|(name, &mm2)| Bar { label: (*name).into(), value: mm2, note: format!("{} mm²", number(mm2)) })
        .collect();
    plot::bars(&bars, "Area by kind of unit, mm²") + &plot::bars(&cells, "Area by kind of cell, mm²")
}

fn energy(f: &ChipFigures) -> String {
    let s = &f.energy.split;
    let parts = [
        ("Between dies", f.energy.links_pj),
        ("ROM reads", s.rom_pj),
        ("SRAM", s.sram_pj),
        ("Clocked flops", s.flops_pj),
        ("Arithmetic, selection", s.arithmetic_pj),
        ("Wires", s.wires_pj),
        ("Leakage meanwhile", f.energy.leakage_pj),
    ];
    plot::waterfall(
        &parts.iter().filter(|(_, pj)| *pj > 0.0).map(|(name, pj)| ((*name).to_string(), pj * 1e-6)).collect::<Vec<_>>(),
        &format!("Energy of one token at context {}, one user, µJ", f.energy.context),
    )
}

/// Speed, then cost: one sentence each.
fn in_short(f: &ChipFigures) -> Vec<String> {
    let cost = f
        .books
        .iter()
        .flat_map(|books| sentences(books).into_iter().take(1).map(|s| format!("Cost: {}{}", s[..1].to_lowercase(), &s[1..])));
    verdict(&f.compare).into_iter().chain(cost).collect()
}

/// What the user's own measurement said, if there is one.
fn measured(f: &ChipFigures) -> String {
    f.compare.measured.as_ref().map_or(String::new(), |fit| {
        format!(
            "Your {}: {}, {} of its datasheet; {} beside the bytes. The fit meets its own rows within {:.1} %.",
            format::escape(&fit.gpu_info),
            figure(&fit.bandwidth_gb_per_s),
            number(fit.bandwidth_fraction.value),
            figure(&fit.fixed_us_per_token),
            fit.mape_percent
        )
    })
}

fn units(f: &ChipFigures) -> Vec<Vec<String>> {
    let line = |name: &str, units: u64, area: f64, c: &hardwire_netlist::Census| {
        let mut v = vec![name.to_string(), units.to_string(), number(area)];
        v.extend([c.weights, c.rom_bits, c.sram_bits, c.flops, c.full_adders, c.adder_bits, c.mux2].map(|n| number(n as f64)));
        v
    };
    let mut rows: Vec<Vec<String>> = f.units.iter().map(|k| line(k.kind, k.units, k.area_mm2, &k.census)).collect();
    rows.push(line("all", f.units.iter().map(|k| k.units).sum(), f.units.iter().map(|k| k.area_mm2).sum(), &f.census));
    rows
}

fn quality(chip: &Structure) -> Vec<Vec<String>> {
    chip.quality
        .iter()
        .map(|q| {
            let kept = if q.lossless { "yes" } else { "no" };
            vec![q.tensor.clone(), q.coding.clone(), number(q.bits_per_weight), kept.into(), number(q.relative_square_error)]
        })
        .collect()
}

fn constants(chip: &Structure) -> Vec<Vec<String>> {
    let t = &chip.technology;
    let (a, e) = (&t.area, &t.energy);
    [
        ("clock", &t.clock_mhz),
        ("ROM bit", &a.rom_bit_um2),
        ("SRAM bit", &a.sram_bit_um2),
        ("flop", &a.flop_um2),
        ("full adder", &a.full_adder_um2),
        ("prefix adder bit", &a.adder_bit_um2),
        ("2:1 multiplexer", &a.mux2_um2),
        ("gate", &a.gate_um2),
        ("utilisation", &a.utilisation),
        ("ROM bit read", &e.rom_bit_read_pj),
        ("SRAM bit read", &e.sram_bit_read_pj),
        ("flop clocked", &e.flop_cycle_pj),
        ("full adder switched", &e.full_adder_pj),
        ("bit moved 1 mm", &e.wire_bit_mm_pj),
        ("logic leakage", &t.leakage_logic_w_per_mm2),
    ]
    .map(|(name, f)| {
        let range = match (f.low, f.high) {
            (Some(l), Some(h)) => format!("{} to {}", number(l), number(h)),
            _ => String::new(),
        };
        vec![name.to_string(), format!("{} {}", number(f.value), f.unit), range, f.provenance.to_string(), f.source.clone()]
    })
    .to_vec()
}
