//! `compiler/data/synthesis.csv`: the rows by module and name, and the figures `rtl-gen/synth.py` measured.

use std::fs;
use std::path::{Path, PathBuf};

pub const COLUMNS: [&str; 10] = ["module", "row", "use", "parameters", "verilog", "um2", "cells", "flops", "full_adders", "path_ps"];

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    pub module: String,
    pub row: String,
    /// `fit` or `held out`.
    pub used: String,
    /// `NAME=value`, separated by spaces.
    pub parameters: String,
    /// Digest of the Verilog and figures, as `synth.py` wrote them; empty: not measured yet.
    pub measured: [String; 6],
}

impl Row {
    pub fn um2(&self) -> Option<f64> {
        self.measured[1].parse().ok()
    }
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn path() -> PathBuf {
    root().join("compiler/data/synthesis.csv")
}

/// The comment of the first line, and the rows.
pub fn read() -> (String, Vec<Row>) {
    let text = fs::read_to_string(path()).unwrap();
    let mut lines = text.lines();
    let comment = lines.next().unwrap().to_string();
    assert_eq!(lines.next().unwrap(), COLUMNS.join(","), "columns of synthesis.csv");
    let rows = lines.map(|line| {
        let f = fields(line);
        assert_eq!(f.len(), COLUMNS.len(), "{line}");
        let measured = [4, 5, 6, 7, 8, 9].map(|i: usize| f[i].clone());
        Row { module: f[0].clone(), row: f[1].clone(), used: f[2].clone(), parameters: f[3].clone(), measured }
    });
    (comment, rows.collect())
}

pub fn write(comment: &str, rows: &[Row]) {
    let mut text = format!("{comment}\n{}\n", COLUMNS.join(","));
    for r in rows {
        let named = [&r.module, &r.row, &r.used, &r.parameters].map(|f| if f.contains(',') { format!("\"{f}\"") } else { f.clone() });
        text.push_str(&format!("{},{}\n", named.join(","), r.measured.join(",")));
    }
    fs::write(path(), text).unwrap();
}

/// Fields of a line; one with a comma in it stands in quotes.
fn fields(line: &str) -> Vec<String> {
    let (mut out, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => out.push(String::new()),
            c => out.last_mut().unwrap().push(c),
        }
    }
    out
}
