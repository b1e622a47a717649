//! The chip's side: one user, as many as its cache holds, and every station busy.

use super::Request;
use crate::chip::{ENERGY, TIMING, seconds, simulated, speed_at};
use hardwire_netlist::{Chip, Figure, Provenance};
use hardwire_sim::{energy, timing};
use serde::Serialize;

/// What the chip does for whom.
#[derive(Clone, Serialize)]
pub struct ChipSide {
    pub context: u32,
    /// One user's tokens once the prompt is read.
    pub tokens_per_s: Figure,
    pub j_per_token: Figure,
    pub power_w: Figure,
    /// Power with nothing asked: leakage, clocks gated.
    pub idle_w: Figure,
    /// Rate at which one prompt is read, filling the pipeline included.
    pub prompt_tokens_per_s: Figure,
    /// A full queue on the chip as compiled: as many users as its KV cache holds.
    pub as_built: InFlight,
    /// A full queue with one user a station, which takes a cache for as many.
    pub all_busy: InFlight,
}

/// Several users at once, prompts read in between: output tokens only are counted.
#[derive(Clone, Serialize)]
pub struct InFlight {
    pub users: u32,
    /// All users together.
    pub tokens_per_s: Figure,
    /// Output tokens a second once prompts are read, all users together.
    pub decode_tokens_per_s: Figure,
    pub tokens_per_s_per_user: Figure,
    pub j_per_token: Figure,
    pub power_w: Figure,
}

impl ChipSide {
    /// Unit of energy that suits the chip, and how many a joule.
    pub fn energy_unit(&self) -> (&'static str, f64) {
        match self.j_per_token.value {
            j if j < 1e-4 => ("µJ/token", 1e6),
            j if j < 1.0 => ("mJ/token", 1e3),
            _ => ("J/token", 1.0),
        }
    }
}

pub fn chip_side(chip: &Chip, request: Request) -> ChipSide {
    let stations = chip.netlist().stations.len() as u32;
    let one = speed_at(chip, request.context);
    let prompt = request.prompt.max(1);
    let prompt_s = seconds(chip, timing::first_token_cycles(chip.netlist(), prompt));
    let at = energy::token(chip, request.context - 1);
    let estimated = |value, unit, source| Figure::new(value, unit, Provenance::Estimated, source);
    ChipSide {
        context: request.context,
        tokens_per_s: one.tokens_per_s_single_user,
        j_per_token: one.j_per_token_single_user,
        power_w: estimated(one.power_single_user_w, "W", ENERGY),
        idle_w: estimated(at.leakage_w, "W", "leakage of the counted hardware (docs/process.md)"),
        prompt_tokens_per_s: simulated(f64::from(prompt) / prompt_s, "tokens/s", TIMING),
        as_built: in_flight(chip, request, chip.model().users.clamp(1, stations)),
        all_busy: in_flight(chip, request, stations),
    }
}

/// Output tokens a second of `users` users once prompts are read.
pub fn decode_tokens_per_s(chip: &Chip, users: u32, context: u32) -> f64 {
    let cycles = match users {
        0 | 1 => timing::token(chip.netlist(), context - 1).latency_cycles + 1,
        users => timing::aggregate_interval(chip.netlist(), context, users),
    };
    1.0 / seconds(chip, cycles)
}

/// A request takes its share of prompt reading and of output; a prompt token switches what an output token does.
fn in_flight(chip: &Chip, request: Request, users: u32) -> InFlight {
    let decode = decode_tokens_per_s(chip, users, request.context);
    let (prompt, output) = (f64::from(request.prompt), f64::from(request.output));
    let prompt_s = if request.prompt == 0 { 0.0 } else { seconds(chip, timing::first_token_cycles(chip.netlist(), request.prompt)) };
    let tokens_per_s = output / (output / decode + prompt_s);
    let at = energy::token(chip, request.context - 1);
    let joules = at.split.total_pj() * 1e-12 * (prompt + output) / output + at.leakage_w / tokens_per_s;
    let estimated = |value, unit| Figure::new(value, unit, Provenance::Estimated, ENERGY);
    InFlight {
        users,
        tokens_per_s: simulated(tokens_per_s, "tokens/s", TIMING),
        decode_tokens_per_s: simulated(decode, "tokens/s", TIMING),
        tokens_per_s_per_user: simulated(tokens_per_s / f64::from(users), "tokens/s", TIMING),
        j_per_token: estimated(joules, "J/token"),
        power_w: estimated(joules * tokens_per_s, "W"),
    }
}
