//! The whole chip in Verilator: 64 tokens of both small models, equal to the fast engine and the scalar reference on every token
//! and top logit, in exactly the cycles the timing model says.

mod common;

use common::rtl;
use hardwire_compiler::Options;
use hardwire_models::Checkpoint;
use hardwire_netlist::Chip;
use hardwire_sim::engine::Engine;
use hardwire_sim::timing;

fn speaks(chip: &Chip, prompt: &[u32], new: u32) {
    if !rtl::has("verilator", "--version") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let prompts = [prompt.to_vec()];
    let trace = rtl::run(chip, &dir.path().join("rtl"), &prompts, new, false);
    rtl::compare(chip, &trace, &prompts, new);

    let engine = Engine::new(chip);
    let mut state = engine.start();
    let mut step = None;
    for &token in prompt {
        step = Some(engine.step(&mut state, 0, token).unwrap());
    }
    let cycles = timing::generate(chip.netlist(), prompt.len() as u32, new);
    println!("position  simulator  verilog");
    for (i, out) in trace.tokens.iter().enumerate() {
        let fast = step.take().unwrap();
        assert_eq!((out.id, out.logit), (fast.top, fast.logits[fast.top as usize]), "engine, token {i}");
        println!("{:8} {:10} {:8}", out.pos, cycles[i], out.cycle);
        assert_eq!(out.cycle, cycles[i], "cycle of token {i}");
        if i + 1 < trace.tokens.len() {
            step = Some(engine.step(&mut state, 0, out.id).unwrap());
        }
    }
    assert_eq!(trace.tokens.len(), new as usize);
    // A token alone takes as long as the model says of it alone.
    let alone = timing::token(chip.netlist(), prompt.len() as u32);
    assert_eq!(trace.tokens[1].cycle - trace.tokens[0].cycle, alone.latency_cycles + 1);
}

#[test]
fn bundled_model() {
    let (chip, _guard) = common::chip(&Checkpoint::bundled(), &Options::default());
    speaks(&chip, &[0, 17, 300, 5, 999, 42, 1, 64, 128], 64);
}

#[test]
fn stories260k() {
    let Some(path) = common::shared("checkpoints/stories260K") else { return };
    let (chip, _guard) = common::chip(&Checkpoint::open(&path).unwrap(), &Options::default());
    speaks(&chip, &[1, 403, 407, 261, 378, 432, 383, 286], 64);
}
