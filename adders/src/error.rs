//! The one error of this crate.

use crate::matrix::MOST_PAIRS;

/// What a matrix or a wish is refused for.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    #[error("a matrix of {inputs} inputs and {outputs} outputs holds nothing to add")]
    Empty { inputs: usize, outputs: usize },
    #[error("{weights} weights do not fill a matrix of {inputs} inputs and {outputs} outputs")]
    Shape { inputs: usize, outputs: usize, weights: usize },
    #[error("weight {weight} of input {input}, output {output} is beyond ±2^31")]
    Weight { input: usize, output: usize, weight: i64 },
    #[error(
        "a matrix of {inputs} inputs and {outputs} outputs has {pairs} pairs of digits, more than the {MOST_PAIRS} an adder graph is made of; \
         split it, or give its weights fewer bits"
    )]
    TooLarge { inputs: usize, outputs: usize, pairs: u64 },
    #[error("{at}: {what}")]
    Read { at: String, what: String },
    #[error("depth {asked} is not reached: the column with most digits takes {least} adders in a row")]
    Depth { asked: u32, least: u32 },
}
