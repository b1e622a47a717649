//! A device as the verifier of drafts that something else makes: speculative decoding, its output exactly the device's own.
//!
//! In a round each sequence brings `length` drafted tokens and the one before them through the model at once; a round yields the accepted
//! ones and one more (Leviathan et al., arXiv 2211.17192). With `b` sequences in a group, `v = step(b, length + 1) + prompts` the device's
//! part of a round and `d` the draft's:
//!
//! ```text
//! one group:   tokens/s = b · tokens a round / (v + d)           the device waits for drafts
//! two groups:  tokens/s = 2 b · tokens a round / max(2 v, v + d)  one drafts while the other is verified
//! ```
//!
//! A draft of none is plain decoding.

use serde::Serialize;

use super::calibration::{Achieved, Calibration};
use super::capacity::check_capacity;
use super::device::Device;
use super::error::{GpuError, not_negative};
use super::power::power;
use super::serve::{SERVER_MAX_BATCH, checked, prompt_between};
use super::shape::{ModelShape, Parallel, Workload};
use super::step::{Bound, StepWork, step};

/// What drafts are to their verifier.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Draft {
    pub length: u32,
    /// Tokens that a round yields: between 1 and `length` + 1.
    pub tokens_per_round: f64,
    /// From a round's outcome to the next draft in the device, seconds.
    pub seconds: f64,
}

/// Rounds of drafts and verification.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Speculated {
    /// Sequences in all groups.
    pub batch: u32,
    pub groups: u32,
    /// Output tokens of all sequences, prompts of others in between where there is a queue.
    pub tokens_per_s: f64,
    pub tokens_per_s_per_user: f64,
    /// Device's part of a group's round, seconds.
    pub verify_s: f64,
    /// Share of the time that the device works.
    pub busy: f64,
    /// All devices together.
    pub power_w: f64,
    pub j_per_token: f64,
    pub bound: Bound,
}

/// `workload.batch` sequences at once, none of their prompts counted: with a batch of one, what one user sees.
///
/// # Errors
/// What [`super::decode_with`] refuses; a draft that no draft is.
pub fn speculate(
    calibration: &Calibration,
    device: &Device,
    model: &ModelShape,
    workload: &Workload,
    parallel: Parallel,
    draft: &Draft,
) -> Result<Speculated, GpuError> {
    let verifier = Verifier::new(calibration, device, model, workload, parallel, draft, None)?;
    verifier.rounds(Groups { each: workload.batch, groups: 1, prompts: false })
}

/// A full queue of `workload`'s requests, as many sequences and groups as make most tokens; none whose tokens come later than
/// `max_token_latency_ms`.
///
/// # Errors
/// What [`super::serve_split`] refuses; a draft that no draft is.
pub fn speculate_queue(
    calibration: &Calibration,
    device: &Device,
    model: &ModelShape,
    workload: &Workload,
    parallel: Parallel,
    draft: &Draft,
    max_token_latency_ms: Option<f64>,
) -> Result<Speculated, GpuError> {
    let verifier = Verifier::new(calibration, device, model, workload, parallel, draft, max_token_latency_ms)?;
    let resident = verifier.resident(workload.batch, true);
    let most = super::capacity::capacity(device, model, &resident, parallel).max_batch.min(SERVER_MAX_BATCH).min(workload.batch);
    if most == 0 {
        check_capacity(device, model, &Workload { batch: 1, ..resident }, parallel)?;
    }
    let powers = (0..31).map(|i| 1u32 << i).take_while(|&b| b < most).chain([most]);
    let tried = powers.flat_map(|batch| {
        let two = (draft.length > 0 && batch > 1).then_some(Groups { each: batch / 2, groups: 2, prompts: true });
        [Some(Groups { each: batch, groups: 1, prompts: true }), two].into_iter().flatten()
    });
    let mut best: Option<Speculated> = None;
    let mut fastest_ms = f64::INFINITY;
    for groups in tried {
        let found = verifier.rounds(groups)?;
        let latency_ms = 1e3 / found.tokens_per_s_per_user;
        fastest_ms = fastest_ms.min(latency_ms);
        let within = max_token_latency_ms.is_none_or(|target_ms| latency_ms <= target_ms);
        if within && best.is_none_or(|best| found.tokens_per_s > best.tokens_per_s) {
            best = Some(found);
        }
    }
    let target_ms = max_token_latency_ms.unwrap_or(f64::INFINITY);
    best.ok_or_else(|| GpuError::TooSlow { device: device.name.clone(), fastest_ms, target_ms })
}

/// How sequences are dealt.
#[derive(Clone, Copy)]
struct Groups {
    each: u32,
    groups: u32,
    /// Whether the prompts of a queue are read in between.
    prompts: bool,
}

/// A device that verifies one kind of draft, its inputs checked.
struct Verifier<'a> {
    achieved: Achieved,
    device: &'a Device,
    model: &'a ModelShape,
    workload: &'a Workload,
    parallel: Parallel,
    draft: &'a Draft,
}

impl<'a> Verifier<'a> {
    fn new(
        calibration: &Calibration,
        device: &'a Device,
        model: &'a ModelShape,
        workload: &'a Workload,
        parallel: Parallel,
        draft: &'a Draft,
        max_token_latency_ms: Option<f64>,
    ) -> Result<Verifier<'a>, GpuError> {
        let achieved = checked(calibration, device, model, workload, parallel.devices(), max_token_latency_ms)?;
        parallel.check(model)?;
        not_negative("draft", "seconds", draft.seconds)?;
        if !(1.0..=f64::from(draft.length) + 1.0).contains(&draft.tokens_per_round) {
            let (owner, value) = ("draft".to_owned(), draft.tokens_per_round.to_string());
            return Err(GpuError::Field {
                owner,
                field: "tokens_per_round",
                value,
                expected: "between 1 and one more than the draft's length",
            });
        }
        Ok(Verifier { achieved, device, model, workload, parallel, draft })
    }

    /// What `batch` sequences keep on the device, a draft of each among it: at their contexts, or of a queue as memory is kept for it.
    fn resident(&self, batch: u32, queue: bool) -> Workload {
        let kept = if queue { self.workload.reserved() } else { *self.workload };
        Workload { batch, context_tokens: kept.context_tokens + self.draft.length, ..kept }
    }

    fn rounds(&self, groups: Groups) -> Result<Speculated, GpuError> {
        let Verifier { achieved, device, model, workload, parallel, draft } = self;
        check_capacity(device, model, &self.resident(groups.each * groups.groups, groups.prompts), *parallel)?;
        let (b, n) = (f64::from(groups.each), f64::from(groups.groups));
        let taken = f64::from(draft.length) + 1.0;
        let (times, work) = step(device, achieved, model, *parallel, b, taken, f64::from(workload.context_tokens));
        let (prompt_s, prompt_work) =
            if groups.prompts { prompt_between(achieved, device, model, workload, *parallel) } else { Default::default() };
        // Each sequence brings one prompt in the rounds that its output takes.
        let prompts = b * draft.tokens_per_round / f64::from(workload.output_tokens.max(1));
        let verify_s = times.total_s() + prompts * prompt_s;
        let period_s = if groups.groups == 1 { verify_s + draft.seconds } else { (n * verify_s).max(verify_s + draft.seconds) };
        let tokens = n * b * draft.tokens_per_round;
        let all = StepWork {
            weight_bytes: n * work.weight_bytes,
            cache_bytes: n * work.cache_bytes,
            linear_flops: n * (work.linear_flops + prompts * prompt_work.linear_flops),
            attention_flops: n * (work.attention_flops + prompts * prompt_work.attention_flops),
        };
        let load = power(&achieved.power, device, model.weight_format, parallel.devices(), &all, period_s, tokens);
        Ok(Speculated {
            batch: groups.each * groups.groups,
            groups: groups.groups,
            tokens_per_s: tokens / period_s,
            tokens_per_s_per_user: draft.tokens_per_round / period_s,
            verify_s,
            busy: n * verify_s / period_s,
            power_w: load.power_w,
            j_per_token: load.energy.total_j_per_token(),
            bound: times.bound(),
        })
    }
}
