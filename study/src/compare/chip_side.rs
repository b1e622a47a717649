//! The chip's side: one user, as many as its cache holds, and every station busy.

use crate::efficiency::Efficiencies;
use crate::load::{self, FullQueue, Request, users_in_flight};
use crate::sources::{ENERGY, TIMING, simulated};
use crate::subject::Subject;
use hardwire_baseline::economics::Assumptions;
use hardwire_netlist::{Figure, Provenance};
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
    /// One user, and a full queue on the chip as compiled.
    pub efficiency: Efficiencies,
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

pub fn chip_side(subject: &Subject<'_>, request: Request, prices: &Assumptions) -> ChipSide {
    let rates = subject.rates();
    let one = load::one_user(rates, request.context);
    let as_built = load::full_queue(rates, request, users_in_flight(rates, subject.users));
    let all_busy = load::full_queue(rates, request, rates.stations());
    ChipSide {
        context: request.context,
        tokens_per_s: simulated(one.tokens_per_s, "tokens/s", TIMING),
        j_per_token: estimated(one.j_per_token, "J/token"),
        power_w: estimated(one.power_w, "W"),
        idle_w: Figure::new(rates.leakage_w(), "W", Provenance::Estimated, "leakage of the counted hardware (docs/process.md)"),
        prompt_tokens_per_s: simulated(as_built.prompt_tokens_per_s, "tokens/s", TIMING),
        efficiency: subject.efficiencies(request, subject.eur_per_mtoken(request, prices)),
        as_built: as_built.into(),
        all_busy: all_busy.into(),
    }
}

fn estimated(value: f64, unit: &str) -> Figure {
    Figure::new(value, unit, Provenance::Estimated, ENERGY)
}

impl From<FullQueue> for InFlight {
    fn from(q: FullQueue) -> InFlight {
        InFlight {
            users: q.users,
            tokens_per_s: simulated(q.tokens_per_s, "tokens/s", TIMING),
            decode_tokens_per_s: simulated(q.decode_tokens_per_s, "tokens/s", TIMING),
            tokens_per_s_per_user: simulated(q.tokens_per_s_per_user, "tokens/s", TIMING),
            j_per_token: estimated(q.j_per_token, "J/token"),
            power_w: estimated(q.power_w, "W"),
        }
    }
}
