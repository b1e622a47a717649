//! Speed of the fast engine and of compilation, with the bytes and operations they cannot avoid.
//!
//! A token reads every code and scale once, so its floor is those bytes over this machine's memory bandwidth; it multiplies every
//! weight once. `cargo bench` prints the time a token at one thread and at two; criterion's throughput is the bytes read a second, and the
//! counts of bytes and products are printed before.

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
    let named = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
    let (smollm2, gemma3) = (named("HARDWIRE_SMOLLM2_GGUF"), named("HARDWIRE_GEMMA3_GGUF"));
    for (name, path) in [("stories260K", Some(stories)), ("smollm2-135m", smollm2), ("gemma-3-270m", gemma3)] {
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
        let products: u64 = chip.structure.matrices().filter(|(path, _)| *path != "embed_tokens").map(|(_, m)| m.weights()).sum();
        println!("{name}: {} bytes read and {products} products a token", engine.bytes_per_token());
        let mut group = c.benchmark_group("token");
        group.throughput(Throughput::Bytes(engine.bytes_per_token() as u64));
        group.sample_size(20);
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            group.bench_function(format!("{name}, {threads} threads"), |b| {
                let mut state = engine.start();
                for _ in 0..CONTEXT {
                    engine.step(&mut state, 0, 1).unwrap();
                }
                b.iter(|| {
                    state.truncate(0, CONTEXT);
                    pool.install(|| engine.step(&mut state, 0, 1).unwrap().top)
                });
            });
        }
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
