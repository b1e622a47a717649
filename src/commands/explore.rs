//! `hardwire explore`: a sweep of targets over a model's shape, in parallel, and the front of what nothing beats.

use crate::cli::{Explore, Global};
use crate::out::{self, outln};
use crate::report::{number, sweep as sweep_svg};
use anyhow::{Result, bail};
use hardwire_netlist::folder::write_file;
use hardwire_study::explore::target::{self, Point};
use hardwire_study::explore::{self, Exploration, frontier};
use serde::Serialize;
use std::path::Path;

#[derive(Serialize)]
struct Output<'a> {
    config: &'a Path,
    #[serde(flatten)]
    exploration: &'a Exploration,
}

pub fn run(args: &Explore, global: &Global) -> Result<()> {
    let shape = super::known::planned(&args.config)?;
    let positions = shape.config.context as u32;
    let targets = match &args.target {
        Some(path) => target::read(path, positions)?,
        None => target::parse(explore::USUAL, positions)?,
    };
    let bar = crate::progress::bar(global.quiet, targets.len() as u64, "points");
    let exploration = explore::explore(&shape, &targets, &|| bar.inc(1));
    bar.finish_and_clear();
    let exploration = exploration?;
    let Exploration { points, front, refused } = &exploration;
    if let Some(path) = &args.plot {
        let title = format!("{}: {} points, {} on the front", shape.name, points.len(), front.len());
        write_file(path, sweep_svg::MARK, sweep_svg::svg(points, front, &title).as_bytes())?;
    }
    if global.json {
        out::json(&Output { config: &args.config, exploration: &exploration })?;
    } else {
        print(&exploration)?;
    }
    if points.is_empty() {
        let Some(first) = refused.first() else { bail!("no point to explore") };
        let hint = if first.would_meet.is_empty() {
            "nothing tried would meet it".into()
        } else {
            format!("would meet it: {}", first.would_meet.join("; "))
        };
        bail!("{}: no target can be met; {}; hint: {hint}", args.config.display(), first.binds);
    }
    Ok(())
}

fn print(exploration: &Exploration) -> Result<()> {
    let Exploration { points, front, refused } = exploration;
    outln!(
        "{:<5}{:>5}{:>10}{:>6}{:>7}{:>7}{:>8}{:>6}{:>10}{:>12}{:>12}{:>11}{:>13}{:>12}  binds",
        "node",
        "bits",
        "fabric",
        "fold",
        "lanes",
        "users",
        "context",
        "dies",
        "mm²",
        "one user",
        "full queue",
        "tokens/J",
        "tokens/s/mm²",
        "EUR/Mtoken"
    );
    let mut mixes: Vec<String> = Vec::new();
    for &i in front {
        let (p, f) = (&points[i], &points[i].figures);
        let queue = &f.efficiency.full_queue;
        outln!(
            "{:<5}{:>5}{:>10}{:>6}{:>7}{:>7}{:>8}{:>6}{:>10}{:>12}{:>12}{:>11}{:>13}{:>12}  {} {:.0} %",
            p.target.node,
            p.target.bits,
            fabric(p, &mut mixes),
            p.target.fold.to_string(),
            p.target.lanes.map_or("-".into(), |v| v.to_string()),
            p.target.users,
            p.target.context,
            f.dies,
            number(f.area_mm2),
            number(f.tokens_per_s_single_user),
            number(f.full_queue.tokens_per_s),
            number(queue.tokens_per_j),
            number(queue.tokens_per_s_per_mm2),
            queue.eur_per_mtoken.map_or("-".into(), number),
            p.limits[0].name,
            p.limits[0].used * 100.0
        );
    }
    for (i, mix) in mixes.iter().enumerate() {
        outln!("mix {}: --fabric {mix}", i + 1);
    }
    outln!(
        "{} points met, {} on the front, {} refused; tokens/s simulated, the rest estimated (docs/scale.md)",
        points.len(),
        front.len(),
        refused.len()
    );
    for r in refused.iter().take(5) {
        outln!(
            "refused: {} {} bits, {} users of {}: {}; would meet it: {}",
            r.target.node,
            r.target.bits,
            r.target.users,
            r.target.context,
            r.binds,
            r.would_meet.join("; ")
        );
    }
    Ok(())
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
