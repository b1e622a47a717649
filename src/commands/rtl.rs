//! `hardwire rtl`: the Verilog of a chip.

use super::source::Source;
use crate::cli::{Global, Rtl};
use crate::out::{self, note, out, outln};
use crate::report::number;
use crate::scratch::Scratch;
use anyhow::{Result, bail};
use hardwire_rtl_gen::{Options, emit};
use serde_json::json;
use std::ops::Range;
use std::path::Path;
use std::time::Instant;

pub fn run(args: &Rtl, global: &Global) -> Result<()> {
    if let Some(path) = &args.module {
        out!("{}", module(&args.source, path, args, global)?);
        return Ok(());
    }
    let Some(output) = &args.output else { bail!("--output is missing: the folder to write") };
    let scratch = Scratch::new()?;
    let chip = Source::open(&args.source)?.into_chip(&args.options, scratch.path(), global)?;
    let layers = args.layers.as_deref().map(|text| parse_layers(text, chip.model().layers)).transpose()?;
    let start = Instant::now();
    let options = Options { layers, unit_kind: args.unit.clone(), probe: args.probe, ..Options::default() };
    let emitted = emit(&chip, output, &options)?;
    let seconds = start.elapsed().as_secs_f64();
    if global.json {
        let all = json!({"folder": output, "files": emitted.files, "lines": emitted.lines, "bytes": emitted.bytes, "seconds": seconds});
        out::json(&all)?;
        return Ok(());
    }
    outln!("{}", output.display());
    if !global.quiet {
        let rate = number(emitted.bytes as f64 / seconds.max(1e-9));
        note!("{} files, {} lines, {} bytes, {rate}B/s", emitted.files, emitted.lines, number(emitted.bytes as f64));
    }
    Ok(())
}

/// The Verilog of one unit.
fn module(source: &Path, path: &str, args: &Rtl, global: &Global) -> Result<String> {
    let scratch = Scratch::new()?;
    Ok(hardwire_rtl_gen::module(&Source::open(source)?.into_chip(&args.options, scratch.path(), global)?, path)?)
}

/// `a..b`, half open, within the chip's layers.
fn parse_layers(text: &str, layers: u32) -> Result<Range<u32>> {
    let range = text.split_once("..").and_then(|(a, b)| Some(a.parse::<u32>().ok()?..b.parse::<u32>().ok()?));
    match range {
        Some(r) if r.start < r.end && r.end <= layers => Ok(r),
        _ => bail!("--layers {text}: expected a..b with a below b, at most 0..{layers}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layer_ranges() {
        assert_eq!(parse_layers("1..3", 5).unwrap(), 1..3);
        for bad in ["3..3", "0..6", "2", "a..b", "-1..2", ".."] {
            assert!(parse_layers(bad, 5).unwrap_err().to_string().contains("0..5"), "{bad}");
        }
    }
}
