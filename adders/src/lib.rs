//! A constant integer matrix as an adder graph: `y = x · M` by shifts, adders and subtractors that share subexpressions.
//!
//! [`optimize`] goes through three stages, each a file:
//!
//! 1. digits: every column becomes a sum of signed powers of two of the inputs (`csd`), or of what it has beyond another column
//!    (`difference`);
//! 2. share: the pair of terms that stands most often becomes a node, until none stands twice (`greedy`);
//! 3. refine: nodes are dissolved and shared anew where that takes no more adders (`refine`), for a number of table accesses that follows
//!    from the matrix, so that the result does not depend on the machine.
//!
//! Then `emit` brackets every sum into adders of two. A depth limit is kept throughout by Kraft's inequality (`system`).
//! `read` takes a matrix from a file. Nothing of chips is here; what an adder costs in silicon and how it is pipelined is for those who use the graph.

mod counts;
mod csd;
mod difference;
mod emit;
mod error;
mod graph;
mod greedy;
mod matrix;
mod random;
pub mod read;
mod refine;
mod system;
mod term;
mod vectors;

pub use error::Error;
pub use graph::{Adder, Graph, Operand};
pub use matrix::{MOST_PAIRS, MOST_WEIGHT, Matrix};
pub use vectors::vectors;

use difference::Base;
use random::Random;
use system::{System, UNLIMITED};
use term::Term;

/// How deep a graph may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// As deep as the fewest adders take.
    #[default]
    Free,
    /// At most so many adders from an input to an output.
    Most(u32),
    /// At most so many more than the least that the digits allow.
    Above(u32),
}

/// What the optimizer is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub depth: Depth,
    /// Multiplies the time spent on refinement; 0 leaves the first graph.
    pub effort: u32,
}

impl Default for Options {
    fn default() -> Options {
        Options { depth: Depth::Free, effort: 1 }
    }
}

/// Least depth at which the matrix's canonical signed digits can be summed: `⌈log2⌉` of the most digits of a column.
pub fn least_depth(matrix: &Matrix) -> u32 {
    let digits = |o: usize| (0..matrix.inputs()).map(|i| matrix::weight_of(matrix.at(i, o))).sum::<u32>();
    (0..matrix.outputs()).map(digits).max().unwrap_or(0).next_power_of_two().trailing_zeros()
}

/// The adder graph of a matrix. The same matrix and options give the same graph.
///
/// # Errors
/// Where the depth asked for is less than [`least_depth`].
pub fn optimize(matrix: &Matrix, options: &Options) -> Result<Graph, Error> {
    let least = least_depth(matrix);
    let depth = match options.depth {
        Depth::Free => None,
        Depth::Most(asked) if asked < least => return Err(Error::Depth { asked, least }),
        Depth::Most(asked) => Some(asked),
        Depth::Above(more) => Some(least.saturating_add(more)),
    };
    // A limit beyond what a weight of Kraft's sum holds binds nothing.
    let depth = depth.filter(|d| *d < UNLIMITED);
    let best = starts(matrix, depth, depth.map(|d| d - least));
    Ok(emit::emit(&refined(best, depth.map(|d| d - least), options.effort)))
}

/// The best of the first graphs: of the columns as they are, and of their differences at several prices. Which price is best differs from
/// matrix to matrix by some hundredths, with no rule found. Without slack columns that read others do not fit.
fn starts(matrix: &Matrix, depth: Option<u32>, slack: Option<u32>) -> System {
    let prices: &[u32] = match slack {
        Some(0) => &[],
        Some(_) => &[0, 2],
        None => &[0, 2, 4],
    };
    let mut trees: Vec<Vec<(usize, Option<Base>)>> = vec![Vec::new()];
    for tree in prices.iter().map(|p| difference::tree(matrix, *p)) {
        if tree.iter().any(|(_, base)| base.is_some()) && !trees.contains(&tree) {
            trees.push(tree);
        }
    }
    let shared = |tree: &Vec<_>| {
        let mut system = if tree.is_empty() { of_columns(matrix, depth) } else { of_differences(matrix, tree, depth) };
        greedy::share(&mut system);
        system
    };
    // Two threads where that is worth one, every other start on each.
    let every_other = |from: usize| trees.iter().enumerate().skip(from).step_by(2).map(|(at, tree)| (at, shared(tree))).collect::<Vec<_>>();
    let systems = if matrix.pairs() < WORTH_A_THREAD {
        [every_other(0), every_other(1)]
    } else {
        std::thread::scope(|scope| {
            let odd = scope.spawn(|| every_other(1));
            [every_other(0), odd.join().expect("sharing does not panic")]
        })
    };
    let best = systems.into_iter().flatten().min_by_key(|(at, system)| (system.cost, *at));
    best.expect("the columns themselves are always tried").1
}

/// Pairs of digits that take longer than a thread's start: some 100 µs at 20 ns a table access.
const WORTH_A_THREAD: u64 = 5_000;

/// Refines for a multiple of the work that sharing took. More slack, more to find; large matrices repay the search better.
fn refined(mut system: System, slack: Option<u32>, effort: u32) -> System {
    let times = match slack {
        Some(0) => 2,
        Some(_) => 3,
        None if system.work < 4_000 => 3,
        None if system.work < 100_000 => 4,
        None => 8,
    };
    let work = system.work / 2 * times * u64::from(effort);
    if work > 0 {
        system.count_all();
        refine::refine(&mut system, &mut Random(0), work);
    }
    system
}

fn of_columns(matrix: &Matrix, depth: Option<u32>) -> System {
    let rows = (0..matrix.outputs()).map(|o| difference::rest(matrix, o, None)).collect();
    System::new(matrix.inputs(), rows, Vec::new(), depth)
}

/// Every column that others are written from is a node of its own.
fn of_differences(matrix: &Matrix, tree: &[(usize, Option<Base>)], depth: Option<u32>) -> System {
    // What a column is to those written from it; none where it is no sum, and they begin anew.
    let mut value: Vec<Option<Term>> = vec![None; matrix.outputs()];
    let mut outputs = vec![Vec::new(); matrix.outputs()];
    let mut nodes: Vec<(Vec<Term>, u32)> = Vec::new();
    let is_base = |column: usize| tree.iter().any(|(_, b)| b.is_some_and(|b| b.column == column));
    let deep = |terms: &[Term], nodes: &[(Vec<Term>, u32)]| {
        let weight: u64 =
            terms.iter().map(|t| 1u64 << t.node().checked_sub(matrix.inputs()).map_or(0, |n| nodes[n].1.min(UNLIMITED))).sum();
        weight.next_power_of_two().trailing_zeros()
    };
    for (column, base) in tree {
        let read = base.and_then(|b| Some((b, value[b.column]?)));
        let mut terms = difference::rest(matrix, *column, read.map(|r| r.0));
        terms.extend(read.map(|(base, value)| value.scaled(0, base.negative)));
        let mut deepest = deep(&terms, &nodes);
        if depth.is_some_and(|d| deepest > d) {
            terms = difference::rest(matrix, *column, None);
            deepest = deep(&terms, &nodes);
        }
        if is_base(*column) && terms.len() > 1 {
            let node = Term::new(matrix.inputs() + nodes.len(), 0, false);
            nodes.push((terms, deepest));
            terms = vec![node];
        }
        value[*column] = terms.first().copied().filter(|t| terms.len() == 1 && t.node() >= matrix.inputs());
        outputs[*column] = terms;
    }
    System::new(matrix.inputs(), outputs, nodes, depth)
}
