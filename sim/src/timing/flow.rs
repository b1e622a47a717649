//! Tokens moving from station to station where each passes every station once: who waits for whom. One token a station; a station whose
//! successor is busy keeps its finished residual until the successor is ready.

use super::depth::ADD;
use super::path::Paths;
use super::ring::{Offer, Ring};

/// Whether prompt tokens overlap in the chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefill {
    /// Each enters as soon as the chip takes it.
    Pipelined,
    /// Each enters when the one before has left.
    Serial,
}

/// The chip's stations as a pipeline, between tokens.
pub struct Flow<'a> {
    paths: &'a Paths,
    /// First cycle in which each station is ready for another token.
    free: Vec<u64>,
    /// Latencies by shape of station, for the position last asked for.
    latencies: Vec<u64>,
    pos: Option<u32>,
}

impl<'a> Flow<'a> {
    pub fn new(paths: &'a Paths) -> Self {
        Flow { paths, free: vec![0; paths.len()], latencies: Vec::new(), pos: None }
    }

    /// Sends one token through, offered from cycle `offered` on. Gives the cycle it comes out, or, where no output is wanted,
    /// the first cycle in which the head is ready again.
    pub fn pass(&mut self, pos: u32, offered: u64, wanted: bool) -> u64 {
        if self.pos != Some(pos) {
            self.paths.latencies(pos, &mut self.latencies);
            self.pos = Some(pos);
        }
        let (beats, last) = (self.paths.beats, self.paths.len() - 1);
        // The embedding accepts a token only when the station after it is ready.
        let accepted = offered.max(self.free[0]).max(self.free.get(1).copied().unwrap_or(0));
        let mut arrives = accepted + self.paths.embed;
        self.free[0] = arrives + beats;
        for s in 1..=last {
            let finished = arrives + self.latencies[self.paths.shape(s)];
            if s == last {
                self.free[s] = if wanted { finished + 1 } else { arrives + beats };
                return if wanted { finished } else { self.free[s] };
            }
            // The last adder looks one cycle before its first beat whether the successor is ready. If it is not, the residual
            // goes back to the adder's memory and is read out from there once it is.
            let sent = if self.free[s + 1] < finished { finished } else { (finished + beats).max(self.free[s + 1]) + ADD };
            self.free[s] = sent + beats;
            arrives = sent;
        }
        arrives
    }
}

/// Cycles between outputs when `users` tokens, all at `pos`, generate: each enters again once it has come out.
pub fn steady_interval(paths: &Paths, pos: u32, users: u32) -> u64 {
    // More tokens than stations change nothing: the rest wait outside.
    let users = (users.max(1) as usize).min(paths.ring + 3);
    if paths.is_folded() {
        return steady_ring(paths, pos, users);
    }
    let mut flow = Flow::new(paths);
    let mut ready = vec![0u64; users];
    let rounds = 2 * paths.len().div_ceil(users) + 6;
    let (mut before, mut last) = (0, 0);
    for round in 0..rounds {
        for r in &mut ready {
            last = flow.pass(pos, *r, true);
            *r = last + 1;
        }
        if round + 3 == rounds {
            before = last;
        }
    }
    (last - before).div_ceil(2 * users as u64)
}

/// The same where they go round in between: outputs come in bunches, so over several of each token.
fn steady_ring(paths: &Paths, pos: u32, users: usize) -> u64 {
    const WARM: usize = 6;
    const MEASURED: usize = 8;
    let mut ring = Ring::new(paths);
    (0..users).for_each(|_| ring.offer(Offer { pos, cycle: 0, wanted: true }));
    let (mut before, mut last) = (0, 0);
    for output in 1..=(WARM + MEASURED) * users {
        let Some((_, cycle)) = ring.leave() else { break };
        last = cycle;
        ring.offer(Offer { pos, cycle: cycle + 1, wanted: true });
        if output == WARM * users {
            before = cycle;
        }
    }
    (last - before).div_ceil((MEASURED * users) as u64)
}
