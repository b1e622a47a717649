//! An 8 B chip in the viewer: time to open it, to its first frame, until all pictures are there, until it is checked; memory; and CPU time
//! of a frame, layout and tessellation without pixels, at five distances, as the window would draw it once its pictures are there.

#[path = "../tests/common/large.rs"]
mod large;

use criterion::{Criterion, criterion_group, criterion_main};
use hardwire_netlist::Chip;
use hardwire_viewer::headless::Headless;
use hardwire_viewer::{App, Options, check};
use std::hint::black_box;
use std::time::Instant;

fn zeros(bytes: u64) -> String {
    let (mut hasher, piece) = (blake3::Hasher::new(), vec![0u8; 1 << 20]);
    let mut left = bytes;
    while left > 0 {
        let some = left.min(piece.len() as u64);
        hasher.update(&piece[..some as usize]);
        left -= some;
    }
    hasher.finalize().to_hex().to_string()
}

fn frames(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = large::write(folder.path(), zeros);
    let start = Instant::now();
    let chip = Chip::open_structure(&path).unwrap();
    println!("8 B chip of {:.2} GB: opened in {:.0} ms", bytes as f64 * 1e-9, start.elapsed().as_secs_f64() * 1e3);
    drop(chip);
    let start = Instant::now();
    let mut window = Headless::new(|ctx| App::open(ctx, &path, Options::default()), 1600, 1000).unwrap();
    while window.app.view().is_none() {
        window.frame();
    }
    window.frame();
    println!("first frame of the map {:.0} ms after the start, opening included", start.elapsed().as_secs_f64() * 1e3);
    let mut pictures = false;
    while let Some(view) = window.app.view() {
        if !pictures && !view.flying() && view.pictures.missing() == 0 {
            pictures = true;
            println!("all pictures of the die after {:.2} s, {:.0} MB resident", start.elapsed().as_secs_f64(), large::memory_mb().0);
        }
        if view.check.state == check::State::Done {
            break;
        }
        window.frame();
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let (all, own, most) = large::memory_mb();
    let seconds = start.elapsed().as_secs_f64();
    println!("checked after {seconds:.2} s; resident {all:.0} MB, {own:.0} MB without mapped pages, {most:.0} MB at most");
    let mut group = c.benchmark_group("frame of an 8 B chip");
    for (name, path) in large::PLACES {
        if let Some(view) = window.app.view_mut() {
            view.go_path(path, 0.0).unwrap();
        }
        window.settle().unwrap();
        let triangles = window.frame();
        println!("{name}: {triangles} triangles");
        group.bench_function(name, |b| b.iter(|| black_box(window.frame())));
    }
    group.finish();
    let (all, own, most) = large::memory_mb();
    println!("after all five: resident {all:.0} MB, {own:.0} MB without mapped pages, {most:.0} MB at most");
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50).measurement_time(std::time::Duration::from_secs(3));
    targets = frames
}
criterion_main!(benches);
