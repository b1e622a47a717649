//! A stdout that is closed, or has no room.

use crate::{checkpoint, command, refused};
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

/// One of every command that prints.
fn printers(chip: &Path, out: &Path) -> Vec<Command> {
    let (small, out) = (checkpoint(), out.display().to_string());
    let mut all: Vec<Command> = [
        &["inspect"][..],
        &["inspect", "--json"],
        &["inspect", "--at", "layers.0.mlp.down_proj[0,0]"],
        &["compare"],
        &["compare", "--csv"],
        &["books"],
        &["simulate", "--ids", "1", "-n", "2"],
        &["simulate", "--ids", "1", "-n", "2", "--json"],
        &["rtl", "--module", "layers.0.mlp.down_proj"],
        &["report", "-o", &out],
    ]
    .iter()
    .map(|args| command(args, &[chip]))
    .collect();
    all.extend([&["plan"][..], &["plan", "--json"], &["inspect"]].iter().map(|args| command(args, &[&small])));
    let alone: &[&[&str]] =
        &[&["models"], &["baseline", "devices"], &["completions", "bash"], &["--help"], &["compile", "--help"], &["--version"]];
    all.extend(alone.iter().map(|args| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hardwire"));
        command.args(*args);
        command
    }));
    all
}

#[test]
fn every_command_says_once_that_stdout_is_full_and_nothing_when_it_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let chip = dir.path().join("chip");
    assert!(command(&["compile", "--context", "8", "-o"], &[&chip, &checkpoint()]).stdout(Stdio::null()).status().unwrap().success());
    for mut command in printers(&chip, &dir.path().join("report")) {
        let full = command.stdout(File::options().write(true).open("/dev/full").unwrap()).stderr(Stdio::piped());
        let out = full.spawn().unwrap().wait_with_output().unwrap();
        refused(&out, &["error: stdout: No space left on device"]);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let out = command.stdout(writer).spawn().unwrap().wait_with_output().unwrap();
        assert!(out.status.success() && out.stderr.is_empty(), "{command:?}: {out:?}");
    }
}
