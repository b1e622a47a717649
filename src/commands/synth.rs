//! `hardwire synth`: a synthetic checkpoint of any shape, to measure with.

use crate::cli::{Global, Synth};
use crate::progress;
use anyhow::Result;
use hardwire_models::synthetic::Synthetic;
use serde_json::json;

pub fn run(args: &Synth, global: &Global) -> Result<()> {
    let start = std::time::Instant::now();
    let bar = progress::bar(global.quiet, 0, "bytes");
    let written = Synthetic { seed: args.seed, ..Synthetic::default() }.write(&args.config, &args.output, &|done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let written = written?;
    let seconds = start.elapsed().as_secs_f64();
    if global.json {
        let all = json!({"folder": args.output, "parameters": written.parameters, "bytes": written.bytes, "shards": written.shards, "wall_s": seconds});
        println!("{}", serde_json::to_string_pretty(&all)?);
        return Ok(());
    }
    println!("{}", args.output.display());
    if !global.quiet {
        let rate = written.bytes as f64 / seconds * 1e-6;
        eprintln!("{} parameters in {} shards, {seconds:.1} s, {rate:.0} MB/s", written.parameters, written.shards);
    }
    Ok(())
}
