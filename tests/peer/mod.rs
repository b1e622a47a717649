//! Running a script of `tests/peers`, by other people's programs.

use std::path::Path;
use std::process::Command;

/// Runs a script with the Python of `HARDWIRE_PYTHON`, or any; exit code 77 says what is missing.
#[track_caller]
pub fn runs(script: &str, args: &[&str]) {
    let python = std::env::var("HARDWIRE_PYTHON").unwrap_or_else(|_| "python3".into());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(script);
    let command = env!("CARGO_BIN_EXE_hardwire");
    // Nothing compiled of the package is left in the checkout.
    let ran = Command::new(&python).arg("-B").arg(path).args(args).env("HARDWIRE_COMMAND", command).output();
    let Ok(output) = ran else {
        eprintln!("skipped: no {python} to run {script}");
        return;
    };
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    match output.status.code() {
        Some(0) => {}
        Some(77) => eprintln!("skipped: {said}"),
        code => panic!("{script} ended with {code:?}\n{said}"),
    }
}
