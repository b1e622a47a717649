//! The one door to the terminal: data to stdout, messages to stderr. What passes cannot steer the terminal, whatever name or text it quotes;
//! and a stdout that takes no more is an error of the command, not the end of it.

use anyhow::{Context, Result};
use hardwire_netlist::gate::{Visible, is_unseen};
use serde::Serialize;
use std::fmt::Arguments;
use std::io::{self, Write};

/// A formatted line on stdout.
macro_rules! outln {
    () => { $crate::out::text("\n")? };
    ($($arg:tt)*) => { $crate::out::formatted(format_args!($($arg)*), true)? };
}

/// Formatted text on stdout, its lines kept.
macro_rules! out {
    ($($arg:tt)*) => { $crate::out::formatted(format_args!($($arg)*), false)? };
}

/// A line on stderr; nobody may be listening.
macro_rules! note {
    ($($arg:tt)*) => { $crate::out::noted(format_args!($($arg)*)) };
}

pub(crate) use {note, out, outln};

pub fn formatted(args: Arguments<'_>, line: bool) -> Result<()> {
    let mut shown = args.to_string();
    if line {
        shown.push('\n');
    }
    text(&shown)
}

/// Text of any lines.
pub fn text(text: &str) -> Result<()> {
    io::stdout().lock().write_all(lines(text).as_bytes()).context("stdout")
}

/// A piece of text that is still being written, shown at once.
pub fn piece(piece: &str) -> Result<()> {
    text(piece)?;
    flush()
}

/// Whether all that was said has been taken.
pub fn flush() -> Result<()> {
    io::stdout().lock().flush().context("stdout")
}

/// A value as JSON; characters that steer a terminal stand in it as JSON's own escapes, so it reads back the same.
pub fn json(value: &(impl Serialize + ?Sized)) -> Result<()> {
    let mut shown = String::new();
    for c in serde_json::to_string_pretty(value)?.chars() {
        if c != '\n' && is_unseen(c) {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| shown += &format!("\\u{unit:04x}"));
        } else {
            shown.push(c);
        }
    }
    shown.push('\n');
    text(&shown)
}

pub fn noted(args: Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "{}", lines(&args.to_string()));
}

/// A name or a value that is to stay on its line.
pub fn one_line(text: &str) -> String {
    Visible(text).to_string()
}

fn lines(text: &str) -> String {
    text.split('\n').map(|line| line.split('\t').map(one_line).collect::<Vec<_>>().join("\t")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_and_escape_sequences_go() {
        assert_eq!(lines("a\tb\n\u{1b}[2Jc\r\n"), "a\tb\n\\u{1b}[2Jc\\r\n");
        assert_eq!(one_line("a\nb"), "a\\nb");
    }
}
