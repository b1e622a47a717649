//! `hardwire evaluate`: how good the chip's integers are beside the float model, on a text.

use super::comparable::beside;
use super::compile::compile;
use super::defects::{applied, told};
use super::source::Source;
use crate::cli::{CompileOptions, Evaluate, Global};
use crate::out::{self, outln};
use crate::progress;
use crate::scratch::Scratch;
use anyhow::{Context, Result, bail};
use hardwire_models::{Checkpoint, FloatModel};
use hardwire_netlist::defects::Inflicted;
use hardwire_netlist::{Chip, Figure, input};
use hardwire_study::chip::speed_at;
use hardwire_study::evaluate::acceptance::tokens_per_round;
use hardwire_study::evaluate::{Quality, evaluate, trace};
use hardwire_study::sources::die_area_mm2;
use hardwire_study::subject::Subject;
use serde::Serialize;
use std::path::Path;

/// Most positions a trace keeps every residual of.
const TRACED: usize = 128;
/// Draft lengths told on a terminal; --json has the chance of every length.
const DRAFTS: [usize; 6] = [1, 2, 4, 8, 16, 32];

#[derive(Serialize)]
struct Report<'a> {
    text: String,
    #[serde(flatten)]
    quality: &'a Quality,
    area_mm2: Figure,
    j_per_token: Figure,
    #[serde(skip_serializing_if = "Option::is_none")]
    defects: Option<Inflicted>,
}

pub fn run(args: &Evaluate, global: &Global) -> Result<()> {
    let source = Source::open(&args.source)?;
    let text = input::text(&args.text, input::MOST_TEXT)?;
    let tokenizer = source.tokenizer()?.context("the checkpoint has no tokenizer, so no text can be evaluated")?;
    let mut ids = tokenizer.encode(&text)?;
    ids.truncate(args.tokens.saturating_add(1));
    if ids.len() < 2 {
        bail!("{}: two tokens at least are needed, --tokens one at least", args.text.display());
    }
    let scratch = Scratch::new()?;
    let (chips, checkpoint) = chips(args, source, scratch.path(), global)?;
    let spoiled = |(i, chip)| applied(chip, &args.defects, &scratch.path().join(format!("defects{i}")));
    let (chips, inflicted): (Vec<Chip>, Vec<_>) =
        chips.into_iter().enumerate().map(spoiled).collect::<Result<Vec<_>>>()?.into_iter().unzip();
    let context = chips.iter().map(|c| c.model().context as usize).min().unwrap_or(0);
    let window = args.window.min(context);
    if window < 2 {
        bail!("--window {}: expected two positions or more", args.window);
    }
    if args.trace_error {
        let checkpoint = checkpoint.as_ref().context("--trace-error needs the weights: give the chip's --checkpoint")?;
        ids.truncate(window.min(TRACED));
        return print_trace(&trace::trace(checkpoint, &chips[0], &ids)?, global);
    }
    let float = checkpoint.as_ref().map(FloatModel::new).transpose()?;
    let bar = progress::bar(global.quiet, ids.len() as u64 - 1, "tokens");
    let refs: Vec<&Chip> = chips.iter().collect();
    let qualities = evaluate(&refs, float.as_ref(), &ids, window, &|n| bar.inc(n));
    bar.finish_and_clear();
    let qualities = qualities?;
    let reports: Vec<Report<'_>> = chips
        .iter()
        .zip(&qualities)
        .zip(inflicted)
        .map(|((chip, quality), defects)| Report {
            text: args.text.display().to_string(),
            quality,
            area_mm2: die_area_mm2(&chip.structure),
            defects,
            j_per_token: speed_at(&Subject::of(chip), (chip.model().context / 2).max(1)).j_per_token_single_user,
        })
        .collect();
    match (&reports[..], global.json) {
        ([one], true) if args.sweep.is_empty() => out::json(one)?,
        (all, true) => out::json(all)?,
        ([one], false) if args.sweep.is_empty() => {
            print(one)?;
            if let Some(inflicted) = &one.defects {
                outln!("{}", told(inflicted));
            }
        }
        (all, false) => print_sweep(all)?,
    }
    Ok(())
}

/// The chips to evaluate, and the checkpoint they are held against.
fn chips(args: &Evaluate, source: Source, scratch: &Path, global: &Global) -> Result<(Vec<Chip>, Option<Checkpoint>)> {
    match source {
        Source::Chip(chip) => {
            args.options.none_for_a_chip(&chip.folder)?;
            if !args.sweep.is_empty() {
                bail!("{}: --sweep compiles a checkpoint at several widths; this is a chip", args.source.display());
            }
            let checkpoint = args.checkpoint.as_deref().map(|path| beside(&chip, path)).transpose()?;
            Ok((vec![*chip], checkpoint))
        }
        Source::Checkpoint(_) if args.checkpoint.is_some() => {
            bail!("--checkpoint: only beside a chip; {} is one itself", args.source.display())
        }
        Source::Checkpoint(mut checkpoint) => {
            let options = |bits: f64| {
                let mut o = args.options.clone();
                (o.bits, o.quantizing.average_bits) = (None, Some(bits));
                o
            };
            let each: Vec<CompileOptions> = match &args.sweep[..] {
                [] => vec![args.options.clone()],
                sweep => sweep.iter().map(|&bits| options(bits)).collect(),
            };
            let compiled = each.iter().enumerate().map(|(i, o)| compile(&mut checkpoint, o, &scratch.join(format!("chip{i}")), global));
            Ok((compiled.collect::<Result<Vec<Chip>>>()?, Some(*checkpoint)))
        }
    }
}

fn print(r: &Report<'_>) -> Result<()> {
    let q = r.quality;
    outln!("{} tokens of {} in windows of {}, {:.3} bits a weight", q.tokens, r.text, q.window, q.bits_per_weight);
    outln!("lossless {} of {} matrices", q.lossless_matrices, q.matrices);
    match &q.against_float {
        Some(b) => {
            outln!("perplexity   chip {:.4}  float {:.4}  ratio {:.4}", q.perplexity_chip, b.perplexity_float, b.perplexity_ratio);
            outln!("KL(float || chip) {:.5} nats   same greedy token {:.2} %", b.kl_divergence_nats, 100.0 * b.top1_agreement);
            outln!("if the chip drafts and the float model verifies, tokens a round by draft length:");
            for (how, runs) in [("greedy", &b.acceptance.greedy), ("sampling", &b.acceptance.sampling)] {
                let told = DRAFTS.iter().filter(|&&length| length <= runs.len());
                let told: Vec<String> = told.map(|&length| format!("{length}: {:.2}", tokens_per_round(runs, length))).collect();
                outln!("  {how:9} {}", told.join("   "));
            }
        }
        None => outln!("perplexity   chip {:.4}  (the float model's with --checkpoint)", q.perplexity_chip),
    }
    for (unit, n) in &q.saturations {
        outln!("overflow: {unit} clamped {n} values");
    }
    Ok(())
}

fn print_sweep(reports: &[Report<'_>]) -> Result<()> {
    outln!("bits/weight  perplexity   ratio      KL  same token       mm2   J/token");
    for r in reports {
        let q = r.quality;
        let (ratio, kl, same) = q
            .against_float
            .as_ref()
            .map_or((f64::NAN, f64::NAN, f64::NAN), |b| (b.perplexity_ratio, b.kl_divergence_nats, b.top1_agreement));
        outln!(
            "{:11.3}  {:10.4}  {ratio:6.4}  {kl:6.4}  {:8.2} %  {:8.2}  {:.2e}",
            q.bits_per_weight,
            q.perplexity_chip,
            100.0 * same,
            r.area_mm2.value,
            r.j_per_token.value
        );
    }
    Ok(())
}

fn print_trace(layers: &[trace::Layer], global: &Global) -> Result<()> {
    if global.json {
        out::json(layers)?;
        return Ok(());
    }
    outln!("error energy over signal energy of the residual, by cause");
    outln!("{:28} {:>9} {:>9} {:>11} {:>9} {:>9} {:>9}", "after", "total", "weights", "activations", "kv", "tables", "clamped");
    for l in layers {
        outln!(
            "{:28} {:9.2e} {:9.2e} {:11.2e} {:9.2e} {:9.2e} {:9}",
            l.path,
            l.total,
            l.weights,
            l.activations,
            l.kv,
            l.tables,
            l.saturations
        );
    }
    Ok(())
}
