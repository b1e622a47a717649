//! `hardwire chat`: a conversation in the terminal.

use super::source::Source;
use crate::cli::{Chat, Global};
use crate::out::{self, note, outln};
use crate::report::number;
use crate::scratch::Scratch;
use crate::signals::{self, Asked};
use anyhow::{Context, Result, bail};
use hardwire_netlist::Chip;
use hardwire_sim::sample::Sampling;
use hardwire_study::conversation::{Conversation, Reply};
use rustyline::error::ReadlineError;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const HELP: &str = "/reset forgets the conversation, /system TEXT tells the model TEXT first and forgets the rest, /retry answers the last \
                    message again, /seed N, /temperature T, /top-k N and /top-p P change the sampling, /context tells what the cache holds, /quit leaves";

pub fn run(args: &Chat, global: &Global) -> Result<()> {
    if global.json {
        bail!("--json: a conversation is text; hint: `hardwire serve` answers in JSON");
    }
    let sampling = args.sampling.sampling()?;
    let source = Source::open(&args.source)?;
    let template = source.chat_template()?;
    let tokenizer = source.tokenizer()?.context("there is no tokenizer: a conversation needs text")?;
    let scratch = Scratch::new()?;
    let chip = source.into_chip(&args.options, scratch.path(), global)?;
    let mut talk =
        Talk { chip: &chip, conversation: Conversation::new(&chip, &tokenizer, &template, sampling, args.n), quiet: global.quiet };
    talk.conversation.begin(args.system.as_deref());
    let mut lines = rustyline::DefaultEditor::new().context("the terminal")?;
    let prompt = if std::io::stdin().is_terminal() { "> " } else { "" };
    if !global.quiet && std::io::stdin().is_terminal() {
        note!("{}: say something, /help for commands, Ctrl-D to leave", chip.model().name);
    }
    loop {
        match lines.readline(prompt) {
            Ok(line) => {
                let line = line.trim();
                if line.is_empty() {
                    continue;
                }
                // A line that cannot be remembered can still be answered.
                let _ = lines.add_history_entry(line);
                match talk.line(line) {
                    Ok(true) => {}
                    Ok(false) => return Ok(()),
                    // A conversation goes on after what the model or the chip refuses; input that no one watches does not.
                    Err(error) if prompt.is_empty() => return Err(error),
                    Err(error) => note!("error: {error:#}"),
                }
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(error).context("stdin"),
        }
    }
}

struct Talk<'c> {
    chip: &'c Chip,
    conversation: Conversation<'c>,
    quiet: bool,
}

impl Talk<'_> {
    /// Takes one line; whether the conversation goes on.
    fn line(&mut self, line: &str) -> Result<bool> {
        let Some(command) = line.strip_prefix('/') else {
            return self.answer(Some(line)).map(|()| true);
        };
        let (name, rest) = command.split_once(' ').map_or((command, ""), |(name, rest)| (name, rest.trim()));
        let sampling = &mut self.conversation.sampling;
        match name {
            "help" => note!("{HELP}"),
            "quit" | "exit" => return Ok(false),
            "reset" => self.conversation.begin(None),
            "system" if !rest.is_empty() => self.conversation.begin(Some(rest)),
            "retry" => self.answer(None)?,
            "seed" => sampling.seed = parsed(name, rest, "a whole number", |_| true)?,
            "temperature" => sampling.temperature = parsed(name, rest, "zero or more", |&t| Sampling::is_temperature(t))?,
            "top-k" => sampling.top_k = parsed(name, rest, "a whole number, 0 for all", |_| true)?,
            "top-p" => sampling.top_p = parsed(name, rest, "more than 0, at most 1", |&p| Sampling::is_top_p(p))?,
            "context" => {
                let (held, all) = (self.conversation.held(), self.chip.model().context);
                note!("{held} of {all} positions hold the conversation");
            }
            _ => bail!("/{command}: no such command; {HELP}"),
        }
        Ok(true)
    }

    fn answer(&mut self, message: Option<&str>) -> Result<()> {
        // Ctrl-C ends the answer, not the conversation.
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = stopped.clone();
        let _taken = signals::take(move |asked| asked == Asked::Interrupt && !stop.swap(true, Ordering::Relaxed));
        let mut told = Ok(());
        let reply = self.conversation.say(message, &mut |piece| {
            if told.is_ok() {
                told = out::piece(piece);
            }
            told.is_ok() && !stopped.load(Ordering::Relaxed)
        })?;
        told?;
        outln!();
        out::flush()?;
        if !self.quiet {
            note!("{}", told_of(&reply, self.chip.model().context));
        }
        Ok(())
    }
}

fn told_of(reply: &Reply, context: u32) -> String {
    let run = &reply.run;
    format!(
        "[{} tokens in {} µs on the chip: {} tokens/s, {} µs to the first, {} µJ a token; {} of {context} positions]",
        reply.tokens,
        number(run.total_us),
        number(run.tokens_per_s),
        number(run.first_token_us),
        number(run.joules * 1e6 / reply.tokens as f64),
        reply.held,
    )
}

fn parsed<T: std::str::FromStr>(name: &str, text: &str, expected: &str, holds: impl Fn(&T) -> bool) -> Result<T> {
    match text.parse() {
        Ok(value) if holds(&value) => Ok(value),
        _ => bail!("/{name} {text}: expected {expected}"),
    }
}
