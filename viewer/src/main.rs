//! The thin binary: arguments in, a window or a PNG out.

use hardwire_viewer::bookmarks::settings_folder;
use hardwire_viewer::heat::Metric;
use hardwire_viewer::verilog::Source;
use hardwire_viewer::{Options, open, screenshot};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "hardwire-viewer [CHIP] [--screenshot FILE] [--goto PATH] [--size WxH] [--dark | --light]
    [--heat METRIC] [--prompt TEXT [--at MICROSECONDS]] [--against CHIP]";

/// What `--help` and `--version` say.
fn about(flag: &str) -> Option<String> {
    match flag {
        "-h" | "--help" => Some(format!(
            "Fly over a chip's die, from millimetres to a via. CHIP is a chip's folder, or the file that `hardwire plan -o FILE` writes.\n\n\
             Usage: {USAGE}\n\nHeat maps: {}. Without a display, --screenshot FILE paints a picture.",
            Metric::ALL.map(|m| m.name().to_lowercase()).join(", ")
        )),
        "-V" | "--version" => Some(format!("hardwire-viewer {}", env!("CARGO_PKG_VERSION"))),
        _ => None,
    }
}

struct Arguments {
    chip: Option<PathBuf>,
    screenshot: Option<PathBuf>,
    size: (u32, u32),
    /// The hardwire command, which gives Verilog.
    verilog_by: Option<PathBuf>,
    options: Options,
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut a = Arguments { chip: None, screenshot: None, size: (1440, 900), verilog_by: None, options: Options::default() };
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
            "--verilog-by" => a.verilog_by = Some(value()?.into()),
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

/// The command beside this program, or in PATH.
fn find_hardwire() -> Option<PathBuf> {
    let name = format!("hardwire{}", std::env::consts::EXE_SUFFIX);
    let beside = std::env::current_exe().ok()?.parent().map(Path::to_path_buf);
    let path = std::env::var_os("PATH").unwrap_or_default();
    beside.into_iter().chain(std::env::split_paths(&path)).map(|folder| folder.join(&name)).find(|file| file.is_file())
}

/// Verilog as `hardwire rtl CHIP --module PATH` prints it.
fn verilog_by(program: PathBuf) -> Source {
    Source::new(move |chip, path| {
        let said = Command::new(&program).arg("rtl").arg(chip).args(["--module", path]).output();
        let said = said.map_err(|e| format!("{}: {e}", program.display()))?;
        if !said.status.success() {
            return Err(String::from_utf8_lossy(&said.stderr).trim().to_string());
        }
        String::from_utf8(said.stdout).map_err(|_| format!("{} gave something that is no text", program.display()))
    })
}

fn main() -> ExitCode {
    if let Some(said) = std::env::args().nth(1).and_then(|flag| about(&flag)) {
        return if writeln!(std::io::stdout(), "{said}").is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let arguments = match parse(std::env::args().skip(1)) {
        Ok(a) => a,
        Err(e) => {
            eprintln!("{e}\nusage: {USAGE}");
            return ExitCode::from(2);
        }
    };
    let mut arguments = arguments;
    arguments.options.settings = settings_folder();
    arguments.options.verilog = arguments.verilog_by.or_else(find_hardwire).map(verilog_by);
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
