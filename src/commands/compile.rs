//! `hardwire compile`: a checkpoint becomes a chip folder.

use crate::cli::{Compile, CompileOptions, Global};
use crate::progress;
use crate::scale::evaluate::Cut;
use anyhow::Result;
use hardwire_compiler::Options;
use hardwire_models::Checkpoint;
use hardwire_netlist::Chip;
use std::path::Path;

pub fn run(args: &Compile, global: &Global) -> Result<()> {
    if args.shape_only {
        let (config, output) = (args.checkpoint.clone(), Some(args.output.clone()));
        return super::plan::run(
            &crate::cli::Plan { config, output, cut: Cut::Pipeline, dies: None, options: args.options.clone() },
            global,
        );
    }
    let checkpoint = open_checkpoint(&args.checkpoint)?;
    let chip = compile(&checkpoint, &args.options, &args.output, global)?;
    println!("{}", chip.folder.display());
    Ok(())
}

/// A checkpoint by path; `tales` is the bundled one unless a file of that name exists.
pub fn open_checkpoint(path: &Path) -> Result<Checkpoint> {
    if path.as_os_str() == "tales" && !path.exists() {
        return Ok(Checkpoint::bundled());
    }
    Ok(Checkpoint::open(path)?)
}

/// Compiles with a progress bar.
pub fn compile(checkpoint: &Checkpoint, options: &CompileOptions, target: &Path, global: &Global) -> Result<Chip> {
    let bar = progress::bar(global.quiet, checkpoint.config().parameters, "weights");
    let chip = hardwire_compiler::compile(checkpoint, &resolve(options), target, &|p| {
        bar.set_length(p.total);
        bar.set_position(p.done);
        bar.set_message(p.path.to_string());
    });
    bar.finish_and_clear();
    Ok(chip?)
}

/// The compiler's options as typed.
pub fn resolve(o: &CompileOptions) -> Options {
    Options {
        bits: o.bits,
        group: o.group,
        act_bits: o.act_bits,
        kv_bits: o.kv_bits,
        context: o.context,
        users: o.users,
        lanes: o.lanes,
        tile_rows: o.tile_rows,
        tile_cols: o.tile_cols,
        fabric: o.fabric.clone(),
        pos_lanes: o.pos_lanes,
        node: o.node.clone(),
    }
}
