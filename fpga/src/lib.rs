//! A chip on an FPGA board: from a model's shape and a board's file to a choice that fits, to a folder that builds a bitstream, to tokens over a
//! serial line.
//!
//! 1. [`board`]: boards as data files, those that come along and a user's own;
//! 2. [`estimate`]: look-up tables, flip-flops, multipliers and block RAM of every unit, from measured rows;
//! 3. [`choose`]: fold, rows, lanes, widths, context and clock with which the model fits, or what would;
//! 4. [`files`]: constraints, scripts and the top beside the Verilog;
//! 5. [`build`]: runs the open tools where they are installed, and reads what they report;
//! 6. [`talk`]: the host's side of the serial line;
//! 7. [`shuttle`]: one matrix in a shuttle's tiles.
//!
//! `docs/fpga.md` has the protocol of the line and what fits where.

pub mod board;
pub mod build;
pub mod choose;
mod error;
pub mod estimate;
pub mod files;
pub mod shuttle;
pub mod talk;

pub use board::{Board, Family};
pub use choose::Choice;
pub use error::Error;
