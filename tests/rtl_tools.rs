//! Emitted Verilog under outside tools: Verilator's lint, Icarus (elaborated and run), Yosys (read, checked, no latches); and the
//! folder it is written to.

mod common;

use common::rtl::{self, Draw, Small};
use hardwire_compiler::Options;
use hardwire_netlist::Chip;
use hardwire_rtl_gen::{Options as RtlOptions, emit};
use hardwire_sim::timing;
use std::path::Path;
use std::process::{Command, Output};

const SMALL: Small = Small { hidden: 16, ffn: 12, layers: 1, heads: 2, kv_heads: 1, head_dim: 4, vocab: 11, context: 9 };

fn small() -> (Chip, tempfile::TempDir, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = rtl::checkpoint(&SMALL, &mut Draw(7), &dir.path().join("checkpoint"));
    let options =
        Options { lanes: Some(4), tile_rows: Some(8), tile_cols: Some(8), group: Some(8), pos_lanes: Some(2), ..Options::default() };
    let (chip, guard) = common::chip(&checkpoint, &options);
    (chip, dir, guard)
}

fn run(dir: &Path, tool: &str, args: &[&str]) -> Output {
    Command::new(tool).current_dir(dir).args(args).output().unwrap()
}

fn text(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

#[test]
fn verilator_lint_is_clean() {
    if !rtl::has("verilator", "--version") {
        return;
    }
    let (chip, dir, _guard) = small();
    let out = dir.path().join("rtl");
    emit(&chip, &out, &RtlOptions::default()).unwrap();
    let lint = run(&out, "verilator", &["--lint-only", "-Wall", "--top-module", "hardwire_tb", "-Irtl", "lint.vlt", "tb/hardwire_tb.v"]);
    assert!(lint.status.success() && lint.stderr.is_empty(), "{}", text(&lint));
    for kind in ["embed", "rms_norm", "row_feed", "mvm", "rope", "attention", "gated_act", "add", "argmax"] {
        let unit = dir.path().join(kind);
        emit(&chip, &unit, &RtlOptions { unit_kind: Some(kind.into()), ..RtlOptions::default() }).unwrap();
        let (top, file) = (format!("unit_{kind}"), format!("rtl/unit_{kind}.v"));
        let lint = run(&unit, "verilator", &["--lint-only", "-Wall", "--top-module", &top, "-Irtl", "lint.vlt", &file]);
        assert!(lint.status.success() && lint.stderr.is_empty(), "{kind}: {}", text(&lint));
    }
}

#[test]
fn icarus_runs_the_same_chip() {
    if !rtl::has("iverilog", "-V") {
        return;
    }
    let (chip, dir, _guard) = small();
    let out = dir.path().join("rtl");
    emit(&chip, &out, &RtlOptions { probe: true, ..RtlOptions::default() }).unwrap();
    let trace = rtl::run_icarus(&out, &[1, 4, 0], 2, true);
    rtl::compare(&chip, &trace, &[vec![1, 4, 0]], 2);
    let cycles: Vec<u64> = trace.tokens.iter().map(|t| t.cycle).collect();
    assert_eq!(cycles, timing::generate(chip.netlist(), 3, 2));
}

#[test]
fn yosys_finds_no_fault_and_no_latch() {
    let (chip, dir, _guard) = small();
    let out = dir.path().join("rtl");
    emit(&chip, &out, &RtlOptions::default()).unwrap();
    let script = "read_verilog -sv -defer -Irtl rtl/*.v; hierarchy -check -top hardwire_chip; proc; check -assert; \
                  select -assert-none t:$dlatch t:$adlatch t:$dlatchsr t:$_DLATCH_*_";
    // Debian's Yosys, and the current one that PyPI's pyosys brings.
    let mut ran = false;
    if rtl::has("yosys", "-V") {
        let done = run(&out, "yosys", &["-q", "-p", script]);
        assert!(done.status.success(), "{}", text(&done));
        ran = true;
    }
    let python = std::env::var("HARDWIRE_PYTHON").unwrap_or_else(|_| "python3".into());
    let with = format!(
        "import sys\ntry:\n  from pyosys import libyosys as ys\nexcept ImportError:\n  sys.exit(77)\nd=ys.Design()\n\
         for c in {script:?}.split('; '): ys.run_pass(c.strip(), d)"
    );
    let done = run(&out, &python, &["-c", &with]);
    match done.status.code() {
        Some(77) => eprintln!("skipped: PyPI pyosys is not installed for {python}"),
        _ => {
            assert!(done.status.success(), "{}", text(&done));
            ran = true;
        }
    }
    if !ran {
        eprintln!("skipped: no Yosys");
    }
}

#[test]
fn same_bytes_and_no_strangers_replaced() {
    let (chip, dir, _guard) = small();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    let first = emit(&chip, &a, &RtlOptions::default()).unwrap();
    assert_eq!(first, emit(&chip, &b, &RtlOptions::default()).unwrap());
    assert_eq!(digest(&a), digest(&b));
    // Once more over itself.
    emit(&chip, &a, &RtlOptions::default()).unwrap();
    assert_eq!(digest(&a), digest(&b));

    let strange = dir.path().join("strange");
    std::fs::create_dir(&strange).unwrap();
    std::fs::write(strange.join("thesis.tex"), "dear").unwrap();
    let error = emit(&chip, &strange, &RtlOptions::default()).unwrap_err().to_string();
    assert!(error.contains("strange") && error.contains("another output folder"), "{error}");
    assert_eq!(std::fs::read_to_string(strange.join("thesis.tex")).unwrap(), "dear");

    let error = emit(&chip, &dir.path().join("c"), &RtlOptions { unit_kind: Some("flux".into()), ..RtlOptions::default() }).unwrap_err();
    assert!(error.to_string().contains("flux") && error.to_string().contains("rms_norm"), "{error}");
    let error = emit(&chip, &dir.path().join("c"), &RtlOptions { layers: Some(1..3), ..RtlOptions::default() }).unwrap_err();
    assert!(error.to_string().contains("layers 0..1"), "{error}");
    assert!(!dir.path().join("c").exists());
}

/// Every file's name and bytes, sorted.
fn digest(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(d) = open.pop() {
        for e in std::fs::read_dir(d).unwrap() {
            let path = e.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                all.push((path.strip_prefix(dir).unwrap().display().to_string(), std::fs::read(&path).unwrap()));
            }
        }
    }
    all.sort();
    all
}
