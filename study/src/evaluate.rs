//! How good a chip's integers are beside the float model, on a text: every position's prediction of the next token.

pub mod acceptance;
pub mod trace;

use self::acceptance::{Acceptance, Accepted};
use crate::Result;
use crate::generate::logits_format;
use hardwire_models::{FloatModel, FloatState, argmax};
use hardwire_netlist::unit::Fixed;
use hardwire_netlist::{Chip, Provenance};
use hardwire_sim::engine::{Engine, State};
use hardwire_sim::step::Step;
use rayon::prelude::*;
use serde::Serialize;

/// Positions taken through models and chips at once: enough that weights are unpacked once for many, few enough for memory.
const BLOCK: usize = 64;

/// How good a chip is.
#[derive(Clone, Debug, Serialize)]
pub struct Quality {
    /// Of all figures here: integers as the silicon would compute them, no sampling.
    pub provenance: Provenance,
    /// Predictions counted.
    pub tokens: usize,
    /// Positions a window of the text fills before the sequence starts anew.
    pub window: usize,
    /// Over all matrices, embedding and head each counted, scales and offsets included.
    pub bits_per_weight: f64,
    pub lossless_matrices: usize,
    pub matrices: usize,
    pub perplexity_chip: f64,
    /// Where the float model was at hand.
    pub against_float: Option<AgainstFloat>,
    /// Units that clamped values, with how many.
    pub saturations: Vec<(String, u64)>,
}

#[derive(Clone, Debug, Serialize)]
pub struct AgainstFloat {
    pub perplexity_float: f64,
    /// Chip over float.
    pub perplexity_ratio: f64,
    /// Mean over positions of KL(float || chip), nats.
    pub kl_divergence_nats: f64,
    /// Share of positions with the same greedy token.
    pub top1_agreement: f64,
    /// Of drafts that the chip makes and the float model verifies.
    pub acceptance: Acceptance,
}

/// Sums over positions.
#[derive(Clone, Copy, Default)]
struct Sums {
    loss_chip: f64,
    loss_float: f64,
    divergence: f64,
    same: f64,
    /// Sum over tokens of the smaller probability.
    overlap: f64,
}

struct Contender<'c> {
    chip: &'c Chip,
    engine: Engine<'c>,
    state: State,
    format: Fixed,
    sums: Sums,
    accepted: Accepted,
}

/// Evaluates `chips` on the `ids.len() - 1` predictions of a text, all beside the same pass of `float`. `tick` is told positions done.
pub fn evaluate(chips: &[&Chip], float: Option<&FloatModel>, ids: &[u32], window: usize, tick: &dyn Fn(u64)) -> Result<Vec<Quality>> {
    let mut contenders: Vec<Contender<'_>> = chips
        .iter()
        .map(|chip| {
            let engine = Engine::new(chip);
            let state = engine.start();
            Contender { chip, engine, state, format: logits_format(chip), sums: Sums::default(), accepted: Accepted::default() }
        })
        .collect();
    let inputs = &ids[..ids.len() - 1];
    for (w, text) in inputs.chunks(window).enumerate() {
        let mut float_state = float.map(FloatModel::start);
        for c in &mut contenders {
            c.state.reset(0);
            c.accepted.start_window();
        }
        for (b, block) in text.chunks(BLOCK).enumerate() {
            let next = &ids[w * window + b * BLOCK + 1..][..block.len()];
            let reference = reference(float, float_state.as_mut(), block)?;
            for c in &mut contenders {
                let steps = c.engine.block(&mut c.state, 0, block)?;
                c.take(&steps, &reference, next);
            }
            tick(block.len() as u64);
        }
    }
    Ok(contenders.iter().map(|c| c.quality(inputs.len(), window, float.is_some())).collect())
}

/// Natural-log probabilities of the float model, and its greedy token, for each position.
fn reference(float: Option<&FloatModel>, state: Option<&mut FloatState>, block: &[u32]) -> Result<Vec<(Vec<f64>, u32)>> {
    let (Some(float), Some(state)) = (float, state) else { return Ok(Vec::new()) };
    let logits = float.forward_block(state, block)?;
    let each = logits.par_chunks(logits.len() / block.len());
    Ok(each.map(|l| (log_softmax(l.iter().map(|&x| f64::from(x))), argmax(l))).collect())
}

impl Contender<'_> {
    fn take(&mut self, steps: &[Step], reference: &[(Vec<f64>, u32)], next: &[u32]) {
        let one = |(i, step): (usize, &Step)| {
            let chip = log_softmax(step.logits.iter().map(|&x| self.format.value(i64::from(x))));
            let token = next[i] as usize;
            let mut s = Sums { loss_chip: -chip[token], ..Sums::default() };
            if let Some((float, top)) = reference.get(i) {
                s.loss_float = -float[token];
                s.divergence = float.iter().zip(&chip).map(|(p, q)| p.exp() * (p - q)).sum();
                s.same = f64::from(u8::from(step.top == *top));
                s.overlap = float.iter().zip(&chip).map(|(p, q)| p.min(*q).exp()).sum::<f64>().min(1.0);
            }
            s
        };
        // Collected and summed in order: the same figures at any thread count.
        let each: Vec<Sums> = steps.par_iter().enumerate().map(one).collect();
        for s in each {
            self.sums.loss_chip += s.loss_chip;
            self.sums.loss_float += s.loss_float;
            self.sums.divergence += s.divergence;
            self.sums.same += s.same;
            self.accepted.push(s.same, s.overlap);
        }
    }

    fn quality(&self, tokens: usize, window: usize, against_float: bool) -> Quality {
        let s = &self.chip.structure;
        let weights: u64 = s.matrices().map(|(_, m)| m.weights()).sum();
        let bits: f64 = s.matrices().map(|(_, m)| m.bits_per_weight() * m.weights() as f64).sum();
        let n = tokens as f64;
        let units = self.chip.netlist().units().zip(&self.state.saturations);
        let perplexity_chip = (self.sums.loss_chip / n).exp();
        let perplexity_float = (self.sums.loss_float / n).exp();
        Quality {
            provenance: Provenance::Simulated,
            tokens,
            window,
            bits_per_weight: bits / weights as f64,
            lossless_matrices: s.quality.iter().filter(|q| q.lossless).count(),
            matrices: s.quality.len(),
            perplexity_chip,
            against_float: against_float.then_some(AgainstFloat {
                perplexity_float,
                perplexity_ratio: perplexity_chip / perplexity_float,
                kl_divergence_nats: self.sums.divergence / n,
                top1_agreement: self.sums.same / n,
                acceptance: self.accepted.acceptance(),
            }),
            saturations: units.filter(|(_, n)| **n > 0).map(|((_, u), n)| (u.path.clone(), *n)).collect(),
        }
    }
}

/// Natural-log probabilities.
fn log_softmax(logits: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut x: Vec<f64> = logits.collect();
    let max = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log_sum = x.iter().map(|v| (v - max).exp()).sum::<f64>().ln() + max;
    x.iter_mut().for_each(|v| *v -= log_sum);
    x
}
