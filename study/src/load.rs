//! What a chip does under one load: the only place where the speed, energy and power of requests are computed.
//!
//! A [`Request`] is what every command asks unless told otherwise. [`Rates`] are the few times and energies that all figures follow
//! from; a compiled chip ([`Compiled`]) and a planned one give them, so both are told by the same formulas.

use crate::efficiency::{Efficiency, Made};
use crate::sources::die_area_mm2;
use hardwire_netlist::Chip;
use hardwire_sim::{energy, timing};
use serde::Serialize;

/// Longest prompt and output of a request unless asked, tokens: the middle of what vendors publish.
const MOST_TOKENS: u32 = 1000;

/// A request: its prompt, its output, and the context at which one user's figures are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Request {
    pub prompt: u32,
    pub output: u32,
    pub context: u32,
}

impl Request {
    /// Of `prompt` and `output` tokens; one user stands in the middle of the output.
    pub fn new(prompt: u32, output: u32) -> Request {
        Request { prompt, output, context: (prompt + output / 2).max(1) }
    }

    /// Half of a cache of `positions` for the prompt, half for the output, each at most 1,000 tokens.
    pub fn within(positions: u32) -> Request {
        let output = (positions / 2).clamp(1, MOST_TOKENS);
        Request::new(output.min(positions - output.min(positions)), output)
    }

    /// [`Request::within`] the cache of `chip`.
    pub fn of(chip: &Chip) -> Request {
        Request::within(chip.model().context)
    }
}

/// Times and energies of a chip, from which its figures under any load follow.
pub trait Rates {
    /// Users that can be in flight at once, whatever the cache holds.
    fn stations(&self) -> u32;
    /// Seconds between one user's tokens at `context`.
    fn single_s(&self, context: u32) -> f64;
    /// Seconds between output tokens of `users` sequences at `context`, all of them generating.
    fn interval_s(&self, context: u32, users: u32) -> f64;
    /// Seconds from a prompt of `prompt` tokens, at least one, to its first output token.
    fn prompt_s(&self, prompt: u32) -> f64;
    /// Joules that one token switches at `context`, those of [`Rates::links_j`] included.
    fn switching_j(&self, context: u32) -> f64;
    /// Joules of it that go into crossing between dies.
    fn links_j(&self) -> f64 {
        0.0
    }
    /// Power of the chip with its clocks gated.
    fn leakage_w(&self) -> f64;
}

/// One user alone on a chip.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OneUser {
    pub tokens_per_s: f64,
    pub j_per_token: f64,
    pub power_w: f64,
}

/// One user of `rates` at `context`, the prompt read.
pub fn one_user(rates: &dyn Rates, context: u32) -> OneUser {
    let single_s = rates.single_s(context);
    let joules = rates.switching_j(context) + rates.leakage_w() * single_s;
    OneUser { tokens_per_s: 1.0 / single_s, j_per_token: joules, power_w: joules / single_s }
}

/// A full queue of requests on a chip: output tokens are counted, prompts are read in between.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FullQueue {
    /// Users in flight at once.
    pub users: u32,
    /// Output tokens of all users.
    pub tokens_per_s: f64,
    /// Output tokens of all users while no prompt is read.
    pub decode_tokens_per_s: f64,
    pub tokens_per_s_per_user: f64,
    /// A prompt token switches what an output token does; its joules are the output's.
    pub j_per_token: f64,
    pub power_w: f64,
    /// Rate at which one prompt is read, filling the pipeline included.
    pub prompt_tokens_per_s: f64,
}

/// Output tokens a second of `users` users of `rates` at `context`, prompts read.
pub fn decode_tokens_per_s(rates: &dyn Rates, users: u32, context: u32) -> f64 {
    if users <= 1 { 1.0 / rates.single_s(context) } else { 1.0 / rates.interval_s(context, users) }
}

/// `users` users in flight on `rates`, and more waiting.
pub fn full_queue(rates: &dyn Rates, request: Request, users: u32) -> FullQueue {
    let decode = decode_tokens_per_s(rates, users, request.context);
    let (prompt, output) = (f64::from(request.prompt), f64::from(request.output));
    let prompt_s = if request.prompt == 0 { 0.0 } else { rates.prompt_s(request.prompt) };
    let tokens_per_s = output / (output / decode + prompt_s);
    let joules = rates.switching_j(request.context) * (prompt + output) / output + rates.leakage_w() / tokens_per_s;
    FullQueue {
        users,
        tokens_per_s,
        decode_tokens_per_s: decode,
        tokens_per_s_per_user: tokens_per_s / f64::from(users),
        j_per_token: joules,
        power_w: joules * tokens_per_s,
        prompt_tokens_per_s: f64::from(request.prompt.max(1)) / rates.prompt_s(request.prompt.max(1)),
    }
}

/// The users that a cache for `users` lets `rates` have in flight.
pub fn users_in_flight(rates: &dyn Rates, users: u32) -> u32 {
    users.clamp(1, rates.stations().max(1))
}

/// Seconds that `cycles` take on `chip`.
pub fn seconds(chip: &Chip, cycles: u64) -> f64 {
    cycles as f64 / (chip.structure.technology.clock_mhz.value * 1e6)
}

/// A compiled chip's rates.
pub struct Compiled<'a>(pub &'a Chip);

impl Rates for Compiled<'_> {
    fn stations(&self) -> u32 {
        self.0.netlist().built_stations().len() as u32
    }

    fn single_s(&self, context: u32) -> f64 {
        // The host offers the next token a cycle after this one came out.
        seconds(self.0, timing::token(self.0.netlist(), context.saturating_sub(1)).latency_cycles + 1)
    }

    fn interval_s(&self, context: u32, users: u32) -> f64 {
        seconds(self.0, timing::aggregate_interval(self.0.netlist(), context, users))
    }

    fn prompt_s(&self, prompt: u32) -> f64 {
        seconds(self.0, timing::first_token_cycles(self.0.netlist(), prompt))
    }

    fn switching_j(&self, context: u32) -> f64 {
        let token = if self.0.structure.is_planned() { energy::token_of_alike } else { energy::token };
        token(self.0.netlist(), &self.0.structure.technology, context.saturating_sub(1)).split.total_pj() * 1e-12
    }

    fn leakage_w(&self) -> f64 {
        let netlist = self.0.netlist();
        self.0.structure.technology.leakage_w(&hardwire_netlist::census::total(netlist))
    }
}

/// What one user's prompt and answer take on a chip that does nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Run {
    /// From the first prompt token to the first output token.
    pub first_token_us: f64,
    /// To the last output token.
    pub total_us: f64,
    /// Output tokens a second after the first one; 0 where there is one alone.
    pub tokens_per_s: f64,
    /// Switching of every position taken, and leakage meanwhile.
    pub joules: f64,
    /// Of its output tokens, the prompt's time and joules among theirs.
    pub efficiency: Efficiency,
}

/// The run of `prompt` tokens and then `output` tokens, both at least one, of a sequence that already holds `held` positions.
pub fn run(chip: &Chip, held: u32, prompt: u32, output: u32) -> Run {
    let cycles = timing::generate_from(chip.netlist(), held, prompt.max(1), output.max(1), timing::Prefill::Pipelined);
    let at = |cycle: Option<&u64>| seconds(chip, cycle.copied().unwrap_or(0));
    let (first_s, total_s) = (at(cycles.first()), at(cycles.last()));
    let rates = Compiled(chip);
    let switching_j: f64 = (1..prompt.max(1) + output.max(1)).map(|taken| rates.switching_j(held + taken)).sum();
    let joules = switching_j + rates.leakage_w() * total_s;
    let made = Made { area_mm2: die_area_mm2(&chip.structure).value, leakage_w: rates.leakage_w() };
    Run {
        efficiency: made.efficiency(f64::from(output.max(1)), total_s, joules),
        first_token_us: first_s * 1e6,
        total_us: total_s * 1e6,
        tokens_per_s: if cycles.len() > 1 { (cycles.len() - 1) as f64 / (total_s - first_s) } else { 0.0 },
        joules,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten cycles a token alone, two between tokens in flight.
    struct Fixed;

    impl Rates for Fixed {
        fn stations(&self) -> u32 {
            5
        }
        fn single_s(&self, _: u32) -> f64 {
            10.0
        }
        fn interval_s(&self, _: u32, users: u32) -> f64 {
            (10.0 / f64::from(users)).max(2.0)
        }
        fn prompt_s(&self, prompt: u32) -> f64 {
            10.0 + 2.0 * f64::from(prompt - 1)
        }
        fn switching_j(&self, _: u32) -> f64 {
            3.0
        }
        fn leakage_w(&self) -> f64 {
            0.5
        }
    }

    #[test]
    fn a_queue_pays_for_its_prompts_in_time_and_energy() {
        assert_eq!(Request::within(768), Request { prompt: 384, output: 384, context: 576 });
        assert_eq!(Request::within(1), Request { prompt: 0, output: 1, context: 1 });
        let one = one_user(&Fixed, 7);
        assert_eq!((one.tokens_per_s, one.j_per_token, one.power_w), (0.1, 8.0, 0.8));
        // Without a prompt a queue of one is one user.
        let alone = full_queue(&Fixed, Request::new(0, 4), 1);
        assert_eq!((alone.tokens_per_s, alone.j_per_token), (0.1, 8.0));
        // Four tokens in 8 s and a prompt of three in 14 s; seven tokens switch for four that count.
        let full = full_queue(&Fixed, Request::new(3, 4), 5);
        assert!((full.tokens_per_s - 4.0 / 22.0).abs() < 1e-12 && full.decode_tokens_per_s == 0.5);
        assert!((full.j_per_token - (3.0 * 7.0 / 4.0 + 0.5 * 22.0 / 4.0)).abs() < 1e-12);
        assert_eq!(full.tokens_per_s_per_user * 5.0, full.tokens_per_s);
        assert_eq!(users_in_flight(&Fixed, 9), 5);
    }
}
