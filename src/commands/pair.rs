//! A GPU beside the chip, of `compare` and `books`: what is asked becomes the study's, what it says becomes text.

use super::comparable::Comparable;
use crate::cli::{Global, Pair};
use crate::progress;
use crate::report::number;
use crate::table::{Cell, Table};
use anyhow::{Context, Result, bail};
use hardwire_baseline::economics::Assumptions;
use hardwire_baseline::gpu::{self, Calibration, Device, HostLink};
use hardwire_compiler::CALIBRATION_TEXT;
use hardwire_models::FloatModel;
use hardwire_netlist::{Figure, input};
use hardwire_study::compare::Baseline;
use hardwire_study::evaluate::acceptance::Acceptance;
use hardwire_study::evaluate::evaluate;
use hardwire_study::load::Request;
use hardwire_study::pair::{Disaggregated, DraftAcceptance, Partner, Served, Speculative, disaggregated, speculative};
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::path::Path;

/// Predictions that acceptance is measured on, and positions before the sequence starts anew: those of `evaluate`.
const TOKENS: usize = 1024;
const WINDOW: usize = 512;

/// The ways that were asked for.
#[derive(Default, Serialize)]
pub struct Ways {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disaggregated: Option<Disaggregated>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speculative: Option<Speculative>,
}

/// What both are asked.
pub struct Load<'a> {
    pub request: Request,
    pub latency_ms: Option<f64>,
    pub assumptions: &'a Assumptions,
    /// The user's own devices and the bundled ones.
    pub devices: &'a [Device],
}

pub fn ways(args: &Pair, chip: &mut Comparable, load: &Load<'_>, calibrated: bool, global: &Global) -> Result<Ways> {
    let mut out = Ways::default();
    let node = chip.subject().node;
    let partner = |name: &str| -> Result<Partner> {
        let device = gpu::find_in(load.devices, name)?;
        Ok(Partner {
            gpu: Baseline::new(device, Calibration::bundled()?, false),
            link: HostLink::find(&args.link)?,
            assumptions: load.assumptions.clone().at_node(&node)?,
        })
    };
    if let Some(name) = &args.prefill_on {
        out.disaggregated = Some(disaggregated(&chip.subject(), &partner(name)?, load.request)?);
    }
    if let Some(name) = &args.verify_on {
        let partner = partner(name)?;
        let acceptance = acceptance(args, chip, calibrated, global)?;
        out.speculative = Some(speculative(&chip.subject(), &partner, load.request, acceptance, load.latency_ms)?);
    }
    Ok(out)
}

/// What `evaluate --json` says of acceptance.
#[derive(Deserialize)]
struct Evaluated {
    text: String,
    tokens: usize,
    against_float: Option<Reference>,
}

#[derive(Deserialize)]
struct Reference {
    acceptance: Acceptance,
}

/// As given, else measured; refused where neither is possible.
fn acceptance(args: &Pair, chip: &mut Comparable, calibrated: bool, global: &Global) -> Result<DraftAcceptance> {
    if let Some(given) = &args.acceptance {
        if let Some((share, source)) = given.split_once('=').filter(|(share, _)| share.parse::<f64>().is_ok()) {
            if source.trim().is_empty() {
                bail!("--acceptance {given}: says no source; hint: 0.8=who measured it");
            }
            return Ok(DraftAcceptance::cited(share.parse()?, args.sampling, source)?);
        }
        if given.parse::<f64>().is_ok() {
            bail!("--acceptance {given}: says no source; hint: {given}=who measured it, or the JSON of `hardwire evaluate`");
        }
        let text = input::text(Path::new(given), input::MOST_TEXT)?;
        let told: Evaluated = serde_json::from_str(&text).with_context(|| format!("{given}: not what `hardwire evaluate --json` gives"))?;
        let reference = told.against_float.with_context(|| format!("{given}: no `against_float`; evaluate beside --checkpoint"))?;
        let source = format!("{given}: chip beside float model on {} tokens of {}", told.tokens, told.text);
        return Ok(DraftAcceptance::measured(&reference.acceptance, args.sampling, source));
    }
    let Some((chip, checkpoint)) = chip.with_checkpoint(args.checkpoint.as_deref())? else {
        bail!(
            "--verify-on: how often drafts are accepted is not known; hint: give the checkpoint that the chip was made from (--checkpoint), \
             or --acceptance with the JSON of `hardwire evaluate`, or as in 0.8=who measured it"
        );
    };
    let (text, name) = match &args.text {
        Some(path) => (input::text(path, input::MOST_TEXT)?, path.display().to_string()),
        None if calibrated => bail!("--text: these weights are calibrated on the text that the program carries; measure on another"),
        None => (CALIBRATION_TEXT.to_owned(), "the text that the program carries".to_owned()),
    };
    let tokenizer = checkpoint.tokenizer()?.context("--verify-on: the checkpoint has no tokenizer, so no text can be measured on")?;
    let mut ids = tokenizer.encode(&text)?;
    ids.truncate(TOKENS + 1);
    let window = WINDOW.min(chip.model().context as usize);
    if ids.len() < 2 || window < 2 {
        bail!("{name}: two tokens at least are needed, and a context of two");
    }
    let float = FloatModel::new(checkpoint)?;
    let bar = progress::bar(global.quiet, ids.len() as u64 - 1, "tokens");
    let quality = evaluate(&[chip], Some(&float), &ids, window, &|n| bar.inc(n));
    bar.finish_and_clear();
    let reference = quality?.pop().and_then(|q| q.against_float).context("--verify-on: nothing was measured")?;
    let source = format!("chip beside float model on {} tokens of {name}", ids.len() - 1);
    Ok(DraftAcceptance::measured(&reference.acceptance, args.sampling, source))
}

/// Joules in the unit that suits the first.
fn energy(first: f64) -> (&'static str, f64) {
    if first < 1.0 { ("mJ/token", 1e3) } else { ("J/token", 1.0) }
}

pub fn text(ways: &Ways) -> String {
    let mut out = String::new();
    if let Some(d) = &ways.disaggregated {
        out += "\n";
        out += &disaggregated_text(d);
    }
    if let Some(s) = &ways.speculative {
        out += "\n";
        out += &speculative_text(s);
    }
    out
}

fn disaggregated_text(d: &Disaggregated) -> String {
    let (unit, per_j) = energy(d.together.j_per_token.value);
    let at_meter = format!("{unit} at the meter");
    let head = ["a full queue of requests", "first token, ms", "each sees, tokens/s", "one unit, tokens/s", unit, &at_meter, "EUR/Mtoken"];
    let mut table = Table::new(&head);
    let together = format!("{} reads, the chip writes", d.device);
    for (name, s) in [(together.as_str(), &d.together), ("the chip alone", &d.chip_alone), (d.device.as_str(), &d.gpu_alone)] {
        table.row(row(name.into(), s, per_j));
    }
    let mut out = table.text();
    let _ = writeln!(
        out,
        "{} tokens in, {} out: the {} ({}) reads a prompt in {} ms; {} MB of keys and values take {} ms and {} J over {}. One GPU keeps \
         {} chips busy, whose links are busy {:.2} % of the time.",
        d.prompt_tokens,
        d.output_tokens,
        d.device,
        d.serving_mode,
        number(d.prefill_ms.value),
        number(d.kv_mb.value),
        number(d.transfer_ms.value),
        number(d.transfer_j.value),
        d.link,
        number(d.chips_per_gpu.value),
        d.link_busy.value * 100.0
    );
    out
}

fn row(name: String, s: &Served, per_j: f64) -> Vec<Cell> {
    let scaled = |f: &Figure| Cell::from(f.value * per_j);
    vec![
        name.into(),
        s.first_token_ms.clone().into(),
        s.tokens_per_s_per_user.clone().into(),
        s.tokens_per_s.clone().into(),
        scaled(&s.j_per_token),
        scaled(&s.site_j_per_token),
        s.eur_per_mtoken.clone().into(),
    ]
}

fn speculative_text(s: &Speculative) -> String {
    let first = s.drafts.first().map_or(1.0, |d| d.queue.j_per_token.value);
    let (unit, per_j) = energy(first);
    let head = [
        "draft",
        "tokens a round",
        "one user, tokens/s",
        "J/token",
        "EUR/Mtoken",
        "queue, tokens/s a GPU",
        "users",
        "each sees",
        unit,
        "EUR/Mtoken",
        "chips a GPU",
    ];
    let mut table = Table::new(&head);
    for d in &s.drafts {
        let (one, queue) = (&d.one_user, &d.queue);
        table.row([
            Cell::from(d.length),
            d.tokens_per_round.into(),
            one.tokens_per_s_per_user.clone().into(),
            one.j_per_token.clone().into(),
            one.eur_per_mtoken.clone().into(),
            queue.tokens_per_s.clone().into(),
            d.queue_users.into(),
            queue.tokens_per_s_per_user.clone().into(),
            (queue.j_per_token.value * per_j).into(),
            queue.eur_per_mtoken.clone().into(),
            d.chips_per_gpu.into(),
        ]);
    }
    let mut out = table.text();
    let a = &s.acceptance;
    let how = if a.sampling { "both sample" } else { "both greedy" };
    let first = a.runs.first().copied().unwrap_or(0.0);
    let _ = writeln!(
        out,
        "The chip drafts, the {} verifies the same model at 16 bits over {}: the output is the GPU's own ({how}). A drafted token is taken in {:.1} % \
         of positions ({}: {}).",
        s.device,
        s.link,
        first * 100.0,
        a.provenance,
        a.source
    );
    if let (Some(alone), Some(one), Some(queue)) = (s.at(0), s.at(s.best_for_one_user), s.at(s.best_for_a_queue)) {
        let times = one.one_user.tokens_per_s_per_user.value / alone.one_user.tokens_per_s_per_user.value;
        let cost = queue.queue.usd_per_mtoken.value / alone.queue.usd_per_mtoken.value;
        let _ = match s.best_for_one_user {
            0 => writeln!(out, "One user: drafts gain nothing over the GPU alone."),
            best => writeln!(out, "One user: drafts of {best} make {} times the tokens of the GPU alone.", number(times)),
        };
        let _ = match s.best_for_a_queue {
            0 => writeln!(out, "A full queue: the GPU alone is the cheapest; its batch leaves no time to verify drafts in."),
            best => writeln!(out, "A full queue: drafts of {best} cost {:.0} % of the GPU alone.", cost * 100.0),
        };
    }
    out
}
