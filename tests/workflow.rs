//! The Snakemake workflow with its local executor: the chip of one run, and what was lost is made again, and nothing else.

mod cli;

use cli::{folder, hardwire};
use std::path::Path;
use std::process::{Command, Output};

fn snakemake(dir: &Path, args: &[&str]) -> Option<Output> {
    let python = std::env::var("HARDWIRE_PYTHON").unwrap_or_else(|_| "python3".into());
    let known = Command::new(&python).args(["-c", "import snakemake"]).output();
    if !known.is_ok_and(|o| o.status.success()) {
        eprintln!("skipped: {python} has no snakemake");
        return None;
    }
    let workflows = Path::new(env!("CARGO_MANIFEST_DIR")).join("workflows");
    let mut command = Command::new(&python);
    command.current_dir(dir).args(["-m", "snakemake", "--cores", "2"]).args(args).arg("-s").arg(workflows.join("Snakefile"));
    command.arg("--profile").arg(workflows.join("profiles/local")).arg("--config");
    command.args([
        &format!("hardwire={}", env!("CARGO_BIN_EXE_hardwire")),
        "run=run",
        "shards=3",
        "threads=1",
        "layers=2",
        "options=--context 16",
    ]);
    Some(command.output().unwrap())
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_workflow_gives_the_chip_of_one_run_and_resumes() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let Some(first) = snakemake(dir.path(), &[]) else { return };
    assert!(first.status.success(), "{}", said(&first));
    assert!(hardwire(&["compile", "-q", "tales", "--context", "16", "-o"], &[&at("whole")]).ok());
    assert!(folder(&at("whole")) == folder(&at("run/chip")));

    // As if a task had been killed: nothing of its own is there, and its chip was not merged.
    let made = |task: u32| std::fs::metadata(at(&format!("run/shards/{task}/manifest.json"))).and_then(|m| m.modified()).unwrap();
    let before = [made(1), made(3)];
    std::fs::remove_dir_all(at("run/shards/2")).unwrap();
    std::fs::remove_dir_all(at("run/chip")).unwrap();
    let again = snakemake(dir.path(), &[]).unwrap();
    assert!(again.status.success(), "{}", said(&again));
    assert!(before == [made(1), made(3)]);
    assert!(folder(&at("whole")) == folder(&at("run/chip")));

    // The other targets are whole.
    for target in ["evaluation", "verification", "run/sweep.json"] {
        let planned = snakemake(dir.path(), &["-n", target]).unwrap();
        assert!(planned.status.success(), "{target}: {}", said(&planned));
    }
}
