//! `hardwire synth`: a synthetic checkpoint of any shape, to measure with.

use crate::cli::{Global, Synth};
use crate::out::{self, note, outln};
use crate::progress;
use anyhow::Result;
use hardwire_models::synthetic::Synthetic;
use hardwire_netlist::folder::{Folder, Kind};
use serde_json::json;

/// As an output.
const FOLDER: Kind = Kind { name: "an empty folder", manifest: "", scratch: &[] };

pub fn run(args: &Synth, global: &Global) -> Result<()> {
    let start = std::time::Instant::now();
    let folder = Folder::create(&args.output, FOLDER)?;
    let bar = progress::bar(global.quiet, 0, "bytes");
    let written = Synthetic { seed: args.seed, ..Synthetic::default() }.write(&args.config, folder.path(), &|done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let written = written?;
    folder.finish(&[])?;
    let seconds = start.elapsed().as_secs_f64();
    if global.json {
        let all = json!({"folder": args.output, "parameters": written.parameters, "bytes": written.bytes, "shards": written.shards, "wall_s": seconds});
        out::json(&all)?;
        return Ok(());
    }
    outln!("{}", args.output.display());
    if !global.quiet {
        let rate = written.bytes as f64 / seconds * 1e-6;
        note!("{} parameters in {} shards, {seconds:.1} s, {rate:.0} MB/s", written.parameters, written.shards);
    }
    Ok(())
}
