//! The ROM macro of a process: its plan, its layout, its abstract, times, model and schematic. Contents are one layer of vias over a base
//! that is the same for all contents.
//!
//! - `shape`: words, bits and multiplexer, and the division of a large ROM; `dims`: lengths from the rules; `frame`: the plan of a macro;
//! - `cells`: the cells that are repeated; `draw`: the macro; `program`: the vias;
//! - `views`: LEF, Liberty and Verilog; `schematic`: the transistors, for comparing with what is extracted from the layout.

mod cells;
mod columns;
mod dims;
mod draw;
mod frame;
mod program;
mod schematic;
mod shape;
mod views;

pub use dims::Dims;
pub use draw::{base, macro_cells};
pub use frame::Frame;
pub use program::{PATTERN, pattern_cells, program};
pub use schematic::spice;
pub use shape::{Macro, Partition};
pub use views::{Times, lef, liberty, verilog};
