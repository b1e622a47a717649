//! The census against synthesis, module by module: `compiler/data/synthesis.csv`, which `rtl-gen/synth.py` measures, the constants of
//! `compiler/data/technology.toml` that are fitted to a part of its rows, and the table of `docs/calibration.md`.
//!
//! With HARDWIRE_CALIBRATION=write what follows from what is written instead of checked: rows from the samples, constants and the page's tables
//! from the rows. `rtl-gen/synth.py` runs it before and after it measures.

mod fit;
mod page;
mod samples;
mod table;

use hardwire_netlist::{Census, census};
use samples::Sample;
use std::fs;
use table::Row;

/// What a row that was not fitted may be off by.
const BOUND: f64 = 0.1;

fn calibrating() -> bool {
    std::env::var("HARDWIRE_CALIBRATION").is_ok_and(|v| v == "write")
}

/// Counts of the sample's module, without ROM and SRAM: those are macros beside the synthesised logic.
fn counted(s: &Sample) -> Census {
    let name = format!("hw_{}", s.module);
    let modules = census::modules(&s.netlist, s.unit);
    let m = modules.iter().find(|m| m.name == name).unwrap_or_else(|| panic!("{}: the census has no {name}", s.row));
    Census { weights: 0, rom_bits: 0, sram_bits: 0, ..m.census }
}

/// Parameters the sample's module is emitted with: names and values, ROM files left out, and how synthesis maps a tile's accumulators.
fn emitted(s: &Sample) -> String {
    let dir = tempfile::tempdir().unwrap();
    let chip = samples::chip(s, dir.path());
    let path = &s.netlist.unit(s.unit).path;
    let text = hardwire_rtl_gen::module(&chip, path).unwrap_or_else(|e| panic!("{} {}: {e}", s.module, s.row));
    let start = format!("hw_{} #(", s.module);
    let mut rest = text.split(&start).nth(1).unwrap_or_else(|| panic!("{}: no hw_{} in {text}", s.row, s.module)).trim_start();
    let mut all = Vec::new();
    // `.NAME(value)`, and after the last one the list's own parenthesis.
    while let Some(parameter) = rest.strip_prefix('.') {
        let (name, tail) = parameter.split_once('(').unwrap();
        let (value, tail) = tail.split_once(')').unwrap();
        if !value.starts_with('"') {
            all.push(format!("{name}={value}"));
        }
        rest = tail.trim_start_matches(',').trim_start();
    }
    if s.module == "mvm_tile" {
        let of = |name: &str| all.iter().find_map(|p| p.strip_prefix(&format!("{name}="))).unwrap().parse::<u32>().unwrap();
        // A folded column's sum has its carry in as a lowest bit.
        all.push(format!("CHAIN={}", of("ACC") + of("FOLD")));
    }
    all.join(" ")
}

/// The samples as rows, with the figures of the table where the parameters are still those.
fn rows() -> (String, Vec<Row>) {
    let (comment, old) = table::read();
    let row = |s: &Sample| {
        let used = if s.held_out { "held out" } else { "fit" };
        let new = Row { module: s.module.into(), row: s.row.into(), used: used.into(), parameters: emitted(s), ..Row::default() };
        let same = old.iter().find(|r| r.module == new.module && r.parameters == new.parameters);
        Row { measured: same.map(|r| r.measured.clone()).unwrap_or_default(), ..new }
    };
    (comment, samples::all().iter().map(row).collect())
}

/// Census and measured area of every row that has one.
fn measured(rows: &[Row]) -> Vec<(Sample, Census, f64)> {
    let found = samples::all().into_iter().zip(rows);
    found.filter_map(|(s, r)| r.um2().map(|um2| (counted(&s), um2)).map(|(c, um2)| (s, c, um2))).collect()
}

/// Cells below which no constant can be: a flop, a full adder, and for the others what the least of them needs. Liberty areas.
const FLOORS: [f64; 5] = [0.2916, 0.2041, 0.2041, 0.0875, 0.0437];

fn constants(rows: &[Row]) -> [f64; 5] {
    let fitted: Vec<(Census, f64)> = measured(rows).into_iter().filter(|(s, ..)| !s.held_out).map(|(_, c, um2)| (c, um2)).collect();
    fit::fit(&fitted, &FLOORS)
}

/// Rows, constants and page follow from the samples and the measured figures; no figure is of another module than is emitted today.
#[test]
fn table_constants_and_page_are_of_one_piece() {
    let (comment, rows) = rows();
    if calibrating() {
        table::write(&comment, &rows);
    }
    assert!(table::read().1 == rows, "synthesis.csv has other rows than the samples emit: run rtl-gen/synth.py");
    let constants = constants(&rows);
    let data = table::root().join("compiler/data/technology.toml");
    let text = fs::read_to_string(&data).unwrap();
    let lines = fit::NAMES.iter().zip(constants).fold(text.clone(), |text, (name, v)| replace_value(&text, name, v));
    if calibrating() {
        fs::write(&data, &lines).unwrap();
    }
    assert!(calibrating() || lines == text, "technology.toml: the fit gives {constants:?}");
    page::check(&rows, &measured(&rows), &constants, &lines, calibrating());
    page::check_constants(&lines, calibrating());
}

/// The table that needs no Yosys to check: what was not fitted is estimated within a tenth.
#[test]
fn held_out_rows_are_within_ten_percent() {
    let (_, rows) = rows();
    let missing: Vec<&str> = rows.iter().filter(|r| r.um2().is_none()).map(|r| &r.row[..]).collect();
    assert!(missing.is_empty(), "rows without figures, run rtl-gen/synth.py: {missing:?}");
    let constants = constants(&rows);
    let mut wrong = Vec::new();
    for (s, c, um2) in measured(&rows) {
        let error = fit::area(&c, &constants) / um2 - 1.0;
        if s.held_out && error.abs() > BOUND {
            wrong.push(format!("{} {}: {:+.1} %", s.module, s.row, 100.0 * error));
        }
    }
    assert!(wrong.is_empty(), "held-out rows off by more than {} %:\n{}", 100.0 * BOUND, wrong.join("\n"));
}

/// The base constant's value in the text of technology.toml, replaced; the rest of the line stands.
fn replace_value(text: &str, name: &str, value: f64) -> String {
    let line = text.lines().find(|l| l.starts_with(name)).unwrap_or_else(|| panic!("no {name} in technology.toml"));
    let (head, tail) = line.split_once("value = ").unwrap();
    let rest = &tail[tail.find([',', ' ']).unwrap()..];
    text.replacen(line, &format!("{head}value = {value}{rest}"), 1)
}
