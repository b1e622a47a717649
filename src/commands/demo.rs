//! `hardwire demo`: the main job on the bundled model, from checkpoint to chip to text to comparison, with a report.

use super::compile::compile;
use crate::cli::{Demo, Global};
use crate::out::{self, note, out, outln};
use crate::report::{self, Sample};
use crate::summary;
use anyhow::Result;
use hardwire_models::Checkpoint;
use hardwire_sim::sample::Sampling;
use hardwire_study::books::Site;
use hardwire_study::chip::figures;
use hardwire_study::compare::Against;
use hardwire_study::generate::{self, Implementation};
use hardwire_study::subject::Subject;

/// Greedy text of so small a model soon circles; this is where `samples.txt` of the checkpoint stands.
const TEMPERATURE: f64 = 0.7;
const TOP_K: usize = 40;

pub fn run(args: &Demo, global: &Global) -> Result<()> {
    let mut checkpoint = Checkpoint::bundled();
    let say = |text: &str| {
        if !global.quiet {
            note!("{text}");
        }
    };
    let tokenizer = checkpoint.tokenizer()?;
    let ids = generate::prompt_ids(tokenizer.as_ref(), Some(&args.prompt), None, None)?;
    let config = checkpoint.config();
    generate::check_prompt(&ids, config.vocab as u32, args.options.context.unwrap_or(config.context as u32))?;
    let (target, page) = (args.output.join("tales.chip"), args.output.join("report"));
    let report = report::create(&page)?;
    say(&format!("compiling {} ({} parameters) into {}", checkpoint.name(), checkpoint.config().parameters, target.display()));
    let chip = compile(&mut checkpoint, &args.options, &target, global)?;
    say("the chip writes:\n");
    let sampling = Sampling { temperature: TEMPERATURE, top_k: TOP_K, top_p: 1.0, seed: args.seed };
    let mut said = Ok(());
    let mut emit = |piece: &str| {
        if !global.json && said.is_ok() {
            said = out::piece(piece);
        }
    };
    let g = generate::on_chip(&chip, Implementation::Engine, tokenizer.as_ref(), &ids, args.n, sampling, &mut emit)?;
    said?;
    let figures = figures(&Subject::of(&chip), &Against::default(), Site::bundled()?)?;
    let how = format!("Sampled at temperature {TEMPERATURE} among the {TOP_K} best, seed {}", args.seed);
    let sample = Sample { prompt: args.prompt.clone(), text: g.text.clone(), how };
    report::write(report, &chip.structure, &figures, Some(&sample), false)?;
    if global.json {
        out::json(&figures)?;
        return Ok(());
    }
    outln!("\n");
    out!("{}", summary::chip(&figures));
    outln!();
    out!("{}", summary::comparison(&figures.compare));
    outln!("\nreport: {}", page.join("report.html").display());
    Ok(())
}
