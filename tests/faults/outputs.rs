//! Each command that writes, under faults.

use crate::{PATIENCE, checkpoint, cli, command, contents, finish, refused, shim};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Points of a command at which it is killed, at most: all but writes, and the first, the last and some of the writes.
const POINTS: usize = 24;
/// Commands killed at a random time.
const KILLS: u64 = 100;
const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

/// Contents by name.
type Files = BTreeMap<PathBuf, Vec<u8>>;

/// A command that writes `output`, as it was and as it will be.
struct Writer {
    name: &'static str,
    output: &'static str,
    old: Vec<&'static str>,
    new: Vec<&'static str>,
}

fn writers() -> Vec<Writer> {
    let writer = |name, output, old: &[&'static str], new: &[&'static str]| Writer { name, output, old: old.to_vec(), new: new.to_vec() };
    vec![
        writer("compile", "chip", &["compile", "--context", "8", "-o"], &["compile", "--context", "16", "-o"]),
        writer("rtl", "verilog", &["rtl", "--context", "8", "--unit", "add", "-o"], &["rtl", "--context", "16", "--unit", "rope", "-o"]),
        writer("report", "report", &["report", "--context", "8", "-o"], &["report", "--context", "16", "--csv", "-o"]),
        writer("plan", "plan.json", &["plan", "--context", "8", "-o"], &["plan", "--context", "16", "-o"]),
    ]
}

impl Writer {
    fn run(&self, args: &[&str], dir: &Path) -> Command {
        let mut command = command(args, &[&dir.join(self.output), &checkpoint()]);
        command.env("TMPDIR", dir.join("tmp"));
        command
    }

    /// A folder of its own, with the old output in it, and what old and new look like; wall time is not compared.
    fn scene(&self) -> (tempfile::TempDir, Files, Files) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("tmp")).unwrap();
        let made = |args: &[&str]| {
            let out = finish(self.run(args, dir.path()));
            assert!(out.status.success(), "{}: {out:?}", self.name);
            timeless(contents(&dir.path().join(self.output)))
        };
        let new = made(&self.new);
        let old = made(&self.old);
        assert_ne!(old, new, "{}", self.name);
        (dir, old, new)
    }

    fn state(&self, dir: &Path) -> Files {
        timeless(contents(&dir.join(self.output)))
    }

    /// Nothing but the output and the folder for scratch, which is empty.
    fn assert_clean(&self, dir: &Path) {
        let mut names = cli::names(dir);
        names.sort();
        let mut expected = [self.output.to_string(), "tmp".into()];
        expected.sort();
        assert_eq!(names, expected, "{}", self.name);
        assert!(cli::names(&dir.join("tmp")).is_empty(), "{}: {:?}", self.name, cli::names(&dir.join("tmp")));
    }
}

/// A plan says how long it took to make.
fn timeless(mut files: Files) -> Files {
    for text in files.values_mut() {
        if text.starts_with(b"{\"hardwire\"")
            && let Ok(mut value) = serde_json::from_slice::<serde_json::Value>(text)
            && let Some(wall) = value.pointer_mut("/figures/wall_s")
        {
            *wall = 0.into();
            *text = value.to_string().into_bytes();
        }
    }
    files
}

/// Where to put a fault, of the calls in a log.
fn points(log: &str) -> Vec<usize> {
    let writes: Vec<usize> = log.match_indices('w').map(|(at, _)| at + 1).collect();
    let mut points: Vec<usize> = log.char_indices().filter(|(_, c)| *c != 'w').map(|(at, _)| at + 1).collect();
    // Removing what the output replaced is one deed of many calls.
    let keep = points.len().min(POINTS / 2);
    let step = points.len().div_ceil(keep.max(1)).max(1);
    let exchange = log.find(['x', 'r']).map(|at| at + 1);
    points = points.into_iter().step_by(step).chain(exchange).chain(exchange.map(|at| at + 1)).collect();
    points.extend(writes.iter().step_by(writes.len().div_ceil(POINTS / 2).max(1)).chain(writes.last()));
    points.sort_unstable();
    points.dedup();
    points
}

#[test]
fn killed_at_every_change_the_old_is_there_or_the_new() {
    let Some(shim) = shim() else { return };
    for writer in writers() {
        let (dir, old, new) = writer.scene();
        let log = dir.path().join("tmp/log");
        let done = finish({
            let mut command = writer.run(&writer.new, dir.path());
            command.env("LD_PRELOAD", shim).env("FAULT_LOG", &log);
            command
        });
        assert!(done.status.success());
        let calls = fs::read_to_string(&log).unwrap();
        fs::remove_file(&log).unwrap();
        assert!(calls.contains('w') && (calls.contains('x') || calls.contains('r')), "{}: {calls}", writer.name);
        let (mut before, mut after) = (0, 0);
        for n in points(&calls) {
            assert!(finish(writer.run(&writer.old, dir.path())).status.success());
            let mut command = writer.run(&writer.new, dir.path());
            command.env("LD_PRELOAD", shim).env("FAULT_KILL", n.to_string());
            let killed = finish(command);
            assert_eq!(killed.status.signal(), Some(9), "{} at {n} of {calls}", writer.name);
            let state = writer.state(dir.path());
            before += usize::from(state == old);
            after += usize::from(state == new);
            assert!(state == old || state == new, "{} killed at {n} of {calls}: {:?}", writer.name, state.keys());
        }
        assert!(before > 2 && after > 0, "{}: {before} before, {after} after", writer.name);
        // Whoever writes there next clears up.
        assert!(finish(writer.run(&writer.new, dir.path())).status.success());
        writer.assert_clean(dir.path());
        assert_eq!(writer.state(dir.path()), new);
    }
}

#[test]
fn a_full_disk_is_one_error_that_names_a_file_and_leaves_the_old() {
    let Some(shim) = shim() else { return };
    for writer in writers() {
        let (dir, old, new) = writer.scene();
        for n in [1, 2, 3, 5, 8, 13] {
            let mut command = writer.run(&writer.new, dir.path());
            command.env("LD_PRELOAD", shim).env("FAULT_FULL", n.to_string());
            let out = finish(command);
            if out.status.success() {
                assert_eq!(writer.state(dir.path()), new, "{} at {n}", writer.name);
                break;
            }
            refused(&out, &["No space left", &dir.path().display().to_string()]);
            assert_eq!(writer.state(dir.path()), old, "{} at {n}", writer.name);
            writer.assert_clean(dir.path());
        }
    }
}

#[test]
fn two_at_once_both_succeed() {
    for writer in writers() {
        let (dir, _, new) = writer.scene();
        for round in 0..4 {
            if round % 2 == 0 {
                let output = dir.path().join(writer.output);
                if output.is_dir() { fs::remove_dir_all(output).unwrap() } else { fs::remove_file(output).unwrap() }
            }
            std::thread::scope(|scope| {
                let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| finish(writer.run(&writer.new, dir.path())))).collect();
                for run in runs {
                    let out = run.join().unwrap();
                    assert!(out.status.success(), "{} in round {round}: {}", writer.name, String::from_utf8_lossy(&out.stderr));
                }
            });
            assert_eq!(writer.state(dir.path()), new, "{}", writer.name);
            writer.assert_clean(dir.path());
        }
    }
}

#[test]
fn killed_at_a_random_time_the_chip_is_whole() {
    let writer = &writers()[0];
    let (dir, old, new) = writer.scene();
    let start = Instant::now();
    assert!(finish(writer.run(&writer.old, dir.path())).status.success());
    let whole = start.elapsed();
    let mut seed = 1u64;
    let mut killed = 0;
    for _ in 0..KILLS {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let mut child = writer.run(&writer.new, dir.path()).stdout(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole.mul_f64((seed >> 33) as f64 / (1u64 << 31) as f64 * 1.2));
        let _ = child.kill();
        killed += usize::from(child.wait().unwrap().signal() == Some(9));
        let state = writer.state(dir.path());
        assert!(state == old || state == new);
    }
    assert!(killed as u64 > KILLS / 4, "{killed} of {KILLS} were killed in time");
    assert!(finish(writer.run(&writer.old, dir.path())).status.success());
    assert_eq!(writer.state(dir.path()), old);
    writer.assert_clean(dir.path());
}

/// Told to end, a command takes its partial and scratch folders with it, and ends as the signal says.
#[test]
fn told_to_end_nothing_is_left() {
    for signal in [SIGINT, SIGTERM] {
        for args in [&["compile", "--quantizer", "gptq", "-o"][..], &["report", "--quantizer", "gptq", "-o"]] {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir(dir.path().join("tmp")).unwrap();
            let mut command = command(args, &[&dir.path().join("out"), Path::new("tales")]);
            let mut child = command.env("TMPDIR", dir.path().join("tmp")).spawn().unwrap();
            let start = Instant::now();
            while !cli::names(dir.path()).iter().any(|name| name.starts_with(".out.partial-")) {
                assert!(start.elapsed() < PATIENCE, "no partial folder appears");
                std::thread::sleep(Duration::from_millis(1));
            }
            let told = Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status().unwrap();
            assert!(told.success());
            assert_eq!(child.wait().unwrap().signal(), Some(signal), "{args:?}");
            assert_eq!(cli::names(dir.path()), ["tmp"], "{args:?}");
            assert!(cli::names(&dir.path().join("tmp")).is_empty(), "{args:?}");
        }
    }
}

#[test]
fn no_permission_is_an_error_that_names_the_folder() {
    // As root everything may be written.
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout == b"0\n" {
        eprintln!("skipped: root has every permission");
        return;
    }
    for writer in writers() {
        let (dir, old, _) = writer.scene();
        let closed = |mode| {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
        };
        closed(0o555);
        let out = finish(writer.run(&writer.new, dir.path()));
        closed(0o755);
        refused(&out, &["ermission denied", &dir.path().display().to_string()]);
        assert_eq!(writer.state(dir.path()), old);
    }
}

/// A folder of the user's, one he has added to, and a file of another kind: every command refuses, and they stay.
#[test]
fn what_this_program_did_not_write_stays() {
    for writer in writers() {
        let (dir, old, _) = writer.scene();
        let output = dir.path().join(writer.output);
        let file = if output.is_dir() { output.join("thesis.txt") } else { output.clone() };
        fs::write(&file, "years of work").unwrap();
        refused(&finish(writer.run(&writer.new, dir.path())), &["choose another output"]);
        assert_eq!(fs::read_to_string(&file).unwrap(), "years of work", "{}", writer.name);
        fs::remove_file(&file).unwrap();
        if output.is_dir() {
            assert_eq!(writer.state(dir.path()), old);
            let (name, mut text) =
                old.iter().find(|(n, _)| !n.starts_with("hardwire-report.json")).map(|(n, t)| (n.clone(), t.clone())).unwrap();
            text.push(b' ');
            fs::write(output.join(&name), &text).unwrap();
            refused(&finish(writer.run(&writer.new, dir.path())), &[&name.display().to_string(), "choose another output"]);
            assert_eq!(fs::read(output.join(&name)).unwrap(), text, "{}", writer.name);
        }
        // Through a link the output changes, and the link stays.
        let real = dir.path().join("real");
        if output.is_dir() {
            fs::remove_dir_all(&output).unwrap()
        }
        std::os::unix::fs::symlink("real", &output).unwrap();
        assert!(finish(writer.run(&writer.old, dir.path())).status.success());
        assert!(finish(writer.run(&writer.new, dir.path())).status.success());
        assert!(fs::symlink_metadata(&output).unwrap().is_symlink() && real.exists(), "{}", writer.name);
    }
    for args in [&["plan", "-o", "/dev/null"][..], &["explore", "--plot", "/dev/null"]] {
        refused(&finish(command(args, &[&checkpoint()])), &["/dev/null", "no file"]);
    }
}
