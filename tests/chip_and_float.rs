//! The chip's integers against the float model, both following the float model's text.

mod common;

use hardwire_compiler::Options;
use hardwire_models::{Checkpoint, FloatModel, argmax};
use hardwire_sim::engine::Engine;

/// Share of positions at which chip and float choose the same token along the float model's own greedy text of `n` tokens.
fn agreement(checkpoint: &Checkpoint, options: &Options, start: &[u32], n: usize) -> f64 {
    let (chip, _guard) = common::chip(checkpoint, options);
    let engine = Engine::new(&chip);
    let mut state = engine.start();
    let float = FloatModel::new(checkpoint).unwrap();
    let mut float_state = float.start();
    let (mut same, mut next) = (0, start[0]);
    for i in 0..start.len() + n - 1 {
        let token = start.get(i).copied().unwrap_or(next);
        next = argmax(&float.forward(&mut float_state, token).unwrap());
        let step = engine.step(&mut state, 0, token).unwrap();
        if i + 1 >= start.len() {
            same += usize::from(step.top == next);
        }
    }
    assert!(state.saturations.iter().all(|&s| s == 0), "a unit saturated");
    same as f64 / n as f64
}

#[test]
fn stories260k_at_eight_bits_agrees_in_95_of_100_steps() {
    let Some(path) = common::shared("checkpoints/stories260K") else { return };
    let checkpoint = Checkpoint::open(&path).unwrap();
    let options = Options { bits: Some(8), ..Options::default() };
    let eight = agreement(&checkpoint, &options, &[1], 190);
    let four = agreement(&checkpoint, &Options::default(), &[1], 190);
    eprintln!("stories260K: greedy agreement over 190 tokens: 8-bit codes {eight:.3}, 4-bit codes {four:.3}");
    assert!(eight >= 0.95, "{eight}");
    assert!(four >= 0.70, "{four}");
}

#[test]
fn the_bundled_model_keeps_its_codes_and_agrees() {
    let checkpoint = Checkpoint::bundled();
    let ids = checkpoint.tokenizer().unwrap().unwrap().encode("Once upon a time").unwrap();
    let share = agreement(&checkpoint, &Options::default(), &ids, 190);
    eprintln!("tales: greedy agreement over 190 tokens: {share:.3}");
    assert!(share >= 0.95, "{share}");
}
