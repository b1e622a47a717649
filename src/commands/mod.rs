//! One file a command.

mod adders;
mod baseline;
mod books;
mod chat;
mod comparable;
mod compare;
mod compile;
mod defects;
mod demo;
mod diff;
mod essay;
mod evaluate;
mod explore;
mod fpga;
mod inspect;
mod known;
mod masks;
mod merge;
mod models;
mod pair;
mod plan;
mod report;
mod rtl;
mod serve;
mod shuttle;
mod simulate;
mod site;
mod source;
mod synth;
mod talk;
mod validate;
mod verify;
mod view;

use crate::cli::{Args, Command};
use anyhow::Context;
use clap::CommandFactory;

pub fn run(args: &Args) -> anyhow::Result<()> {
    let threads = args.global.threads.map_or(0, usize::from);
    // Begun here, where a system that gives no threads is an error; when first used it would be a panic.
    let begun = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    begun.context("the system gives no threads; hint: --threads 1, or a higher limit (ulimit -u, -v)")?;
    match &args.command {
        Command::Adders(c) => adders::run(c, &args.global),
        Command::Demo(c) => demo::run(c, &args.global),
        Command::Evaluate(c) => evaluate::run(c, &args.global),
        Command::Rtl(c) => rtl::run(c, &args.global),
        Command::Verify(c) => verify::run(c, &args.global),
        Command::Masks(c) => masks::run(c, &args.global),
        Command::Merge(c) => merge::run(c, &args.global),
        Command::Diff(c) => diff::run(c, &args.global),
        Command::Fpga(c) => fpga::run(c, &args.global),
        Command::Shuttle(c) => shuttle::run(c, &args.global),
        Command::Talk(c) => talk::run(c, &args.global),
        Command::View(c) => view::run(c, &args.global),
        Command::Inspect(c) => inspect::run(c, &args.global),
        Command::Compare(c) => compare::run(c, &args.global),
        Command::Books(c) => books::run(c, &args.global),
        Command::Baseline(c) => baseline::run(c, &args.global),
        Command::Report(c) => report::run(c, &args.global),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Args::command(), "hardwire", &mut script);
            crate::out::text(&String::from_utf8_lossy(&script))
        }
        Command::Explore(c) => explore::run(c, &args.global),
        Command::Plan(c) => plan::run(c, &args.global),
        Command::Models => models::run(&args.global),
        Command::Validate => validate::run(&args.global),
        Command::Essay => essay::run(&args.global),
        Command::Synth(c) => synth::run(c, &args.global),
        Command::Compile(c) => compile::run(c, &args.global),
        Command::Chat(c) => chat::run(c, &args.global),
        Command::Serve(c) => serve::run(c, &args.global),
        Command::Simulate(c) => simulate::run(c, &args.global),
    }
}
