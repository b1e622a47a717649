//! The Python package as a program uses it: what it gives is what the command gives.

mod cli;
mod peer;

use cli::hardwire;
use serde_json::Value;

#[test]
fn the_package_gives_what_the_command_gives() {
    let run = hardwire(&["simulate", "tales", "--prompt", "The king", "-n", "12", "--json", "--users", "2"], &[]);
    let expected: Value = serde_json::from_str(&run.stdout).unwrap();
    let dir = tempfile::tempdir().unwrap();
    peer::runs("python_package.py", &[dir.path().to_str().unwrap(), expected["text"].as_str().unwrap()]);
}
