//! `hardwire compare`: the chip beside devices that fetch their weights for every token.

use super::simulate::tempdir;
use super::source::Source;
use crate::cli::{Compare, Global};
use crate::figures::figures;
use crate::summary;
use anyhow::{Result, bail};

pub fn run(args: &Compare, global: &Global) -> Result<()> {
    let scratch = tempdir()?;
    let chip = Source::open(&args.source)?.into_chip(&args.options, &scratch.0, global)?;
    let mut figures = figures(&chip)?;
    if let Some(device) = &args.device {
        figures.gpus.retain(|g| g.device.to_lowercase().contains(&device.to_lowercase()));
        if figures.gpus.is_empty() {
            let known: Vec<String> = hardwire_sim::gpu::devices()?.into_iter().map(|d| d.name).collect();
            bail!("--device {device}: no device of that name holds the model; known: {}", known.join(", "));
        }
    }
    if global.json {
        println!("{}", serde_json::to_string_pretty(&figures.gpus)?);
    } else {
        print!("{}", summary::comparison(&figures));
    }
    Ok(())
}
