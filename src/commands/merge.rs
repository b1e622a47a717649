//! `hardwire merge`: the shards of a compilation become one chip.

use super::compile::{open_checkpoint, prepare, tell, watched};
use crate::cli::{Global, Merge};
use anyhow::Result;
use hardwire_study::respin::price_of_margin;

pub fn run(args: &Merge, global: &Global) -> Result<()> {
    let mut checkpoint = open_checkpoint(&args.checkpoint)?;
    let options = prepare(&mut checkpoint, None, &args.options)?;
    let chip = watched(&checkpoint, global, |told| hardwire_compiler::merge(&checkpoint, &options, &args.shards, &args.output, told))?;
    tell(&chip, price_of_margin(checkpoint.shape(), &options)?, global)
}
