//! What the charts draw: tokens/s against users and context, and the roofline.

use super::chip_side::ChipSide;
use super::device_side::Baseline;
use crate::Result;
use crate::load::{Request, decode_tokens_per_s};
use crate::subject::Subject;
use hardwire_baseline::gpu::{self, GpuError, ModelShape, Parallel, Workload};
use serde::Serialize;

/// Users a chart goes up to: the most a server batches.
const MOST_USERS: u32 = gpu::serve::SERVER_MAX_BATCH;
/// Longest context a chart goes up to.
const MOST_CONTEXT: u32 = 1 << 17;

/// Tokens a second against users or context.
#[derive(Serialize)]
pub struct Curve {
    pub name: String,
    pub points: Vec<CurvePoint>,
}

#[derive(Serialize)]
pub struct CurvePoint {
    pub x: u32,
    pub tokens_per_s: f64,
}

/// Operations a byte against operations a second: what a memory bus lets a device do, and the chip, which has none.
#[derive(Serialize)]
pub struct Roofline {
    pub devices: Vec<Roof>,
    /// The chip at one user and with every station busy, 10^12 operations a second.
    pub chip_one_user_tops: f64,
    pub chip_all_busy_tops: f64,
}

/// One device's roof, from its datasheet, and where the model lies under it.
#[derive(Serialize)]
pub struct Roof {
    pub device: String,
    pub serving_mode: String,
    pub bandwidth_gb_per_s: f64,
    pub rate_tops: f64,
    pub points: Vec<RoofPoint>,
}

/// One decode step, as estimated.
#[derive(Serialize)]
pub struct RoofPoint {
    pub batch: u32,
    pub ops_per_byte: f64,
    pub tops: f64,
}

fn powers(most: u32) -> Vec<u32> {
    let mut out: Vec<u32> = (0..31).map(|i| 1u32 << i).take_while(|x| *x < most).collect();
    out.push(most);
    out
}

/// The chip first. Contexts are those of the request's middle.
pub fn against_users(subject: &Subject<'_>, drawn: &[&Baseline], request: Request) -> Result<Vec<Curve>> {
    let (rates, model) = (subject.rates(), &subject.model);
    let stations = rates.stations();
    let point = |x, tokens_per_s| CurvePoint { x, tokens_per_s };
    let own = powers(stations).into_iter().map(|users| point(users, decode_tokens_per_s(rates, users, request.context)));
    let mut out = vec![Curve { name: "this chip".into(), points: own.collect() }];
    for baseline in drawn {
        let mut points = Vec::new();
        for users in powers(MOST_USERS) {
            match baseline.decode(model, users, request.context) {
                Ok((_, d)) => points.push(point(users, d.tokens_per_s.value)),
                Err(GpuError::DoesNotFit { .. }) => break,
                Err(error) => return Err(error.into()),
            }
        }
        out.push(Curve { name: baseline.device.name.clone(), points });
    }
    Ok(out)
}

/// The chip first, up to the positions its cache holds; devices up to the model's own limit.
pub fn against_context(subject: &Subject<'_>, drawn: &[&Baseline]) -> Result<Vec<Curve>> {
    let (rates, model) = (subject.rates(), &subject.model);
    let point = |x, tokens_per_s| CurvePoint { x, tokens_per_s };
    let own = powers(subject.positions).into_iter().map(|context| point(context, decode_tokens_per_s(rates, 1, context)));
    let mut out = vec![Curve { name: "this chip".into(), points: own.collect() }];
    for baseline in drawn {
        let mut points = Vec::new();
        for context in powers(model.context_limit.min(MOST_CONTEXT)) {
            match baseline.decode(model, 1, context) {
                Ok((_, d)) => points.push(point(context, d.tokens_per_s.value)),
                Err(GpuError::DoesNotFit { .. }) => break,
                Err(error) => return Err(error.into()),
            }
        }
        out.push(Curve { name: baseline.device.name.clone(), points });
    }
    Ok(out)
}

/// The model's decode under each device's roof, in the serving mode that serves a full queue best: at one user, and at the batch
/// from which products take longer than reading the weights.
pub fn roofline(drawn: &[&Baseline], model: &ModelShape, request: Request, chip: &ChipSide) -> Result<Roofline> {
    let mut devices = Vec::new();
    for baseline in drawn {
        let (mode, _) = baseline.serve(model, request)?;
        let shape = mode.shape(model);
        let step = |batch: u32| {
            let workload = Workload { context_tokens: request.context, ..Workload::new(batch, 0, 0).on(mode.stack) };
            gpu::decode_with(&baseline.calibration, &baseline.device, &shape, &workload, Parallel::ONE)
        };
        let mut points = Vec::new();
        let one = step(1)?;
        let crossover = (one.crossover_batch.value.ceil() as u32).clamp(1, one.capacity.max_batch.min(MOST_USERS));
        for (batch, d) in [(1, one), (crossover, step(crossover)?)] {
            let operations = d.work.linear_flops + d.work.attention_flops;
            points.push(RoofPoint {
                batch,
                ops_per_byte: operations / (d.work.weight_bytes + d.work.cache_bytes),
                tops: operations / d.times.total_s() * 1e-12,
            });
        }
        devices.push(Roof {
            device: baseline.device.name.clone(),
            serving_mode: mode.name(),
            bandwidth_gb_per_s: baseline.device.bandwidth_gb_per_s,
            rate_tops: baseline.device.linear_rate_tflops(mode.format),
            points,
        });
    }
    let operations = model.linear_flops_per_token() + model.attention_flops(f64::from(request.context));
    Ok(Roofline {
        devices,
        chip_one_user_tops: operations * chip.tokens_per_s.value * 1e-12,
        chip_all_busy_tops: operations * chip.all_busy.decode_tokens_per_s.value * 1e-12,
    })
}
