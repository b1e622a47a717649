//! `hardwire compile`: a checkpoint becomes a chip folder.

use crate::cli::{Compile, CompileOptions, Global};
use crate::out::{self, note, outln};
use crate::progress;
use crate::report::number;
use anyhow::{Context, Result, bail};
use hardwire_compiler::folding::Fold;
use hardwire_compiler::{Options, Progress, Quantizer};
use hardwire_models::{Checkpoint, Error};
use hardwire_netlist::{Chip, Figure, input};
use hardwire_study::load::{Compiled, Request, one_user};
use hardwire_study::respin::price_of_margin;
use hardwire_study::sources::die_area_mm2;
use serde_json::json;
use std::path::{Path, PathBuf};

pub fn run(args: &Compile, global: &Global) -> Result<()> {
    if args.shape_only {
        let (config, output) = (args.checkpoint.clone(), Some(args.output.clone()));
        return super::plan::run(&crate::cli::Plan { config, output, cut: None, dies: None, options: args.options.clone() }, global);
    }
    let base = args.onto.as_deref().map(|path| args.options.none_for_a_die(path).and_then(|()| Ok(Chip::open(path)?))).transpose()?;
    let mut checkpoint = open_checkpoint(&args.checkpoint)?;
    let options = prepare(&mut checkpoint, base.as_ref(), &args.options)?;
    if let Some(part) = args.shard {
        watched(&checkpoint, global, |told| hardwire_compiler::compile_shard(&checkpoint, &options, part, &args.output, told))?;
        if global.json {
            return out::json(&json!({"shard": args.output, "part": part.to_string()}));
        }
        outln!("{}", args.output.display());
        return Ok(());
    }
    let chip = watched(&checkpoint, global, |told| match &base {
        Some(base) => hardwire_compiler::compile_onto(&checkpoint, base, &options, &args.output, told),
        None => hardwire_compiler::compile(&checkpoint, &options, &args.output, told),
    })?;
    tell(&chip, price_of_margin(checkpoint.shape(), &options)?, global)
}

/// What was compiled; `reserved` is the area of its margin.
pub fn tell(chip: &Chip, reserved: Option<Figure>, global: &Global) -> Result<()> {
    let (area, context) = (die_area_mm2(&chip.structure), Request::of(chip).context);
    let one_user = one_user(&Compiled(chip), context);
    let (folder, node) = (chip.folder.display(), &chip.structure.technology.node);
    if global.json {
        return out::json(&json!({
            "chip": folder.to_string(), "digest": chip.digest, "node": node, "area_mm2": area, "context": context, "one_user": one_user,
            "margin_mm2": reserved,
        }));
    }
    outln!("{folder}");
    if !global.quiet {
        note!(
            "{} mm² in {node}, {} tokens/s and {} µJ a token for one user at context {context}; next:\n  hardwire simulate {folder}\n  hardwire report {folder} -o report",
            number(area.value),
            number(one_user.tokens_per_s),
            number(one_user.j_per_token * 1e6),
        );
        if let Some(reserved) = reserved {
            note!("{} mm² of it is margin for other weights, {}", number(reserved.value), reserved.provenance);
        }
    }
    Ok(())
}

/// A checkpoint by path; `tales` is the bundled one unless a file of that name exists.
pub fn open_checkpoint(path: &Path) -> Result<Checkpoint> {
    if path.as_os_str() == "tales" && !path.exists() {
        return Ok(Checkpoint::bundled());
    }
    let checkpoint = Checkpoint::open(path)?;
    for warning in checkpoint.warnings() {
        note!("warning: {}: {warning}", path.display());
    }
    Ok(checkpoint)
}

/// Compiles with a progress bar. The checkpoint becomes that of the context asked for.
pub fn compile(checkpoint: &mut Checkpoint, options: &CompileOptions, target: &Path, global: &Global) -> Result<Chip> {
    let asked = options.fold;
    let options = prepare(checkpoint, None, options)?;
    if let (Some(Fold::Layers(2..)), None | Some(Fold::Auto), false) = (options.fold, asked, global.quiet) {
        note!("{} layers share silicon, so that one die holds the chip; --fold 1 gives each its own", options.fold.unwrap_or(Fold::Auto));
    }
    watched(checkpoint, global, |told| hardwire_compiler::compile(checkpoint, &options, target, told))
}

/// Turns the checkpoint as asked for, and makes it that of the context asked for, or of the base chip. Gives the compiler's options.
pub fn prepare(checkpoint: &mut Checkpoint, base: Option<&Chip>, options: &CompileOptions) -> Result<Options> {
    if options.quantizing.rotate {
        checkpoint.rotate().context("--rotate")?;
    }
    let mut options = resolve(options)?;
    if let Some(positions) = base.map(|b| b.model().context).or(options.context) {
        checkpoint.lengthen(positions as usize)?;
    }
    // A die that exists has its fold.
    if base.is_none() && matches!(options.fold, None | Some(Fold::Auto)) {
        options.fold = Some(hardwire_study::plan::fold(checkpoint.shape(), &options)?.0);
    }
    Ok(options)
}

type Told<'a> = &'a (dyn Fn(Progress<'_>) + Sync);

/// Does `work` on a checkpoint's weights with a progress bar.
pub fn watched<T>(
    checkpoint: &Checkpoint,
    global: &Global,
    work: impl FnOnce(Told<'_>) -> Result<T, hardwire_compiler::Error>,
) -> Result<T> {
    if let Err(error @ (Error::Unsupported { .. } | Error::Tokenizer { .. })) = checkpoint.tokenizer() {
        note!("warning: the chip takes ids only: {error}");
    }
    if let Err(error) = checkpoint.chat_template() {
        note!("warning: the chip takes no conversations: {error}");
    }
    let bar = progress::bar(global.quiet, checkpoint.config().parameters, "weights");
    let done = work(&|p: Progress<'_>| {
        bar.set_length(p.total);
        bar.set_position(p.done);
        bar.set_message(out::one_line(p.path));
    });
    bar.finish_and_clear();
    Ok(done?)
}

/// The compiler's options as typed.
pub fn resolve(o: &CompileOptions) -> Result<Options> {
    let q = &o.quantizing;
    let quantizer = match q.quantizer.as_deref() {
        None | Some("nearest") => Quantizer::Nearest,
        Some("gptq") => Quantizer::Gptq,
        Some(other) => bail!("--quantizer {other}: expected nearest or gptq"),
    };
    let fitted = match q.codebook.as_deref() {
        None | Some("uniform") => false,
        Some("fitted") => true,
        Some(other) => bail!("--codebook {other}: expected uniform or fitted"),
    };
    let text = |path: &PathBuf| input::text(path, input::MOST_TEXT);
    Ok(Options {
        bits: o.bits,
        group: o.group,
        quantizer,
        calibration: q.calibrate.as_ref().map(text).transpose()?,
        calibration_tokens: q.calibrate_tokens,
        fitted,
        scale_bits: q.scale_bits,
        offset_bits: q.offset_bits,
        average_bits: q.average_bits,
        act_bits: o.act_bits,
        kv_bits: o.kv_bits,
        state_bits: o.state_bits,
        context: o.context,
        users: o.users,
        lanes: o.lanes,
        tile_rows: o.tile_rows,
        tile_cols: o.tile_cols,
        fabric: o.fabric.clone(),
        pos_lanes: o.pos_lanes,
        fold: o.fold,
        node: o.node.clone(),
        margin: o.margin.unwrap_or_default(),
    })
}
