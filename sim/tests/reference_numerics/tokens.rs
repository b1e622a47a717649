//! Whole tokens through hand-built chips.

use crate::small_chip::{SMALL, Shape, SmallChip, build};
use hardwire_netlist::UnitKind;
use hardwire_sim::reference::{Reference, State};
use hardwire_sim::step::{Step, StepError};

fn run(reference: &Reference<'_>, state: &mut State, user: u32, tokens: &[u32]) -> Vec<Step> {
    tokens.iter().map(|&t| reference.step(state, user, t).unwrap()).collect()
}

/// `||chip - float|| / ||float||` of the logits over all tokens.
fn relative_error(small: &SmallChip, steps: &[Step], tokens: &[u32]) -> f64 {
    let (mut error, mut norm) = (0.0, 0.0);
    for (step, real) in steps.iter().zip(small.real_logits(tokens)) {
        assert_eq!(step.logits.len(), real.len());
        for (&got, want) in step.logits.iter().zip(real) {
            error += (small.logit(got) - want).powi(2);
            norm += want.powi(2);
        }
    }
    (error / norm).sqrt()
}

const TOKENS: [u32; 12] = [3, 39, 0, 17, 17, 21, 8, 3, 30, 11, 25, 2];

#[test]
fn logits_are_those_of_the_float_model() {
    for (name, window) in [("float", None), ("float-window", Some(3))] {
        let small = build(name, Shape { window, ..SMALL }, 31);
        let reference = Reference::new(&small.chip);
        let mut state = reference.start();
        let steps = run(&reference, &mut state, 1, &TOKENS);
        let error = relative_error(&small, &steps, &TOKENS);
        // Activations of 12 bits and projections of 10 fractional bits round by 2^-11 of their range.
        assert!(error < 0.005, "{name}: {error}");
        assert!(state.saturations.iter().all(|&s| s == 0), "{:?}", state.saturations);
        for step in &steps {
            let top = step.logits[step.top as usize];
            assert!(step.logits.iter().enumerate().all(|(i, &l)| l < top || l == top && i >= step.top as usize));
        }
    }
}

#[test]
fn users_do_not_see_each_other_and_a_reset_forgets() {
    let small = build("users", SMALL, 32);
    let reference = Reference::new(&small.chip);
    let alone = run(&reference, &mut reference.start(), 0, &TOKENS);

    let mut state = reference.start();
    for (i, (&token, want)) in TOKENS.iter().zip(&alone).enumerate() {
        assert_eq!(state.position(2), i as u32);
        assert_eq!(&reference.step(&mut state, 2, token).unwrap(), want);
        if i % 3 == 0 {
            reference.step(&mut state, 0, 39 - token).unwrap();
        }
    }
    assert_eq!((state.position(0), state.position(1), state.position(2), state.position(99)), (4, 0, 12, 0));
    state.reset(99);
    state.reset(2);
    assert_eq!((state.position(0), state.position(2)), (4, 0));
    assert_eq!(run(&reference, &mut state, 2, &TOKENS), alone);
}

#[test]
fn refused_tokens_leave_the_state_as_it_was() {
    let small = build("refused", SMALL, 33);
    let reference = Reference::new(&small.chip);
    let mut state = reference.start();
    assert_eq!(reference.step(&mut state, 0, 40), Err(StepError::Token { token: 40, vocab: 40 }));
    assert_eq!(reference.step(&mut state, 3, 0), Err(StepError::User { user: 3, users: 3 }));
    assert_eq!(state.position(0), 0);
    let steps = run(&reference, &mut state, 0, &TOKENS);
    for _ in 0..2 {
        assert_eq!(reference.step(&mut state, 0, 1), Err(StepError::ContextFull { context: 12 }));
        assert_eq!(state.position(0), 12);
    }
    assert_eq!(run(&reference, &mut state, 1, &TOKENS), steps);
    state.reset(0);
    assert_eq!(reference.step(&mut state, 0, TOKENS[0]).as_ref(), Ok(&steps[0]));
}

#[test]
fn the_probe_sees_every_unit_in_order() {
    let small = build("probe", SMALL, 34);
    let reference = Reference::new(&small.chip);
    let netlist = small.chip.netlist();
    let mut state = reference.start();
    let mut seen = Vec::new();
    let step = reference.step_probed(&mut state, 0, 5, &mut |id, y: &[i32]| seen.push((id, y.to_vec()))).unwrap();
    assert_eq!(seen.len(), netlist.units().count());
    for ((id, unit), (got, y)) in netlist.units().zip(&seen) {
        assert_eq!(id, *got);
        assert_eq!(y.len(), unit.out_len as usize, "{}", unit.path);
        let bits = if let UnitKind::RowFeed(s) = &unit.kind { s.act_bits } else { unit.out.bits };
        assert!(y.iter().all(|v| i64::from(*v).abs() < 1 << (bits - 1)), "{}", unit.path);
        match &unit.kind {
            UnitKind::Argmax => assert_eq!(y, &[step.top as i32]),
            _ if unit.path == "lm_head" => assert_eq!(y, &step.logits),
            _ => {}
        }
    }
    assert_eq!(reference.step(&mut reference.start(), 0, 5), Ok(step));
}

#[test]
fn clamped_outputs_are_counted_at_their_unit() {
    let small = build("clamped", Shape { embed_exponent: 24, ..SMALL }, 35);
    let reference = Reference::new(&small.chip);
    let mut state = reference.start();
    let mut embedded = Vec::new();
    let embed = small.chip.netlist().find("embed").unwrap();
    let mut probe = |id, y: &[i32]| {
        if id == embed {
            embedded.extend_from_slice(y);
        }
    };
    for token in [0, 1] {
        reference.step_probed(&mut state, 0, token, &mut probe).unwrap();
    }
    // No embedding is exactly the greatest code: their shifts leave low bits clear.
    let at_the_limit = embedded.iter().filter(|x| x.unsigned_abs() == i32::MAX as u32).count() as u64;
    assert!(at_the_limit > 0);
    assert_eq!(state.saturations[embed.index()], at_the_limit);
    state.reset(0);
    assert_eq!(state.saturations[embed.index()], at_the_limit, "flags are sticky");
}
