//! How often every pair of terms stands in the sums, and which pair stands most often: an open-addressed table of counts, and a queue of
//! buckets that is corrected when it is read.

use crate::term::Pair;
use std::collections::BinaryHeap;

const EMPTY: u64 = u64::MAX;

/// Counts by pair. A count that fell to zero keeps its slot until the table is built anew.
#[derive(Clone)]
pub(crate) struct Counts {
    keys: Vec<u64>,
    counts: Vec<u32>,
    used: usize,
    bits: u32,
}

impl Counts {
    pub fn with_capacity(pairs: usize) -> Counts {
        let bits = (pairs.max(8) * 2).next_power_of_two().trailing_zeros();
        Counts { keys: vec![EMPTY; 1 << bits], counts: vec![0; 1 << bits], used: 0, bits }
    }

    #[inline]
    fn slot(&self, key: u64) -> usize {
        // Fibonacci hashing: Knuth, The Art of Computer Programming 3, 6.4.
        let mixed = (key ^ key >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut at = ((mixed ^ mixed >> 32).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> (64 - self.bits)) as usize;
        while self.keys[at] != key && self.keys[at] != EMPTY {
            at = (at + 1) & (self.keys.len() - 1);
        }
        at
    }

    #[inline]
    pub fn get(&self, pair: Pair) -> u32 {
        let at = self.slot(pair.0);
        if self.keys[at] == EMPTY { 0 } else { self.counts[at] }
    }

    /// Adds `n` to a pair's count and returns the sum.
    #[inline]
    pub fn add(&mut self, pair: Pair, n: u32) -> u32 {
        let mut at = self.slot(pair.0);
        if self.keys[at] == EMPTY {
            if (self.used + 1) * 3 > self.keys.len() * 2 {
                self.grow();
                at = self.slot(pair.0);
            }
            self.keys[at] = pair.0;
            self.used += 1;
        }
        self.counts[at] += n;
        self.counts[at]
    }

    /// Takes one from a pair's count, if it is known.
    #[inline]
    pub fn take(&mut self, pair: Pair) {
        let at = self.slot(pair.0);
        if self.keys[at] != EMPTY {
            self.counts[at] = self.counts[at].saturating_sub(1);
        }
    }

    fn grow(&mut self) {
        let live = self.counts.iter().filter(|c| **c > 0).count();
        let mut next = Counts::with_capacity(live * 2);
        for (key, count) in self.pairs() {
            next.add(key, count);
        }
        *self = next;
    }

    /// All pairs with their counts.
    pub fn pairs(&self) -> impl Iterator<Item = (Pair, u32)> + '_ {
        self.keys.iter().zip(&self.counts).filter(|(_, c)| **c > 0).map(|(k, c)| (Pair(*k), *c))
    }
}

/// Pairs by the count they had when they came; the reader checks what it is now.
#[derive(Clone, Default)]
pub(crate) struct Queue {
    buckets: Vec<BinaryHeap<Pair>>,
}

impl Queue {
    #[inline]
    pub fn push(&mut self, pair: Pair, count: u32) {
        let count = count as usize;
        if self.buckets.len() <= count {
            self.buckets.resize_with(count + 1, Default::default);
        }
        self.buckets[count].push(pair);
    }

    /// The fullest bucket that is not empty and its count.
    pub fn top(&mut self) -> Option<(&mut BinaryHeap<Pair>, u32)> {
        while self.buckets.last().is_some_and(|b| b.is_empty()) {
            self.buckets.pop();
        }
        let count = self.buckets.len().checked_sub(1)?;
        Some((&mut self.buckets[count], count as u32))
    }
}
