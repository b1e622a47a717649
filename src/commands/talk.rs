//! `hardwire talk`: text from a board, over its serial line; the tokenizer stays on this machine.

use super::source::Source;
use crate::cli::{Global, Talk};
use crate::out::{self, note, outln};
use anyhow::{Context, Result, bail};
use hardwire_fpga::talk::Line;
use hardwire_models::Tokenizer;
use hardwire_study::generate::{check_prompt, prompt_ids};
use serde_json::json;
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

pub fn run(args: &Talk, global: &Global) -> Result<()> {
    let source = Source::open(&args.chip)?;
    let tokenizer = source.tokenizer_for(args.ids.as_deref())?;
    let prompt = prompt_ids(tokenizer.as_ref(), args.prompt.as_deref(), args.ids.as_deref(), source.bos())?;
    let Source::Chip(chip) = &source else {
        bail!("{}: expected the chip that is on the board; `hardwire fpga -o board` writes it as board.chip", args.chip.display());
    };
    let model = chip.model();
    check_prompt(&prompt, model.vocab, model.context)?;
    let mut line = Line::new(open(&args.port, args.baud)?, model.vocab, model.context);
    let (mut ids, mut text, start) = (Vec::new(), String::new(), Instant::now());
    let mut stream = tokenizer.as_ref().map(Tokenizer::stream);
    let mut said = Ok(());
    let mut show = |id: u32, text: &mut String| {
        let piece = stream.as_mut().map_or_else(|| format!("{id} "), |s| s.push(id));
        text.push_str(&piece);
        if !global.json && said.is_ok() {
            said = out::piece(&piece);
        }
    };
    prompt.iter().for_each(|&id| show(id, &mut text));
    text.clear();
    line.generate(&prompt, args.n, &mut |id| {
        ids.push(id);
        show(id, &mut text);
        !model.eos.contains(&id)
    })
    .with_context(|| args.port.display().to_string())?;
    said?;
    let seconds = start.elapsed().as_secs_f64();
    if global.json {
        return out::json(&json!({"prompt_ids": prompt, "token_ids": ids, "text": text, "wall_s": seconds}));
    }
    outln!();
    if !global.quiet {
        note!("{} tokens in {seconds:.3} s, line included", ids.len());
    }
    Ok(())
}

/// The device, raw and at its rate, with two seconds until a read that gets nothing ends.
fn open(port: &Path, baud: u32) -> Result<File> {
    if baud > 0 {
        let flag = if cfg!(target_os = "linux") { "-F" } else { "-f" };
        let mut stty = Command::new("stty");
        stty.arg(flag).arg(port).arg(baud.to_string()).args(["raw", "-echo", "-crtscts", "min", "0", "time", "20"]);
        let done = stty.output().context("stty, which sets the line's rate")?;
        if !done.status.success() {
            bail!("{}: stty: {}", port.display(), String::from_utf8_lossy(&done.stderr).trim());
        }
    }
    File::options().read(true).write(true).open(port).with_context(|| port.display().to_string())
}
