//! Options of FPGA boards.

use super::CompileOptions;
use clap::Args as ClapArgs;
use std::path::PathBuf;

#[derive(ClapArgs, Debug)]
pub struct Fpga {
    /// A checkpoint, `tales` for the bundled model, or, with --estimate, a config.json or a known model's name.
    pub checkpoint: PathBuf,
    /// ulx3s-85f, ulx3s-25f, icebreaker, tangnano20k, arty-a7-100, or a board's own .toml file.
    #[arg(long, value_name = "NAME|FILE")]
    pub board: String,
    /// Folder to write: absent, empty, or emitted Verilog to replace.
    #[arg(short, long, value_name = "FOLDER", required_unless_present = "estimate")]
    pub output: Option<PathBuf>,
    /// Only this matrix, such as layers.0.mlp.down_proj, behind the line: inputs in, outputs out.
    #[arg(long, value_name = "PATH")]
    pub matrix: Option<String>,
    /// Only say what it would take.
    #[arg(long)]
    pub estimate: bool,
    /// Run synthesis, place and route (make, pyosys, nextpnr), and say what they used.
    #[arg(long, conflicts_with = "estimate")]
    pub build: bool,
    /// Fastest clock to ask for, MHz [default: what the family is planned at].
    #[arg(long, value_name = "MHZ")]
    pub mhz: Option<f64>,
    #[command(flatten)]
    pub options: CompileOptions,
}

#[derive(ClapArgs, Debug)]
pub struct Talk {
    /// The chip that is on the board: `hardwire fpga -o board` writes it as board.chip.
    #[arg(value_name = "CHIP")]
    pub chip: PathBuf,
    /// The board's serial device, such as /dev/ttyUSB0.
    #[arg(long, value_name = "DEVICE")]
    pub port: PathBuf,
    /// Bits a second on the line; 0 leaves the device as it is.
    #[arg(long, default_value_t = 1_000_000)]
    pub baud: u32,
    /// Text to begin with [default: the model's begin token].
    #[arg(long, conflicts_with = "ids")]
    pub prompt: Option<String>,
    /// Token ids to begin with, such as 0,5,17.
    #[arg(long, value_delimiter = ',')]
    pub ids: Option<Vec<u32>>,
    /// Most tokens to generate.
    #[arg(short, default_value_t = 64)]
    pub n: u32,
}

#[derive(ClapArgs, Debug)]
pub struct Shuttle {
    /// A checkpoint, or `tales` for the bundled model.
    pub checkpoint: PathBuf,
    /// The matrix, such as layers.0.self_attn.q_proj.
    #[arg(long, value_name = "PATH")]
    pub matrix: String,
    /// Whose tile or flow it is for.
    #[arg(long, value_enum)]
    pub frame: Frame,
    /// Folder to write: absent, empty, or a project to replace.
    #[arg(short, long, value_name = "FOLDER")]
    pub output: PathBuf,
    #[command(flatten)]
    pub options: CompileOptions,
}

/// A shuttle's frame.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
#[value(rename_all = "lower")]
pub enum Frame {
    /// Tiny Tapeout's tiles in SKY130.
    TinyTapeout,
    /// LibreLane alone, a block of its own size.
    LibreLane,
}

impl From<Frame> for hardwire_fpga::shuttle::Frame {
    fn from(frame: Frame) -> Self {
        match frame {
            Frame::TinyTapeout => Self::TinyTapeout,
            Frame::LibreLane => Self::LibreLane,
        }
    }
}
