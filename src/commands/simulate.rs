//! `hardwire simulate`: text from the simulated chip, or from the float reference.

use super::source::Source;
use crate::cli::{Global, Simulate};
use crate::out::{self, note, outln};
use crate::report::number;
use crate::scratch::Scratch;
use anyhow::{Context, Result, bail};
use hardwire_models::{Message, Tokenizer};
use hardwire_study::generate::{self, Generation, Implementation};
use hardwire_study::load::{self, Run};
use serde::Serialize;

#[derive(Serialize)]
struct Output<'a> {
    model: String,
    implementation: &'static str,
    prompt_ids: &'a [u32],
    token_ids: &'a [u32],
    text: &'a str,
    /// Units that clamped an output, with how many values; empty is good.
    saturations: &'a [(String, u64)],
    /// Time and energy of the chip itself; absent for the float reference.
    chip: Option<Run>,
    /// Of this machine, simulating.
    wall_positions_per_s: f64,
}

pub fn run(args: &Simulate, global: &Global) -> Result<()> {
    let mut source = Source::open(&args.source)?;
    let sampling = args.sampling.sampling()?;
    let tokenizer = source.tokenizer_for(args.ids.as_deref())?;
    let ids = match (&args.prompt, args.chat) {
        (Some(prompt), true) => chat_ids(&source, tokenizer.as_ref(), prompt)?,
        _ => generate::prompt_ids(tokenizer.as_ref(), args.prompt.as_deref(), args.ids.as_deref(), source.bos())?,
    };
    // A stdout that takes no more ends the command when the text is done; the run itself does not depend on it.
    let mut said = Ok(());
    let mut emit = |piece: &str| {
        if !global.json && said.is_ok() {
            said = out::piece(piece);
        }
    };
    let (generation, implementation, took) = if args.float {
        if args.sampling.temperature > 0.0 {
            bail!("--float is greedy; leave --temperature out");
        }
        let Source::Checkpoint(checkpoint) = &mut source else {
            bail!("{}: --float needs the checkpoint; a chip holds only its codes", args.source.display());
        };
        if let Some(positions) = args.options.context {
            checkpoint.lengthen(positions as usize)?;
        }
        (generate::in_float(checkpoint, tokenizer.as_ref(), &ids, args.n, &mut emit)?, "float reference", None)
    } else {
        let scratch = Scratch::new()?;
        let chip = source.into_chip(&args.options, scratch.path(), global)?;
        let which = if args.scalar { Implementation::ScalarReference } else { Implementation::Engine };
        let g = generate::on_chip(&chip, which, tokenizer.as_ref(), &ids, args.n, sampling, &mut emit)?;
        let took = load::run(&chip, 0, g.prompt_ids.len() as u32, g.token_ids.len() as u32);
        (g, if args.scalar { "scalar reference" } else { "fast engine" }, Some(took))
    };
    said?;
    report(&generation, implementation, took, args, tokenizer.as_ref(), global)
}

/// A user's turn as the model was trained on it.
fn chat_ids(source: &Source, tokenizer: Option<&Tokenizer>, prompt: &str) -> Result<Vec<u32>> {
    let template = source.chat_template().context("--chat")?;
    let tokenizer = tokenizer.context("there is no tokenizer: give the prompt as --ids 1,2,3")?;
    Ok(tokenizer.encode_bare(&template.render(&[Message::new("user", prompt)])?)?)
}

fn report(
    g: &Generation,
    implementation: &'static str,
    took: Option<Run>,
    args: &Simulate,
    tokenizer: Option<&Tokenizer>,
    global: &Global,
) -> Result<()> {
    let rate = g.positions as f64 / g.wall_s.max(1e-9);
    if global.json {
        let output = Output {
            model: args.source.display().to_string(),
            implementation,
            prompt_ids: &g.prompt_ids,
            token_ids: &g.token_ids,
            text: if tokenizer.is_some() { &g.text } else { "" },
            saturations: &g.saturations,
            chip: took,
            wall_positions_per_s: rate,
        };
        out::json(&output)?;
        return Ok(());
    }
    outln!();
    if !global.quiet {
        note!("{} positions on the {implementation}, {rate:.0} a second on this machine", g.positions);
        if let Some(run) = took {
            let (first, total, joules) = (number(run.first_token_us), number(run.total_us), number(run.joules * 1e6));
            note!("the chip takes {total} µs for it, {first} µs to the first token, and {joules} µJ (cycles simulated, energy estimated)");
            note!("for {}", crate::summary::efficiency(&run.efficiency));
        }
        for (unit, n) in &g.saturations {
            note!("overflow: {unit} clamped {n} values");
        }
    }
    Ok(())
}
