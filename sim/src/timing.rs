//! When everything happens: the cycles of every unit, station and token, from shapes and positions alone.
//!
//! The constants are the pipeline depths of `docs/microarchitecture.md`; they predict the Verilog's cycles exactly, at every
//! position. Nothing here looks at a weight or an activation.
//!
//! - [`station`], [`token`]: one token through an empty chip.
//! - [`generate`], [`first_token_cycles`]: one user, the prompt streamed back to back through the stations.
//! - [`serve`]: several users, each token in its cycle; [`aggregate_interval`]: many users in flight.

mod depth;
mod flow;
mod path;
mod ring;

pub use flow::Prefill;
pub use path::{StationTiming, UnitTiming};

use flow::Flow;
use hardwire_netlist::Netlist;
use path::Paths;
use ring::{Offer, Ring};

/// One token through the whole chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenTiming {
    /// Token accepted to token out, in an empty chip. A single user's tokens are one cycle further apart: the host's turn.
    pub latency_cycles: u64,
    /// Cycles between tokens when every station is kept busy: the slowest station, hand-over included.
    pub interval_cycles: u64,
    pub stations: Vec<StationTiming>,
}

/// Timing of one station for a token at position `pos`.
pub fn station(netlist: &Netlist, station: u32, pos: u32) -> StationTiming {
    Paths::new(netlist).station(station, pos)
}

/// Timing of one token at position `pos`, alone in the chip.
pub fn token(netlist: &Netlist, pos: u32) -> TokenTiming {
    let paths = Paths::new(netlist);
    let stations: Vec<StationTiming> = (0..netlist.stations.len() as u32).map(|s| paths.station(s, pos)).collect();
    TokenTiming {
        latency_cycles: stations.iter().map(|s| s.latency_cycles).sum(),
        interval_cycles: flow::steady_interval(&paths, pos, u32::MAX),
        stations,
    }
}

/// Cycle of every output token of one user, counted from the acceptance of the first prompt token. Prompt tokens enter as
/// fast as the chip takes them; every output token is fed back in the cycle after it came out.
pub fn generate(netlist: &Netlist, prompt: u32, new: u32) -> Vec<u64> {
    generate_with(netlist, prompt, new, Prefill::Pipelined)
}

/// As [`generate`], with the prompt's tokens overlapping or one at a time.
pub fn generate_with(netlist: &Netlist, prompt: u32, new: u32, prefill: Prefill) -> Vec<u64> {
    generate_from(netlist, 0, prompt, new, prefill)
}

/// As [`generate_with`] for a sequence that already holds `from` positions, in a chip that is empty otherwise.
pub fn generate_from(netlist: &Netlist, from: u32, prompt: u32, new: u32, prefill: Prefill) -> Vec<u64> {
    let paths = Paths::new(netlist);
    let mut out = Vec::with_capacity(new as usize);
    if paths.is_folded() {
        generate_in_ring(&paths, from, prompt, new, prefill, &mut out);
        return out;
    }
    let mut flow = Flow::new(&paths);
    let mut offered = 0;
    for fed in 0..prompt {
        let last = fed + 1 == prompt;
        let left = flow.pass(from + fed, offered, last);
        if prefill == Prefill::Serial {
            offered = left;
        }
        if last && new > 0 {
            out.push(left);
        }
    }
    while !out.is_empty() && out.len() < new as usize {
        let offered = out[out.len() - 1] + 1;
        out.push(flow.pass(from + prompt + out.len() as u32 - 1, offered, true));
    }
    out
}

fn generate_in_ring(paths: &Paths, from: u32, prompt: u32, new: u32, prefill: Prefill, out: &mut Vec<u64>) {
    let mut ring = Ring::new(paths);
    let offer = |fed, cycle| Offer { pos: from + fed, cycle, wanted: fed + 1 >= prompt };
    let first = if prefill == Prefill::Serial { prompt.min(1) } else { prompt };
    (0..first).for_each(|fed| ring.offer(offer(fed, 0)));
    while let Some((token, cycle)) = ring.leave() {
        let next = token as u32 + 1;
        if next >= prompt {
            out.push(cycle);
            if out.len() >= new as usize {
                break;
            }
        }
        match prefill {
            _ if next >= prompt => ring.offer(offer(next, cycle + 1)),
            Prefill::Serial => ring.offer(offer(next, cycle)),
            Prefill::Pipelined => {}
        }
    }
    out.truncate(new as usize);
}

/// A token as a host gives it in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fed {
    pub user: u32,
    pub wanted: bool,
}

/// An output token: whose it is, at which position, and in which cycle from the acceptance of the first token it comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    pub user: u32,
    pub pos: u32,
    pub cycle: u64,
}

/// Every output of several users, whose sequences begin here and stay within their context: the tokens of `feed` enter in order as fast as
/// the chip takes them; then every output of a user who wants more of `new` is fed back in the cycle after it came out, in order.
pub fn serve(netlist: &Netlist, feed: &[Fed], new: u32) -> Vec<Output> {
    let paths = Paths::new(netlist);
    let mut ring = Ring::new(&paths);
    let users = feed.iter().map(|f| f.user as usize + 1).max().unwrap_or(0);
    let (mut positions, mut left) = (vec![0u32; users], vec![new; users]);
    let mut given: Vec<(Fed, u32)> = Vec::new();
    let mut give = |ring: &mut Ring<'_>, given: &mut Vec<(Fed, u32)>, fed: Fed, cycle: u64| {
        let pos = positions[fed.user as usize];
        positions[fed.user as usize] += 1;
        ring.offer(Offer { pos, cycle, wanted: fed.wanted });
        given.push((fed, pos));
    };
    feed.iter().for_each(|&fed| give(&mut ring, &mut given, fed, 0));
    let mut out = Vec::new();
    while let Some((token, cycle)) = ring.leave() {
        let (fed, pos) = given[token];
        if fed.wanted {
            out.push(Output { user: fed.user, pos, cycle });
            let left = &mut left[fed.user as usize];
            *left = left.saturating_sub(1);
            if *left > 0 {
                give(&mut ring, &mut given, Fed { user: fed.user, wanted: true }, cycle + 1);
            }
        }
    }
    out
}

/// Greatest logits that the `top` port gives of every output token.
pub const TOP: u32 = 4;

/// Cycles in which the [`TOP`] greatest logits of a token that comes out in `token_cycle` are on the `top` port, the greatest first.
pub fn top_cycles(netlist: &Netlist, token_cycle: u64) -> Vec<u64> {
    (0..TOP).map(|rank| depth::top(netlist.lanes, token_cycle, rank)).collect()
}

/// Cycles from the acceptance of the first of `prompt` tokens to the first output token.
pub fn first_token_cycles(netlist: &Netlist, prompt: u32) -> u64 {
    generate(netlist, prompt, 1).first().copied().unwrap_or(0)
}

/// Cycles between output tokens of the chip when `users` sequences, all `context` positions long, generate at once.
pub fn aggregate_interval(netlist: &Netlist, context: u32, users: u32) -> u64 {
    flow::steady_interval(&Paths::new(netlist), context.saturating_sub(1), users)
}
