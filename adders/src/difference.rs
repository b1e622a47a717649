//! Columns as differences from other columns: a tree in which each column is written as another one, or minus another one, plus what is left.
//!
//! The decomposition of da4ml (Sun et al., "da4ml: Distributed arithmetic for real-time neural networks on FPGAs", 2025), with the column
//! itself as the shared value instead of a second matrix, and with a price on the use of a column.

use crate::csd;
use crate::matrix::{Matrix, weight_of};
use crate::term::Term;

/// Of one column: the column it is written from and whether that is taken off; none for the zero column.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Base {
    pub column: usize,
    pub negative: bool,
}

/// The minimum spanning tree over columns and the zero column by digits of the differences (Prim), in the order the columns are reached.
/// To be written from another column must save `price` digits: one adder joins them, and a digit that is shared costs less than one.
pub(crate) fn tree(matrix: &Matrix, price: u32) -> Vec<(usize, Option<Base>)> {
    let columns: Vec<Vec<i64>> = (0..matrix.outputs()).map(|o| (0..matrix.inputs()).map(|i| matrix.at(i, o)).collect()).collect();
    let digits = |values: &mut dyn Iterator<Item = i64>| values.map(weight_of).sum::<u32>();
    let mut best: Vec<(u32, Option<Base>)> = columns.iter().map(|c| (digits(&mut c.iter().copied()), None)).collect();
    let mut waiting: Vec<usize> = (0..columns.len()).collect();
    let mut order = Vec::with_capacity(columns.len());
    while let Some(at) = (0..waiting.len()).min_by_key(|w| (best[waiting[*w]].0, waiting[*w])) {
        let column = waiting.remove(at);
        order.push((column, best[column].1));
        for other in &waiting {
            let both = || columns[*other].iter().zip(&columns[column]);
            let minus = digits(&mut both().map(|(a, b)| a - b));
            let plus = digits(&mut both().map(|(a, b)| a + b));
            let (left, negative) = if plus < minus { (plus, true) } else { (minus, false) };
            if left + price < best[*other].0 {
                best[*other] = (left + price, Some(Base { column, negative }));
            }
        }
    }
    order
}

/// Digits of a column, or of what is left of it beside its base.
pub(crate) fn rest(matrix: &Matrix, column: usize, base: Option<Base>) -> Vec<Term> {
    let left = |i: usize| match base {
        Some(b) if b.negative => matrix.at(i, column) + matrix.at(i, b.column),
        Some(b) => matrix.at(i, column) - matrix.at(i, b.column),
        None => matrix.at(i, column),
    };
    (0..matrix.inputs()).flat_map(|i| csd::digits(left(i)).map(move |(shift, negative)| Term::new(i, shift, negative))).collect()
}
