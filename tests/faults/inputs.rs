//! Inputs that are no files, or not for long.

use crate::{checkpoint, cli, command, finish, refused, shim};
use std::fs;
use std::path::Path;
use std::process::Command;

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// A copy of the small checkpoint with one of its files a pipe.
fn with_a_pipe(dir: &Path, name: &str) -> std::path::PathBuf {
    let to = dir.join(name);
    fs::create_dir(&to).unwrap();
    for entry in fs::read_dir(checkpoint()).unwrap().map(|e| e.unwrap()).filter(|e| e.file_name() != name) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    fifo(&to.join(name));
    to
}

#[test]
fn pipes_and_devices_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    fifo(&pipe);
    let (zero, small) = (Path::new("/dev/zero"), checkpoint());
    for bad in [pipe.as_path(), zero] {
        let name = bad.display().to_string();
        for args in [
            &["inspect"][..],
            &["plan"],
            &["explore"],
            &["simulate", "-n", "1"],
            &["compile", "-o", "/nowhere/chip"],
            &["synth", "-o", "x"],
        ] {
            refused(&finish(command(args, &[bad])), &[&name]);
        }
        for args in [
            &["evaluate", "--text"][..],
            &["compile", "-o", "x", "--quantizer", "gptq", "--calibrate"],
            &["compare", "--devices"],
            &["compare", "--measured"],
            &["books", "--assumptions"],
            &["books", "--devices"],
            &["explore", "--target"],
        ] {
            refused(&finish(command(args, &[bad, &small])), &[&name, "regular file"]);
        }
        refused(&finish(command(&["baseline", "validate", "--measured"], &[bad])), &[&name, "regular file"]);
    }
    for name in ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"] {
        let folder = with_a_pipe(dir.path(), name);
        let mut simulate = command(&["simulate", "--prompt", "a", "-n", "1"], &[&folder]);
        simulate.env("TMPDIR", dir.path());
        refused(&finish(simulate), &[name, "regular file"]);
    }
    let chip = dir.path().join("chip");
    assert!(finish(command(&["compile", "--context", "8", "-o"], &[&chip, &small])).status.success());
    for name in ["chip.json", "manifest.json", "program.bin", "tokenizer.json"] {
        let aside = dir.path().join("aside");
        let there = fs::rename(chip.join(name), &aside).is_ok();
        fifo(&chip.join(name));
        refused(&finish(command(&["simulate", "--ids", "1", "-n", "1"], &[&chip])), &[name, "regular file"]);
        fs::remove_file(chip.join(name)).unwrap();
        if there {
            fs::rename(&aside, chip.join(name)).unwrap();
        }
    }
}

/// A file that is cut while it is mapped.
#[test]
fn a_file_cut_while_it_is_read_is_an_error_that_names_it() {
    let Some(shim) = shim() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (chip, tmp) = (cli::compiled(dir.path()), dir.path().join("tmp"));
    fs::create_dir(&tmp).unwrap();
    let cut = |name: &str, args: &[&str], paths: &[&Path]| {
        let mut command = command(args, paths);
        command.env("LD_PRELOAD", shim).env("FAULT_CUT", name).env("TMPDIR", &tmp);
        refused(&finish(command), &[name, "cut"]);
    };
    cut("program.bin", &["simulate", "--ids", "1", "-n", "1"], &[&chip]);
    for args in [&["compile", "-o"][..], &["report", "-o"]] {
        let model = cli::tales(dir.path());
        cut("model.safetensors", args, &[&dir.path().join("out"), &model]);
        assert!(!dir.path().join("out").exists());
    }
    assert_eq!(cli::names(dir.path()), ["small", "tales-copy", "tmp"]);
    assert!(cli::names(&tmp).is_empty());
}

/// Flipped bits of a program are refused by whatever computes with it.
#[test]
fn a_changed_program_is_refused_by_every_command() {
    let dir = tempfile::tempdir().unwrap();
    let chip = dir.path().join("chip");
    assert!(finish(command(&["compile", "--context", "8", "-o"], &[&chip, &checkpoint()])).status.success());
    let program = chip.join("program.bin");
    let mut bytes = fs::read(&program).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&program, bytes).unwrap();
    let out = dir.path().join("out").display().to_string();
    for args in [
        &["rtl", "--module", "layers.0.mlp.down_proj"][..],
        &["rtl", "-o", &out],
        &["inspect"],
        &["inspect", "--at", "layers.0.mlp.down_proj[0,0]"],
        &["compare"],
        &["books"],
        &["report", "-o", &out],
        &["simulate", "--ids", "1"],
        &["verify", "--ids", "1"],
    ] {
        refused(&finish(command(args, &[&chip])), &["program.bin", "digest"]);
    }
}

#[test]
fn small_things_that_were_refused_or_accepted_wrongly() {
    let dir = tempfile::tempdir().unwrap();
    // A model of fewer positions than a sweep's usual ones.
    let out = finish(command(&["explore"], &[&checkpoint()]));
    assert!(out.status.success(), "{out:?}");
    // A die's area is a number as well as words.
    let devices = dir.path().join("d.toml");
    let table = "[[device]]\ndevice = \"mine\"\nmemory_gb = 80\nmemory_type = \"HBM3\"\nbandwidth_gb_per_s = 3350\ntdp_w = 700\n\
                 bf16_dense_tflops = 989\nvector_fp32_tflops = 67\nidle_w = 90\nlink = \"NVLink\"\nlink_class = \"nvlink\"\nlink_gb_per_s = 450\n\
                 node = \"N4\"\ndie_mm2 = 815\nprice_note = \"\"\nsource = \"me\"\nsource_added = \"me\"\n";
    fs::write(&devices, table).unwrap();
    let out = finish(command(&["compare", "--devices"], &[&devices, &checkpoint()]));
    assert!(out.status.success() && String::from_utf8_lossy(&out.stdout).contains("mine"), "{out:?}");
}

/// Memory, stack and threads that the system does not give: an error, never a panic.
#[test]
fn what_the_system_does_not_give() {
    let out = finish(command(&["models", "--threads", "65536"], &[]));
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.code() == Some(2) && said.contains("1..=1024"), "{said}");
    for limit in ["-v 40000", "-v 100000", "-v 300000", "-s 64", "-s 256"] {
        let hardwire = env!("CARGO_BIN_EXE_hardwire");
        let run = Command::new("bash").args(["-c", &format!("ulimit {limit}; exec '{hardwire}' models --threads 64")]).output().unwrap();
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(!said.contains("panicked"), "{limit}: {said}");
        // What ends before or below the program's own code: the loader, the C library, an allocation that Rust gives no way to refuse.
        let below = ["loading shared libraries", "glibc", "memory allocation of"];
        if !run.status.success() && !below.iter().any(|b| said.contains(b)) {
            refused(&run, &[]);
        }
    }
}
