//! The `hardwire` command: parses arguments, runs one command, turns errors into exit codes.
//!
//! Data goes to stdout, progress and messages to stderr. Exit codes: 0 done, 1 the input or the work failed, 2 wrong usage.

mod cli;
mod commands;
mod out;
mod progress;
mod report;
mod scratch;
mod signals;
mod summary;
mod table;
mod words;

use anyhow::Context;
use clap::FromArgMatches;
use out::note;
use std::process::ExitCode;

/// Bytes of stack that a command is given where the system gives less than the least it needs.
const STACK: usize = 8 << 20;
const LEAST_STACK: u64 = 2 << 20;

fn main() -> ExitCode {
    if signals::stack_limit() >= LEAST_STACK {
        return work();
    }
    let work = std::thread::Builder::new().name("hardwire".into()).stack_size(STACK).spawn(work);
    match work.map(std::thread::JoinHandle::join) {
        Ok(Ok(code)) => code,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(error) => {
            note!("error: a stack to work on: {}", out::one_line(&error.to_string()));
            ExitCode::from(1)
        }
    }
}

fn work() -> ExitCode {
    signals::watch();
    let done = match cli::command().try_get_matches().and_then(|matches| cli::Args::from_arg_matches(&matches)) {
        Ok(args) => commands::run(&args).and_then(|()| out::flush()),
        // Help and version are data, and go where data goes; wrong usage does not.
        Err(usage) => match usage.print().context(if usage.use_stderr() { "stderr" } else { "stdout" }) {
            Ok(()) => return ExitCode::from(usage.exit_code() as u8),
            refused => refused,
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            note!("error: {}", out::one_line(&told_once(&error)));
            ExitCode::from(1)
        }
    }
}

/// The error and its causes in one line; a cause that the error before it already says is not said again.
fn told_once(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !text.ends_with(&cause) {
            text = if text.is_empty() { cause } else { format!("{text}: {cause}") };
        }
    }
    text
}

/// `hardwire ... | head` is no failure.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|e| e.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe))
}
