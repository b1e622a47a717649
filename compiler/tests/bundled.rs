//! The bundled checkpoint through the whole compiler.

use hardwire_compiler::{Options, compile};
use hardwire_models::Checkpoint;
use hardwire_netlist::{Chip, census};
use std::path::Path;

fn compile_to(dir: &Path, options: &Options) -> Chip {
    compile(&Checkpoint::bundled(), options, dir, &|_| {}).unwrap()
}

#[test]
fn the_bundled_grid_is_kept_exactly() {
    let dir = tempfile::tempdir().unwrap();
    let chip = compile_to(&dir.path().join("tales"), &Options::default());
    for q in &chip.structure.quality {
        assert!(q.lossless && q.relative_square_error == 0.0, "{q:?}");
    }
    // Every weight of one matrix, read back from the chip, is the checkpoint's.
    let checkpoint = Checkpoint::bundled();
    for (path, name) in [("layers.2.mlp.down_proj", "model.layers.2.mlp.down_proj.weight"), ("embed_tokens", "model.embed_tokens.weight")] {
        let (_, m) = chip.structure.matrices().find(|(p, _)| *p == path).unwrap();
        let view = chip.programs.matrix(m.program);
        let tensor = checkpoint.tensor(name).unwrap();
        let mut row = vec![0f32; tensor.cols()];
        let unit = chip.netlist().unit(chip.netlist().find(path).unwrap());
        let base = if path == "embed_tokens" {
            -i32::from(unit.out.frac)
        } else {
            let feed = chip.netlist().inputs(chip.netlist().find(path).unwrap())[0];
            i32::from(chip.netlist().unit(feed).out.frac) - i32::from(unit.out.frac)
        };
        for n in 0..m.outputs {
            tensor.row_f32(n as usize, &mut row).unwrap();
            for k in 0..m.inputs {
                let v = m.codebook[usize::from(view.code(n, k))];
                let exponent = base - view.shift(n);
                let w = f64::from(view.scale(n, k / m.group) * v) * f64::from(exponent).exp2();
                assert_eq!(w as f32, row[k as usize], "{path}[{n},{k}]");
            }
        }
    }
}

#[test]
fn same_bytes_at_any_thread_count_and_on_a_second_run() {
    let dir = tempfile::tempdir().unwrap();
    let run = |name: &str, threads: usize| {
        let target = dir.path().join(name);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| compile_to(&target, &Options { bits: Some(3), ..Options::default() }));
        ["chip.json", "program.bin", "tokenizer.json", "manifest.json"].map(|f| std::fs::read(target.join(f)).unwrap())
    };
    let first = run("a", 1);
    assert!(first == run("b", 2));
    assert!(first == run("a", 2), "replacing a chip gives the same chip");
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "only the two chips remain: {left:?}");
}

#[test]
fn census_counts_every_parameter_and_the_floorplan_has_no_conflict() {
    let dir = tempfile::tempdir().unwrap();
    let chip = compile_to(&dir.path().join("tales"), &Options::default());
    let c = Checkpoint::bundled().config().clone();
    let layer = 2 * c.hidden * c.heads * c.head_dim + 2 * c.hidden * c.kv_heads * c.head_dim + 3 * c.hidden * c.ffn;
    let independent = 2 * c.vocab * c.hidden + c.layers * layer;
    assert_eq!(census::total(chip.netlist()).weights, independent as u64);
    assert_eq!(chip.structure.floorplan.conflict(), None);
}

#[test]
fn folders_that_hold_something_else_and_broken_chips_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let other = dir.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("thesis.txt"), "precious").unwrap();
    let error = compile(&Checkpoint::bundled(), &Options::default(), &other, &|_| {}).err().unwrap().to_string();
    assert!(error.contains("other") && error.contains("not a Hardwire chip"), "{error}");
    assert_eq!(std::fs::read_to_string(other.join("thesis.txt")).unwrap(), "precious");

    let target = dir.path().join("chip");
    compile_to(&target, &Options::default());
    for (file, cut) in [("program.bin", 1000), ("chip.json", 10), ("manifest.json", 3)] {
        let path = target.join(file);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let error = Chip::open(&target).err().expect(file).to_string();
        assert!(error.contains(file), "{file}: {error}");
        std::fs::write(&path, &whole).unwrap();
    }
    Chip::open(&target).unwrap();
}

#[test]
fn options_out_of_range_name_themselves() {
    let dir = tempfile::tempdir().unwrap();
    for (options, name) in [
        (Options { bits: Some(5), ..Options::default() }, "bits"),
        (Options { context: Some(513), ..Options::default() }, "context"),
        (Options { lanes: Some(12), ..Options::default() }, "lanes"),
        (Options { node: Some("N3".into()), ..Options::default() }, "node"),
        (Options { tile_rows: Some(0), ..Options::default() }, "tile-rows"),
    ] {
        let error = compile(&Checkpoint::bundled(), &options, &dir.path().join("x"), &|_| {}).err().unwrap().to_string();
        assert!(error.contains(&format!("option {name}")), "{error}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
