//! What the width of a recurrent state costs, and that its error does not grow with the text: a hybrid model's chip against the float model
//! with the chip's own weights, over 2,048 positions. The figures stand in `docs/numerics.md`, section 11.

mod common;

use hardwire_compiler::{Options, chip_weights};
use hardwire_models::{Checkpoint, FloatModel};
use hardwire_sim::engine::Engine;

const POSITIONS: usize = 2048;
const WINDOWS: usize = 4;

/// The tiny hybrid model with a context of so many positions: its weights do not depend on it.
fn checkpoint(dir: &std::path::Path) -> Checkpoint {
    let folder = common::golden_folder("qwen3_5");
    std::fs::copy(folder.join("model.safetensors"), dir.join("model.safetensors")).unwrap();
    let mut config: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.join("config.json")).unwrap()).unwrap();
    config["max_position_embeddings"] = POSITIONS.into();
    std::fs::write(dir.join("config.json"), config.to_string()).unwrap();
    Checkpoint::open(dir).unwrap()
}

fn softmax(logits: impl Iterator<Item = f64>) -> Vec<f64> {
    let logits: Vec<f64> = logits.collect();
    let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|l| (l - most).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|p| p / sum).collect()
}

/// Mean divergence of the chip's distribution from the float model's, nats, in each quarter of the text; and clamps in all.
fn divergence(checkpoint: &Checkpoint, state_bits: u8, text: &[u32]) -> ([f64; WINDOWS], u64) {
    let wide = Options { bits: Some(8), act_bits: Some(16), kv_bits: Some(12), ..Options::default() };
    let (chip, _guard) = common::chip(checkpoint, &Options { state_bits: Some(state_bits), context: Some(POSITIONS as u32), ..wide });
    let float = FloatModel::new(checkpoint).unwrap();
    let float = float.with_matrices(&mut |path| chip_weights(checkpoint, &chip, path)).unwrap();
    let vocab = checkpoint.config().vocab;
    let logits = float.forward_block(&mut float.start(), text).unwrap();
    let engine = Engine::new(&chip);
    let mut state = engine.start();
    let (_, head) = chip.netlist().units().find(|(_, u)| u.path == "lm_head").unwrap();
    let mut sums = [0.0; WINDOWS];
    for (i, &token) in text.iter().enumerate() {
        let step = engine.step(&mut state, 0, token).unwrap();
        let p = softmax(logits[i * vocab..(i + 1) * vocab].iter().map(|&l| f64::from(l)));
        let q = softmax(step.logits.iter().map(|&l| head.out.value(i64::from(l))));
        sums[i * WINDOWS / text.len()] +=
            p.iter().zip(&q).filter(|(p, _)| **p > 0.0).map(|(p, q)| p * (p / q.max(1e-300)).ln()).sum::<f64>();
    }
    (sums.map(|s| s * WINDOWS as f64 / text.len() as f64), state.saturations.iter().sum())
}

#[test]
fn the_error_of_a_state_does_not_grow_with_the_text() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = checkpoint(dir.path());
    let text: Vec<u32> = (0..POSITIONS as u32).map(|i| i.wrapping_mul(2_654_435_761).rotate_left(11) % 96).collect();
    let mut of = Vec::new();
    for bits in [12, 16, 20, 24, 32] {
        let (kl, clamps) = divergence(&checkpoint, bits, &text);
        println!("{bits} bits: {:.2e} {:.2e} {:.2e} {:.2e} nats, {clamps} clamps", kl[0], kl[1], kl[2], kl[3]);
        of.push(kl);
    }
    // The width that is the default loses nothing to a wider one, and the last quarter is no worse than the text as a whole.
    let mean = |kl: &[f64; WINDOWS]| kl.iter().sum::<f64>() / WINDOWS as f64;
    let (narrow, chosen, widest) = (&of[0], &of[3], &of[4]);
    assert!(mean(chosen) < 1.25 * mean(widest), "{chosen:?} against {widest:?}");
    assert!(chosen[WINDOWS - 1] < 2.0 * mean(chosen), "{chosen:?}");
    assert!(mean(narrow) > 4.0 * mean(chosen), "12 bits are seen: {narrow:?} against {chosen:?}");
}
