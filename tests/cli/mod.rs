//! Running the built command and looking at what it did.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a run gave.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn ok(&self) -> bool {
        self.code == Some(0)
    }

    /// Exit code 1, nothing on stdout, and one line of error that says all of `parts`.
    #[track_caller]
    pub fn refuses(&self, parts: &[&str]) {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        let lines: Vec<&str> = self.stderr.lines().collect();
        assert!(lines.len() == 1 && lines[0].starts_with("error: "), "one line of error: {self:?}");
        for part in parts {
            assert!(lines[0].contains(part), "{part:?} in {:?}", lines[0]);
        }
    }
}

/// Runs the command with `args`, then `paths`.
pub fn hardwire(args: &[&str], paths: &[&Path]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_hardwire")).args(args).args(paths).output().unwrap();
    Run { code: output.status.code(), stdout: String::from_utf8(output.stdout).unwrap(), stderr: String::from_utf8(output.stderr).unwrap() }
}

/// Contents of a folder of files.
pub fn folder(path: &Path) -> BTreeMap<String, Vec<u8>> {
    names(path).into_iter().map(|n| (n.clone(), fs::read(path.join(n)).unwrap())).collect()
}

/// Names in a folder, hidden ones too.
pub fn names(path: &Path) -> Vec<String> {
    let mut out: Vec<String> = fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    out.sort();
    out
}

/// The bundled checkpoint as a folder of its own under `parent`, to be broken.
pub fn tales(parent: &Path) -> PathBuf {
    let to = parent.join("tales-copy");
    fs::create_dir_all(&to).unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/checkpoints/tales");
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
    to
}

/// A chip of the bundled model under `parent`.
pub fn compiled(parent: &Path) -> PathBuf {
    let chip = parent.join("small");
    let run = hardwire(&["compile", "tales", "-q", "--context", "32", "-o"], &[&chip]);
    assert!(run.ok(), "{run:?}");
    chip
}

/// What the template of [`talker`] makes of a conversation: its texts in a row, each user's turn with ` said, ` after it.
pub fn talk(turns: &[(&str, &str)]) -> String {
    turns
        .iter()
        .map(|&(role, text)| match role {
            "user" => format!("{text} said, "),
            _ => format!("{text} "),
        })
        .collect()
}

/// A chip of the bundled model with a chat template, under `parent`.
pub fn talker(parent: &Path, options: &[&str]) -> PathBuf {
    let checkpoint = tales(parent);
    let template = "{% for m in messages %}{{ m.content }}{% if m.role == 'user' %} said,{% endif %} {% endfor %}";
    fs::write(checkpoint.join("tokenizer_config.json"), serde_json::json!({"chat_template": template}).to_string()).unwrap();
    let chip = parent.join("talker");
    let run = hardwire(&[&["compile", "-q"], options, &["-o", chip.to_str().unwrap()]].concat(), &[&checkpoint]);
    assert!(run.ok(), "{run:?}");
    chip
}
