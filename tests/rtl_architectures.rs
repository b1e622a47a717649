//! Every architecture, from the tiny random checkpoints of Hugging Face transformers (`models/tests/goldens`), compiled and run in
//! Verilator: each unit's every value is the scalar reference's and the fast engine's, each token comes in the cycle that the timing
//! model says.

#[macro_use]
#[path = "../models/tests/goldens/architectures.rs"]
mod architectures;
mod common;

use common::rtl;
use hardwire_compiler::Options;
use hardwire_models::Checkpoint;
use hardwire_sim::timing;

/// Tokens of the golden prompt, past the small windows, and tokens generated after them.
const PROMPT: usize = 12;
const NEW: u32 = 8;

fn check(name: &str) {
    // Four layers of what `qwen3_5_whole` has two of.
    if name == "qwen3_5" || !rtl::has("verilator", "--version") {
        return;
    }
    let (checkpoint, golden) = common::golden(name);
    let (chip, guard) = common::chip(&checkpoint, &options(&checkpoint));
    let prompt = golden.prompt[..PROMPT].to_vec();
    common::same_everywhere(&chip, &prompt);
    let trace = rtl::run(&chip, &guard.path().join("rtl"), std::slice::from_ref(&prompt), NEW, true);
    rtl::compare(&chip, &trace, std::slice::from_ref(&prompt), NEW);
    let cycles: Vec<u64> = trace.tokens.iter().map(|t| t.cycle).collect();
    assert_eq!(cycles, timing::generate(chip.netlist(), prompt.len() as u32, NEW));
}

/// Small streams and tiles: a chip that simulates in seconds, with several tiles a matrix.
fn options(checkpoint: &Checkpoint) -> Options {
    let lanes = if checkpoint.config().head_dim.is_multiple_of(4) { 4 } else { 2 };
    Options { context: Some(24), lanes: Some(lanes), tile_rows: Some(32), tile_cols: Some(16), pos_lanes: Some(2), ..Options::default() }
}

architectures!(check);

/// Two users' sequences of one hybrid model in turns: each has a state of its own, in silicon as in the simulators.
#[test]
fn recurrent_states_of_two_users() {
    if !rtl::has("verilator", "--version") {
        return;
    }
    let (checkpoint, golden) = common::golden("qwen3_5_whole");
    let (chip, guard) = common::chip(&checkpoint, &Options { users: Some(2), ..options(&checkpoint) });
    let prompts = vec![golden.prompt[..5].to_vec(), golden.prompt[5..12].to_vec()];
    let trace = rtl::run(&chip, &guard.path().join("rtl"), &prompts, 4, true);
    rtl::compare(&chip, &trace, &prompts, 4);
}
