//! One file a command.

mod compile;
mod simulate;
mod source;

use crate::cli::{Args, Command};
use anyhow::Context;

pub fn run(args: &Args) -> anyhow::Result<()> {
    if let Some(threads) = args.global.threads {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().context("--threads")?;
    }
    match &args.command {
        Command::Compile(c) => compile::run(c, &args.global),
        Command::Simulate(c) => simulate::run(c, &args.global),
    }
}
