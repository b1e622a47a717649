//! `hardwire masks`: the layout of a chip's ROMs, its base and the vias of its program apart.

use super::source::Source;
use crate::cli::{Global, Masks};
use crate::out::{self, note, outln};
use crate::report::number;
use crate::scratch::Scratch;
use anyhow::{Context, Result};
use hardwire_layout::Process;
use hardwire_layout::chip::{Options, masks, write};
use serde_json::json;
use std::time::Instant;

pub fn run(args: &Masks, global: &Global) -> Result<()> {
    let process = match &args.process {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            Some(Process::parse(&path.display().to_string(), &text)?)
        }
        None => None,
    };
    let scratch = Scratch::new()?;
    let chip = Source::open(&args.source)?.into_chip(&args.options, scratch.path(), global)?;
    let process = process.map_or_else(|| Process::of_node(&chip.structure.technology.node), Ok)?;
    let start = Instant::now();
    let w = write(&chip, &process, &args.output, &Options { tiles: args.tiles.clone() })?;
    let seconds = start.elapsed().as_secs_f64();
    let (program, base) = masks(&process);
    if global.json {
        return out::json(&json!({
            "folder": args.output, "process": process.name, "program_masks": program, "base_masks": base, "macros": w.macros,
            "macro_kinds": w.macro_kinds, "bits": w.bits, "vias": w.vias, "enlarged": w.enlarged, "die_mm2": w.die_mm2, "macro_mm2": w.macro_mm2,
            "um2_per_bit": w.um2_per_bit, "gds_bytes": w.gds_bytes, "oasis_bytes": w.oasis_bytes, "program_bytes": w.program_bytes,
            "map_bytes": w.map_bytes, "seconds": seconds,
        }));
    }
    outln!("{}", args.output.display());
    if !global.quiet {
        note!("{} macros of {} kinds, {} bits, {} vias drawn on {}", w.macros, w.macro_kinds, w.bits, w.vias, program.join(", "));
        note!(
            "{:.4} µm² a bit with decoders and sense rows; die {:.4} mm², {} times as wide and high as the floorplan",
            w.um2_per_bit,
            w.die_mm2,
            w.enlarged
        );
        let bytes = w.gds_bytes + w.oasis_bytes + w.program_bytes + w.map_bytes;
        note!("{}B at {}B/s", number(bytes as f64), number(bytes as f64 / seconds.max(1e-9)));
    }
    Ok(())
}
