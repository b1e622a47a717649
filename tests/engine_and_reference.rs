//! The fast engine against the scalar reference: every value of every unit, on real checkpoints and several users.

mod common;

use hardwire_compiler::Options;
use hardwire_models::Checkpoint;
use hardwire_netlist::{Chip, UnitId};
use hardwire_sim::engine::{Engine, State};
use hardwire_sim::reference::Reference;
use hardwire_sim::step::StepError;

/// Runs both on the same (user, token) pairs and compares all streams.
fn compare(chip: &Chip, tokens: &[(u32, u32)]) {
    let (engine, reference) = (Engine::new(chip), Reference::new(chip));
    let (mut a, mut b) = (engine.start(), reference.start());
    for &(user, token) in tokens {
        let mut streams = Vec::new();
        let fast = engine.step_probed(&mut a, user, token, &mut |id, v| streams.push((id, v.to_vec()))).unwrap();
        let mut expected = streams.iter();
        let position = b.position(user);
        let slow = reference
            .step_probed(&mut b, user, token, &mut |id, v| {
                let (other, values) = expected.next().expect("both show every unit");
                let path = &chip.netlist().unit(id).path;
                assert_eq!(*other, id, "{path}");
                if let Some(i) = values.iter().zip(v).position(|(x, y)| x != y) {
                    panic!("{path}[{i}], position {position}: engine {} reference {}", values[i], v[i]);
                }
                assert_eq!(values.len(), v.len(), "{path}");
            })
            .unwrap();
        assert_eq!(fast, slow);
    }
    assert_eq!(a.saturations, b.saturations);
    blocks(&engine, tokens);
    blocks(&Engine::portable(chip), &tokens[..tokens.len().min(9)]);
}

/// The tokens of one user after another and in blocks: every stream is the same.
fn blocks(engine: &Engine<'_>, tokens: &[(u32, u32)]) {
    let tokens: Vec<u32> = tokens.iter().map(|t| t.1).collect();
    let (mut one, mut many) = (engine.start(), engine.start());
    let mut streams = std::collections::BTreeMap::new();
    let probe = |at: usize, streams: &mut std::collections::BTreeMap<_, _>, id: UnitId, v: &[i32]| {
        streams.insert((at, id), v.to_vec());
    };
    let step = |(at, &t): (usize, &u32)| engine.step_probed(&mut one, 0, t, &mut |id, v| probe(at, &mut streams, id, v)).unwrap();
    let steps: Vec<_> = tokens.iter().enumerate().map(step).collect();
    let mut at = 0;
    for size in [1, 11, 2, tokens.len()] {
        let block = &tokens[at..(at + size).min(tokens.len())];
        let check = &mut |t: usize, id: UnitId, v: &[i32]| assert_eq!(streams[&(at + t, id)], v, "position {}, unit {id:?}", at + t);
        assert_eq!(engine.block_probed(&mut many, 0, block, check).unwrap(), steps[at..at + block.len()]);
        at += block.len();
    }
    assert_eq!(one.saturations, many.saturations);
    assert_eq!(many.position(0) as usize, tokens.len());
}

fn mixed(n: u32, vocab: u32, users: u32) -> Vec<(u32, u32)> {
    (0..n).map(|i| (i % users, i.wrapping_mul(2_654_435_761) % vocab)).collect()
}

#[test]
fn bundled_model_every_stream() {
    let options = Options { users: Some(2), ..Options::default() };
    let (chip, _guard) = common::chip(&Checkpoint::bundled(), &options);
    compare(&chip, &mixed(24, 1024, 2));
}

#[test]
fn every_code_width_and_odd_shape() {
    let Some(path) = common::shared("checkpoints/stories260K") else { return };
    let checkpoint = Checkpoint::open(&path).unwrap();
    for (bits, group, act, kv) in [(2, 32, 12, 8), (3, 16, 10, 4), (4, 32, 16, 12), (4, 4096, 8, 8), (6, 64, 12, 6), (8, 8, 4, 8)] {
        let options = Options { bits: Some(bits), group: Some(group), act_bits: Some(act), kv_bits: Some(kv), ..Options::default() };
        let (chip, _guard) = common::chip(&checkpoint, &options);
        compare(&chip, &mixed(9, 512, 1));
    }
}

/// States of three users in turns, of every width, and through blocks: positions are far enough apart for a decay to show.
#[test]
fn recurrent_states_of_several_users() {
    for (name, state_bits) in [("qwen3_5", 24), ("qwen3_5_moe", 12), ("qwen3_next", 32)] {
        let options = Options { users: Some(3), state_bits: Some(state_bits), context: Some(64), ..Options::default() };
        let (chip, _guard) = common::chip(&Checkpoint::open(&common::golden_folder(name)).unwrap(), &options);
        compare(&chip, &mixed(60, 96, 3));
        // A sequence that starts again starts from nothing.
        let engine = Engine::new(&chip);
        let run = |state: &mut State| [5, 9, 40, 7].map(|token| engine.step(state, 1, token).unwrap());
        let mut state = engine.start();
        let first = run(&mut state);
        state.reset(1);
        assert_eq!(run(&mut state), first);
    }
}

#[test]
fn stored_blocks_of_a_real_gguf() {
    let Some(path) = common::smollm2() else { return };
    let (chip, _guard) = common::chip(&Checkpoint::open(&path).unwrap(), &Options { context: Some(64), ..Options::default() });
    assert!(chip.structure.quality.iter().all(|q| q.lossless));
    compare(&chip, &mixed(2, 49152, 1));
}

#[test]
fn tokens_users_and_context_are_checked() {
    let (chip, _guard) = common::chip(&Checkpoint::bundled(), &Options { context: Some(3), ..Options::default() });
    let engine = Engine::new(&chip);
    let mut state = engine.start();
    assert_eq!(engine.step(&mut state, 0, 1024), Err(StepError::Token { token: 1024, vocab: 1024 }));
    assert_eq!(engine.step(&mut state, 1, 0), Err(StepError::User { user: 1, users: 1 }));
    for _ in 0..3 {
        engine.step(&mut state, 0, 5).unwrap();
    }
    assert_eq!(engine.step(&mut state, 0, 5), Err(StepError::ContextFull { context: 3 }));
    assert_eq!(engine.block(&mut state, 0, &[5]), Err(StepError::ContextFull { context: 3 }));
    state.reset(0);
    assert_eq!(engine.block(&mut state, 0, &[5, 1024]), Err(StepError::Token { token: 1024, vocab: 1024 }));
    assert_eq!(engine.block(&mut state, 0, &[5, 5, 5, 5]), Err(StepError::ContextFull { context: 3 }));
    assert_eq!(state.position(0), 0, "a refused block takes no token");
    let first = engine.step(&mut state, 0, 5).unwrap();
    engine.step(&mut state, 0, 6).unwrap();
    state.truncate(0, 0);
    assert_eq!(engine.step(&mut state, 0, 5).unwrap(), first, "a truncated sequence starts again");
}
