//! Units of several kinds that make each token together, such as GPUs that read prompts and chips that write answers.
//!
//! A site is filled with all kinds in the proportion in which they keep up with each other; what a token costs is the sum of what it
//! costs on each. Units are counted in whole numbers kind by kind, so a site that holds few of them is a little out of proportion.

use crate::{Figure, Provenance};
use serde::Serialize;

use super::account::{Account, account};
use super::assumptions::{Assumptions, Input};
use super::error::EconomicsError;
use super::option::Demand;
use super::unit::Unit;

const SOURCE: &str = "token factory books, kinds of units in proportion (docs/baseline.md)";

/// The books of a site of several kinds. Every figure is of an output token, which takes its part of every kind.
#[derive(Clone, Debug, Serialize)]
pub struct Joint {
    pub parts: Vec<Account>,
    pub site_tokens_per_s: Figure,
    pub site_j_per_token: Figure,
    pub usd_per_mtoken: Figure,
    pub eur_per_mtoken: Figure,
    pub g_co2e_per_mtoken: Figure,
}

/// The books of `units`, each of which makes its part of `tokens_per_s` tokens.
///
/// # Errors
/// A site too small for one unit of each kind; prices that mean nothing.
pub fn joint(assumptions: &Assumptions, demand: &Demand, units: &[Unit]) -> Result<Joint, EconomicsError> {
    let full_j: Vec<f64> = units.iter().map(|unit| (unit.device_w + unit.host_w) / unit.tokens_per_s).collect();
    let all_j: f64 = full_j.iter().sum();
    let site_mw = assumptions.value(Input::SiteMw);
    let parts: Vec<Account> = (units.iter().zip(&full_j))
        .map(|(unit, j)| account(&assumptions.with(Input::SiteMw, site_mw * j / all_j)?, demand, unit))
        .collect::<Result<_, EconomicsError>>()?;
    let estimated = |value, unit: &str| Figure::new(value, unit, Provenance::Estimated, SOURCE);
    let sum = |of: &dyn Fn(&Account) -> f64| parts.iter().map(of).sum::<f64>();
    let usd = sum(&|a| a.usd_per_mtoken.value);
    let rate = parts.iter().map(|a| a.site_tokens_per_s.value).fold(f64::INFINITY, f64::min);
    Ok(Joint {
        site_tokens_per_s: estimated(rate, "tokens/s"),
        site_j_per_token: estimated(sum(&|a| a.site_j_per_token.value), "J/token"),
        usd_per_mtoken: estimated(usd, "USD/Mtoken"),
        eur_per_mtoken: estimated(usd / assumptions.value(Input::UsdPerEur), "EUR/Mtoken"),
        g_co2e_per_mtoken: estimated(sum(&|a| a.operational_g_per_mtoken.value + a.embodied_g_per_mtoken.value), "gCO2e/Mtoken"),
        parts,
    })
}
