//! Speed of the fast engine and of compilation, with the bytes and operations they cannot avoid.
//!
//! A token reads every code and scale once, so its floor is those bytes over this machine's memory bandwidth; it multiplies every
//! weight once. `cargo bench` prints the time a token; criterion's throughput is the bytes of the program file a second.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hardwire_compiler::{Options, compile};
use hardwire_models::Checkpoint;
use hardwire_netlist::Chip;
use hardwire_sim::engine::Engine;
use std::path::{Path, PathBuf};

/// Positions filled before timing: a typical short context.
const CONTEXT: u32 = 64;

fn checkpoints() -> Vec<(&'static str, Checkpoint)> {
    let mut out = vec![("tales", Checkpoint::bundled())];
    let stories = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/checkpoints/stories260K");
    let smollm2 = std::env::var_os("HARDWIRE_SMOLLM2_GGUF").map(PathBuf::from);
    for (name, path) in [("stories260K", Some(stories)), ("smollm2-135m", smollm2)] {
        match path.filter(|p| p.exists()) {
            Some(p) => out.push((name, Checkpoint::open(&p).unwrap())),
            None => eprintln!("skipped: {name} is not here"),
        }
    }
    out
}

fn token(c: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    for (name, checkpoint) in checkpoints() {
        let chip: Chip = compile(&checkpoint, &Options::default(), &dir.path().join(name), &|_| {}).unwrap();
        let engine = Engine::new(&chip);
        let matrices = chip.structure.matrices().filter(|(path, _)| *path != "embed_tokens");
        let bytes: f64 = matrices.map(|(_, m)| m.weights() as f64 * m.bits_per_weight() / 8.0).sum();
        let mut group = c.benchmark_group("token");
        group.throughput(Throughput::Bytes(bytes as u64));
        group.sample_size(20);
        group.bench_function(name, |b| {
            let mut state = engine.start();
            for _ in 0..CONTEXT {
                engine.step(&mut state, 0, 1).unwrap();
            }
            b.iter(|| {
                state.truncate(0, CONTEXT);
                engine.step(&mut state, 0, 1).unwrap().top
            });
        });
        group.finish();
    }
}

fn compilation(c: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    for (name, checkpoint) in checkpoints() {
        let mut group = c.benchmark_group("compile");
        group.throughput(Throughput::Elements(checkpoint.config().parameters));
        group.sample_size(10);
        group.bench_function(name, |b| {
            b.iter(|| compile(&checkpoint, &Options::default(), &dir.path().join(name), &|_| {}).unwrap());
        });
        group.finish();
    }
}

criterion_group!(benches, token, compilation);
criterion_main!(benches);
