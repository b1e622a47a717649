//! The masks of a whole chip: `plan` places its macros, `draw` writes them and their vias, `exchange` says the same in DEF and LEF, `read`
//! finds the words again in a file's vias; `write` makes the folder.

mod draw;
mod exchange;
mod plan;
mod read;
mod write;

pub use draw::{Contents, TOP, chip, masks};
pub use exchange::{def, technology_lef};
pub use plan::{Instance, Outline, Plan};
pub use read::{stride, vias, words};
pub use write::{Options, Written, write};
