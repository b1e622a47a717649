//! A compilation in shards gives the bytes of one run, whatever their number and order; what does not belong together is refused.

mod cli;
mod common;

use cli::{folder, hardwire};
use common::rtl::{self, Draw, Small};
use hardwire_compiler::folding::Fold;
use hardwire_compiler::{Error, Options, Part, compile, compile_shard, merge};
use hardwire_models::Checkpoint;
use std::path::{Path, PathBuf};

const SHAPE: Small = Small { hidden: 32, ffn: 40, layers: 3, heads: 2, kv_heads: 1, head_dim: 8, vocab: 48, context: 16 };

fn weights(seed: u64, dir: &Path) -> Checkpoint {
    rtl::checkpoint(&SHAPE, &mut Draw(seed), &dir.join(format!("weights{seed}")))
}

fn shards(checkpoint: &Checkpoint, options: &Options, of: u32, dir: &Path) -> Vec<PathBuf> {
    let made = |index| {
        let target = dir.join(format!("{index}"));
        compile_shard(checkpoint, options, Part { index, of }, &target, &|_| {}).unwrap();
        target
    };
    // Each by itself, the last first.
    (1..=of).rev().map(made).collect()
}

#[test]
fn shards_make_the_bytes_of_one_run() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let margin = Options { margin: "1,slots=1".parse().unwrap(), ..rtl::folded(Fold::Layers(3), 2) };
    let plain = Options { context: Some(16), ..Options::default() };
    let cases = [
        ("random", weights(1, dir.path()), margin, 5),
        ("tales", Checkpoint::bundled(), plain.clone(), 3),
        ("many", Checkpoint::bundled(), plain, 60),
    ];
    for (name, checkpoint, options, of) in cases {
        let whole = compile(&checkpoint, &options, &at(&format!("{name}.whole")), &|_| {}).unwrap();
        let parts = shards(&checkpoint, &options, of, &at(&format!("{name}.shards")));
        // A task that is done again writes the same.
        let first = folder(&parts[0]);
        let index = parts.len() as u32;
        compile_shard(&checkpoint, &options, Part { index, of }, &parts[0], &|_| {}).unwrap();
        assert!(first == folder(&parts[0]));
        let joined = merge(&checkpoint, &options, &parts, &at(&format!("{name}.joined")), &|_| {}).unwrap();
        assert!(folder(&whole.folder) == folder(&joined.folder), "{name}");
    }
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (checkpoint, options) = (weights(1, dir), rtl::folded(Fold::Layers(1), 1));
    let parts = shards(&checkpoint, &options, 3, &dir.join("a"));
    let join = |checkpoint: &Checkpoint, options: &Options, parts: &[PathBuf]| {
        let result = merge(checkpoint, options, parts, &dir.join("out"), &|_| {});
        assert!(result.is_ok() || !dir.join("out").exists());
        result.map(|_| ()).map_err(|e| e.to_string())
    };
    let refuses = |result: Result<(), String>, part: &str| {
        let said = result.unwrap_err();
        assert!(said.contains(part), "{said}");
    };
    refuses(join(&checkpoint, &options, &parts[1..]), "shard 3/3 of its run is missing");
    refuses(join(&checkpoint, &options, &[&parts[..], &parts[..1]].concat()), "shard 3/3, and so is");
    let six_bits = Options { bits: Some(6), ..options.clone() };
    let other = shards(&checkpoint, &six_bits, 3, &dir.join("b"));
    refuses(join(&checkpoint, &options, &[&parts[..2], &other[2..]].concat()), "a shard of another run");
    let cut = shards(&checkpoint, &options, 4, &dir.join("c"));
    refuses(join(&checkpoint, &options, &[&parts[..2], &cut[..1]].concat()), "4/4");
    // Weights of the same shape: formats differ, or the tensors that shards have read.
    refuses(join(&weights(2, dir), &options, &parts), "another");
    // One weight of one matrix changes, and with it no format.
    let path = dir.join("weights1/model.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 4 * SHAPE.hidden - 4;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    refuses(join(&Checkpoint::open(&dir.join("weights1")).unwrap(), &options, &parts), "the checkpoint has changed since");

    let file = parts[0].join("program.bin");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[0] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    refuses(join(&checkpoint, &options, &parts), "program.bin: digest: does not match");
    let calibrated = Options { quantizer: hardwire_compiler::Quantizer::Gptq, ..options.clone() };
    let refused = compile_shard(&checkpoint, &calibrated, Part { index: 1, of: 2 }, &dir.join("x"), &|_| {});
    assert!(matches!(refused, Err(Error::Option { option: "quantizer", .. })));
}

#[test]
fn the_commands_shard_and_merge() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let compiled =
        |extra: &[&str], to: &str| hardwire(&[&["compile", "-q", "tales", "--context", "16"], extra, &["-o"]].concat(), &[&at(to)]);
    assert!(compiled(&[], "whole").ok());
    for (part, to) in [("2/2", "two"), ("1/2", "one")] {
        let run = compiled(&["--shard", part], to);
        assert!(run.ok() && run.stdout.trim_end().ends_with(to), "{run:?}");
    }
    let run = hardwire(&["merge", "tales", "--context", "16", "-o"], &[&at("joined"), &at("one"), &at("two")]);
    assert!(run.ok() && run.stderr.contains("tokens/s"), "{run:?}");
    assert!(folder(&at("whole")) == folder(&at("joined")));
    hardwire(&["merge", "-q", "tales", "--context", "32", "-o"], &[&at("x"), &at("one"), &at("two")]).refuses(&["a shard of another run"]);
    assert_eq!(compiled(&["--shard", "3/2"], "x").code, Some(2));
}
