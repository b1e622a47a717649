//! One site full of one kind of unit: its capital, its year, its tokens.

use crate::{Figure, Provenance};
use serde::Serialize;

use super::assumptions::{Assumptions, Input};
use super::error::EconomicsError;
use super::option::Demand;
use super::unit::Unit;

/// Seconds of a mean year (365.25 days).
pub const YEAR_S: f64 = 31_557_600.0;
/// Joules of a kilowatt-hour.
pub const KWH_J: f64 = 3.6e6;
const SOURCE: &str = "token factory books (docs/baseline.md)";

/// A named amount.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    pub what: &'static str,
    pub amount: Figure,
}

/// A site's books for one kind of unit.
#[derive(Clone, Debug, Serialize)]
pub struct Account {
    pub unit: Unit,
    /// Units the site's power carries at full load.
    pub units: f64,
    /// Least units that serve the demand's users at once.
    pub units_for_users: f64,
    pub users_at_once: f64,
    /// Whether one user's token meets the demand's latency target.
    pub meets_latency: bool,
    pub token_latency_ms: Figure,
    pub site_tokens_per_s: Figure,
    pub tokens_per_year: Figure,
    /// Devices alone, at full load.
    pub device_j_per_token: Figure,
    /// At the meter: hosts, idle hours and cooling included.
    pub site_j_per_token: Figure,
    pub capital: Vec<Line>,
    pub capital_usd: Figure,
    pub yearly: Vec<Line>,
    pub yearly_usd: Figure,
    pub usd_per_mtoken: Figure,
    pub operational_g_per_mtoken: Figure,
    pub embodied_g_per_mtoken: Figure,
}

/// Cost of a year as a function of its tokens: `fixed_usd + usd_per_token · tokens`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CostLine {
    pub fixed_usd_per_year: f64,
    pub usd_per_token: f64,
}

/// Yearly payment that repays `capital_usd` in `years` at `rate`: `r / (1 − (1 + r)^−n)` of it.
pub fn annuity_usd(capital_usd: f64, rate: f64, years: f64) -> f64 {
    if rate <= 0.0 {
        return capital_usd / years;
    }
    capital_usd * rate / -(-years * rate.ln_1p()).exp_m1()
}

/// Parts of a unit's year.
struct UnitYear {
    devices_usd: f64,
    hosts_usd: f64,
    building_usd: f64,
    electricity_usd: f64,
    energy_kwh: f64,
    embodied_kg: f64,
    tokens: f64,
    meter_w: f64,
}

/// Years a device serves: its own life, or until the model changes if it dies with it.
fn device_years(assumptions: &Assumptions, unit: &Unit) -> f64 {
    let life = assumptions.value(Input::LifetimeYears);
    if unit.replaced_on_change { life.min(1.0 / assumptions.value(Input::ModelChangesPerYear)) } else { life }
}

/// Watts of a unit and its host that are used so much of the time.
pub(super) fn mean_w(unit: &Unit, used: f64) -> f64 {
    unit.idle_w + used * (unit.device_w - unit.idle_w) + unit.host_w
}

fn unit_year(assumptions: &Assumptions, unit: &Unit) -> UnitYear {
    let at = |input| assumptions.value(input);
    let (rate, used) = (at(Input::DiscountRate), at(Input::Utilisation));
    let full_w = unit.device_w + unit.host_w;
    let energy_kwh = mean_w(unit, used) * at(Input::Pue) * YEAR_S / KWH_J;
    let device_years = device_years(assumptions, unit);
    UnitYear {
        devices_usd: annuity_usd(unit.device_usd, rate, device_years),
        hosts_usd: annuity_usd(unit.host_usd, rate, at(Input::LifetimeYears)),
        building_usd: annuity_usd(at(Input::BuildingUsdPerW) * full_w, rate, at(Input::BuildingYears)),
        electricity_usd: energy_kwh * at(Input::ElectricityUsdPerKwh),
        energy_kwh,
        embodied_kg: unit.embodied_kg / device_years,
        tokens: unit.tokens_per_s * used * YEAR_S,
        meter_w: full_w * at(Input::Pue),
    }
}

/// What a year costs at any volume, units bought as needed.
pub fn cost_line(assumptions: &Assumptions, unit: &Unit) -> CostLine {
    let year = unit_year(assumptions, unit);
    let (design_usd, changes_usd) = fixed(assumptions, unit);
    CostLine {
        fixed_usd_per_year: design_usd + changes_usd,
        usd_per_token: (year.devices_usd + year.hosts_usd + year.building_usd + year.electricity_usd) / year.tokens,
    }
}

/// Yearly cost of design and first masks, and of model changes.
fn fixed(assumptions: &Assumptions, unit: &Unit) -> (f64, f64) {
    let at = |input| assumptions.value(input);
    let design = annuity_usd(unit.one_time_usd, at(Input::DiscountRate), at(Input::LifetimeYears));
    (design, at(Input::ModelChangesPerYear) * unit.change_usd)
}

/// The books of a site full of `unit`s.
///
/// # Errors
/// A site too small for one unit.
pub fn account(assumptions: &Assumptions, demand: &Demand, unit: &Unit) -> Result<Account, EconomicsError> {
    let meter_w = unit_year(assumptions, unit).meter_w;
    let site_w = assumptions.value(Input::SiteMw) * 1e6;
    let units = (site_w / meter_w).floor();
    if units < 1.0 {
        return Err(EconomicsError::SiteTooSmall { name: unit.name.clone(), unit_kw: meter_w / 1e3, site_kw: site_w / 1e3 });
    }
    Ok(account_of_units(assumptions, demand, unit, units))
}

/// The books of so many `unit`s, wherever they stand.
pub fn account_of_units(assumptions: &Assumptions, demand: &Demand, unit: &Unit, units: f64) -> Account {
    let at = |input| assumptions.value(input);
    let year = unit_year(assumptions, unit);
    let (design_usd, changes_usd) = fixed(assumptions, unit);
    let estimated = |value, unit| Figure::new(value, unit, Provenance::Estimated, SOURCE);
    let lines = |parts: &[(&'static str, f64)], unit| -> (Vec<Line>, f64) {
        let lines = parts.iter().map(|(what, amount)| Line { what, amount: estimated(*amount, unit) }).collect();
        (lines, parts.iter().map(|(_, amount)| amount).sum())
    };
    let (capital, capital_usd) = lines(
        &[
            ("devices", units * unit.device_usd),
            ("hosts", units * unit.host_usd),
            ("building", units * at(Input::BuildingUsdPerW) * (unit.device_w + unit.host_w)),
            ("design and masks", unit.one_time_usd),
        ],
        "USD",
    );
    let (yearly, yearly_usd) = lines(
        &[
            ("devices", units * year.devices_usd),
            ("hosts", units * year.hosts_usd),
            ("building", units * year.building_usd),
            ("electricity", units * year.electricity_usd),
            ("design and masks", design_usd),
            ("model changes", changes_usd),
        ],
        "USD/year",
    );
    let tokens = units * year.tokens;
    let latency_ms = 1e3 / unit.tokens_per_s_per_user;
    let speed = |value, of| Figure::new(value, of, unit.provenance, unit.source.clone());
    Account {
        units,
        units_for_users: (f64::from(demand.users) / f64::from(unit.users_at_once)).ceil(),
        users_at_once: units * f64::from(unit.users_at_once),
        meets_latency: demand.max_token_latency_ms.is_none_or(|target_ms| latency_ms <= target_ms * (1.0 + 1e-9)),
        token_latency_ms: speed(latency_ms, "ms"),
        site_tokens_per_s: speed(units * unit.tokens_per_s, "tokens/s"),
        tokens_per_year: estimated(tokens, "tokens/year"),
        device_j_per_token: speed(unit.device_w / unit.tokens_per_s, "J/token"),
        site_j_per_token: estimated(year.energy_kwh * KWH_J / year.tokens, "J/token"),
        capital,
        capital_usd: estimated(capital_usd, "USD"),
        yearly,
        yearly_usd: estimated(yearly_usd, "USD/year"),
        usd_per_mtoken: estimated(yearly_usd / tokens * 1e6, "USD/Mtoken"),
        operational_g_per_mtoken: estimated(year.energy_kwh * at(Input::GridGPerKwh) / year.tokens * 1e6, "gCO2e/Mtoken"),
        embodied_g_per_mtoken: estimated(year.embodied_kg * 1e3 / year.tokens * 1e6, "gCO2e/Mtoken"),
        unit: unit.clone(),
    }
}
