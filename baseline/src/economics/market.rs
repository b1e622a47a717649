//! What tokens sell for today: the API prices of models that anyone may serve, and what is left of them.

use serde::{Deserialize, Serialize};

use super::account::Account;
use super::error::EconomicsError;
use super::option::Demand;
use crate::{Figure, Provenance};

const BUNDLED: &str = include_str!("../../data/api_prices.csv");

/// One provider's price of one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    pub model: String,
    pub provider: String,
    pub input_usd_per_mtoken: f64,
    pub output_usd_per_mtoken: f64,
    /// When it was read.
    pub date: String,
    pub source: String,
    /// Country where it is not the US, and what else to know.
    pub note: String,
}

/// Every bundled price.
///
/// # Errors
/// A bundled table that cannot be read.
pub fn offers() -> Result<Vec<Offer>, EconomicsError> {
    let rows: Result<Vec<Offer>, _> = csv::Reader::from_reader(BUNDLED.as_bytes()).into_deserialize().collect();
    rows.map_err(|error| EconomicsError::File {
        file: "api_prices.csv".into(),
        detail: error.to_string(),
        hint: "restore the bundled table",
    })
}

/// The prices of a model by its name; words that follow the table's name, such as `-Instruct`, do not count.
///
/// # Errors
/// As [`offers`].
pub fn offers_of(model: &str) -> Result<Vec<Offer>, EconomicsError> {
    let wanted = model.to_ascii_lowercase();
    let is =
        |offer: &Offer| wanted.strip_prefix(&offer.model.to_ascii_lowercase()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    Ok(offers()?.into_iter().filter(is).collect())
}

/// What a request brings at one price, and what is left of it.
#[derive(Clone, Debug, Serialize)]
pub struct Sale {
    pub offer: Offer,
    /// A million output tokens with the prompts they take.
    pub usd_per_mtoken: Figure,
    /// Share of the price that the site's cost leaves, each unit by its name.
    pub margins: Vec<Margin>,
}

/// What one kind of unit leaves of a price; negative where it sells at a loss.
#[derive(Clone, Debug, Serialize)]
pub struct Margin {
    pub name: String,
    pub margin: Figure,
}

/// `demand` sold at every price of `offers` from the sites of `accounts`.
pub fn sales(offers: Vec<Offer>, demand: &Demand, accounts: &[&Account]) -> Vec<Sale> {
    let prompts = f64::from(demand.prompt_tokens) / f64::from(demand.output_tokens);
    let sale = |offer: Offer| {
        let usd = offer.output_usd_per_mtoken + prompts * offer.input_usd_per_mtoken;
        let source = format!("{}, {}", offer.source, offer.date);
        let margin = |account: &&Account| Margin {
            name: account.unit.name.clone(),
            margin: Figure::new(1.0 - account.usd_per_mtoken.value / usd, "fraction", Provenance::Estimated, source.clone()),
        };
        Sale {
            margins: accounts.iter().map(margin).collect(),
            usd_per_mtoken: Figure::new(usd, "USD/Mtoken", Provenance::Cited, source.clone()),
            offer,
        }
    };
    offers.into_iter().map(sale).collect()
}
