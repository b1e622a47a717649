//! What speed and energy come to for a joule, a square millimetre and a million tokens: read from other figures, with no model of its own.

use crate::books::ChipBooks;
use crate::compare::Comparison;
use hardwire_baseline::economics::Input;
use hardwire_netlist::{Figure, Provenance};
use serde::Serialize;

/// Of one way in which a chip is used.
#[derive(Serialize)]
pub struct Efficiency {
    /// Output tokens a joule of the chip.
    pub tokens_per_j: Figure,
    pub tokens_per_s_per_mm2: Figure,
    /// Joules of the chip a million output tokens.
    pub j_per_mtoken: Figure,
    /// All that the books count; absent where they have no such case.
    pub eur_per_mtoken: Option<Figure>,
    /// Part of the power that the chip takes when it does nothing.
    pub leakage_share: Figure,
}

/// One user alone, and a full queue of those whom the cache holds.
#[derive(Serialize)]
pub struct Efficiencies {
    pub one_user: Efficiency,
    pub full_queue: Efficiency,
}

pub fn efficiencies(area_mm2: f64, compare: &Comparison, books: Option<&ChipBooks>) -> Efficiencies {
    let chip = &compare.chip;
    let of = |tokens_per_s: &Figure, j_per_token: &Figure, power_w: &Figure, eur_per_mtoken| {
        let told = |value, unit: &str, source: &str| Figure::new(value, unit, Provenance::Estimated, source);
        Efficiency {
            tokens_per_j: told(1.0 / j_per_token.value, "tokens/J", "one over the energy of a token"),
            tokens_per_s_per_mm2: told(tokens_per_s.value / area_mm2, "tokens/s/mm2", "speed over die area"),
            j_per_mtoken: told(j_per_token.value * 1e6, "J/Mtoken", "the energy of a token, a million times"),
            eur_per_mtoken,
            leakage_share: told(chip.idle_w.value / power_w.value, "", "idle power over power"),
        }
    };
    let eur = books.map(|b| {
        let rate = b.books.assumptions.value(Input::UsdPerEur);
        Figure::new(b.books.chip.usd_per_mtoken.value / rate, "EUR/Mtoken", Provenance::Estimated, "the books' price of a token")
    });
    let queue = &chip.as_built;
    Efficiencies {
        one_user: of(&chip.tokens_per_s, &chip.j_per_token, &chip.power_w, None),
        full_queue: of(&queue.tokens_per_s, &queue.j_per_token, &queue.power_w, eur),
    }
}
