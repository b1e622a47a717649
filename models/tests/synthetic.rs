//! Synthetic checkpoints: readable, deterministic, and never half there.

use hardwire_models::synthetic::{Synthetic, Written};
use hardwire_models::{Checkpoint, Error};
use std::path::Path;

const CONFIG: &str = r#"{"model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 1000, "max_position_embeddings": 128, "tie_word_embeddings": false}"#;

fn write(dir: &Path, name: &str, seed: u64) -> Result<Written, Error> {
    let config = dir.join("config.json");
    std::fs::write(&config, CONFIG).unwrap();
    Synthetic { seed, shard_bytes: 100_000 }.write(&config, &dir.join(name), &|done, total| assert!(done <= total))
}

fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut out: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap())
        .map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap()))
        .collect();
    out.sort();
    out
}

#[test]
fn it_opens_as_a_checkpoint_whose_weights_look_trained() {
    let dir = tempfile::tempdir().unwrap();
    let written = write(dir.path(), "model", 7).unwrap();
    let c = Checkpoint::open(&dir.path().join("model")).unwrap();
    assert_eq!(written.parameters, c.config().parameters);
    assert!(written.shards > 2, "{written:?}");
    let w = c.tensor("model.layers.0.mlp.gate_proj.weight").unwrap().to_f32().unwrap();
    let std = (w.iter().map(|x| x * x).sum::<f32>() / w.len() as f32).sqrt();
    assert!((0.1..0.35).contains(&std), "0.16 for 64 inputs, more with the outlier channel: {std}");
    let gains = c.tensor("model.norm.weight").unwrap().to_f32().unwrap();
    assert!(gains.iter().all(|g| (0.3..1.8).contains(g)), "{gains:?}");
    let column = |k: usize| (0..96).map(|n| w[n * 64 + k].abs()).sum::<f32>();
    let mut norms: Vec<f32> = (0..64).map(column).collect();
    norms.sort_by(f32::total_cmp);
    assert!(norms[63] > 3.0 * norms[32], "an outlier channel: {norms:?}");
}

#[test]
fn the_seed_and_nothing_else_decides_the_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let run = |name: &str, seed, threads| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| write(dir.path(), name, seed).unwrap());
        files(&dir.path().join(name))
    };
    let first = run("a", 1, 1);
    assert!(first == run("b", 1, 3));
    assert!(first != run("c", 2, 1));
}

#[test]
fn an_occupied_folder_and_a_shape_without_weights_are_refused_and_nothing_is_left() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("full")).unwrap();
    std::fs::write(dir.path().join("full/thesis"), "precious").unwrap();
    let error = write(dir.path(), "full", 1).unwrap_err().to_string();
    assert!(error.contains("full") && error.contains("absent or empty"), "{error}");
    std::fs::write(dir.path().join("odd.json"), CONFIG.replace("llama", "mamba")).unwrap();
    Synthetic::default().write(&dir.path().join("odd.json"), &dir.path().join("x"), &|_, _| {}).unwrap_err();
    let mut left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["config.json", "full", "odd.json"]);
}
