//! `hardwire baseline validate`: published measurements, or a file's, beside their predictions.

use super::show;
use crate::cli::{Global, Validate};
use crate::out::{self, outln};
use crate::table::{Cell, Table};
use anyhow::Result;
use hardwire_baseline::gpu::{self, Boundary, Class, EnergyValidation, Family, GpuError, Half, LeftOut, Measured, Peer, Validation, Whole};
use hardwire_netlist::input;
use serde::Serialize;
use std::path::Path;

pub fn run(args: &Validate, csv: bool, global: &Global) -> Result<()> {
    if args.refit {
        return refit(global);
    }
    let wholes = [(args.leave_devices_out, Whole::Device), (args.leave_models_out, Whole::Model)];
    if let Some((_, whole)) = wholes.into_iter().find(|(asked, _)| *asked) {
        let left_out = gpu::leave_each_out(whole)?;
        return show(global, csv, &left_out, &each_left_out(&left_out), || Ok(String::new()));
    }
    let text = |path: &Path| input::text(path, input::MOST_TEXT);
    let rows_of =
        |path: &Path| Ok::<_, anyhow::Error>(gpu::validate_rows(gpu::parse_measured(&text(path)?, &path.display().to_string())?)?);
    let energies_of = |path: &Path| {
        let rows = gpu::parse_measured_energy(&text(path)?, &path.display().to_string())?;
        Ok::<_, anyhow::Error>(gpu::validate_energy_rows(rows)?)
    };
    match (&args.measured, &args.measured_energy) {
        (Some(speeds), None) => {
            let speed = rows_of(speeds)?;
            show(global, csv, &speed, &rows(&speed), || Ok(summary(&speed)))
        }
        (None, Some(energies)) => {
            let energy = energies_of(energies)?;
            show(global, csv, &energy, &energy_rows(&energy), || Ok(energy_summary(&energy)))
        }
        (speeds, energies) => {
            let speed = speeds.as_deref().map_or_else(|| Ok(gpu::validate()?), rows_of)?;
            let energy = energies.as_deref().map_or_else(|| Ok(gpu::validate_energy()?), energies_of)?;
            let both = Both { speed, energy };
            let after = || Ok(format!("{}\n{}\n{}", summary(&both.speed), energy_rows(&both.energy).text(), energy_summary(&both.energy)));
            show(global, csv, &both, &rows(&both.speed), after)
        }
    }
}

/// Speeds with their keys at the top, energies beside them.
#[derive(Serialize)]
struct Both {
    #[serde(flatten)]
    speed: Validation,
    energy: EnergyValidation,
}

fn refit(global: &Global) -> Result<()> {
    let found = gpu::refit().map_err(|error: GpuError| anyhow::Error::from(error))?;
    if global.json {
        out::json(&found)?;
        return Ok(());
    }
    for (knob, value) in found {
        outln!("{} = {value:.4}", serde_json::to_value(knob)?.as_str().unwrap_or_default());
    }
    Ok(())
}

/// One row a device or model that the fit has not seen.
fn each_left_out(left_out: &[LeftOut]) -> Table {
    let mut table = Table::new(&["fitted to all others", "rows", "mean error", "mean absolute error"]);
    for l in left_out {
        let signed = Cell::Percent(l.mean_error_percent / 100.0);
        table.row([l.name.as_str().into(), count(l.rows), signed, percent(l.mean_absolute_error_percent)]);
    }
    table
}

/// What others publish of their accuracy.
fn peers(peers: &[Peer]) -> String {
    let mut table = Table::new(&["other models, each on rows of its own choice", "published accuracy", "source"]);
    for p in peers {
        table.row([p.name.as_str().into(), p.accuracy.as_str().into(), p.source.as_str().into()]);
    }
    table.text()
}

fn half(half: Half) -> &'static str {
    match half {
        Half::Fit => "fit",
        Half::HeldOut => "held out",
        Half::Given => "given",
        Half::SetAside => "set aside",
    }
}

fn class(class: Class) -> &'static str {
    match class {
        Class::Single => "single",
        Class::Serving => "serving",
        Class::Batched => "batched",
        Class::Service => "service",
    }
}

/// What was run: device, model and load.
fn run_cells(row: &Measured, half: &'static str) -> [Cell; 8] {
    let devices = if row.devices == 1 { row.device.clone() } else { format!("{}x {}", row.devices, row.device) };
    [
        half.into(),
        row.stack.as_str().into(),
        devices.into(),
        row.model.as_str().into(),
        row.quant.as_str().into(),
        row.batch.map_or(Cell::from("full"), |batch| batch.to_string().into()),
        row.prompt_tokens.into(),
        row.output_tokens.into(),
    ]
}

const RUN: [&str; 8] = ["half", "software", "device", "model", "quant", "users", "in", "out"];

/// One row a measurement.
fn rows(v: &Validation) -> Table {
    let mut table = Table::new(&[&RUN[..], &["measured", "predicted", "error", "why"]].concat());
    for o in &v.outcomes {
        let cells = [
            o.row.tokens_per_s.into(),
            o.predicted_tokens_per_s.into(),
            o.error.map_or(Cell::Empty, Cell::Percent),
            o.flag.as_deref().unwrap_or("").into(),
        ];
        table.row(run_cells(&o.row, half(o.half)).into_iter().chain(cells));
    }
    table
}

fn energy_rows(v: &EnergyValidation) -> Table {
    let mut table = Table::new(&[&RUN[..], &["metered at", "mJ/token", "predicted", "error", "why"]].concat());
    for o in &v.outcomes {
        let boundary = match o.row.boundary {
            Boundary::Devices => "devices",
            Boundary::Wall => "wall",
        };
        let cells = [
            boundary.into(),
            (o.row.j_per_token * 1e3).into(),
            o.predicted_j_per_token.map(|j| j * 1e3).into(),
            o.error.map_or(Cell::Empty, Cell::Percent),
            o.flag.as_deref().unwrap_or("").into(),
        ];
        table.row(run_cells(&o.row.run, half(o.half)).into_iter().chain(cells));
    }
    table
}

fn percent(x: f64) -> Cell {
    format!("{x:.1} %").into()
}

fn count(n: usize) -> Cell {
    // A table has fewer rows than a u32 counts.
    (n as u32).into()
}

fn families(families: &[Family]) -> String {
    let mut table = Table::new(&["family (software | model | device)", "half", "rows", "mean error", "mean absolute error"]);
    for f in families {
        let signed = Cell::Percent(f.mean_error_percent / 100.0);
        table.row([f.family.as_str().into(), half(f.half).into(), count(f.rows), signed, percent(f.mean_absolute_error_percent)]);
    }
    table.text()
}

fn summary(v: &Validation) -> String {
    let mut table = Table::new(&["mean absolute error", "aim", "fit half", "rows", "held out or given", "rows", "with set-aside", "rows"]);
    for s in &v.summaries {
        table.row([
            class(s.class).into(),
            percent(s.aim_percent),
            percent(s.fit_mape_percent),
            count(s.fit_rows),
            percent(s.held_out_mape_percent),
            count(s.held_out_rows),
            percent(s.all_mape_percent),
            count(s.all_rows),
        ]);
    }
    format!(
        "{}\n{}\nmean absolute error of {} judged rows {:.1} %, of the time between tokens of {} rows {:.1} %; {} rows set aside\n\
         every second family is held out whole; rows set aside say why and judge nothing (docs/baseline.md)\n\n{}",
        families(&v.families),
        table.text(),
        v.judged_rows,
        v.mean_absolute_error_percent,
        v.latency_rows,
        v.latency_mean_absolute_error_percent,
        v.set_aside.len(),
        peers(&v.peers)
    )
}

fn energy_summary(v: &EnergyValidation) -> String {
    format!(
        "{}\nmean absolute error of {} judged energies {:.1} %: fit half {:.1} %, held out {:.1} %; at the devices {:.1} %, at the wall {:.1} %; \
         {} rows set aside\n",
        families(&v.families),
        v.judged_rows,
        v.mean_absolute_error_percent,
        v.fit_mape_percent,
        v.held_out_mape_percent,
        v.devices_mape_percent,
        v.wall_mape_percent,
        v.set_aside.len()
    )
}
