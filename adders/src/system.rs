//! Sums that share values: one row for each output and one for each shared node, every row a list of terms. A row of `k` terms costs
//! `k - 1` adders, however they are later bracketed.
//!
//! Depth: a row may become a tree of depth `d` exactly where the sum over its terms of `2^(depth of the term)` is at most `2^d`
//! (Kraft's inequality). Every row carries that sum and its limit, so what may be done to a row is known at once.

use crate::counts::{Counts, Queue};
use crate::term::{Pair, Term};

/// Depth limit that nothing reaches: a node's weight `2^depth` and sums of them stay below 2^63.
pub(crate) const UNLIMITED: u32 = 40;

#[derive(Clone, Default)]
pub(crate) struct Row {
    pub terms: Vec<Term>,
    /// Sum over terms of `2^depth`.
    pub weight: u64,
    /// Most `weight` may be.
    pub limit: u64,
}

enum Change {
    Attached(u32, Term),
    Detached(u32, Term),
    Created(u32),
    Freed(u32, u32, u64),
}

pub(crate) struct System {
    pub inputs: usize,
    pub outputs: usize,
    /// Whether depths are kept; without a limit every node counts as an input.
    limited: bool,
    /// Outputs, then one row for each node from `inputs` on.
    pub rows: Vec<Row>,
    /// Where each node stands: row and term.
    pub uses: Vec<Vec<(u32, Term)>>,
    pub depth: Vec<u32>,
    free: Vec<u32>,
    /// Nodes that stand for a sum now.
    live: Vec<bool>,
    /// Rows of nodes that fell below two terms.
    short: Vec<u32>,
    pub counts: Counts,
    pub queue: Queue,
    /// Adders of all rows.
    pub cost: usize,
    /// Elementary changes since the last `commit`.
    journal: Vec<Change>,
    /// Table accesses so far: the measure of work.
    pub work: u64,
    /// Scratch of `places`.
    pub found: Vec<(u32, Term)>,
}

impl System {
    /// A system of outputs and of nodes with their depths, nodes that others stand on first; nothing counted yet.
    pub fn new(inputs: usize, outputs: Vec<Vec<Term>>, nodes: Vec<(Vec<Term>, u32)>, limit: Option<u32>) -> System {
        let count = outputs.len();
        let mut depth = vec![0; inputs];
        depth.extend(nodes.iter().map(|n| if limit.is_some() { n.1 } else { 0 }));
        let mut uses = vec![Vec::new(); depth.len()];
        let most = limit.unwrap_or(UNLIMITED);
        let of_outputs = outputs.into_iter().map(|terms| (terms, most));
        let of_nodes = nodes.into_iter().map(|(terms, depth)| (terms, if limit.is_some() { depth } else { most }));
        let row = |(terms, limit): (Vec<Term>, u32)| Row {
            weight: terms.iter().map(|t| 1u64 << depth[t.node()]).sum(),
            terms,
            limit: 1 << limit,
        };
        let rows: Vec<Row> = of_outputs.chain(of_nodes).map(row).collect();
        for (r, row) in rows.iter().enumerate() {
            for t in &row.terms {
                uses[t.node()].push((r as u32, *t));
            }
        }
        System {
            inputs,
            outputs: count,
            limited: limit.is_some(),
            cost: rows.iter().map(|r| r.terms.len().saturating_sub(1)).sum(),
            rows,
            uses,
            live: vec![true; depth.len()],
            depth,
            free: Vec::new(),
            short: Vec::new(),
            counts: Counts::with_capacity(8),
            queue: Queue::default(),
            journal: Vec::new(),
            work: 0,
            found: Vec::new(),
        }
    }

    #[inline]
    pub fn row_of(&self, node: usize) -> usize {
        self.outputs + node - self.inputs
    }

    /// Counts every pair of every row afresh and queues those that stand twice.
    pub fn count_all(&mut self) {
        let pairs = self.rows.iter().map(|r| r.terms.len() * r.terms.len() / 2).sum::<usize>();
        self.counts = Counts::with_capacity(pairs.min(1 << 16));
        self.queue = Queue::default();
        for row in &self.rows {
            for (i, t) in row.terms.iter().enumerate() {
                for u in &row.terms[..i] {
                    self.counts.add(Pair::of(*t, *u), 1);
                }
            }
        }
        self.work += pairs as u64;
        let mut all: Vec<(Pair, u32)> = self.counts.pairs().filter(|(_, c)| *c > 1).collect();
        all.sort_unstable_by_key(|(p, _)| *p);
        for (pair, count) in all {
            self.queue.push(pair, count);
        }
    }

    fn detach(&mut self, row: usize, at: usize) {
        let term = self.rows[row].terms.swap_remove(at);
        self.work += self.rows[row].terms.len() as u64;
        for u in &self.rows[row].terms {
            self.counts.take(Pair::of(term, *u));
        }
        self.rows[row].weight -= 1 << self.depth[term.node()];
        let uses = &mut self.uses[term.node()];
        let at = uses.iter().position(|u| *u == (row as u32, term)).expect("a term in a row is among its node's uses");
        uses.swap_remove(at);
        self.cost -= usize::from(!self.rows[row].terms.is_empty());
        if row >= self.outputs && self.rows[row].terms.len() < 2 {
            self.short.push(row as u32);
        }
        self.journal.push(Change::Detached(row as u32, term));
    }

    fn attach(&mut self, row: usize, term: Term) {
        self.work += self.rows[row].terms.len() as u64;
        for u in &self.rows[row].terms {
            let pair = Pair::of(term, *u);
            let count = self.counts.add(pair, 1);
            if count > 1 {
                self.queue.push(pair, count);
            }
        }
        self.cost += usize::from(!self.rows[row].terms.is_empty());
        self.rows[row].terms.push(term);
        self.rows[row].weight += 1 << self.depth[term.node()];
        self.uses[term.node()].push((row as u32, term));
        self.journal.push(Change::Attached(row as u32, term));
    }

    /// Adds a term to a row, joining it with terms of the same node that cancel it or double it.
    fn add(&mut self, row: usize, mut term: Term) {
        loop {
            let same = |t: &Term, shift: u32| t.node() == term.node() && t.shift() == shift;
            let terms = &self.rows[row].terms;
            if let Some(at) = terms.iter().position(|t| same(t, term.shift())) {
                let other = terms[at];
                self.detach(row, at);
                if other.negative() != term.negative() {
                    return;
                }
                term = term.scaled(1, false);
            } else if let Some(at) = terms.iter().position(|t| same(t, term.shift() + 1) && t.negative() != term.negative()) {
                // 2x - x = x
                self.detach(row, at);
                term = term.negated();
            } else if let Some(at) = terms.iter().position(|t| same(t, term.shift().wrapping_sub(1)) && t.negative() != term.negative()) {
                term = Term::new(term.node(), terms[at].shift(), term.negative());
                self.detach(row, at);
            } else {
                return self.attach(row, term);
            }
        }
    }

    /// What a row's weight grows by where a node takes the place of `pair`: the shallower term is as if it came as late as the other.
    pub fn more(&self, pair: Pair) -> u64 {
        let (a, b) = pair.nodes();
        (1 << self.depth[a].max(self.depth[b])) - (1 << self.depth[a].min(self.depth[b]))
    }

    /// Where a pair stands and the row's depth allows it: row and leading term, no term twice.
    fn places(&mut self, pair: Pair) {
        let (a, b) = pair.nodes();
        self.found.clear();
        let more = self.more(pair);
        // The shorter list of uses is walked.
        let from_a = self.uses[a].len() <= self.uses[b].len();
        let [lead0, other0] = pair.terms();
        for (row, t) in &self.uses[if from_a { a } else { b }] {
            let r = &self.rows[*row as usize];
            if r.weight + more > r.limit {
                continue;
            }
            let (lead, other) = if from_a {
                let Some(other) = pair.partner(*t) else { continue };
                (*t, other)
            } else {
                let Some(base) = t.shift().checked_sub(other0.shift()) else { continue };
                (lead0.scaled(base, t.negative() ^ other0.negative()), *t)
            };
            let there = if from_a { other } else { lead };
            if r.terms.contains(&there) {
                self.found.push((*row, lead));
            }
        }
        if a == b {
            self.thin(pair);
        }
    }

    /// Leaves of a node's pairs with itself only those that do not overlap: x at shifts 0, 2, 4 holds the pair (0, 2) once.
    fn thin(&mut self, pair: Pair) {
        self.found.sort_unstable();
        let mut kept: Vec<(u32, Term)> = Vec::new();
        for (row, lead) in std::mem::take(&mut self.found) {
            let other = pair.partner(lead);
            let taken = |t: Term| kept.iter().any(|(r, k)| *r == row && (*k == t || pair.partner(*k) == Some(t)));
            if !taken(lead) && !other.is_some_and(taken) {
                kept.push((row, lead));
            }
        }
        self.found = kept;
    }

    /// A node for `pair`, its row still empty.
    pub fn create(&mut self, pair: Pair) -> usize {
        let [a, b] = pair.terms();
        let depth = if self.limited { self.depth[a.node()].max(self.depth[b.node()]) + 1 } else { 0 };
        let node = match self.free.pop() {
            Some(node) => node as usize,
            None => {
                self.uses.push(Vec::new());
                self.depth.push(0);
                self.live.push(false);
                self.rows.push(Row::default());
                self.uses.len() - 1
            }
        };
        self.depth[node] = depth;
        self.live[node] = true;
        let row = self.row_of(node);
        self.rows[row].limit = 1 << if self.limited { depth } else { UNLIMITED };
        self.journal.push(Change::Created(node as u32));
        node
    }

    /// Uses of `pair` that could be replaced now.
    pub fn gain(&mut self, pair: Pair) -> usize {
        self.places(pair);
        self.found.len()
    }

    /// Makes a node of `pair` and puts it in every place that `gain` found.
    pub fn substitute(&mut self, pair: Pair) {
        let node = self.create(pair);
        let row = self.row_of(node);
        let more = self.more(pair);
        let found = std::mem::take(&mut self.found);
        for (r, lead) in &found {
            let r = *r as usize;
            // The place before may have taken the row's slack.
            if self.rows[r].weight + more > self.rows[r].limit {
                continue;
            }
            let other = pair.partner(*lead).expect("a place holds both terms");
            for t in [*lead, other] {
                let at = self.rows[r].terms.iter().position(|u| *u == t).expect("places do not overlap");
                self.detach(r, at);
            }
            self.add(r, Term::new(node, lead.shift().min(other.shift()), lead.negative()));
        }
        self.found = found;
        for t in pair.terms() {
            self.attach(row, t);
        }
        self.settle();
    }

    /// Writes a node's sum in the place of each of its uses and frees it.
    pub fn dissolve(&mut self, node: usize) {
        self.inline(node);
        self.settle();
    }

    fn inline(&mut self, node: usize) {
        let row = self.row_of(node);
        for (r, term) in self.uses[node].clone() {
            let r = r as usize;
            // A term of this node may have met another and be gone.
            let Some(at) = self.rows[r].terms.iter().position(|t| *t == term) else { continue };
            self.detach(r, at);
            for i in 0..self.rows[row].terms.len() {
                let t = self.rows[row].terms[i].scaled(term.shift(), term.negative());
                self.add(r, t);
            }
        }
        while !self.rows[row].terms.is_empty() {
            self.detach(row, self.rows[row].terms.len() - 1);
        }
        self.live[node] = false;
        self.journal.push(Change::Freed(node as u32, self.depth[node], self.rows[row].limit));
        self.free.push(node as u32);
    }

    /// Frees nodes whose sum became a single term or nothing, until there is none.
    fn settle(&mut self) {
        while let Some(row) = self.short.pop() {
            let node = row as usize - self.outputs + self.inputs;
            if self.live[node] && self.rows[row as usize].terms.len() < 2 {
                self.inline(node);
            }
        }
    }

    /// Keeps what was changed.
    pub fn commit(&mut self) {
        self.journal.clear();
    }

    /// Takes back everything since the last `commit`.
    pub fn roll_back(&mut self) {
        let journal = std::mem::take(&mut self.journal);
        for change in journal.into_iter().rev() {
            match change {
                Change::Attached(row, term) => {
                    let at = self.rows[row as usize].terms.iter().position(|t| *t == term).expect("an attached term is there");
                    self.detach(row as usize, at);
                }
                Change::Detached(row, term) => self.attach(row as usize, term),
                Change::Created(node) => {
                    self.live[node as usize] = false;
                    self.free.push(node);
                }
                Change::Freed(node, depth, limit) => {
                    let at = self.free.iter().rposition(|f| *f == node).expect("a freed node is free");
                    self.free.remove(at);
                    self.live[node as usize] = true;
                    self.depth[node as usize] = depth;
                    let row = self.row_of(node as usize);
                    self.rows[row].limit = limit;
                }
            }
        }
        self.journal.clear();
        self.short.clear();
        self.queue = Queue::default();
    }

    /// Whether a node stands for a sum now.
    pub fn is_live(&self, node: usize) -> bool {
        node >= self.inputs && self.live[node]
    }
}
