//! Tokens in a chip whose stations form a ring: several in flight, each going round until its last layer is done, each step of each in the
//! cycle in which the Verilog takes it (`docs/microarchitecture.md`, section 3). A chip without folding is a ring that every token passes
//! once; [`super::flow`] has a shorter way to its cycles.

use super::depth::ADD;
use super::path::Paths;
use std::collections::VecDeque;

/// A token before the chip: from which cycle it is offered, once those before it have been accepted.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    pub pos: u32,
    pub cycle: u64,
    pub wanted: bool,
}

/// No cycle yet.
const NEVER: u64 = u64::MAX;

/// A token in a station.
#[derive(Clone, Copy)]
struct Stay {
    token: usize,
    pos: u32,
    wanted: bool,
    /// Of the graph.
    station: usize,
    /// Cycle of its first result, if the next station is ready then.
    done: u64,
    /// From which cycle on its results wait in the last adder's memory.
    waits: Option<u64>,
}

/// What happens next.
enum Step {
    /// The last adder of a built station looks whether the next one is ready.
    Look(usize),
    /// A waiting token goes on.
    Play(usize),
    /// All stations of the ring hold a waiting token: all go on.
    Turn,
    Accept,
    /// A token leaves the head.
    Leave,
}

/// The chip as a ring of built stations: 0 is the embedding, then the ring, then the head.
pub struct Ring<'a> {
    paths: &'a Paths,
    offers: VecDeque<(usize, Offer)>,
    offered: usize,
    stays: Vec<Option<Stay>>,
    /// First cycle in which each built station is ready for another token.
    free: Vec<u64>,
    latencies: Vec<u64>,
    pos: Option<u32>,
}

impl<'a> Ring<'a> {
    pub fn new(paths: &'a Paths) -> Self {
        let built = paths.ring + 2;
        let (offers, latencies) = (VecDeque::new(), Vec::new());
        Ring { paths, offers, offered: 0, stays: vec![None; built], free: vec![0; built], latencies, pos: None }
    }

    /// Offers a token behind those offered before; tokens are numbered from 0.
    pub fn offer(&mut self, offer: Offer) {
        self.offers.push_back((self.offered, offer));
        self.offered += 1;
    }

    /// The next token that leaves, and the cycle: of its output, or, where none is wanted, the first in which the head is ready again.
    pub fn leave(&mut self) -> Option<(usize, u64)> {
        loop {
            let (cycle, step) = self.next()?;
            match step {
                Step::Look(s) => self.look(s, cycle),
                Step::Play(s) => {
                    let stay = self.stays[s].take()?;
                    self.free[s] = cycle + ADD + self.paths.beats;
                    self.arrive(stay, cycle + ADD);
                }
                Step::Turn => {
                    let ring = 1..self.stays.len() - 1;
                    let stays: Vec<Stay> = self.stays[ring].iter_mut().filter_map(Option::take).collect();
                    stays.into_iter().for_each(|stay| self.arrive(stay, cycle + ADD));
                }
                Step::Accept => self.accept(cycle),
                Step::Leave => {
                    let head = self.stays.len() - 1;
                    return self.stays[head].take().map(|stay| (stay.token, cycle));
                }
            }
        }
    }

    /// The earliest step. Within a cycle, tokens in the ring come before a new one.
    fn next(&self) -> Option<(u64, Step)> {
        let (head, mut best) = (self.stays.len() - 1, None);
        let mut try_step = |cycle: u64, step: Step| {
            if cycle != NEVER && best.as_ref().is_none_or(|&(c, _)| cycle < c) {
                best = Some((cycle, step));
            }
        };
        // What leaves, leaves before another comes.
        if let Some(stay) = &self.stays[head] {
            try_step(stay.done, Step::Leave);
        }
        let mut all_wait = Some(0);
        for s in 1..head {
            let Some(stay) = &self.stays[s] else {
                all_wait = None;
                continue;
            };
            let next = self.built(stay.station + 1);
            match stay.waits {
                None => try_step(stay.done - 1, Step::Look(s)),
                Some(since) if self.free[next] != NEVER => try_step(since.max(self.free[next]), Step::Play(s)),
                Some(_) => {}
            }
            all_wait = all_wait.filter(|_| next != head).zip(stay.waits).map(|(all, since): (u64, u64)| all.max(since));
        }
        if let Some(cycle) = all_wait {
            try_step(cycle, Step::Turn);
        }
        if let (Some((_, offer)), true) = (self.offers.front(), self.free[1] != NEVER) {
            try_step(offer.cycle.max(self.free[0]).max(self.free[1]), Step::Accept);
        }
        best
    }

    /// The built station that works `station` of the graph.
    fn built(&self, station: usize) -> usize {
        let last = self.paths.len() - 1;
        if station == last { self.stays.len() - 1 } else { 1 + (station - 1) % self.paths.ring }
    }

    /// The last adder looks one cycle before its first result whether the next station is ready. If it is not, the residual goes back to the
    /// adder's memory.
    fn look(&mut self, s: usize, cycle: u64) {
        let Some(mut stay) = self.stays[s].take() else { return };
        let next = self.built(stay.station + 1);
        if self.free[next] <= cycle {
            self.free[s] = stay.done + self.paths.beats;
            self.arrive(stay, stay.done);
        } else {
            stay.waits = Some(stay.done + self.paths.beats);
            self.stays[s] = Some(stay);
        }
    }

    /// A token's first residual beat comes to the station after `stay`'s in `cycle`.
    fn arrive(&mut self, stay: Stay, cycle: u64) {
        let station = stay.station + 1;
        let (s, head) = (self.built(station), self.stays.len() - 1);
        let mut done = cycle + self.latency(station, stay.pos);
        self.free[s] = NEVER;
        if s == head {
            if !stay.wanted {
                done = cycle + self.paths.beats;
            }
            self.free[s] = if stay.wanted { done + 1 } else { done };
        }
        self.stays[s] = Some(Stay { station, done, waits: None, ..stay });
    }

    fn accept(&mut self, cycle: u64) {
        let Some((token, offer)) = self.offers.pop_front() else { return };
        // The next one is seen in the cycle after.
        if let Some((_, next)) = self.offers.front_mut() {
            next.cycle = next.cycle.max(cycle + 1);
        }
        let arrives = cycle + self.paths.embed;
        self.free[0] = arrives + self.paths.beats;
        self.arrive(Stay { token, pos: offer.pos, wanted: offer.wanted, station: 0, done: 0, waits: None }, arrives);
    }

    fn latency(&mut self, station: usize, pos: u32) -> u64 {
        if self.pos != Some(pos) {
            self.paths.latencies(pos, &mut self.latencies);
            self.pos = Some(pos);
        }
        self.latencies[self.paths.shape(station)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timing::flow::Flow;

    /// Numbers from a seed (splitmix64).
    struct Draw(u64);

    impl Draw {
        fn below(&mut self, n: u64) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ z >> 31) % n
        }
    }

    /// A chip of `ring` built stations and `stations` of the graph between embedding and head; those of one silicon take as long.
    fn paths(draw: &mut Draw, ring: usize, stations: usize) -> Paths {
        let beats = 1 + draw.below(6);
        let mut one = || beats + 3 + draw.below(60);
        let built: Vec<u64> = (0..ring).map(|_| one()).collect();
        let head = one();
        let latencies: Vec<u64> = [7].into_iter().chain((0..stations).map(|s| built[s % ring])).chain([head]).collect();
        Paths::of_latencies(&latencies, beats, ring)
    }

    /// With every station of the ring taken and as many users outside as can be, every token comes out: no ring stands still, whatever its
    /// stations take. None waits outside longer than the tokens that were inside need for all their rounds, one after another.
    #[test]
    fn no_ring_stands_still_and_no_token_waits_for_ever() {
        for seed in 0..400 {
            let mut draw = Draw(seed);
            let ring = 1 + draw.below(6) as usize;
            let stations = ring + draw.below(5 * ring as u64) as usize;
            let paths = paths(&mut draw, ring, stations);
            let users = 1 + draw.below(2 * ring as u64 + 3) as usize;
            let longest: u64 = (0..paths.len()).map(|s| paths.station(s as u32, 0).latency_cycles + 2 * paths.beats + ADD).sum();
            let mut r = Ring::new(&paths);
            let mut offered = Vec::new();
            let mut give = |r: &mut Ring<'_>, cycle: u64, draw: &mut Draw| {
                offered.push(cycle);
                r.offer(Offer { pos: 0, cycle, wanted: draw.below(4) > 0 });
            };
            (0..users).for_each(|_| {
                let cycle = draw.below(200);
                give(&mut r, cycle, &mut draw);
            });
            const TOKENS: usize = 120;
            let mut left = Vec::new();
            while let Some((token, cycle)) = r.leave() {
                left.push((token, cycle));
                if left.len() + users <= TOKENS {
                    // Hosts answer at once, late, or in bursts.
                    let late = [1, 1, 1 + draw.below(50), 1 + draw.below(2000)][draw.below(4) as usize];
                    give(&mut r, cycle + late, &mut draw);
                }
            }
            assert_eq!(left.len(), TOKENS.max(users), "seed {seed}: {ring} stations built of {stations}, {users} users");
            assert!(left.windows(2).all(|w| w[0].1 <= w[1].1), "seed {seed}: outputs in order of time");
            let before = |token: usize| (0..=token).map(|t| offered[t]).max().unwrap_or(0);
            for &(token, cycle) in &left {
                let wait = cycle.saturating_sub(before(token));
                assert!(wait <= longest * (ring + users + 2) as u64, "seed {seed}: token {token} took {wait} cycles");
            }
        }
    }

    /// Where each token passes every station once, the ring's cycles are those of the shorter way.
    #[test]
    fn a_ring_of_one_round_is_a_pipeline() {
        for seed in 0..200 {
            let mut draw = Draw(seed);
            let ring = 1 + draw.below(7) as usize;
            let paths = paths(&mut draw, ring, ring);
            let (mut ring, mut flow) = (Ring::new(&paths), Flow::new(&paths));
            let mut cycle = 0;
            let mut want = Vec::new();
            for _ in 0..30 {
                cycle += draw.below(60);
                let wanted = draw.below(3) > 0;
                ring.offer(Offer { pos: 0, cycle, wanted });
                want.push(flow.pass(0, cycle, wanted));
            }
            let mut got = vec![0; want.len()];
            while let Some((token, cycle)) = ring.leave() {
                got[token] = cycle;
            }
            assert_eq!(got, want, "seed {seed}");
        }
    }
}
