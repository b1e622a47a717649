//! Compiles the bundled model into a chip and lets the chip write.
//!
//! `cargo run --release --example compile_and_generate`

use hardwire_compiler::{Options, compile};
use hardwire_models::Checkpoint;
use hardwire_sim::sample::Sampling;
use hardwire_study::generate::{Implementation, on_chip};
use std::error::Error;

pub fn main() -> Result<(), Box<dyn Error>> {
    let checkpoint = Checkpoint::bundled();
    let folder = std::env::temp_dir().join(format!("hardwire-example-{}", std::process::id()));
    let chip = compile(&checkpoint, &Options::default(), &folder, &|_| {})?;

    let tokenizer = checkpoint.tokenizer()?.ok_or("the bundled model has a tokenizer")?;
    let prompt = tokenizer.encode("Once upon a time")?;
    // Temperature 0 is greedy, as the chip's own argmax.
    let sampling = Sampling { temperature: 0.0, top_k: 0, top_p: 1.0, seed: 1 };
    let out = on_chip(&chip, Implementation::Engine, Some(&tokenizer), &prompt, 16, sampling, &mut |piece| print!("{piece}"))?;
    println!("\n{} tokens; {} units clamped a value", out.token_ids.len(), out.saturations.len());

    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
