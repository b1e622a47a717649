//! From rows of terms to adders of two: shared nodes before the rows that use them, each row a tree that joins its shallowest terms first,
//! which is the shallowest tree there is (Huffman's rule for the greatest depth; Golumbic, IEEE TC 25, 1976).

use crate::graph::{Adder, Graph, Operand};
use crate::system::System;
use crate::term::Term;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

struct Emitter<'a> {
    system: &'a System,
    graph: Graph,
    depths: Vec<u32>,
    /// What each node became; inputs are themselves.
    values: Vec<Option<Operand>>,
}

/// The system's adders.
pub(crate) fn emit(system: &System) -> Graph {
    let input = |value| Some(Operand { value, shift: 0, negative: false });
    let mut values: Vec<Option<Operand>> = (0..system.inputs).map(input).collect();
    values.resize(system.depth.len(), None);
    let graph = Graph { inputs: system.inputs, adders: Vec::new(), outputs: Vec::new() };
    let mut emitter = Emitter { system, graph, depths: vec![0; system.inputs], values };
    for row in 0..system.outputs {
        emitter.nodes_of(row);
        let output = emitter.tree(row);
        emitter.graph.outputs.push(output);
    }
    emitter.graph
}

impl Emitter<'_> {
    /// Emits all nodes that a row stands on, deepest first.
    fn nodes_of(&mut self, row: usize) {
        let mut stack: Vec<(usize, bool)> = vec![(row, false)];
        while let Some((row, ready)) = stack.pop() {
            let node = (row >= self.system.outputs).then(|| row - self.system.outputs + self.system.inputs);
            if node.is_some_and(|n| self.values[n].is_some()) {
                continue;
            }
            if ready {
                if let Some(node) = node {
                    self.values[node] = self.tree(row);
                }
                continue;
            }
            stack.push((row, true));
            let waiting = self.system.rows[row].terms.iter().filter(|t| self.values[t.node()].is_none());
            stack.extend(waiting.map(|t| (self.system.row_of(t.node()), false)));
        }
    }

    fn operand(&self, term: Term) -> Operand {
        let base = self.values[term.node()].expect("nodes are emitted before their users");
        Operand { value: base.value, shift: base.shift + term.shift(), negative: base.negative ^ term.negative() }
    }

    /// One row's sum: none where it is empty.
    fn tree(&mut self, row: usize) -> Option<Operand> {
        let entry = |depth: u32, o: Operand| Reverse((depth, o.shift, o.value, o.negative));
        let mut terms: Vec<Term> = self.system.rows[row].terms.clone();
        terms.sort_unstable();
        let operands = terms.iter().map(|t| self.operand(*t));
        let mut heap: BinaryHeap<_> = operands.map(|o| entry(self.depths[o.value], o)).collect();
        loop {
            let Reverse((depth, shift, value, negative)) = heap.pop()?;
            let first = Operand { value, shift, negative };
            let Some(Reverse((other_depth, shift, value, negative))) = heap.pop() else { return Some(first) };
            let second = Operand { value, shift, negative };
            // Common shifts and a common minus go to the reader.
            let low = first.shift.min(second.shift);
            let minus = first.negative && second.negative;
            let part = |o: Operand| Operand { shift: o.shift - low, negative: o.negative && !minus, ..o };
            let value = self.graph.inputs + self.graph.adders.len();
            self.graph.adders.push(Adder { a: part(first), b: part(second) });
            let depth = 1 + depth.max(other_depth);
            self.depths.push(depth);
            heap.push(entry(depth, Operand { value, shift: low, negative: minus }));
        }
    }
}
