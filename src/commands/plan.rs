//! `hardwire plan`: a chip from a bare `config.json`, no weights: counts, floorplan, cycles, energy, with low and high.

use crate::cli::{Global, Plan};
use crate::out::{self, note, one_line};
use crate::report::number;
use anyhow::{Context, Result};
use hardwire_netlist::Structure;
use hardwire_netlist::folder::write_file;
use hardwire_study::load::FullQueue;
use hardwire_study::plan::{self, Cut, Figures, Range};
use hardwire_study::subject::PlannedChip;
use serde::Serialize;
use std::path::Path;

#[derive(Serialize)]
struct Output<'a> {
    config: &'a Path,
    #[serde(flatten)]
    plan: &'a plan::Plan,
    wall_s: f64,
}

/// How the file begins, which says that it may be replaced.
const MARK: &str = "{\"hardwire\":";

#[derive(Serialize)]
struct Written<'a, F> {
    hardwire: &'static str,
    figures: &'a F,
    /// What a compiled chip's `chip.json` holds, without weights.
    structure: &'a Structure,
}

/// Writes what `hardwire-viewer` opens.
pub fn write(path: &Path, chip: &PlannedChip, figures: &impl Serialize) -> Result<()> {
    let hardwire = env!("CARGO_PKG_VERSION");
    write_file(path, MARK, &serde_json::to_vec(&Written { hardwire, figures, structure: &chip.structure })?)?;
    Ok(())
}

pub fn run(args: &Plan, global: &Global) -> Result<()> {
    let start = std::time::Instant::now();
    let mut shape = super::known::planned(&args.config)?;
    if args.options.quantizing.rotate {
        shape.rotate().context("--rotate")?;
    }
    let chip = PlannedChip::on(&shape, &super::compile::resolve(&args.options)?, args.cut.map(Into::into), args.dies);
    let chip = chip.with_context(|| args.config.display().to_string())?;
    let output = Output { config: &args.config, plan: &chip.plan, wall_s: start.elapsed().as_secs_f64() };
    if let Some(path) = &args.output {
        write(path, &chip, &output)?;
    }
    if global.json {
        out::json(&output)?;
    } else {
        print(&chip.plan, output.wall_s)?;
    }
    Ok(())
}

fn print(plan: &plan::Plan, wall_s: f64) -> Result<()> {
    let mut text = String::new();
    let mut line = |name: &str, value: String| text += &format!("{name:<26}{}\n", one_line(&value));
    let span = |f: &dyn Fn(&Figures) -> f64, r: &Range| {
        let (a, b) = (f(&r.low), f(&r.high));
        format!("{} ({} to {})", number(f(&r.middle)), number(a.min(b)), number(a.max(b)))
    };
    let Some(at) = plan.at.last() else { return Ok(()) };
    let (r, chip, node) = (&at.figures, &plan.chip, &plan.node);
    let full = &plan.all_stations_busy;
    let s = &chip.shape;
    line("model", format!("{} ({}), {} parameters, {} a token", s.name, s.config.architecture, plan.parameters, plan.active_weights));
    line(
        "area",
        format!("{} mm² in {node}, {} {}", span(&|e| e.area_mm2, r), r.middle.dies, if r.middle.dies == 1 { "die" } else { "dies" }),
    );
    if r.middle.dies > 1 {
        let cut = match plan.cut {
            Cut::Pipeline => "whole layers in a row",
            Cut::Tensor => "every layer over all dies, since one alone is past the reticle or so it was asked",
        };
        line("largest die", format!("{} mm²; cut: {cut}", span(&|e| e.largest_die_mm2, r)));
    }
    line("largest station", format!("{}, {} mm²", r.middle.largest_station, span(&|e| e.largest_station_mm2, r)));
    line("KV cache and state", format!("{} mm², {} positions of {} users", span(&|e| e.state_mm2, r), chip.plan.context, chip.plan.users));
    if plan.fold > 1 {
        let reason = plan.fold_reason.as_ref().map_or(String::new(), |r| format!("; chosen: {r} (--fold 1 spreads layers over dies)"));
        line("fold", format!("{} layers share silicon, {} stations built{reason}", plan.fold, plan.stations));
    }
    line("transistors", format!("{}, estimated", number(r.middle.transistors)));
    for at in &plan.at {
        let (context, r) = (at.context, &at.figures);
        line(
            &format!("one user at {context}"),
            format!(
                "{} tokens/s, {} mJ a token, {} W",
                span(&|e| e.tokens_per_s_single_user, r),
                number(r.middle.j_per_token_single_user * 1e3),
                number(r.middle.power_single_user_w)
            ),
        );
        line(
            &format!("first token at {context}"),
            format!("{} ms, one user, prompt of {}", span(&|e| e.first_token_ms, r), (context - 1).max(1)),
        );
        line(
            &format!("decode at {context}"),
            format!(
                "{} tokens/s with {} in flight, {} mJ a token, {} W",
                span(&|e| e.tokens_per_s_aggregate, r),
                r.middle.users,
                number(r.middle.j_per_token_aggregate * 1e3),
                number(r.middle.power_aggregate_w)
            ),
        );
    }
    let queue = |q: &FullQueue| {
        let (all, joules) = (number(q.tokens_per_s), number(q.j_per_token * 1e3));
        format!("{all} tokens/s with {} in flight, {joules} mJ a token, {} W", q.users, number(q.power_w))
    };
    let asked = format!("requests of {} tokens in and {} out", plan.request.prompt, plan.request.output);
    line("full queue", format!("{}; {asked}", queue(&r.middle.full_queue)));
    if full.users > r.middle.full_queue.users {
        line("", format!("{} with a cache for as many", queue(&full.full_queue)));
    }
    let money = |f: fn(&Figures) -> Option<f64>| match (f(&r.middle), f(&r.low), f(&r.high)) {
        (Some(m), Some(a), Some(b)) => format!("{} ({} to {})", number(m), number(a.min(b)), number(a.max(b))),
        (Some(m), ..) => number(m),
        _ => "no".into(),
    };
    let (dies, token) = (money(|e| e.good_dies_usd), money(|e| e.usd_per_mtoken));
    line("cost", format!("{dies} USD of good dies, {token} USD a million tokens of a full queue (books)"));
    text += &crate::summary::efficiencies(&r.middle.efficiency);
    let mut line = |name: &str, value: String| text += &format!("{name:<26}{}\n", one_line(&value));
    if !plan.modelled_only.is_empty() {
        line("without Verilog", plan.modelled_only.join(", "));
    }
    out::text(&text)?;
    note!("cycles simulated, the rest estimated, from the shape alone in {wall_s:.2} s; low and high take every constant at that end");
    Ok(())
}
