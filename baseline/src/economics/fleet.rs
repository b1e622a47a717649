//! A country's fleet: so many citizens, so many questions a day, hour by hour, in cards, racks, megawatts and money.
//!
//! Units are bought for the peak hour; the day's mean over its peak is their utilisation. Nothing is kept in reserve.

use serde::{Deserialize, Serialize};

use super::account::{Account, KWH_J, YEAR_S, account_of_units, mean_w};
use super::assumptions::{Assumptions, Input};
use super::error::{EconomicsError, positive, within};
use super::option::Demand;
use super::supply::{Part, domestic_share, parts};
use super::unit::Unit;

const DAY: &str = include_str!("../../data/day.csv");
const DAY_S: f64 = 86_400.0;
/// More people than there are (8.2 thousand million in 2025, UN).
const MOST_CITIZENS: f64 = 1e10;

/// How a day's load lies over its hours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Day {
    /// Load of each hour over that of the busiest.
    pub share_of_peak: Vec<f64>,
    pub source: String,
}

#[derive(Deserialize)]
struct Hour {
    share_of_peak: f64,
    #[serde(default)]
    source: String,
}

impl Day {
    /// The program's own day: an assumption.
    ///
    /// # Errors
    /// A bundled table that cannot be read.
    pub fn bundled() -> Result<Day, EconomicsError> {
        Day::parse(DAY, "day.csv")
    }

    /// A day in CSV: a column `share_of_peak`, a row an hour, any scale; `file` is only named in errors.
    ///
    /// # Errors
    /// Other than 24 hours, loads below zero, or none above.
    pub fn parse(text: &str, file: &str) -> Result<Day, EconomicsError> {
        let hint = "a column `share_of_peak` and 24 rows, one an hour";
        let malformed = |detail: String| EconomicsError::File { file: file.into(), detail, hint };
        let hours: Result<Vec<Hour>, _> = csv::Reader::from_reader(text.as_bytes()).into_deserialize().collect();
        let hours = hours.map_err(|error| malformed(error.to_string()))?;
        if hours.len() != 24 {
            return Err(malformed(format!("{} hours, expected 24", hours.len())));
        }
        for hour in &hours {
            within(file, "share_of_peak", hour.share_of_peak, 0.0, f64::MAX)?;
        }
        let peak = hours.iter().map(|hour| hour.share_of_peak).fold(0.0, f64::max);
        positive(file, "share_of_peak of the busiest hour", peak)?;
        let source = hours.iter().map(|hour| hour.source.as_str()).find(|source| !source.is_empty());
        Ok(Day {
            share_of_peak: hours.iter().map(|hour| hour.share_of_peak / peak).collect(),
            source: source.map_or_else(|| format!("given in {file}"), str::to_owned),
        })
    }

    /// Load of the quietest hour over that of the busiest.
    pub fn least(&self) -> f64 {
        self.share_of_peak.iter().copied().fold(1.0, f64::min)
    }

    /// Mean load over that of the busiest hour.
    pub fn mean(&self) -> f64 {
        self.share_of_peak.iter().sum::<f64>() / self.share_of_peak.len() as f64
    }
}

/// What a country asks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Country {
    pub citizens: f64,
    /// Of each citizen.
    pub questions_per_day: f64,
    pub day: Day,
}

/// The fleet that serves a country.
#[derive(Clone, Debug, Serialize)]
pub struct Fleet {
    pub country: Country,
    /// Output tokens a second, over the day and in its busiest hour.
    pub mean_tokens_per_s: f64,
    pub peak_tokens_per_s: f64,
    pub chip: FleetSide,
    pub gpus: Vec<FleetSide>,
}

/// One kind of unit that serves all of it.
#[derive(Clone, Debug, Serialize)]
pub struct FleetSide {
    pub name: String,
    pub units: f64,
    /// Dies of a chip, each on a card, or GPUs.
    pub cards: f64,
    pub racks: f64,
    /// Wafers of its first cards; absent for what is bought whole.
    pub wafers: Option<f64>,
    /// At the meter: every unit at full load, the mean of the day, the quietest hour.
    pub peak_mw: f64,
    pub mean_mw: f64,
    pub least_mw: f64,
    pub gwh_per_year: f64,
    pub capital_eur: f64,
    /// The same at list (dear end of a GPU's street price, a chip with its maker's margin) and at volume (cheap end; a chip at the least
    /// margin of its range).
    pub capital_at_list_eur: f64,
    pub capital_at_volume_eur: f64,
    pub eur_per_year: f64,
    pub eur_per_citizen_year: f64,
    pub tonnes_co2e_per_year: f64,
    /// Share of the year's cost that stays in the country.
    pub domestic_share: f64,
    pub parts: Vec<Part>,
    #[serde(skip)]
    pub account: Account,
}

/// A kind of unit at any prices.
pub type UnitAt<'a> = &'a dyn Fn(&Assumptions) -> Result<Unit, EconomicsError>;

/// The fleet of `country`: `chip` and `gpus` as units at given prices, cards counted with `cards`.
///
/// # Errors
/// A country of nobody, who asks nothing; prices that mean nothing.
pub fn fleet(
    assumptions: &Assumptions,
    demand: &Demand,
    country: Country,
    chip: UnitAt<'_>,
    gpus: &[UnitAt<'_>],
) -> Result<Fleet, EconomicsError> {
    within("country", "citizens", country.citizens, f64::MIN_POSITIVE, MOST_CITIZENS)?;
    within("country", "questions_per_day", country.questions_per_day, f64::MIN_POSITIVE, DAY_S)?;
    let mean_tokens_per_s = country.citizens * country.questions_per_day * f64::from(demand.output_tokens) / DAY_S;
    let peak_tokens_per_s = mean_tokens_per_s / country.day.mean();
    let used = assumptions.with(Input::Utilisation, country.day.mean())?;
    let side = |unit: UnitAt<'_>| side(&used, demand, &country, peak_tokens_per_s, unit);
    Ok(Fleet {
        chip: side(chip)?,
        gpus: gpus.iter().map(|gpu| side(*gpu)).collect::<Result<_, _>>()?,
        mean_tokens_per_s,
        peak_tokens_per_s,
        country,
    })
}

fn side(assumptions: &Assumptions, demand: &Demand, country: &Country, peak: f64, of: UnitAt<'_>) -> Result<FleetSide, EconomicsError> {
    let unit = of(assumptions)?;
    let units = (peak / unit.tokens_per_s).ceil();
    // What the ceiling leaves over is idle.
    let used = assumptions.value(Input::Utilisation) * peak / (units * unit.tokens_per_s);
    let assumptions = assumptions.with(Input::Utilisation, used)?;
    let account = account_of_units(&assumptions, demand, &unit, units);
    let at = |input| assumptions.value(input);
    let full_w = units * (unit.device_w + unit.host_w);
    let meter_mw = |used: f64| units * mean_w(&unit, used) * at(Input::Pue) * 1e-6;
    let kwh = account.site_j_per_token.value * account.tokens_per_year.value / KWH_J;
    let eur = |usd: f64| usd / at(Input::UsdPerEur);
    let priced = |position: f64, margin: f64| -> Result<f64, EconomicsError> {
        let priced = assumptions.with(Input::GpuPricePosition, position)?.with(Input::ChipGrossMargin, margin)?;
        Ok(eur(account_of_units(&priced, demand, &of(&priced)?, units).capital_usd.value))
    };
    let margin = assumptions.get(Input::ChipGrossMargin);
    let place = assumptions.preset.as_deref().unwrap_or("us");
    let parts = parts(&account, place, &assumptions.node)?;
    let wafers = unit.silicon.map(|silicon| units * unit.cards / (silicon.gross_dies_per_wafer * silicon.yield_fraction));
    Ok(FleetSide {
        name: unit.name.clone(),
        units,
        cards: units * unit.cards,
        racks: (full_w / (at(Input::RackKw) * 1e3)).ceil(),
        wafers,
        peak_mw: meter_mw(1.0),
        least_mw: meter_mw(country.day.least() * peak / (units * unit.tokens_per_s)),
        mean_mw: kwh * KWH_J / YEAR_S * 1e-6,
        gwh_per_year: kwh * 1e-6,
        capital_eur: eur(account.capital_usd.value),
        capital_at_list_eur: priced(1.0, margin.value)?,
        capital_at_volume_eur: priced(0.0, margin.low.min(margin.value))?,
        eur_per_year: eur(account.yearly_usd.value),
        eur_per_citizen_year: eur(account.yearly_usd.value) / country.citizens,
        tonnes_co2e_per_year: (account.operational_g_per_mtoken.value + account.embodied_g_per_mtoken.value)
            * account.tokens_per_year.value
            * 1e-12,
        domestic_share: domestic_share(&parts),
        parts,
        account,
    })
}
