//! Figures in plain sentences, for the terminal and the page alike: the comparison, the books.

mod books;
mod compare;
mod fleet;

pub use books::{electricity, lines, place, sentences};
pub use compare::{errors, verdict};
pub use fleet::{fleet, fleet_sentences, market};
