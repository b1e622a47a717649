//! A shifted, signed use of a value, and the key under which two of them are the same subexpression wherever they stand.

/// `±(node << shift)`: one summand of a sum.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Term(u32);

/// Most nodes that fit a term's 24 bits.
pub(crate) const MOST_NODES: usize = 1 << 24;
/// Longest shift of a term: differences of two fit a pair's 7 bits.
pub(crate) const MOST_SHIFT: u32 = 63;

impl Term {
    pub fn new(node: usize, shift: u32, negative: bool) -> Term {
        debug_assert!(node < MOST_NODES && shift <= MOST_SHIFT);
        Term((node as u32) << 8 | shift << 1 | u32::from(negative))
    }

    #[inline]
    pub fn node(self) -> usize {
        (self.0 >> 8) as usize
    }

    #[inline]
    pub fn shift(self) -> u32 {
        self.0 >> 1 & 127
    }

    #[inline]
    pub fn negative(self) -> bool {
        self.0 & 1 == 1
    }

    /// The same value with the other sign.
    #[inline]
    pub fn negated(self) -> Term {
        Term(self.0 ^ 1)
    }

    /// `self << shift`, negated if `negative`.
    pub fn scaled(self, shift: u32, negative: bool) -> Term {
        Term::new(self.node(), self.shift() + shift, self.negative() ^ negative)
    }
}

/// What two terms have in common wherever they stand in a sum: both nodes, the distance of their shifts, and whether their signs differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Pair(pub u64);

impl Pair {
    /// The pair of two different terms, and which of them leads: the lower node, or the lower shift of one node.
    #[inline]
    pub fn of(t: Term, u: Term) -> Pair {
        let (t, u) = if t.0 > u.0 { (u, t) } else { (t, u) };
        let distance = u64::from(u.shift() + 64 - t.shift());
        Pair((t.node() as u64) << 32 | (u.node() as u64) << 8 | distance << 1 | u64::from((t.0 ^ u.0) & 1))
    }

    pub fn nodes(self) -> (usize, usize) {
        ((self.0 >> 32) as usize, (self.0 >> 8 & 0xff_ffff) as usize)
    }

    fn distance(self) -> i32 {
        (self.0 >> 1 & 127) as i32 - 64
    }

    /// The pair as a value of its own: its leading term positive, the lower shift zero.
    pub fn terms(self) -> [Term; 2] {
        let (a, b) = self.nodes();
        let d = self.distance();
        [Term::new(a, (-d).max(0) as u32, false), Term::new(b, d.max(0) as u32, self.0 & 1 == 1)]
    }

    /// The term that completes the pair with `lead`; none where its shift would be negative or too long.
    #[inline]
    pub fn partner(self, lead: Term) -> Option<Term> {
        let shift = lead.shift() as i32 + self.distance();
        ((0..=MOST_SHIFT as i32).contains(&shift)).then(|| Term::new(self.nodes().1, shift as u32, lead.negative() ^ (self.0 & 1 == 1)))
    }
}
