//! Speculative decoding with the chip as its draft model: the chip holds the very model at few bits, the GPU runs it at 16 and verifies, so
//! the output is the GPU's own, token for token where both are greedy, in distribution where both sample.
//!
//! A round: the chip makes `length` tokens one after the other (one more where all were accepted: its cache has not seen the last), the
//! GPU takes them in one step, and both go back to the first refusal. What a refused position left in the chip's cache is written over;
//! a recurrent state cannot go back, so such a model is refused. Ids cross the link, and where both sample the draft's probabilities too.

use super::{Partner, Served, served};
use crate::evaluate::acceptance::{Acceptance, LONGEST, tokens_per_round};
use crate::load::{self, Request, users_in_flight};
use crate::subject::Subject;
use crate::{Error, Result, price};
use hardwire_baseline::economics::{Demand, GpuLoad, Unit, chip_unit, gpu_unit_under};
use hardwire_baseline::gpu::{self, Draft, ModelShape, Parallel, Speculated, WeightFormat, Workload};
use hardwire_netlist::Provenance;
use serde::Serialize;

/// Bytes of a token id over the link.
const ID_BYTES: f64 = 4.0;
/// Bytes of one probability of a draft: 16-bit floats.
const PROBABILITY_BYTES: f64 = 2.0;
/// Draft lengths tried.
const LENGTHS: [usize; 13] = [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32];

/// The chance that the first 1, 2, ... tokens of a draft are all accepted, and how that is known.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DraftAcceptance {
    pub runs: Vec<f64>,
    /// Both sample, or both take their likeliest token.
    pub sampling: bool,
    pub provenance: Provenance,
    pub source: String,
}

impl DraftAcceptance {
    /// Measured by [`crate::evaluate::evaluate`] on a text that `source` names.
    pub fn measured(acceptance: &Acceptance, sampling: bool, source: impl Into<String>) -> DraftAcceptance {
        let runs = if sampling { &acceptance.sampling } else { &acceptance.greedy };
        DraftAcceptance { runs: runs.clone(), sampling, provenance: Provenance::Simulated, source: source.into() }
    }

    /// Someone's mean `rate` for one token, tokens taken as independent of each other (Leviathan et al., arXiv 2211.17192).
    ///
    /// # Errors
    /// A rate that is no share.
    pub fn cited(rate: f64, sampling: bool, source: &str) -> Result<DraftAcceptance> {
        if !(0.0..=1.0).contains(&rate) {
            return Err(Error::asked(format!("--acceptance {rate}"), "expected a share between 0 and 1"));
        }
        let runs = (1..=LONGEST as i32).map(|k| rate.powi(k)).collect();
        let source = format!("{source}; each token as likely as the next");
        Ok(DraftAcceptance { runs, sampling, provenance: Provenance::Cited, source })
    }
}

/// The chip drafts, the GPU verifies.
#[derive(Clone, Debug, Serialize)]
pub struct Speculative {
    pub device: String,
    pub link: String,
    pub prompt_tokens: u32,
    pub output_tokens: u32,
    pub acceptance: DraftAcceptance,
    /// By draft length; a length of none is the GPU alone.
    pub drafts: Vec<AtLength>,
    /// Length at which one user's tokens come fastest.
    pub best_for_one_user: u32,
    /// Length at which a token of a full queue costs least.
    pub best_for_a_queue: u32,
}

/// Both loads at one draft length.
#[derive(Clone, Debug, Serialize)]
pub struct AtLength {
    pub length: u32,
    pub tokens_per_round: f64,
    /// One user who has chip and GPU to himself, his prompt read.
    pub one_user: Served,
    /// A full queue on one GPU with as many chips as it takes, prompts read by both.
    pub queue: Served,
    pub queue_users: u32,
    /// Chips that one GPU keeps busy.
    pub chips_per_gpu: f64,
    /// Share of the time that the GPU works in a queue.
    pub gpu_busy: f64,
}

impl Speculative {
    /// The entry of a length.
    pub fn at(&self, length: u32) -> Option<&AtLength> {
        self.drafts.iter().find(|d| d.length == length)
    }
}

/// `subject` as the draft model of `partner`, at every length up to what `acceptance` knows.
///
/// # Errors
/// A model whose state cannot go back; a GPU that does not hold it at 16 bits or has no price.
pub fn speculative(
    subject: &Subject<'_>,
    partner: &Partner,
    request: Request,
    acceptance: DraftAcceptance,
    max_token_latency_ms: Option<f64>,
) -> Result<Speculative> {
    if !subject.rewinds {
        let what = "keeps a recurrent state, which cannot go back to a refused token; it cannot draft";
        return Err(Error::asked(&subject.name, what));
    }
    let model = subject.model.quantized(16.0, WeightFormat::Float16, 16.0);
    let lengths = LENGTHS.into_iter().filter(|&length| length <= acceptance.runs.len());
    let round = Round { subject, partner, request, model: &model, acceptance: &acceptance, max_token_latency_ms };
    let drafts: Vec<AtLength> = lengths.map(|length| round.at(length)).collect::<Result<_>>()?;
    let best = |score: &dyn Fn(&AtLength) -> f64| drafts.iter().max_by(|a, b| score(a).total_cmp(&score(b))).map_or(0, |d| d.length);
    Ok(Speculative {
        device: partner.gpu.device.name.clone(),
        link: partner.link.name.clone(),
        prompt_tokens: request.prompt,
        output_tokens: request.output,
        best_for_one_user: best(&|d| d.one_user.tokens_per_s_per_user.value),
        best_for_a_queue: best(&|d| -d.queue.usd_per_mtoken.value),
        acceptance,
        drafts,
    })
}

struct Round<'a> {
    subject: &'a Subject<'a>,
    partner: &'a Partner,
    request: Request,
    /// At 16 bits.
    model: &'a ModelShape,
    acceptance: &'a DraftAcceptance,
    max_token_latency_ms: Option<f64>,
}

impl Round<'_> {
    fn at(&self, length: usize) -> Result<AtLength> {
        let rates = self.subject.rates();
        let yields = tokens_per_round(&self.acceptance.runs, length);
        // Tokens that the chip takes in: the draft, and its last one where a round accepted all.
        let taken = if length == 0 { 0.0 } else { length as f64 + self.acceptance.runs[length - 1] };
        let probabilities = if self.acceptance.sampling { PROBABILITY_BYTES * f64::from(self.model.vocab) } else { 0.0 };
        let there = self.partner.link.link.send_s(length as f64 * (ID_BYTES + probabilities));
        let link_s = if length == 0 { 0.0 } else { there + self.partner.link.link.send_s(2.0 * ID_BYTES) };
        let draft =
            Draft { length: length as u32, tokens_per_round: yields, seconds: taken * rates.single_s(self.request.context) + link_s };
        let gpu = &self.partner.gpu;
        let one_load = Workload { context_tokens: self.request.context, ..Workload::new(1, 0, self.request.output) };
        let one = gpu::speculate(&gpu.calibration, &gpu.device, self.model, &one_load, Parallel::ONE, &draft)?;
        let queue_load = Workload::new(u32::MAX, self.request.prompt, self.request.output);
        let limit = self.max_token_latency_ms;
        let queue = gpu::speculate_queue(&gpu.calibration, &gpu.device, self.model, &queue_load, Parallel::ONE, &draft, limit)?;
        let per_token = taken / yields;
        let (one_user, _) = self.told(&one, per_token, false)?;
        let (in_queue, chips_per_gpu) = self.told(&queue, per_token, true)?;
        Ok(AtLength {
            length: draft.length,
            tokens_per_round: yields,
            one_user,
            queue: in_queue,
            queue_users: queue.batch,
            chips_per_gpu,
            gpu_busy: queue.busy,
        })
    }

    /// The pair under one load in the books, and chips a GPU; `per_token` tokens go through the chip for each of the output.
    fn told(&self, pair: &Speculated, per_token: f64, queue: bool) -> Result<(Served, f64)> {
        let assumptions = &self.partner.assumptions;
        let request = if queue { self.request } else { Request { prompt: 0, ..self.request } };
        let demand = price::demand(request, price::SERVED, None);
        let load = GpuLoad {
            tokens_per_s: pair.tokens_per_s,
            tokens_per_s_per_user: pair.tokens_per_s_per_user,
            users: pair.batch,
            power_w: pair.power_w,
            source: "verification of drafts".into(),
        };
        let mut units = vec![gpu_unit_under(assumptions, &self.partner.gpu.device, 1, &load)?];
        if per_token > 0.0 {
            units.push(self.drafter(&demand, request, per_token, if queue { None } else { Some(pair.tokens_per_s) })?);
        }
        let chips = units.get(1).map_or(0.0, |chip| units[0].tokens_per_s / chip.tokens_per_s);
        let (each, all) = (units[0].tokens_per_s_per_user, units[0].tokens_per_s);
        Ok((served(assumptions, &demand, &units, None, each, all)?, chips))
    }

    /// A chip that drafts: for as many users as it holds, or for one at the pair's rate.
    fn drafter(&self, demand: &Demand, request: Request, per_token: f64, alone: Option<f64>) -> Result<Unit> {
        let (subject, rates) = (self.subject, self.subject.rates());
        let users = if alone.is_some() { 1 } else { users_in_flight(rates, subject.users) };
        let through = load::decode_tokens_per_s(rates, users, request.context) / per_token;
        let decode = alone.map_or(through, |rate| rate.min(through));
        let prompt_tokens_per_s = f64::from(request.prompt.max(1)) / rates.prompt_s(request.prompt.max(1));
        let output = f64::from(request.output);
        let tokens_per_s = output / (output / decode + f64::from(request.prompt) / prompt_tokens_per_s);
        let positions = per_token + f64::from(request.prompt) / output;
        let power_w = rates.switching_j(request.context) * positions * tokens_per_s + rates.leakage_w();
        let queue = load::FullQueue {
            users,
            tokens_per_s,
            decode_tokens_per_s: decode,
            tokens_per_s_per_user: tokens_per_s / f64::from(users),
            j_per_token: power_w / tokens_per_s,
            power_w,
            prompt_tokens_per_s,
        };
        let (name, area) = (format!("{} chip", subject.name), (subject.area_mm2, subject.dies));
        let option = price::chip_option(&name, &subject.node, area, &queue, rates.leakage_w(), "drafts for a verifier".into());
        Ok(chip_unit(&self.partner.assumptions, demand, &option)?)
    }
}
