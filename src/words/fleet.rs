//! What tokens sell for, and a country's fleet, as tables and sentences.

use crate::report::number;
use crate::table::Cell;
use crate::words::place;
use hardwire_baseline::economics::{FleetSide, Input};
use hardwire_study::books::ChipBooks;

/// A table's head and its rows.
type Rows = (Vec<String>, Vec<Vec<Cell>>);

/// The price of a million output tokens with their prompts at each provider, and what is left of it; nothing where nobody sells the model.
pub fn market(books: &ChipBooks) -> Option<Rows> {
    let first = books.market.first()?;
    let mut head = vec![format!("{} sold by", first.offer.model), "read".into(), "USD/Mtoken with its prompts".into()];
    head.extend(first.margins.iter().map(|m| format!("margin, {}", m.name)));
    let row = |sale: &hardwire_baseline::economics::Sale| {
        let named =
            if sale.offer.note.is_empty() { sale.offer.provider.clone() } else { format!("{} ({})", sale.offer.provider, sale.offer.note) };
        let mut cells = vec![named.into(), sale.offer.date.as_str().into(), sale.usd_per_mtoken.clone().into()];
        cells.extend(sale.margins.iter().map(|m| Cell::Percent(m.margin.value)));
        cells
    };
    Some((head, books.market.iter().map(row).collect()))
}

/// The fleet, a column a kind of unit.
pub fn fleet(books: &ChipBooks) -> Option<Rows> {
    let fleet = books.fleet.as_ref()?;
    let sides: Vec<&FleetSide> = [&fleet.chip].into_iter().chain(&fleet.gpus).collect();
    let c = &fleet.country;
    let asked = format!("{} M people of {}, {} questions a day", number(c.citizens * 1e-6), place(books), number(c.questions_per_day));
    let head = [asked].into_iter().chain(sides.iter().map(|s| s.name.clone())).collect();
    let line = |name: &str, of: &dyn Fn(&FleetSide) -> Cell| [name.into()].into_iter().chain(sides.iter().map(|s| of(s))).collect();
    let rows = vec![
        line("cards", &|s| s.cards.into()),
        line("racks", &|s| s.racks.into()),
        line("wafers of the first cards", &|s| s.wafers.map(f64::ceil).into()),
        line("MW at the meter, busiest hour", &|s| s.peak_mw.into()),
        line("MW, mean of the day", &|s| s.mean_mw.into()),
        line("MW, quietest hour", &|s| s.least_mw.into()),
        line("GWh a year", &|s| s.gwh_per_year.into()),
        line("capital, M EUR", &|s| (s.capital_eur * 1e-6).into()),
        line("… at list", &|s| (s.capital_at_list_eur * 1e-6).into()),
        line("… at volume", &|s| (s.capital_at_volume_eur * 1e-6).into()),
        line("M EUR a year", &|s| (s.eur_per_year * 1e-6).into()),
        line("EUR a citizen a year", &|s| s.eur_per_citizen_year.into()),
        line("tonnes CO2e a year", &|s| s.tonnes_co2e_per_year.into()),
        line("stays in the country, %", &|s| (s.domestic_share * 100.0).into()),
    ];
    Some((head, rows))
}

/// What the fleet rests on, and which parts of it are made at home.
pub fn fleet_sentences(books: &ChipBooks) -> Vec<String> {
    let Some(fleet) = &books.fleet else { return Vec::new() };
    let day = &fleet.country.day;
    let mut out = vec![format!(
        "{} tokens/s over the day, {} in its busiest hour: units are used {:.0} % of what they could do ({}).",
        number(fleet.mean_tokens_per_s),
        number(fleet.peak_tokens_per_s),
        day.mean() * 100.0,
        day.source
    )];
    for side in [&fleet.chip].into_iter().chain(&fleet.gpus) {
        let year: f64 = side.parts.iter().map(|p| p.usd_per_year).sum();
        let mut parts: Vec<_> = side.parts.iter().collect();
        parts.sort_by(|a, b| b.usd_per_year.total_cmp(&a.usd_per_year));
        let told = parts
            .iter()
            .map(|p| format!("{} {:.0} % ({:.0} % of it at home)", p.what, p.usd_per_year / year * 100.0, p.domestic_share * 100.0));
        out.push(format!("{}, a year: {}.", side.name, told.collect::<Vec<_>>().join(", ")));
    }
    let margin = books.books.assumptions.get(Input::ChipGrossMargin);
    out.push(format!(
        "At list: GPUs at the dear end of their street price, chips with their maker's margin of {:.0} %; at volume: the cheap end, chips at {:.0} %. \
         Shares made at home are mostly assumptions: baseline/data/supply_chain.csv.",
        margin.value * 100.0,
        margin.low.min(margin.value) * 100.0
    ));
    out
}
