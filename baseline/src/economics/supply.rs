//! Which part of a year's cost stays in a country: each part of a unit, with the share of it that is made at home.
//!
//! Shares are coarse and mostly assumptions (`baseline/data/supply_chain.csv`); they say where the largest parts go, not tenths.

use serde::{Deserialize, Serialize};

use super::account::{Account, Line};
use super::error::EconomicsError;
use super::unit::Kind;

const BUNDLED: &str = include_str!("../../data/supply_chain.csv");
const FILE: &str = "supply_chain.csv";
const ANY: &str = "any";
const WAFERS: &str = "wafers ";
/// Wafers of a node that the table does not name.
const ELSEWHERE: &str = "wafers elsewhere";

/// One part of a year.
#[derive(Clone, Debug, Serialize)]
pub struct Part {
    pub what: String,
    pub usd_per_year: f64,
    pub domestic_share: f64,
    pub source: String,
}

#[derive(Clone, Deserialize)]
struct Row {
    place: String,
    side: String,
    part: String,
    domestic_share: f64,
    source: String,
}

/// The parts of a year of `account` in `place`, silicon of `node`; a card is split into what it is made of.
///
/// # Errors
/// A part whose origin the table does not tell.
pub fn parts(account: &Account, place: &str, node: &str) -> Result<Vec<Part>, EconomicsError> {
    let rows: Result<Vec<Row>, _> = csv::Reader::from_reader(BUNDLED.as_bytes()).into_deserialize().collect();
    let rows =
        rows.map_err(|error| EconomicsError::File { file: FILE.into(), detail: error.to_string(), hint: "restore the bundled table" })?;
    let side = match account.unit.kind {
        Kind::Chip => "chip",
        Kind::Gpu => "gpu",
    };
    let mut out = Vec::new();
    for (what, usd_per_year) in account.yearly.iter().flat_map(|line| split(account, line, node)) {
        if usd_per_year == 0.0 {
            continue;
        }
        let fits = |row: &&Row| row.part == what && [side, ANY].contains(&row.side.as_str());
        let row = (rows.iter().find(|row| fits(row) && row.place == place))
            .or_else(|| rows.iter().find(|row| fits(row) && row.place == ANY))
            .or_else(|| what.starts_with(WAFERS).then(|| rows.iter().find(|row| row.part == ELSEWHERE)).flatten())
            .ok_or_else(|| EconomicsError::Unknown {
                file: FILE.into(),
                what: "part",
                name: what.clone(),
                known: "those of the table".into(),
            })?;
        out.push(Part { what, usd_per_year, domestic_share: row.domestic_share, source: row.source.clone() });
    }
    Ok(out)
}

/// A line of the year; a chip's cards as wafers, package, card and margin.
fn split(account: &Account, line: &Line, node: &str) -> Vec<(String, f64)> {
    let usd = line.amount.value;
    let whole = || vec![(line.what.to_owned(), usd)];
    let Some(silicon) = account.unit.silicon.filter(|_| line.what == "devices") else { return whole() };
    let dies = account.unit.cards;
    let share = |part_usd: f64| usd * part_usd * dies / account.unit.device_usd;
    let made = [
        (format!("{WAFERS}{node}"), share(silicon.good_die_usd)),
        ("package".to_owned(), share(silicon.package_usd)),
        ("card".to_owned(), share(silicon.card_usd)),
    ];
    let margin = usd - made.iter().map(|(_, usd)| usd).sum::<f64>();
    made.into_iter().chain([("maker's margin".to_owned(), margin)]).collect()
}

/// Share of a year that stays at home.
pub fn domestic_share(parts: &[Part]) -> f64 {
    parts.iter().map(|part| part.usd_per_year * part.domestic_share).sum::<f64>() / parts.iter().map(|part| part.usd_per_year).sum::<f64>()
}
