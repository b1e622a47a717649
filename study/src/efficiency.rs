//! What speed and energy come to for a joule, a square millimetre and a million tokens, and what the area goes to: read from other figures,
//! with no model of its own. Every command tells these, from here.

use crate::load::{FullQueue, OneUser};
use hardwire_baseline::economics::{Account, Assumptions, Input};
use hardwire_netlist::{Census, Figure, Provenance, Technology};
use serde::Serialize;
use std::collections::BTreeMap;

/// Of one way in which a chip is used.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Efficiency {
    /// Output tokens a joule of the chip.
    pub tokens_per_j: f64,
    pub tokens_per_s_per_mm2: f64,
    /// Joules of the chip a million output tokens.
    pub j_per_mtoken: f64,
    /// Part of the energy that the chip takes when it does nothing.
    pub leakage_share: f64,
    /// All that the books count; absent where they have no such case.
    pub eur_per_mtoken: Option<f64>,
}

/// One user alone, and a full queue of those whom the cache holds; all estimated.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Efficiencies {
    pub one_user: Efficiency,
    pub full_queue: Efficiency,
    pub area_shares: BTreeMap<&'static str, f64>,
}

/// Silicon that tokens are made on.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    pub area_mm2: f64,
    pub leakage_w: f64,
}

impl Made {
    /// Of so many output tokens in so many seconds for so many joules.
    pub fn efficiency(self, tokens: f64, seconds: f64, joules: f64) -> Efficiency {
        Efficiency {
            tokens_per_j: tokens / joules,
            tokens_per_s_per_mm2: tokens / seconds / self.area_mm2,
            j_per_mtoken: joules / tokens * 1e6,
            leakage_share: self.leakage_w * seconds / joules,
            eur_per_mtoken: None,
        }
    }

    /// Of both usual ways; the price is that of the full queue.
    pub fn efficiencies(
        self,
        one: OneUser,
        queue: &FullQueue,
        eur_per_mtoken: Option<f64>,
        area: BTreeMap<&'static str, f64>,
    ) -> Efficiencies {
        let queue = self.efficiency(queue.tokens_per_s, 1.0, queue.power_w);
        Efficiencies {
            one_user: self.efficiency(one.tokens_per_s, 1.0, one.power_w),
            full_queue: Efficiency { eur_per_mtoken, ..queue },
            area_shares: area,
        }
    }
}

/// Shares of the area of what `total` counts by what its cells are for: ROM, SRAM, selectors, adders, flip-flops, other gates.
pub fn area_shares(technology: &Technology, total: &Census) -> BTreeMap<&'static str, f64> {
    let split = technology.area_split_um2(total);
    let all: f64 = split.iter().map(|(_, um2)| um2).sum();
    split.map(|(name, um2)| (name, um2 / all)).into()
}

/// What a million output tokens of `account` cost, EUR.
pub fn eur_per_mtoken(prices: &Assumptions, account: &Account) -> f64 {
    account.usd_per_mtoken.value / prices.value(Input::UsdPerEur)
}

impl Efficiency {
    /// Each with its name, unit and source.
    pub fn figures(&self) -> Vec<(&'static str, Figure)> {
        let told = |value, unit: &str, source: &str| Figure::new(value, unit, Provenance::Estimated, source);
        let mut out = vec![
            ("Tokens a joule", told(self.tokens_per_j, "tokens/J", "one over the energy of a token")),
            ("Speed a mm²", told(self.tokens_per_s_per_mm2, "tokens/s/mm2", "speed over die area")),
            ("Energy of a million tokens", told(self.j_per_mtoken, "J", "the energy of a token, a million times")),
            ("Leakage's share of the power", told(self.leakage_share * 100.0, "%", "idle power over power")),
        ];
        out.extend(self.eur_per_mtoken.map(|eur| ("Cost of a million tokens", told(eur, "EUR", "the books' price of a token"))));
        out
    }
}
