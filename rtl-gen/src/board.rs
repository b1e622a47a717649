//! The top of an FPGA board: the chip behind a serial line, with its clock and reset, and a testbench that is the host.

use crate::error::Error;
use crate::folder::Folder;
use crate::gate::{Code, filters};
use crate::guide;
use crate::shape::{Shape, embed, index_bits};
use askama::Template;
use hardwire_netlist::Chip;

/// What a board has that its top must know, and files beside it that whoever knows the board has written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Board {
    /// Where its clock comes from, in words.
    pub clock: String,
    /// An ECP5's PLL between the board's clock and the chip's.
    pub pll: Option<Pll>,
    /// Without one: the board's clock is halved so many times.
    pub halvings: u32,
    /// Clock cycles of a bit on the serial line.
    pub divisor: u32,
    /// A button that resets, and whether it is low while it is pressed.
    pub button: Option<Level>,
    pub leds: u32,
    /// What lights them.
    pub led: Level,
    /// Pins that are to be high.
    pub high: u32,
    /// Name and text: constraints, scripts.
    pub files: Vec<(String, String)>,
}

/// The level at which something is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    #[default]
    High,
    Low,
}

/// Dividers of a PLL: its output is the input / `input` * `feedback`, its oscillator runs `output` times as fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pll {
    pub input: u32,
    pub feedback: u32,
    pub output: u32,
}

#[derive(Template)]
#[template(path = "board.v")]
struct Top {
    title: String,
    clock: String,
    matrix: bool,
    pll: Option<Pll>,
    halvings: u32,
    divisor: u32,
    button: bool,
    button_low: bool,
    leds: u32,
    led_low: bool,
    high: u32,
    idw: u32,
    bytes: u32,
    uw: u32,
}

#[derive(Template)]
#[template(path = "board_tb.v")]
struct Testbench {
    divisor: u32,
    patience: u64,
    button: bool,
    button_low: bool,
}

/// Bytes of an id on the serial line.
pub fn id_bytes(vocab: u32) -> u32 {
    index_bits(vocab).div_ceil(8)
}

/// Writes the top, its testbench and the board's files; the chip, or one `matrix` of it, is in `folder` already. `idle_cycles`: more than any token takes.
pub fn emit(chip: &Chip, shape: &Shape, folder: &mut Folder, board: &Board, matrix: bool, idle_cycles: u64) -> Result<(), Error> {
    let idw = index_bits(embed(chip)?.1.matrix.outputs);
    let (button, button_low) = (board.button.is_some(), board.button == Some(Level::Low));
    let top = Top {
        title: format!("{}.", guide::title(chip)),
        clock: board.clock.clone(),
        matrix,
        pll: board.pll,
        halvings: board.halvings,
        divisor: board.divisor,
        button,
        button_low,
        leds: board.leds,
        led_low: board.led == Level::Low,
        high: board.high,
        idw,
        bytes: id_bytes(embed(chip)?.1.matrix.outputs),
        uw: shape.user_bits,
    };
    folder.text("rtl/hardwire_board.v", Code::render("board.v", &top)?.as_str())?;
    let cycles = (idle_cycles + 40 * u64::from(board.divisor)) << board.halvings;
    let tb = Testbench { divisor: board.divisor << board.halvings, patience: cycles, button, button_low };
    folder.text("tb/board_tb.v", Code::render("board_tb.v", &tb)?.as_str())?;
    for (name, text) in &board.files {
        folder.text(name, text)?;
    }
    Ok(())
}
