//! Disaggregated serving: a GPU reads the prompt, the chip writes the answer (prefill and decode apart, as in Splitwise, arXiv 2311.18677).
//!
//! Keys and values leave the GPU layer by layer while it reads the prompt, in the format of the chip's cache. So the first token, which
//! is the GPU's own, waits for the longer of reading and sending and for one layer of the other. A place in the chip's cache takes its
//! sequence when it is free: while that is sent, at the link's rate, the place is idle. Keys and values are those of the GPU's weights:
//! where they differ from the chip's, so will answers, and nothing here measures by how much.

use super::{Partner, Served, estimated, served};
use crate::compare::Baseline;
use crate::load::{self, Request, users_in_flight};
use crate::subject::Subject;
use crate::{Error, Result, price};
use hardwire_baseline::economics::{Demand, GpuLoad, Unit, chip_unit, gpu_unit_under};
use hardwire_baseline::gpu::{self, Parallel, Workload};
use hardwire_netlist::Figure;
use serde::Serialize;

/// A GPU that reads prompts for chips, and each alone.
#[derive(Clone, Debug, Serialize)]
pub struct Disaggregated {
    pub device: String,
    pub serving_mode: String,
    pub link: String,
    pub prompt_tokens: u32,
    pub output_tokens: u32,
    /// Keys and values of one prompt as the chip holds them.
    pub kv_mb: Figure,
    /// The GPU's time for one prompt, all of them one after the other.
    pub prefill_ms: Figure,
    pub transfer_ms: Figure,
    pub transfer_j: Figure,
    /// Chips that one GPU keeps busy.
    pub chips_per_gpu: Figure,
    /// Share of a chip's link that is busy.
    pub link_busy: Figure,
    pub chip_alone: Served,
    pub gpu_alone: Served,
    /// `tokens_per_s` of one chip with its part of a GPU.
    pub together: Served,
}

/// `subject` with prompts of `request` read by `partner`.
///
/// # Errors
/// A request past the cache; a GPU that does not hold the model or has no price.
pub fn disaggregated(subject: &Subject<'_>, partner: &Partner, request: Request) -> Result<Disaggregated> {
    let (rates, assumptions) = (subject.rates(), &partner.assumptions);
    let (prompt, output) = (f64::from(request.prompt), f64::from(request.output));
    if request.prompt == 0 {
        return Err(Error::asked("prefill", "a request without a prompt has nothing to read; hint: --prompt-tokens"));
    }
    // The GPU, reading alone.
    let (mode, queue) = partner.gpu.serve(&subject.model, request)?;
    let shape = mode.shape(&subject.model);
    let achieved = partner.gpu.calibration.achieved(&partner.gpu.device, mode.stack, shape.weight_format);
    let workload = Workload::new(1, request.prompt, request.output).on(mode.stack);
    let prefill = gpu::prefill_achieved(&achieved, &partner.gpu.device, &shape, &workload, Parallel::ONE)?;
    let prefill_s = prefill.first_token_ms.value * 1e-3;
    // The link.
    let kv_bytes = shape.quantized(shape.weight_bits, shape.weight_format, subject.kv_bits).kv_bytes(prompt);
    let transfer_s = partner.link.link.send_s(kv_bytes);
    let transfer_j = partner.link.joules(kv_bytes);
    let first_token_s = prefill_s.max(transfer_s) + prefill_s.min(transfer_s) / f64::from(shape.layers);
    // The chip, writing alone: a place waits for its sequence, and the link for no more than it carries.
    let users = users_in_flight(rates, subject.users);
    let decode = load::decode_tokens_per_s(rates, users, request.context);
    let place_s = output * f64::from(users) / decode + transfer_s;
    let written = (f64::from(users) * output / place_s).min(output / transfer_s);
    let writing = Request { prompt: 0, ..request };
    let chip_j = rates.switching_j(request.context) + rates.leakage_w() / written + transfer_j / output;
    let queue_of_outputs =
        load::FullQueue { power_w: chip_j * written, decode_tokens_per_s: written, ..load::full_queue(rates, writing, users) };
    let demand = |prompt| Demand { prompt_tokens: prompt, ..price::demand(request, price::SERVED, None) };
    let chip = |queue: &load::FullQueue, source: &str| {
        price::chip_option(
            &format!("{} chip", subject.name),
            &subject.node,
            (subject.area_mm2, subject.dies),
            queue,
            rates.leakage_w(),
            source.into(),
        )
    };
    let writer = chip_unit(assumptions, &demand(0), &chip(&queue_of_outputs, "answers alone, prompts read elsewhere"))?;
    let reader = reader(partner, prefill_s, output, prefill.power_w.value)?;
    let chips_per_gpu = reader.tokens_per_s / writer.tokens_per_s;
    let together =
        served(assumptions, &demand(0), &[writer.clone(), reader], Some(first_token_s), writer.tokens_per_s_per_user, writer.tokens_per_s)?;
    // Each alone, as the books have them.
    let full = load::full_queue(rates, request, users);
    let whole = chip_unit(assumptions, &demand(request.prompt), &chip(&full, "timing and energy models of this chip"))?;
    let chip_alone = served(
        assumptions,
        &demand(request.prompt),
        std::slice::from_ref(&whole),
        Some(rates.prompt_s(request.prompt)),
        whole.tokens_per_s_per_user,
        whole.tokens_per_s,
    )?;
    let gpu_alone = gpu_alone(&partner.gpu, assumptions, &demand(request.prompt), &queue, Some(prefill_s))?;
    Ok(Disaggregated {
        device: partner.gpu.device.name.clone(),
        serving_mode: mode.name(),
        link: partner.link.name.clone(),
        prompt_tokens: request.prompt,
        output_tokens: request.output,
        kv_mb: estimated(kv_bytes * 1e-6, "MB"),
        prefill_ms: estimated(prefill_s * 1e3, "ms"),
        transfer_ms: estimated(transfer_s * 1e3, "ms"),
        transfer_j: estimated(transfer_j, "J"),
        chips_per_gpu: estimated(chips_per_gpu, "chips"),
        link_busy: estimated(written / output * transfer_s, "fraction"),
        chip_alone,
        gpu_alone,
        together,
    })
}

/// A GPU that does nothing but read prompts, in output tokens whose prompts it has read.
fn reader(partner: &Partner, prefill_s: f64, output: f64, power_w: f64) -> Result<Unit> {
    let tokens_per_s = output / prefill_s;
    let load = GpuLoad { tokens_per_s, tokens_per_s_per_user: tokens_per_s, users: 1, power_w, source: "prompts alone".into() };
    Ok(gpu_unit_under(&partner.assumptions, &partner.gpu.device, 1, &load)?)
}

/// The GPU by itself under a queue.
fn gpu_alone(
    gpu: &Baseline,
    assumptions: &hardwire_baseline::economics::Assumptions,
    demand: &Demand,
    queue: &gpu::ServeEstimate,
    first_token_s: Option<f64>,
) -> Result<Served> {
    let load = GpuLoad {
        tokens_per_s: queue.tokens_per_s.value,
        tokens_per_s_per_user: queue.tokens_per_s_per_user.value,
        users: queue.batch,
        power_w: queue.power_w.value,
        source: queue.tokens_per_s.source.clone(),
    };
    let unit = gpu_unit_under(assumptions, &gpu.device, 1, &load)?;
    let (each, all) = (unit.tokens_per_s_per_user, unit.tokens_per_s);
    served(assumptions, demand, &[unit], first_token_s, each, all)
}
