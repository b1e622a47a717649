//! Runs emitted Verilog under Verilator and reads what its testbench prints. The only part of this crate that starts a process.

use crate::error::Error;
use crate::shape::TOP_K;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One prompt token for the testbench.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feed {
    pub user: u32,
    pub id: u32,
    /// The user starts again at position 0.
    pub first: bool,
    /// Give an output for this token.
    pub want: bool,
}

impl Feed {
    /// The prompt of one user: an output after its last token.
    pub fn prompt(user: u32, ids: &[u32]) -> Vec<Feed> {
        let last = ids.len().saturating_sub(1);
        ids.iter().enumerate().map(|(i, &id)| Feed { user, id, first: i == 0, want: i == last }).collect()
    }
}

/// How to build and run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Print every unit's outputs (the chip must have been emitted with probes).
    pub probe: bool,
    /// Record a waveform here, in the format of [`Waveform::of`].
    pub trace: Option<PathBuf>,
    /// Compiler jobs.
    pub jobs: u32,
    /// Cycles after which the host takes each output, and most cycles it leaves between the tokens it offers.
    pub late: u32,
    pub gap: u32,
    /// Reset the chip in this cycle, and start again; 0 for never. The trace is of what came after.
    pub reset_at: u32,
}

impl Default for RunOptions {
    fn default() -> Self {
        RunOptions { probe: false, trace: None, jobs: 2, late: 0, gap: 0, reset_at: 0 }
    }
}

/// A waveform's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waveform {
    /// Value change dump, text.
    Vcd,
    /// GTKWave's fast signal trace, compressed.
    Fst,
}

impl Waveform {
    /// What a file's name asks for.
    ///
    /// # Errors
    /// Another extension, or none.
    pub fn of(file: &Path) -> Result<Waveform, Error> {
        match file.extension().and_then(|e| e.to_str()) {
            Some("vcd") => Ok(Waveform::Vcd),
            Some("fst") => Ok(Waveform::Fst),
            _ => Err(Error::Option { option: "trace", what: format!("{}: expected a name that ends in .vcd or .fst", file.display()) }),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Waveform::Vcd => "vcd",
            Waveform::Fst => "fst",
        }
    }
}

/// One output token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    pub id: u32,
    pub logit: i32,
    /// From the acceptance of the first token.
    pub cycle: u64,
    pub user: u32,
    pub pos: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    pub overflow: bool,
    pub context_full: bool,
    /// A token of no such id or user was dropped.
    pub bad_token: bool,
}

/// One value of one unit's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    pub unit: String,
    pub pos: u32,
    pub index: u32,
    pub value: i32,
    pub user: u32,
}

/// One entry of the top-k port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Top {
    pub rank: u32,
    pub id: u32,
    pub logit: i32,
    /// From the acceptance of the first token.
    pub cycle: u64,
}

/// What a run printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    pub tokens: Vec<Output>,
    pub flags: Flags,
    /// Cycles simulated.
    pub cycles: u64,
    pub probes: Vec<Probe>,
    /// In the order they came: all of a token's, then all of the next one's.
    pub tops: Vec<Top>,
}

impl Trace {
    /// What the top-k port gave of output token `i`.
    pub fn tops_of(&self, i: usize) -> &[Top] {
        self.tops.chunks(TOP_K as usize).nth(i).unwrap_or_default()
    }
}

/// Builds `dir` (once; the binary and its input stay in `dir/build`), feeds `prompt` and lets every user generate `new` tokens.
///
/// # Errors
/// `Error::Tool` when Verilator or the compiler is missing or fails; `Error::Trace` when the output cannot be read.
pub fn run_verilated(dir: &Path, prompt: &[Feed], new: u32, options: &RunOptions) -> Result<Trace, Error> {
    let binary = build(dir, options)?;
    let mut text = String::new();
    for f in prompt {
        text.push_str(&format!("{} {} {} {}\n", f.user, f.id, u32::from(f.first), u32::from(f.want)));
    }
    let prompt = "prompt.txt";
    write(&binary.with_file_name(prompt), &text)?;
    run(
        dir,
        &binary,
        &[
            beside(&binary, "prompt", prompt),
            format!("+new={new}"),
            format!("+late={}", options.late),
            format!("+gap={}", options.gap),
            format!("+reset={}", options.reset_at),
        ],
        options,
    )
}

/// As [`run_verilated`] for some layers alone: `beats` are lines of hexadecimal, one residual beat each.
pub fn run_layers(dir: &Path, beats: &str, tokens: u32, options: &RunOptions) -> Result<Trace, Error> {
    let binary = build(dir, options)?;
    let residual = "residual.hex";
    write(&binary.with_file_name(residual), beats)?;
    run(dir, &binary, &[beside(&binary, "residual", residual), format!("+tokens={tokens}")], options)
}

/// The argument that names a file beside the binary, from the folder in which that runs.
fn beside(binary: &Path, argument: &str, file: &str) -> String {
    let build = binary.parent().and_then(Path::file_name).unwrap_or_default();
    format!("+{argument}={}/{file}", build.display())
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|e| Error::io(path, e))
}

fn run(dir: &Path, binary: &Path, args: &[String], options: &RunOptions) -> Result<Trace, Error> {
    let mut command = Command::new(binary);
    command.current_dir(dir).args(args);
    if options.probe {
        command.arg("+probe");
    }
    let Some(target) = &options.trace else { return parse(&output(command, "the Verilated chip")?) };
    // Written beside and renamed, so that a waveform that is there is whole. The chip runs in a folder of its own.
    let mut partial = std::path::absolute(target).map_err(|e| Error::io(target, e))?.into_os_string();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    fs::File::create(&partial).map_err(|e| Error::io(target, e))?;
    command.arg(format!("+trace={}", partial.display()));
    let done = output(command, "the Verilated chip").and_then(|text| parse(&text));
    let kept = match &done {
        Ok(_) => fs::rename(&partial, target),
        Err(_) => fs::remove_file(&partial),
    };
    kept.map_err(|e| Error::io(target, e))?;
    done
}

/// Verilates and compiles, unless the binary is newer than the emitted folder.
pub fn build(dir: &Path, options: &RunOptions) -> Result<PathBuf, Error> {
    let dir = dir.canonicalize().map_err(|e| Error::io(dir, e))?;
    let waveform = options.trace.as_deref().map(Waveform::of).transpose()?;
    let mut name = String::from(if options.probe { "build-probe" } else { "build" });
    if let Some(w) = waveform {
        name.push('-');
        name.push_str(w.name());
    }
    let binary = dir.join(&name).join("Vhardwire_tb");
    if binary.is_file() {
        return Ok(binary);
    }
    let mut command = Command::new("verilator");
    command.current_dir(&dir).args([
        "--cc",
        "--exe",
        "--build",
        "-O3",
        // Loops of processes stay loops; those that generate may have sixteen times so many rounds.
        "--unroll-count",
        "64",
        "--unroll-stmts",
        "1",
        "-fno-expand",
        "--x-assign",
        "fast",
        "--x-initial",
        "fast",
        "--noassert",
    ]);
    command.args(["-Wno-fatal", "-Wno-lint", "-Wno-style", "--top-module", "hardwire_tb", "--Mdir", &name]);
    command.args(["-j", &options.jobs.to_string(), "lint.vlt", "-f", "files.f", "tb/hardwire_tb.v", "tb/main.cpp"]);
    // Start-up code runs once; a probed run is short and prints more than it computes.
    let fast = if options.probe { "-O0" } else { "-O2" };
    command.args(["-MAKEFLAGS", &format!("OPT_FAST={fast} OPT_SLOW=-O0 OPT_GLOBAL=-O1")]);
    if options.probe {
        command.arg("-DHW_PROBE");
    }
    match waveform {
        Some(Waveform::Vcd) => _ = command.arg("--trace"),
        Some(Waveform::Fst) => _ = command.args(["--trace-fst", "-CFLAGS", "-DHW_FST"]),
        None => {}
    }
    output(command, "verilator")?;
    if !binary.is_file() {
        return Err(Error::Tool { tool: "verilator".into(), what: format!("left no binary at {}", binary.display()) });
    }
    Ok(binary)
}

fn output(mut command: Command, tool: &str) -> Result<String, Error> {
    let fail = |what: String| Error::Tool { tool: tool.into(), what };
    let out = command.output().map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => fail("not found; install it (Debian: apt-get install verilator g++ make zlib1g-dev)".into()),
        _ => fail(e.to_string()),
    })?;
    if !out.status.success() {
        // The Verilog's own complaints are lines of its output.
        let (said, text) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        let own = said.lines().filter(|l| l.starts_with("error "));
        let shown: Vec<&str> = own.chain(text.lines().filter(|l| l.contains("rror"))).take(8).collect();
        return Err(fail(format!("failed ({}): {}", out.status, shown.join("; "))));
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// Reads the lines of a testbench; others are passed over.
pub fn parse(text: &str) -> Result<Trace, Error> {
    let mut trace = Trace::default();
    for (i, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |at: usize| -> Result<i64, Error> {
            let word = words.get(at).copied().unwrap_or("");
            word.parse().map_err(|_| Error::Trace { line: i + 1, what: format!("{word:?} in {line:?}, expected a number") })
        };
        match words.first().copied() {
            Some("token") => trace.tokens.push(Output {
                id: number(3)? as u32,
                logit: number(5)? as i32,
                cycle: number(7)? as u64,
                user: number(9)? as u32,
                pos: number(11)? as u32,
            }),
            Some("probe") => trace.probes.push(Probe {
                unit: words.get(1).copied().unwrap_or("").into(),
                pos: number(2)? as u32,
                index: number(3)? as u32,
                value: number(4)? as i32,
                user: number(5)? as u32,
            }),
            Some("top") => {
                trace.tops.push(Top { rank: number(1)? as u32, id: number(3)? as u32, logit: number(5)? as i32, cycle: number(7)? as u64 })
            }
            Some("flags") => {
                trace.flags = Flags { overflow: number(2)? != 0, context_full: number(4)? != 0, bad_token: number(6)? != 0 };
                trace.cycles = number(8)? as u64;
            }
            Some("reset") => trace = Trace::default(),
            Some("error") => return Err(Error::Trace { line: i + 1, what: line.into() }),
            _ => {}
        }
    }
    Ok(trace)
}
