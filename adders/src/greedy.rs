//! The first graph: the pair of terms that stands most often becomes a node, until no pair stands twice.
//!
//! Hartley, "Subexpression sharing in filters using canonic signed digit multipliers" (IEEE TCAS II 43, 1996), over all outputs at
//! once. A pair's count only falls after its younger node is made, so pairs that begin with one are never entered, and counts are kept
//! right by walking the rows that change.

use crate::counts::Counts;
use crate::system::System;
use crate::term::{Pair, Term};

/// Shares pairs of terms until none stands twice.
/// Ties go to the pair of the youngest nodes: what was shared already grows before more is begun.
pub(crate) fn share(system: &mut System) {
    let widest = 1 + system.rows.iter().flat_map(|r| &r.terms).map(|t| t.shift()).max().unwrap_or(0) as usize;
    let mut tally = Tally { counts: Vec::new(), touched: Vec::new(), widest };
    system.count_all();
    let known = system.rows.len();
    while let Some((bucket, count)) = system.queue.top() {
        if count < 2 {
            break;
        }
        let pair = bucket.pop().expect("the top bucket holds a pair");
        let now = system.counts.get(pair).min(count);
        if now < count {
            system.queue.push(pair, now);
            continue;
        }
        let found = system.gain(pair) as u32;
        if found < count {
            if found > 1 {
                system.queue.push(pair, found);
            }
            continue;
        }
        replace(system, pair, &mut tally);
    }
    for row in known..system.rows.len() {
        for i in 0..system.rows[row].terms.len() {
            let t = system.rows[row].terms[i];
            system.uses[t.node()].push((row as u32, t));
        }
    }
}

/// Counts of pairs of one new node with others, by the other node, the distance of shifts and the sign.
struct Tally {
    counts: Vec<u32>,
    touched: Vec<(u32, Pair)>,
    widest: usize,
}

impl Tally {
    #[inline]
    fn add(&mut self, new: Term, other: Term) {
        let distance = self.widest + other.shift() as usize - new.shift() as usize;
        let at = (other.node() * 2 * self.widest + distance) * 2 + usize::from(new.negative() != other.negative());
        if at >= self.counts.len() {
            self.counts.resize(at + 1024, 0);
        }
        if self.counts[at] == 0 {
            self.touched.push((at as u32, Pair::of(new, other)));
        }
        self.counts[at] += 1;
    }
}

/// Makes a node of `pair` in all the places that were found.
fn replace(system: &mut System, pair: Pair, tally: &mut Tally) {
    let node = system.create(pair);
    let more = system.more(pair);
    let found = std::mem::take(&mut system.found);
    for (row, lead) in &found {
        let r = &mut system.rows[*row as usize];
        if r.weight + more > r.limit {
            continue;
        }
        r.weight += more;
        let other = pair.partner(*lead).expect("a place holds both terms");
        r.terms.retain(|t| *t != *lead && *t != other);
        for t in [*lead, other] {
            take_all(&mut system.counts, &r.terms, t);
            let uses = &mut system.uses[t.node()];
            let at = uses.iter().position(|u| *u == (*row, t)).expect("a term in a row is among its node's uses");
            uses.swap_remove(at);
        }
        let new = Term::new(node, lead.shift().min(other.shift()), lead.negative());
        for t in &r.terms {
            tally.add(new, *t);
        }
        system.work += 3 * r.terms.len() as u64;
        r.terms.push(new);
        system.uses[node].push((*row, new));
        system.cost -= 1;
    }
    for (at, pair) in tally.touched.drain(..) {
        let count = std::mem::take(&mut tally.counts[at as usize]);
        if count > 1 {
            system.counts.add(pair, count);
            system.queue.push(pair, count);
        }
    }
    let row = system.row_of(node);
    system.rows[row].terms.extend(pair.terms());
    system.rows[row].weight = pair.terms().iter().map(|t| 1u64 << system.depth[t.node()]).sum();
    system.cost += 1;
    system.found = found;
}

#[inline]
fn take_all(counts: &mut Counts, terms: &[Term], gone: Term) {
    for t in terms {
        counts.take(Pair::of(gone, *t));
    }
}
