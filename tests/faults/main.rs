//! Nothing gets lost. Commands that write are killed at every change they make to the disk and at random, run out of space, run twice at once,
//! are told to end; inputs are pipes and devices or are cut while they are read; stdout is closed or full. What has a name afterwards is whole,
//! old or new; nothing else is left; and whoever failed said so in one line.
#![cfg(target_os = "linux")]

#[path = "../cli/mod.rs"]
mod cli;
mod inputs;
mod outputs;
mod streams;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Longest that any of these commands may take, on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A checkpoint of a few thousand weights.
fn checkpoint() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models/tests/goldens/llama")
}

fn command(args: &[&str], paths: &[&Path]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hardwire"));
    command.args(args).args(paths).args(["--threads", "1", "-q"]).stdin(Stdio::null());
    command
}

/// Runs to the end, or fails the test.
fn finish(mut command: Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("{command:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.wait_with_output().unwrap()
}

/// The library that makes faults, built once; says aloud what is skipped where there is no C compiler.
fn shim() -> Option<&'static Path> {
    static SHIM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let built = SHIM.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/shim.c");
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shim.so");
        let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).arg("-ldl").output();
        match built {
            Ok(out) => {
                assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
                Some(library)
            }
            Err(_) => {
                eprintln!("skipped: cc is not installed");
                None
            }
        }
    });
    built.as_deref()
}

/// Every file under a folder, or the file itself.
fn contents(path: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut out, mut open) = (BTreeMap::new(), vec![path.to_path_buf()]);
    while let Some(at) = open.pop() {
        if at.is_dir() {
            open.extend(fs::read_dir(&at).unwrap().map(|e| e.unwrap().path()));
        } else if at.exists() {
            out.insert(at.strip_prefix(path).unwrap().to_path_buf(), fs::read(&at).unwrap());
        }
    }
    out
}

/// Exit code 1 and one line of error, which says all of `parts`.
#[track_caller]
fn refused(out: &Output, parts: &[&str]) {
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{out:?}");
    assert!(said.lines().count() == 1 && said.starts_with("error: "), "{said}");
    assert!(parts.iter().all(|part| said.contains(part)), "{parts:?} in {said}");
}
