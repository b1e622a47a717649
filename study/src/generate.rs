//! Running a prompt through a chip or its float reference, token by token.

use crate::{Error, Result};
use hardwire_models::{Checkpoint, FloatModel, Tokenizer, argmax};
use hardwire_netlist::unit::Fixed;
use hardwire_netlist::{Chip, UnitKind};
use hardwire_sim::engine::Engine;
use hardwire_sim::reference::Reference;
use hardwire_sim::sample::{Sampler, Sampling};
use hardwire_sim::step::{Step, StepError};
use std::time::Instant;

/// A prompt taken and the tokens that followed it.
pub struct Generation {
    pub prompt_ids: Vec<u32>,
    pub token_ids: Vec<u32>,
    pub text: String,
    /// Units whose outputs were clamped, and how often.
    pub saturations: Vec<(String, u64)>,
    /// Wall time of this machine over all positions taken.
    pub wall_s: f64,
    pub positions: usize,
}

/// Prompt as ids: given, or text through the tokenizer.
pub fn prompt_ids(tokenizer: Option<&Tokenizer>, prompt: Option<&str>, ids: Option<&[u32]>, bos: Option<u32>) -> Result<Vec<u32>> {
    let ids = match (prompt, ids) {
        // A tokenizer may make a begin token of nothing; to begin with that alone, leave --prompt out.
        (Some(""), None) => Vec::new(),
        (Some(text), None) => {
            let t = tokenizer.ok_or_else(|| Error::Prompt("the checkpoint has no tokenizer: give the prompt as --ids 1,2,3".into()))?;
            t.encode(text)?
        }
        (None, Some(ids)) => ids.to_vec(),
        (None, None) => bos.into_iter().collect(),
        (Some(_), Some(_)) => return Err(Error::Prompt("--prompt and --ids exclude each other".into())),
    };
    if ids.is_empty() {
        return Err(Error::Prompt("the prompt is empty: give at least one token (--prompt TEXT or --ids 1,2,3)".into()));
    }
    Ok(ids)
}

/// Refuses a prompt that leaves no room, and tokens the model does not have.
pub fn check_prompt(ids: &[u32], vocab: u32, context: u32) -> Result<()> {
    if let Some(id) = ids.iter().find(|&&id| id >= vocab) {
        return Err(Error::Prompt(format!("prompt token {id} is outside the vocabulary of {vocab}")));
    }
    if ids.len() > context as usize {
        return Err(Error::Prompt(format!(
            "the prompt has {} tokens, the chip's context is {context}: shorten it, or compile with a longer --context",
            ids.len()
        )));
    }
    Ok(())
}

/// Which implementation of the chip runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Implementation {
    Engine,
    ScalarReference,
}

/// A simulated chip with the state of its sequences, behind one step function.
enum Machine<'c> {
    Engine(Box<Engine<'c>>, hardwire_sim::engine::State),
    Scalar(Box<Reference<'c>>, hardwire_sim::reference::State),
}

impl<'c> Machine<'c> {
    fn new(chip: &'c Chip, which: Implementation) -> Self {
        match which {
            Implementation::Engine => {
                let engine = Engine::new(chip);
                let state = engine.start();
                Machine::Engine(Box::new(engine), state)
            }
            Implementation::ScalarReference => {
                let reference = Reference::new(chip);
                let state = reference.start();
                Machine::Scalar(Box::new(reference), state)
            }
        }
    }

    fn step(&mut self, token: u32) -> Result<Step, StepError> {
        match self {
            Machine::Engine(e, s) => e.step(s, 0, token),
            Machine::Scalar(r, s) => r.step(s, 0, token),
        }
    }

    fn saturations(&self) -> &[u64] {
        match self {
            Machine::Engine(_, s) => &s.saturations,
            Machine::Scalar(_, s) => &s.saturations,
        }
    }
}

/// Runs `prompt` and then up to `n` tokens, stopping after an end token. `emit` gets text as it becomes readable.
pub fn on_chip(
    chip: &Chip,
    which: Implementation,
    tokenizer: Option<&Tokenizer>,
    prompt: &[u32],
    n: usize,
    sampling: Sampling,
    emit: &mut dyn FnMut(&str),
) -> Result<Generation> {
    let model = chip.model();
    check_prompt(prompt, model.vocab, model.context)?;
    let mut machine = Machine::new(chip, which);
    let mut sampler = Sampler::new(sampling);
    let format = logits_format(chip);
    let mut out = run(prompt, n, model.context, &model.eos, tokenizer, emit, &mut |token, wanted| {
        let step = machine.step(token)?;
        // A prompt's tokens draw nothing: an answer's seed means the same however its prompt was fed.
        Ok(if wanted { sampler.choose(&step.logits, step.top, format) } else { step.top })
    })?;
    out.saturations =
        chip.netlist().units().zip(machine.saturations()).filter(|(_, n)| **n > 0).map(|((_, u), n)| (u.path.clone(), *n)).collect();
    Ok(out)
}

/// The same with the float reference.
pub fn in_float(
    checkpoint: &Checkpoint,
    tokenizer: Option<&Tokenizer>,
    prompt: &[u32],
    n: usize,
    emit: &mut dyn FnMut(&str),
) -> Result<Generation> {
    let config = checkpoint.config();
    check_prompt(prompt, config.vocab as u32, config.context as u32)?;
    let model = FloatModel::new(checkpoint)?;
    let mut state = model.start();
    run(prompt, n, config.context as u32, &config.eos, tokenizer, emit, &mut |token, _| Ok(argmax(&model.forward(&mut state, token)?)))
}

/// `step` takes a token, says which follows, and hears whether that is wanted.
fn run(
    prompt: &[u32],
    n: usize,
    context: u32,
    eos: &[u32],
    tokenizer: Option<&Tokenizer>,
    emit: &mut dyn FnMut(&str),
    step: &mut dyn FnMut(u32, bool) -> Result<u32>,
) -> Result<Generation> {
    let start = Instant::now();
    let mut stream = tokenizer.map(Tokenizer::stream);
    let mut text = String::new();
    let mut show = |id: u32, text: &mut String, emit: &mut dyn FnMut(&str)| {
        let piece = match &mut stream {
            Some(s) => s.push(id),
            None => format!("{id} "),
        };
        text.push_str(&piece);
        emit(&piece);
    };
    let mut next = 0;
    for (at, &id) in prompt.iter().enumerate() {
        next = step(id, at + 1 == prompt.len())?;
        show(id, &mut text, emit);
    }
    text.clear();
    let mut token_ids = Vec::new();
    let mut positions = prompt.len();
    while token_ids.len() < n {
        token_ids.push(next);
        show(next, &mut text, emit);
        if eos.contains(&next) || token_ids.len() == n || positions == context as usize {
            break;
        }
        next = step(next, true)?;
        positions += 1;
    }
    Ok(Generation {
        prompt_ids: prompt.to_vec(),
        token_ids,
        text,
        saturations: Vec::new(),
        wall_s: start.elapsed().as_secs_f64(),
        positions,
    })
}

/// Format of the logits: that of the unit the Argmax reads.
pub fn logits_format(chip: &Chip) -> Fixed {
    let netlist = chip.netlist();
    let argmax = netlist.units().find(|(_, u)| matches!(u.kind, UnitKind::Argmax)).map(|(id, _)| netlist.inputs(id)[0]);
    argmax.map_or(Fixed::new(32, 0), |id| netlist.unit(id).out)
}
