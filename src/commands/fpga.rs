//! `hardwire fpga`: a model on an FPGA board; first what it will take, then the folder that builds it.

use super::compile::{compile, open_checkpoint, resolve};
use crate::cli::{CompileOptions, Fpga, Global};
use crate::out::{self, note, outln};
use crate::report::number;
use anyhow::{Context, Result, bail};
use hardwire_fpga::build::{self, Built, Until};
use hardwire_fpga::estimate::{Model, UnitUse, Used, against};
use hardwire_fpga::{Board, Choice, choose, files};
use hardwire_models::Shape;
use hardwire_rtl_gen::{Options, emit};
use serde::Serialize;
use serde_json::json;
use std::path::Path;

#[derive(Serialize)]
struct Output<'a> {
    board: &'a str,
    part: &'a str,
    fold: Option<String>,
    lanes: Option<u32>,
    tile_rows: Option<u32>,
    act_bits: Option<u8>,
    kv_bits: Option<u8>,
    context: u32,
    mhz: f64,
    cycles: u64,
    tokens_per_s: f64,
    binds: &'a str,
    estimate: Used,
    units: &'a [UnitUse],
    folder: Option<&'a Path>,
    built: Option<Built>,
}

pub fn run(args: &Fpga, global: &Global) -> Result<()> {
    let board = Board::open(&args.board)?;
    let known = if args.estimate { super::known::shape(&args.checkpoint)? } else { None };
    let shape: Shape = match known {
        Some(shape) => shape,
        None => open_checkpoint(&args.checkpoint)?.shape().clone(),
    };
    if let Some(path) = &args.matrix {
        return matrix(path, args, &board, global);
    }
    let choice = choose::choose(&shape, &resolve(&args.options)?, &board, args.mhz)?;
    if !global.quiet {
        note!("{}", told(&shape, &choice, &board));
    }
    let mut built = None;
    if let (false, Some(folder)) = (args.estimate, &args.output) {
        let mut options = args.options.clone();
        let chosen = &choice.options;
        (options.fold, options.lanes, options.tile_rows, options.pos_lanes) =
            (chosen.fold, chosen.lanes, chosen.tile_rows, chosen.pos_lanes);
        (options.act_bits, options.kv_bits, options.context) = (chosen.act_bits, chosen.kv_bits, Some(choice.context));
        let beside = folder.with_extension("chip");
        let chip = compile(&mut open_checkpoint(&args.checkpoint)?, &options, &beside, global)?;
        emit(&chip, folder, &Options { board: Some(files::board(&board, &choice.clock)), ..Options::default() })?;
        if !global.quiet {
            note!(
                "the chip is {0}; its Verilog gives the tokens of simulate, a whole model's netlist after synthesis is not proven to (docs/fpga.md); next:\n  make -C {1} all load\n  hardwire talk {0} --port /dev/ttyUSB0",
                beside.display(),
                folder.display()
            );
        }
        if args.build {
            built = Some(build::build(folder, Until::Bitstream).context("--build")?);
        }
    }
    let output = Output {
        board: &args.board,
        part: &board.part,
        fold: choice.options.fold.map(|f| f.to_string()),
        lanes: choice.options.lanes,
        tile_rows: choice.options.tile_rows,
        act_bits: choice.options.act_bits,
        kv_bits: choice.options.kv_bits,
        context: choice.context,
        mhz: choice.clock.mhz,
        cycles: choice.cycles,
        tokens_per_s: choice.tokens_per_s(),
        binds: choice.binds(&board).0,
        estimate: choice.used,
        units: &choice.units,
        folder: args.output.as_deref(),
        built,
    };
    if global.json { out::json(&output) } else { print(&output, &board) }
}

/// The options under which a matrix stands alone: as given, else two lanes, and tiles as tall as any matrix.
pub fn alone(given: &CompileOptions) -> CompileOptions {
    let mut options = given.clone();
    options.lanes = options.lanes.or(Some(2));
    options.tile_rows = options.tile_rows.or(Some(choose::TALLEST));
    options
}

/// One matrix on the board.
fn matrix(path: &str, args: &Fpga, board: &Board, global: &Global) -> Result<()> {
    let Some(folder) = &args.output else { bail!("--matrix: --output is missing: the folder to write") };
    let clock = choose::clock(board, args.mhz)?;
    let beside = folder.with_extension("chip");
    let chip = compile(&mut open_checkpoint(&args.checkpoint)?, &alone(&args.options), &beside, global)?;
    let host = hardwire_rtl_gen::matrix::find(&chip, path)?;
    let Some(id) = chip.netlist().find(path) else { bail!("{path}: no such matrix") };
    let used = Model::of(board.family)?.unit(chip.netlist(), id).used;
    if let Some((name, used, there)) =
        against(&used, board).into_iter().find(|(name, used, there)| *name != "multipliers" && *used > *there as f64)
    {
        bail!("{}: {path} takes {used:.0} of {there} {name}; give fewer --act-bits or --bits, or a smaller matrix", args.board);
    }
    emit(&chip, folder, &Options { matrix: Some(path.into()), board: Some(files::board(board, &clock)), ..Options::default() })?;
    if !global.quiet {
        note!(
            "{path}: {} inputs of {} bytes in, {} outputs of {} bytes out, at {:.1} MHz and {} bits a second",
            host.inputs,
            host.in_bytes,
            host.sent,
            host.out_bytes,
            clock.mhz,
            board.uart.baud
        );
    }
    let built = if args.build { Some(build::build(folder, Until::Bitstream).context("--build")?) } else { None };
    if global.json {
        return out::json(&json!({
            "board": args.board, "matrix": path, "inputs": host.inputs, "in_bytes": host.in_bytes, "outputs": host.sent,
            "out_bytes": host.out_bytes, "mhz": clock.mhz, "estimate": used, "built": built,
        }));
    }
    table(&used, built.as_ref(), clock.mhz, board)
}

/// The choice in words.
fn told(shape: &Shape, choice: &Choice, board: &Board) -> String {
    let (o, (name, share)) = (&choice.options, choice.binds(board));
    format!(
        "{} on {}: fold {}, {} lanes, tiles of {} rows, {}-bit activations, {}-bit cache of {} positions, {:.1} MHz; {name} binds, {:.0} % full (estimated{})",
        shape.name,
        board.title,
        o.fold.map_or("1".into(), |f| f.to_string()),
        o.lanes.unwrap_or(0),
        o.tile_rows.unwrap_or(0),
        o.act_bits.unwrap_or(0),
        o.kv_bits.unwrap_or(0),
        choice.context,
        choice.clock.mhz,
        share * 100.0,
        choice.stands_for.map_or(String::new(), |f| format!(" as of an {}: this family was not synthesised", f.name()))
    )
}

fn print(output: &Output, board: &Board) -> Result<()> {
    table(&output.estimate, output.built.as_ref(), output.mhz, board)?;
    outln!("{:<20}{} tokens/s, {} cycles a token (simulated)", "one user", number(output.tokens_per_s), output.cycles);
    Ok(())
}

/// What the board has, what was estimated, and what the tools made of it.
fn table(estimate: &Used, built: Option<&Built>, mhz: f64, board: &Board) -> Result<()> {
    let synthesised = built.and_then(|b| b.used);
    let mut text = format!("{:<20}{:>12}{:>12}{:>14}\n", "", "there", "estimated", "synthesised");
    for (i, (name, used, there)) in against(estimate, board).into_iter().enumerate() {
        let real = synthesised.map_or(String::new(), |u| format!("{:.0}", against(&u, board)[i].1));
        text += &format!("{name:<20}{there:>12}{used:>12.0}{real:>14}\n");
    }
    let real = built.and_then(|b| b.mhz).map_or(String::new(), |mhz| format!("; routed {mhz:.1} MHz"));
    text += &format!("{:<20}{mhz:.1} MHz planned{real}\n", "clock");
    for (name, used, there) in built.iter().flat_map(|b| &b.utilization) {
        text += &format!("{:<20}{used} of {there}\n", format!("routed {name}"));
    }
    if let Some(bitstream) = built.and_then(|b| b.bitstream.as_ref()) {
        text += &format!("{:<20}{}\n", "bitstream", out::one_line(bitstream));
    }
    out::text(&text)
}
