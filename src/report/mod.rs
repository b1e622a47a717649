//! The report: one self-contained HTML page, and the same figures as JSON. Everything drawn is inline SVG; nothing is fetched.

mod floorplan;
mod format;
mod plot;

use crate::figures::ChipFigures;
use anyhow::{Context, Result};
use askama::Template;
use format::figure;
pub use format::number;
use hardwire_netlist::{Chip, Figure};
use plot::{Bar, Scale, Series};
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

struct GpuLine {
    device: String,
    ceiling: String,
    speed: String,
    energy: String,
    speed_ratio: String,
    energy_ratio: String,
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    figures: &'a ChipFigures,
    version: &'static str,
    sample: Option<&'a Sample>,
    summary: Vec<Row>,
    floorplan: String,
    area: String,
    energy: String,
    speed: String,
    versus: String,
    gpus: Vec<GpuLine>,
    units: Vec<Vec<String>>,
    quality: Vec<Vec<String>>,
    constants: Vec<Vec<String>>,
    context: u32,
    size: String,
    worst: String,
    parameters: String,
}

/// Writes `report.html` and `report.json` into `folder`, each beside and renamed into place.
pub fn write(chip: &Chip, figures: &ChipFigures, sample: Option<&Sample>, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    put(&folder.join("report.json"), &(serde_json::to_string_pretty(figures)? + "\n"))?;
    put(&folder.join("report.html"), &html(chip, figures, sample)?)
}

fn put(path: &Path, text: &str) -> Result<()> {
    let partial = path.with_extension("partial");
    std::fs::write(&partial, text).with_context(|| partial.display().to_string())?;
    std::fs::rename(&partial, path).with_context(|| path.display().to_string())
}

/// The page.
pub fn html(chip: &Chip, f: &ChipFigures, sample: Option<&Sample>) -> Result<String> {
    Ok(Page {
        figures: f,
        version: env!("CARGO_PKG_VERSION"),
        sample,
        summary: summary(f),
        floorplan: floorplan::svg(chip),
        area: area(f),
        energy: energy(f),
        speed: speed(f),
        versus: versus(f),
        gpus: f.gpus.iter().map(gpu_line).collect(),
        units: units(f),
        quality: quality(chip),
        constants: constants(chip),
        context: f.energy.context,
        size: format!("{} mm by {} mm", number(f.die.width_mm), number(f.die.height_mm)),
        worst: number(f.quality.worst_relative_square_error),
        parameters: number(f.model.parameters as f64),
    }
    .render()?)
}

fn summary(f: &ChipFigures) -> Vec<Row> {
    let at = |context| f.speed.iter().find(|s| s.context == context).or(f.speed.last());
    let mut rows = vec![
        row("Die", &f.die.area_mm2),
        row("Transistors", &f.die.transistors),
        row("Area a weight", &f.die.um2_per_weight),
        row("Clock", &f.clock_mhz),
    ];
    if let Some(s) = at(f.energy.context) {
        rows.push(row(&format!("One user, context {}", s.context), &s.tokens_per_s_single_user));
        rows.push(row(&format!("Aggregate, {} users in flight", s.users_for_aggregate), &s.tokens_per_s_aggregate));
        rows.push(row("Energy a token, one user", &s.j_per_token_single_user));
        rows.push(Row {
            name: "Power, one user / all stations busy".into(),
            value: format!("{} W / {} W", number(s.power_single_user_w), number(s.power_aggregate_w)),
        });
    }
    if let Some(p) = f.first_token.last() {
        rows.push(row(&format!("First token after a prompt of {}", p.prompt), &p.time_us));
    }
    rows.push(Row {
        name: "Weights kept exactly".into(),
        value: format!(
            "{} of {} matrices, {} bits a weight with scales",
            f.quality.lossless,
            f.quality.matrices,
            number(f.quality.bits_per_weight)
        ),
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
        .map(|k| Bar {
            label: format!("{} ({})", k.kind, k.units),
            value: k.area_mm2,
            note: format!("{} mm²", number(k.area_mm2)),
            highlight: false,
        })
        .collect();
    plot::bars(&bars, Scale::Linear, "Area by kind of unit, mm²")
}

fn energy(f: &ChipFigures) -> String {
    let s = &f.energy.split;
    let parts = [
        ("ROM reads", s.rom_pj),
        ("SRAM", s.sram_pj),
        ("Clocked flops", s.flops_pj),
        ("Arithmetic and selection", s.arithmetic_pj),
        ("Wires", s.wires_pj),
        ("Leakage over the token", f.energy.leakage_pj),
    ];
    plot::waterfall(
        &parts.map(|(name, pj)| (name.to_string(), pj * 1e-6)),
        &format!("Energy of one token at context {}, one user, µJ", f.energy.context),
    )
}

fn speed(f: &ChipFigures) -> String {
    let series = |name: &str, get: &dyn Fn(&crate::figures::SpeedAt) -> f64| Series {
        name: name.into(),
        points: f.speed.iter().map(|s| (f64::from(s.context), get(s))).collect(),
    };
    plot::lines(
        &[series("one user", &|s| s.tokens_per_s_single_user.value), series("aggregate", &|s| s.tokens_per_s_aggregate.value)],
        "context, tokens",
        "tokens/s",
        "Speed against context",
    )
}

fn versus(f: &ChipFigures) -> String {
    let Some(ours) = f.speed.iter().find(|s| s.context == f.energy.context) else { return String::new() };
    let mut bars = vec![Bar {
        label: "this chip".into(),
        value: ours.tokens_per_s_single_user.value,
        note: format!("{} tokens/s", number(ours.tokens_per_s_single_user.value)),
        highlight: true,
    }];
    bars.extend(f.gpus.iter().map(|g| Bar {
        label: g.device.clone(),
        value: g.tokens_per_s.value,
        note: format!("{} tokens/s", number(g.tokens_per_s.value)),
        highlight: false,
    }));
    plot::bars(&bars, Scale::Log, "One user's tokens/s, logarithmic")
}

fn gpu_line(g: &crate::figures::GpuRow) -> GpuLine {
    GpuLine {
        device: format!("<span class=\"fig\" title=\"{}\">{}</span>", format::escape(&g.source), format::escape(&g.device)),
        ceiling: figure(&g.ceiling_tokens_per_s),
        speed: figure(&g.tokens_per_s),
        energy: figure(&g.j_per_token),
        speed_ratio: number(g.speed_ratio),
        energy_ratio: number(g.energy_ratio),
    }
}

fn units(f: &ChipFigures) -> Vec<Vec<String>> {
    let line = |name: &str, units: u64, area: f64, c: &hardwire_netlist::Census| {
        let mut v = vec![name.to_string(), units.to_string(), number(area)];
        v.extend([c.weights, c.rom_bits, c.sram_bits, c.flops, c.full_adders, c.mux2].map(|n| number(n as f64)));
        v
    };
    let mut rows: Vec<Vec<String>> = f.units.iter().map(|k| line(k.kind, k.units, k.area_mm2, &k.census)).collect();
    rows.push(line("all", f.units.iter().map(|k| k.units).sum(), f.units.iter().map(|k| k.area_mm2).sum(), &f.census));
    rows
}

fn quality(chip: &Chip) -> Vec<Vec<String>> {
    chip.structure
        .quality
        .iter()
        .map(|q| {
            let kept = if q.lossless { "yes" } else { "no" };
            vec![q.tensor.clone(), number(q.bits_per_weight), kept.into(), number(q.relative_square_error)]
        })
        .collect()
}

fn constants(chip: &Chip) -> Vec<Vec<String>> {
    let t = &chip.structure.technology;
    let (a, e) = (&t.area, &t.energy);
    [
        ("clock", &t.clock_mhz),
        ("ROM bit", &a.rom_bit_um2),
        ("SRAM bit", &a.sram_bit_um2),
        ("flop", &a.flop_um2),
        ("full adder", &a.full_adder_um2),
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
