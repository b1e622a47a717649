//! Boards: what an FPGA has and which pin is what, from TOML files. Every word of them reaches Verilog, constraints or a Makefile, so each is a plain
//! word or refused here.

use crate::error::Error;
use hardwire_netlist::input;
use serde::Deserialize;
use std::path::Path;

/// Boards that come along, by name.
const BUNDLED: [(&str, &str); 5] = [
    ("ulx3s-85f", include_str!("../data/boards/ulx3s-85f.toml")),
    ("ulx3s-25f", include_str!("../data/boards/ulx3s-25f.toml")),
    ("icebreaker", include_str!("../data/boards/icebreaker.toml")),
    ("tangnano20k", include_str!("../data/boards/tangnano20k.toml")),
    ("arty-a7-100", include_str!("../data/boards/arty-a7-100.toml")),
];
/// Bytes of a board's file: a hundred times the longest of ours.
const MOST_BYTES: u64 = 1 << 17;

/// The families whose tools are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    Ecp5,
    Ice40,
    Gowin,
    Xilinx,
}

impl Family {
    pub const ALL: [Family; 4] = [Family::Ecp5, Family::Ice40, Family::Gowin, Family::Xilinx];

    pub fn name(self) -> &'static str {
        match self {
            Family::Ecp5 => "ecp5",
            Family::Ice40 => "ice40",
            Family::Gowin => "gowin",
            Family::Xilinx => "xilinx",
        }
    }

    /// Shapes of a block RAM of one read and one write port, as words and bits of a word (Lattice FPGA-TN-02204 and FPGA-TN-02002, Gowin UG285,
    /// AMD UG473).
    pub fn block_ram(self) -> &'static [(u64, u64)] {
        match self {
            Family::Ecp5 | Family::Gowin => &[(512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1)],
            Family::Ice40 => &[(256, 16), (512, 8), (1024, 4), (2048, 2)],
            Family::Xilinx => &[(512, 72), (1024, 36), (2048, 18), (4096, 9), (8192, 4), (16384, 2), (32768, 1)],
        }
    }

    /// Bits of the factors that one multiplier takes.
    pub fn factors(self) -> (u64, u64) {
        match self {
            Family::Ecp5 | Family::Gowin => (18, 18),
            Family::Ice40 => (16, 16),
            Family::Xilinx => (25, 18),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// As it was asked for.
    #[serde(skip)]
    pub name: String,
    pub title: String,
    pub family: Family,
    pub part: String,
    /// Four-input look-up tables (of a Xilinx part: six-input).
    pub luts: u64,
    pub flops: u64,
    pub dsps: u64,
    /// Block RAMs.
    pub brams: u64,
    /// What place and route is told of the part.
    #[serde(default)]
    pub tool_options: Vec<String>,
    /// Standard of all pins; empty: the tool's own.
    #[serde(default)]
    pub io: String,
    /// Pins that are to be high.
    #[serde(default)]
    pub high: Vec<String>,
    /// Where pins and resources are from.
    pub sources: Vec<String>,
    pub clock: Clock,
    pub uart: Uart,
    pub button: Option<Button>,
    pub leds: Option<Leds>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    pub pin: String,
    pub mhz: f64,
}

/// The serial line, as the FPGA sees it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Uart {
    #[serde(rename = "in")]
    pub input: String,
    #[serde(rename = "out")]
    pub output: String,
    pub baud: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Button {
    pub pin: String,
    pub low: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leds {
    pub pins: Vec<String>,
    pub low: bool,
}

impl Board {
    /// Names of the boards that come along.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUNDLED.iter().map(|b| b.0)
    }

    /// The board of a bundled name, or of a file at that path.
    ///
    /// # Errors
    /// A name that is neither; a file that is no board, by field.
    pub fn open(name: &str) -> Result<Board, Error> {
        if let Some((_, text)) = BUNDLED.iter().find(|b| b.0 == name) {
            return Board::parse(name, text);
        }
        if !name.ends_with(".toml") {
            let known: Vec<&str> = Board::names().collect();
            let what = format!("expected one of {}, or a board's .toml file", known.join(", "));
            return Err(Error::Board { board: name.into(), field: "name", what });
        }
        Board::parse(name, &input::text(Path::new(name), MOST_BYTES)?)
    }

    /// Of the text of its file.
    ///
    /// # Errors
    /// The field that is wrong, and what it should be.
    pub fn parse(name: &str, text: &str) -> Result<Board, Error> {
        let fail = |field, what: String| Error::Board { board: name.into(), field, what };
        let mut board: Board = toml::from_str(text).map_err(|e| fail("file", e.to_string()))?;
        board.name = name.into();
        let words =
            [("part", &board.part), ("clock.pin", &board.clock.pin), ("uart.in", &board.uart.input), ("uart.out", &board.uart.output)];
        let more = board.tool_options.iter().map(|w| ("tool_options", w));
        let pins = board.high.iter().map(|w| ("high", w)).chain(board.leds.iter().flat_map(|l| l.pins.iter().map(|w| ("leds.pins", w))));
        for (field, word) in words.into_iter().chain(more).chain(pins).chain(board.button.iter().map(|b| ("button.pin", &b.pin))) {
            if word.is_empty() || !plain(word) {
                return Err(fail(field, format!("{word:?}, expected letters, digits and any of _-./=")));
            }
        }
        if !plain(&board.io) {
            return Err(fail("io", format!("{:?}, expected letters, digits and any of _-./=", board.io)));
        }
        for (field, n) in [("luts", board.luts), ("flops", board.flops), ("dsps", board.dsps), ("brams", board.brams)] {
            if n > 1 << 32 || (n == 0 && field != "dsps") {
                return Err(fail(field, format!("{n}, expected 1 to {}", 1u64 << 32)));
            }
        }
        if !(1.0..=1000.0).contains(&board.clock.mhz) {
            return Err(fail("clock.mhz", format!("{}, expected 1 to 1000", board.clock.mhz)));
        }
        if !(1200..=12_000_000).contains(&board.uart.baud) {
            return Err(fail("uart.baud", format!("{}, expected 1200 to 12000000", board.uart.baud)));
        }
        if board.leds.as_ref().is_some_and(|l| l.pins.is_empty() || l.pins.len() > 32) || board.high.len() > 32 {
            return Err(fail("leds.pins", "expected 1 to 32 pins".into()));
        }
        Ok(board)
    }
}

/// Nothing in it means anything to a tool.
fn plain(word: &str) -> bool {
    word.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./=".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundled_boards_are_whole_and_sourced() {
        for name in Board::names() {
            let board = Board::open(name).unwrap();
            assert!(board.sources.len() >= 2 && board.brams > 0, "{name}");
        }
    }

    #[test]
    fn a_word_that_a_tool_would_take_for_more_is_refused() {
        let good = BUNDLED[0].1;
        for (from, to, field) in [
            ("\"G2\"", "\"G2; rm\"", "clock.pin"),
            ("\"--85k\"", "\"$(shell x)\"", "tool_options"),
            ("mhz = 25.0", "mhz = 0.0", "clock.mhz"),
            ("brams = 208", "brams = 0", "brams"),
            ("baud = 1000000", "baud = 1", "uart.baud"),
            ("family = \"ecp5\"", "family = \"asic\"", "file"),
            ("luts =", "lutz =", "file"),
        ] {
            let error = Board::parse("b", &good.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(field), "{error}");
        }
        let error = Board::open("ulx4s").unwrap_err().to_string();
        assert!(error.contains("icebreaker"), "{error}");
    }
}
