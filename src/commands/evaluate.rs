//! `hardwire evaluate`: how good the chip's integers are beside the float model, on a text.

use super::compile::{compile, open_checkpoint};
use super::simulate::tempdir;
use crate::cli::{Evaluate, Global};
use crate::generate::logits_format;
use crate::progress;
use anyhow::{Context, Result, bail};
use hardwire_models::{FloatModel, argmax};
use hardwire_sim::engine::Engine;
use serde::Serialize;

#[derive(Serialize, Default)]
struct Quality {
    text: String,
    /// Predictions judged.
    tokens: usize,
    /// Positions a window of the text fills before the sequence starts anew.
    window: usize,
    bits_per_weight: f64,
    perplexity_chip: f64,
    perplexity_float: f64,
    /// Chip over float.
    perplexity_ratio: f64,
    /// Mean over positions of KL(float || chip), nats.
    kl_divergence_nats: f64,
    /// Share of positions with the same greedy token.
    top1_agreement: f64,
    saturations: Vec<(String, u64)>,
}

pub fn run(args: &Evaluate, global: &Global) -> Result<()> {
    let checkpoint = open_checkpoint(&args.checkpoint)?;
    let text = std::fs::read_to_string(&args.text).with_context(|| args.text.display().to_string())?;
    let tokenizer = checkpoint.tokenizer()?.context("the checkpoint has no tokenizer, so no text can be judged")?;
    let mut ids = tokenizer.encode(&text)?;
    ids.truncate(args.tokens.saturating_add(1));
    if ids.len() < 2 {
        bail!("{}: two tokens at least are needed, --tokens one at least", args.text.display());
    }
    let scratch = tempdir()?;
    let chip = compile(&checkpoint, &args.options, &scratch.0.join("chip"), global)?;
    let window = args.window.min(chip.model().context as usize);
    if window < 2 {
        bail!("--window {}: expected two positions or more", args.window);
    }
    let (engine, float) = (Engine::new(&chip), FloatModel::new(&checkpoint)?);
    let (mut state, mut float_state) = (engine.start(), float.start());
    let format = logits_format(&chip);
    let bar = progress::bar(global.quiet, ids.len() as u64 - 1, "tokens");
    let (mut nll_chip, mut nll_float, mut kl, mut same) = (0.0, 0.0, 0.0, 0usize);
    for (i, pair) in ids.windows(2).enumerate() {
        if i % window == 0 {
            state.reset(0);
            float_state = float.start();
        }
        let step = engine.step(&mut state, 0, pair[0])?;
        let reference = float.forward(&mut float_state, pair[0])?;
        let chip_log = log_softmax(step.logits.iter().map(|&x| format.value(i64::from(x))));
        let float_log = log_softmax(reference.iter().map(|&x| f64::from(x)));
        nll_chip -= chip_log[pair[1] as usize];
        nll_float -= float_log[pair[1] as usize];
        kl += float_log.iter().zip(&chip_log).map(|(p, q)| p.exp() * (p - q)).sum::<f64>();
        same += usize::from(step.top == argmax(&reference));
        bar.inc(1);
    }
    bar.finish_and_clear();
    let n = ids.len() - 1;
    let weights: u64 = chip.structure.matrices().map(|(_, m)| m.weights()).sum();
    let bits: f64 = chip.structure.matrices().map(|(_, m)| m.bits_per_weight() * m.weights() as f64).sum();
    let (chip_ppl, float_ppl) = ((nll_chip / n as f64).exp(), (nll_float / n as f64).exp());
    let quality = Quality {
        text: args.text.display().to_string(),
        tokens: n,
        window,
        bits_per_weight: bits / weights as f64,
        perplexity_chip: chip_ppl,
        perplexity_float: float_ppl,
        perplexity_ratio: chip_ppl / float_ppl,
        kl_divergence_nats: kl / n as f64,
        top1_agreement: same as f64 / n as f64,
        saturations: chip
            .netlist()
            .units()
            .zip(&state.saturations)
            .filter(|(_, n)| **n > 0)
            .map(|((_, u), n)| (u.path.clone(), *n))
            .collect(),
    };
    if global.json {
        println!("{}", serde_json::to_string_pretty(&quality)?);
        return Ok(());
    }
    println!(
        "{} tokens of {} in windows of {}, {:.3} bits a weight",
        quality.tokens, quality.text, quality.window, quality.bits_per_weight
    );
    println!(
        "perplexity   chip {:.4}  float {:.4}  ratio {:.4}",
        quality.perplexity_chip, quality.perplexity_float, quality.perplexity_ratio
    );
    println!("KL(float || chip) {:.5} nats   same greedy token {:.2} %", quality.kl_divergence_nats, 100.0 * quality.top1_agreement);
    for (unit, n) in &quality.saturations {
        println!("overflow: {unit} clamped {n} values");
    }
    Ok(())
}

/// Natural-log probabilities.
fn log_softmax(logits: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut x: Vec<f64> = logits.collect();
    let max = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log_sum = x.iter().map(|v| (v - max).exp()).sum::<f64>().ln() + max;
    x.iter_mut().for_each(|v| *v -= log_sum);
    x
}
