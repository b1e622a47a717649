//! The programs of `examples/`: all are short, and what they do works.

use std::path::Path;

#[path = "../examples/compile_and_generate.rs"]
mod compile_and_generate;
#[path = "../examples/plan_a_sweep.rs"]
mod plan_a_sweep;

#[test]
fn a_chip_is_compiled_and_writes() {
    compile_and_generate::main().unwrap();
}

#[test]
fn a_sweep_is_planned() {
    plan_a_sweep::main().unwrap();
}

#[test]
fn examples_are_short() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(files.len(), 3);
    for file in files {
        assert!(std::fs::read_to_string(&file).unwrap().lines().count() < 60, "{}", file.display());
    }
}
