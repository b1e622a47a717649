//! `hardwire compare`: the chip beside devices that fetch their weights for every token.

use super::comparable::Comparable;
use super::pair::{self, Ways};
use crate::cli::{Compare, Global};
use crate::out::{self, out};
use crate::scratch::Scratch;
use crate::summary;
use anyhow::Result;
use hardwire_baseline::economics::Assumptions;
use hardwire_baseline::gpu;
use hardwire_study::compare::{Against, Comparison, compare};
use hardwire_study::flat;
use serde::Serialize;

#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    comparison: Comparison,
    #[serde(flatten)]
    ways: Ways,
}

pub fn run(args: &Compare, global: &Global) -> Result<()> {
    let scratch = Scratch::new()?;
    let mut chip = Comparable::open(&args.source, &args.options, scratch.path(), global)?;
    let d = &args.devices;
    let subject = chip.subject();
    let against = Against::read(&subject.model, d.devices.as_deref(), d.measured.as_deref(), d.device.clone())?;
    let (request, assumptions) = (subject.request(), Assumptions::defaults()?);
    let comparison = compare(&subject, &against, &assumptions)?;
    drop(subject);
    let devices = [against.devices, gpu::devices()?].concat();
    let load = pair::Load { request, latency_ms: None, assumptions: &assumptions, devices: &devices };
    let ways = pair::ways(&args.pair, &mut chip, &load, args.options.quantizing.calibrated_on_ours(), global)?;
    let told = Told { comparison, ways };
    if global.json {
        out::json(&told)?;
    } else if args.csv {
        out!("{}", flat::csv(&told)?);
    } else {
        out!("{}{}", summary::comparison(&told.comparison), pair::text(&told.ways));
    }
    Ok(())
}
