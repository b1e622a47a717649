//! When everything happens: the cycles of every unit, station and token, from shapes and positions alone.
//!
//! The constants are the pipeline depths of `docs/microarchitecture.md`; they predict the Verilog's cycles exactly, at every
//! position. Nothing here looks at a weight or an activation.
//!
//! - [`station`], [`token`]: one token through an empty chip.
//! - [`generate`], [`first_token_cycles`]: one user, the prompt streamed back to back through the stations.
//! - [`aggregate_interval`]: many users in flight.

mod depth;
mod flow;
mod path;

pub use flow::Prefill;

use flow::Flow;
use hardwire_netlist::{Netlist, UnitId};
use path::Paths;

/// When one unit works, in cycles from its station's first input beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitTiming {
    pub unit: UnitId,
    /// Cycle of its first input beat (for the first unit of the chip: of the token's acceptance).
    pub start_cycle: u64,
    /// One past the cycle of its last output beat.
    pub end_cycle: u64,
}

/// One token's stay in a station whose successor is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StationTiming {
    pub station: u32,
    /// From the first beat in (embed: the token's acceptance) to the first beat out (head: the token out).
    pub latency_cycles: u64,
    pub units: Vec<UnitTiming>,
}

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
    let paths = Paths::new(netlist);
    let mut flow = Flow::new(&paths);
    let mut out = Vec::with_capacity(new as usize);
    let mut offered = 0;
    for pos in 0..prompt {
        let last = pos + 1 == prompt;
        let left = flow.pass(pos, offered, last);
        if prefill == Prefill::Serial {
            offered = left;
        }
        if last && new > 0 {
            out.push(left);
        }
    }
    while !out.is_empty() && out.len() < new as usize {
        let offered = out[out.len() - 1] + 1;
        out.push(flow.pass(prompt + out.len() as u32 - 1, offered, true));
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
