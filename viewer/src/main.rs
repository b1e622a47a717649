//! The thin binary: arguments in, a window or a PNG out.

use hardwire_viewer::heat::Metric;
use hardwire_viewer::{Options, open, screenshot};
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "hardwire-viewer [CHIP] [--screenshot FILE] [--goto PATH] [--size WxH] [--dark | --light]
    [--heat METRIC] [--prompt TEXT [--at MICROSECONDS]] [--against CHIP]";

struct Arguments {
    chip: Option<PathBuf>,
    screenshot: Option<PathBuf>,
    size: (u32, u32),
    options: Options,
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut a = Arguments { chip: None, screenshot: None, size: (1440, 900), options: Options::default() };
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--screenshot" => a.screenshot = Some(value()?.into()),
            "--goto" => a.options.goto = Some(value()?),
            "--size" => {
                let text = value()?;
                let (w, h) = text.split_once('x').ok_or_else(|| format!("--size {text}: write 1440x900"))?;
                let side = |s: &str| s.parse().map_err(|_| format!("--size {text}: write 1440x900"));
                a.size = (side(w)?, side(h)?);
            }
            "--heat" => {
                let name = value()?;
                a.options.heat = Some(Metric::named(&name).ok_or_else(|| format!("--heat {name}: {}", metrics()))?.name().into());
            }
            "--prompt" => a.options.prompt = Some(value()?),
            "--at" => {
                let text = value()?;
                a.options.at_us = Some(text.parse().map_err(|_| format!("--at {text}: write microseconds"))?);
            }
            "--against" => a.options.against = Some(value()?.into()),
            "--dark" => a.options.dark = Some(true),
            "--light" => a.options.dark = Some(false),
            flag if flag.starts_with('-') => return Err(format!("{flag} is unknown")),
            _ if a.chip.is_none() => a.chip = Some(arg.into()),
            _ => return Err(format!("{arg}: one chip at a time")),
        }
    }
    Ok(a)
}

fn metrics() -> String {
    format!("known are {}", Metric::ALL.map(Metric::name).join(", "))
}

fn main() -> ExitCode {
    let arguments = match parse(std::env::args().skip(1)) {
        Ok(a) => a,
        Err(e) => {
            eprintln!("{e}\nusage: {USAGE}");
            return ExitCode::from(2);
        }
    };
    let done = match (arguments.chip, arguments.screenshot) {
        (Some(chip), Some(out)) => screenshot(&chip, arguments.options, arguments.size, &out),
        (None, Some(_)) => {
            eprintln!("--screenshot needs a chip\nusage: {USAGE}");
            return ExitCode::from(2);
        }
        (chip, None) => open(chip, arguments.options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}
