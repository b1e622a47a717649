//! The bodies of `fuzz/` for some seconds each, on the stable compiler: a mutator that knows JSON's, TOML's and CSV's words, from the same seeds.
//! `HARDWIRE_FUZZ_SECONDS=600 cargo test --test fuzz_readers` runs each for as long; `fuzz/README.md` says how to run them under libFuzzer.

#[path = "../fuzz/bodies.rs"]
mod bodies;
mod common;

use bodies::TARGETS;
use common::rtl::Draw;
use hardwire_compiler::Options;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest input: seeds are shorter.
const MOST_BYTES: usize = 1 << 17;
/// One input's time on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// What has broken parsers: ends of number ranges, names of fields, structure.
const WORDS: &[&str] = &[
    "0",
    "-1",
    "1",
    "255",
    "65536",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "-9223372036854775808",
    "1e308",
    "1e999",
    "-0.0",
    "NaN",
    "Infinity",
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "[[[[[[[[",
    "}}}}",
    "\"\\u0000\"",
    "\u{202e}",
    "\n",
    ",",
    ":",
    "=",
    "\"layer_types\"",
    "\"num_hidden_layers\"",
    "\"rope_scaling\"",
    "\"shape\"",
    "\"data_offsets\"",
    "\"path\"",
    "\"inputs\"",
];

fn seconds() -> f64 {
    std::env::var("HARDWIRE_FUZZ_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(2.0)
}

fn seeds(paths: &[&str]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for path in paths.iter().map(|p| Path::new(env!("CARGO_MANIFEST_DIR")).join(p)) {
        let files = if path.is_dir() { fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()).collect() } else { vec![path] };
        out.extend(files.iter().map(|f| fs::read(f).unwrap_or_else(|e| panic!("{}: {e}", f.display()))));
    }
    assert!(!out.is_empty() && out.iter().all(|s| s.len() < MOST_BYTES));
    out
}

/// One to eight changes of a seed.
fn mutated(seeds: &[Vec<u8>], draw: &mut Draw) -> Vec<u8> {
    let mut bytes = seeds[draw.next() as usize % seeds.len()].clone();
    for _ in 0..1 + draw.next() % 8 {
        let length = bytes.len().max(1);
        // Headers decide most, and stand at the beginning.
        let reach = if draw.next().is_multiple_of(2) { length } else { length.min(2048) };
        let at = (draw.next() as usize % reach).min(bytes.len());
        let end = (at + 1 + draw.next() as usize % 16).min(bytes.len());
        match draw.next() % 8 {
            0 if at < bytes.len() => bytes[at] ^= 1 << (draw.next() % 8),
            1 if at < bytes.len() => bytes[at] = draw.next() as u8,
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            5 => drop(bytes.splice(at..at, draw.of(WORDS).bytes())),
            6 => {
                // A number, whole, becomes another word.
                let digits = |b: &u8| b.is_ascii_digit() || *b == b'-';
                if let Some(from) = bytes[at..].iter().position(digits).map(|p| at + p) {
                    let to = bytes[from..].iter().position(|b| !digits(b)).map_or(bytes.len(), |p| from + p);
                    bytes.splice(from..to, draw.of(WORDS).bytes());
                }
            }
            _ => {
                let other = &seeds[draw.next() as usize % seeds.len()];
                let from = draw.next() as usize % other.len().max(1);
                bytes.truncate(at);
                bytes.extend(&other[from.min(other.len())..]);
            }
        }
        bytes.truncate(MOST_BYTES);
    }
    bytes
}

/// Runs a body; what made it panic or take too long is kept beside the test's binaries.
fn tried(name: &str, body: &dyn Fn(&[u8]), data: &[u8]) {
    let start = Instant::now();
    let fine = catch_unwind(AssertUnwindSafe(|| body(data))).is_ok();
    let took = start.elapsed();
    if !fine || took > PATIENCE {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}"));
        fs::write(&kept, data).unwrap();
        panic!("{name}: {} after {took:?}; the input is {}", if fine { "too long" } else { "a panic" }, kept.display());
    }
}

#[test]
fn readers_refuse_or_read() {
    for target in TARGETS {
        let (seeds, mut draw, start) = (seeds(target.seeds), Draw(16), Instant::now());
        seeds.iter().for_each(|seed| tried(target.name, &target.body, seed));
        let mut runs = 0u64;
        while start.elapsed().as_secs_f64() < seconds() {
            tried(target.name, &target.body, &mutated(&seeds, &mut draw));
            runs += 1;
        }
        eprintln!("{}: {runs} inputs", target.name);
        assert!(runs > 20, "{}: {runs} inputs only", target.name);
    }
}

#[test]
fn forged_chips_are_refused_or_computed_alike() {
    let dir = tempfile::tempdir().unwrap();
    let small = common::rtl::Small { hidden: 16, ffn: 12, layers: 1, heads: 2, kv_heads: 1, head_dim: 4, vocab: 11, context: 9 };
    let checkpoint = common::rtl::checkpoint(&small, &mut Draw(7), &dir.path().join("checkpoint"));
    let options =
        Options { lanes: Some(4), tile_rows: Some(8), tile_cols: Some(8), group: Some(8), pos_lanes: Some(2), ..Options::default() };
    let (chip, _guard) = common::chip(&checkpoint, &options);
    let read = |name: &str| fs::read(chip.folder.join(name)).unwrap();
    let (structure, program) = (vec![read("chip.json")], vec![read("program.bin")]);
    assert!(bodies::chip(&structure[0], &program[0], Some(&dir.path().join("rtl"))), "as it is, it opens");
    let (mut draw, start) = (Draw(16), Instant::now());
    let (mut runs, mut opened) = (0u64, 0u64);
    while start.elapsed().as_secs_f64() < 2.0 * seconds() {
        let (s, p) = match draw.next() % 3 {
            0 => (structure[0].clone(), mutated(&program, &mut draw)),
            1 => (number_changed(&structure[0], &mut draw), program[0].clone()),
            _ => (mutated(&structure, &mut draw), program[0].clone()),
        };
        let mut forged = (s.len() as u32).to_le_bytes().to_vec();
        forged.extend(&s);
        forged.extend(&p);
        tried("chip", &bodies::chip_of, &forged);
        runs += 1;
        if runs.is_multiple_of(16) {
            let folder = dir.path().join("rtl");
            opened += u64::from(bodies::chip(&s, &p, Some(&folder)));
        }
    }
    eprintln!("chip: {runs} forged, {opened} of a sixteenth opened");
    assert!(runs > 20);
}

/// JSON with one number of it changed, so that it stays JSON.
fn number_changed(json: &[u8], draw: &mut Draw) -> Vec<u8> {
    let starts: Vec<usize> = (1..json.len()).filter(|&i| json[i].is_ascii_digit() && b" [:,-".contains(&json[i - 1])).collect();
    let from = starts[draw.next() as usize % starts.len()];
    let to = json[from..].iter().position(|b| !b.is_ascii_digit()).map_or(json.len(), |p| from + p);
    let value: u64 = String::from_utf8_lossy(&json[from..to]).parse().unwrap_or(0);
    let new = match draw.next() % 4 {
        0 => value.wrapping_add(1),
        1 => value.wrapping_sub(1),
        2 => value / 2,
        _ => draw.of(&[0, 1, 2, 7, 64, 255, 1 << 16, u64::from(u32::MAX)]),
    };
    [&json[..from], new.to_string().as_bytes(), &json[to..]].concat()
}
