//! Figures in plain sentences, for the terminal and the page alike: the comparison, the books.

mod books;
mod compare;

pub use books::{lines, place, sentences};
pub use compare::{errors, verdict};
