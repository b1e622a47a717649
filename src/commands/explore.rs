//! `hardwire explore`: a sweep of targets over a model's shape, in parallel, and the front of what nothing beats.

use crate::cli::{Explore, Global};
use crate::report::number;
use crate::scale::evaluate::Evaluation;
use crate::scale::target::{self, Point, Refusal};
use crate::scale::{frontier, pareto, plot};
use anyhow::{Context, Result, bail};
use hardwire_compiler::shape::Shape;
use rayon::prelude::*;
use serde_json::json;

pub fn run(args: &Explore, global: &Global) -> Result<()> {
    let shape = Shape::from_file(&args.config)?;
    let targets = match &args.target {
        Some(path) => target::read(path)?,
        None => target::parse(DEFAULT)?,
    };
    let bar = crate::progress::bar(global.quiet, targets.len() as u64, "points");
    let planned = targets.par_iter().map(|t| {
        let outcome = target::plan(&shape, t);
        bar.inc(1);
        outcome
    });
    let planned = planned.collect::<Result<Vec<_>>>();
    bar.finish_and_clear();
    let (mut points, mut refusals): (Vec<Point>, Vec<Refusal>) = (Vec::new(), Vec::new());
    for outcome in planned? {
        match outcome {
            Ok(point) => points.push(point),
            Err(refusal) => refusals.push(refusal),
        }
    }
    let figures: Vec<&Evaluation> = points.iter().map(|p| &p.figures).collect();
    let front = pareto::front(&figures);
    if let Some(path) = &args.plot {
        let title = format!("{}: {} points, {} on the front", shape.name, points.len(), front.len());
        std::fs::write(path, plot::svg(&figures, &front, &title)).with_context(|| path.display().to_string())?;
    }
    if global.json {
        let all = json!({"config": args.config, "points": points, "front": front, "refused": refusals});
        println!("{}", serde_json::to_string_pretty(&all)?);
    } else {
        print(&points, &front, &refusals);
    }
    if points.is_empty() {
        let Some(first) = refusals.first() else { bail!("no point to explore") };
        let hint = if first.would_meet.is_empty() {
            "nothing tried would meet it".into()
        } else {
            format!("would meet it: {}", first.would_meet.join("; "))
        };
        bail!("{}: no target can be met; {}; hint: {hint}", args.config.display(), first.binds);
    }
    Ok(())
}

/// What is swept where no target file is given.
const DEFAULT: &str = "node = [\"N7\", \"N6\", \"N5\"]\nbits = [3, 4]\ntile_rows = [256, 512, 1024]\nusers = [1, 8]\ncontext = 2048\n";

fn print(points: &[Point], front: &[usize], refusals: &[Refusal]) {
    println!(
        "{:<5}{:>5}{:>8}{:>7}{:>8}{:>6}{:>10}{:>12}{:>12}{:>11}{:>12}  binds",
        "node", "bits", "fabric", "users", "context", "dies", "mm²", "one user", "aggregate", "mJ/token", "$/Mtoken"
    );
    let mut mixes: Vec<String> = Vec::new();
    for &i in front {
        let (p, f) = (&points[i], &points[i].figures);
        println!(
            "{:<5}{:>5}{:>8}{:>7}{:>8}{:>6}{:>10}{:>12}{:>12}{:>11}{:>12}  {} {:.0} %",
            p.target.node,
            p.target.bits,
            fabric(p, &mut mixes),
            p.target.users,
            p.target.context,
            f.dies,
            number(f.area_mm2),
            number(f.tokens_per_s_single_user),
            number(f.tokens_per_s_aggregate),
            number(f.j_per_token_aggregate * 1e3),
            number(f.usd_per_mtoken),
            p.limits[0].name,
            p.limits[0].used * 100.0
        );
    }
    for (i, mix) in mixes.iter().enumerate() {
        println!("mix {}: --fabric {mix}", i + 1);
    }
    println!(
        "{} points met, {} on the front, {} refused; tokens/s simulated, the rest estimated (docs/scale.md)",
        points.len(),
        front.len(),
        refusals.len()
    );
    for r in refusals.iter().take(5) {
        println!(
            "refused: {} {} bits, {} users of {}: {}; would meet it: {}",
            r.target.node,
            r.target.bits,
            r.target.users,
            r.target.context,
            r.binds,
            r.would_meet.join("; ")
        );
    }
}

/// The one holding of all matrices, or the number of a mix told below the table.
fn fabric(p: &Point, mixes: &mut Vec<String>) -> String {
    let text = frontier::text(&p.fabric);
    if !text.contains('=') {
        return text;
    }
    let at = mixes.iter().position(|m| *m == text).unwrap_or_else(|| {
        mixes.push(text);
        mixes.len() - 1
    });
    format!("mix {}", at + 1)
}
