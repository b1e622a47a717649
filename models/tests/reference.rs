//! The float reference's own promises: the same bits at any thread count, every node shown.

mod common;

use common::*;
use hardwire_models::{Checkpoint, FloatModel, argmax};
use serde_json::json;
use tempfile::tempdir;

fn logits(checkpoint: &Checkpoint, tokens: &[u32]) -> Vec<f32> {
    let model = FloatModel::new(checkpoint).unwrap();
    let mut state = model.start();
    tokens.iter().map(|&t| model.forward(&mut state, t).unwrap()).next_back().unwrap()
}

#[test]
fn threads_change_no_bit() {
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| logits(&Checkpoint::bundled(), &[0, 47, 78, 370, 778]))
    };
    let one = run(1);
    for threads in [2, 3] {
        let same = one.iter().zip(run(threads)).all(|(a, b)| a.to_bits() == b.to_bits());
        assert!(same, "{threads} threads");
    }
}

/// A block of tokens gives the bits that its tokens give one by one, whatever the blocks.
#[test]
fn blocks_change_no_bit() {
    let model = FloatModel::new(&Checkpoint::bundled()).unwrap();
    let text: Vec<u32> = (0..300).map(|i| (i * i * 7 + i) % 1024).collect();
    let mut state = model.start();
    let one: Vec<Vec<f32>> = text.iter().map(|&t| model.forward(&mut state, t).unwrap()).collect();
    let bits = |x: &[f32]| x.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    for size in [3, 64, 300] {
        let mut state = model.start();
        let blocks: Vec<f32> = text.chunks(size).flat_map(|block| model.forward_block(&mut state, block).unwrap()).collect();
        assert_eq!(bits(&one.concat()), bits(&blocks), "blocks of {size}");
    }
    let mut state = model.start();
    assert_eq!(bits(&model.prefill(&mut state, &text).unwrap()), bits(one.last().unwrap()));
    assert_eq!(state.position(), 300);
    assert!(model.prefill(&mut state, &[]).unwrap().is_empty());

    let losses = model.losses(&mut model.start(), &text).unwrap();
    assert_eq!(losses.len(), 299);
    for ((loss, logits), &next) in losses.iter().zip(&one).zip(&text[1..]) {
        let sum: f64 = logits.iter().map(|&l| f64::from(l - logits[next as usize]).exp()).sum();
        assert!((loss - sum.ln()).abs() < 1e-5, "{loss} against {}", sum.ln());
    }
}

#[test]
fn a_probe_sees_every_node_once_in_order() {
    let checkpoint = Checkpoint::bundled();
    let graph = checkpoint.graph();
    let model = FloatModel::new(&checkpoint).unwrap();
    let mut state = model.start();
    let (mut seen, mut last) = (vec![], vec![]);
    let logits = model
        .forward_probed(&mut state, &[0], &mut |path, values| {
            seen.push((path.to_owned(), values.len()));
            last = values.to_vec();
        })
        .unwrap();
    let nodes = graph.topological_order().into_iter().map(|n| &graph.graph[n]);
    assert_eq!(seen, nodes.map(|n| (n.path.clone(), n.width)).collect::<Vec<_>>());
    assert_eq!((logits, state.position()), (last, 1));
}

#[test]
fn a_refused_token_leaves_the_state() {
    let checkpoint = Checkpoint::bundled();
    let model = FloatModel::new(&checkpoint).unwrap();
    let (mut with, mut without) = (model.start(), model.start());
    model.forward(&mut with, 5).unwrap();
    model.forward(&mut without, 5).unwrap();
    model.forward_block(&mut with, &[6, 1024]).unwrap_err();
    model.forward_block(&mut with, &[6; 1024]).unwrap_err();
    assert_eq!(model.forward(&mut with, 6).unwrap(), model.forward(&mut without, 6).unwrap());
}

/// Biases are read, needed and added: a bias on the values moves the logits, a zero one does not.
#[test]
fn projections_with_a_bias() {
    let folder = tempdir().unwrap();
    let run = |bias: f32| {
        let mut config = config();
        config["attention_bias"] = json!(true);
        let mut all = tensors();
        for (part, width) in [("q", HIDDEN), ("k", KV), ("v", KV), ("o", HIDDEN)] {
            let value = if part == "v" { bias } else { 0.0 };
            all.push(Stored {
                name: format!("model.layers.0.self_attn.{part}_proj.bias"),
                dtype: "F32".into(),
                shape: vec![width],
                bytes: value.to_le_bytes().repeat(width),
            });
        }
        write_folder(folder.path(), &config, &safetensors(&all));
        logits(&Checkpoint::open(folder.path()).unwrap(), &[1, 2, 3])
    };
    let (zero, one) = (run(0.0), run(1.0));
    write_folder(folder.path(), &config(), &safetensors(&tensors()));
    assert_eq!(zero, logits(&Checkpoint::open(folder.path()).unwrap(), &[1, 2, 3]));
    assert_ne!(zero, one);

    let mut config = config();
    config["mlp_bias"] = json!(true);
    write_folder(folder.path(), &config, &safetensors(&tensors()));
    refused(folder.path(), &["mlp.gate_proj.bias", "missing", "[64]"]);
}

/// One model in three dtypes that hold its weights exactly computes the same.
#[test]
fn half_width_weights_that_are_exact_change_nothing() {
    let folder = tempdir().unwrap();
    let run = |dtype: &str| {
        let mut all = tensors();
        for tensor in &mut all {
            tensor.dtype = dtype.into();
            let floats = tensor.bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
            // Multiples of 1/64 of at most four bits are exact in both.
            tensor.bytes = match dtype {
                "F16" => floats.flat_map(|w| half::f16::from_f32(w).to_le_bytes()).collect(),
                "BF16" => floats.flat_map(|w| half::bf16::from_f32(w).to_le_bytes()).collect(),
                _ => continue,
            };
        }
        write_folder(folder.path(), &config(), &safetensors(&all));
        let checkpoint = Checkpoint::open(folder.path()).unwrap();
        (logits(&checkpoint, &[1, 2, 3]), checkpoint.digest())
    };
    let (f32_logits, f32_digest) = run("F32");
    for dtype in ["F16", "BF16"] {
        let (logits, digest) = run(dtype);
        assert_eq!(logits, f32_logits, "{dtype}");
        assert_ne!(digest, f32_digest);
    }
    assert_eq!(run("F32").1, f32_digest);
}

#[test]
fn argmax_takes_the_first_of_equals() {
    assert_eq!(argmax(&[1.0, 3.0, 3.0]), 1);
    assert_eq!(argmax(&[-3.0, -1.0]), 1);
    assert_eq!(argmax(&[]), 0);
}
