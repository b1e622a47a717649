//! The books in words: the lines worth comparing, break-even, the price of being wrong.

use crate::report::number;
use crate::table::Cell;
use hardwire_baseline::economics::unit::Kind;
use hardwire_baseline::economics::{Account, Input};
use hardwire_baseline::{Figure, Provenance};
use hardwire_study::books::ChipBooks;
use hardwire_study::efficiency::eur_per_mtoken;

/// Whose electricity it is.
pub fn place(books: &ChipBooks) -> &str {
    match books.books.assumptions.preset.as_deref() {
        None | Some("us") => "the US",
        Some("france") => "France",
        Some("germany") => "Germany",
        Some("italy") => "Italy",
        Some(other) => other,
    }
}

/// What a kilowatt-hour costs and emits there, with the source of each.
pub fn electricity(books: &ChipBooks) -> [String; 2] {
    let told = |what: &str, input: Input| {
        let a = books.books.assumptions.get(input);
        format!("{what}: {} {} ({} to {}); {}.", number(a.value), a.unit, number(a.low), number(a.high), a.source)
    };
    [told("electricity", Input::ElectricityUsdPerKwh), told("grid", Input::GridGPerKwh)]
}

fn speed(a: &Account, value: f64, unit: &str) -> Cell {
    Figure::new(value, unit, a.unit.provenance, a.unit.source.clone()).into()
}

fn price(a: &Account) -> Cell {
    let source = match a.unit.kind {
        Kind::Chip => "good die, package and card over one less the margin (docs/baseline.md)",
        Kind::Gpu => "street price, its place in the range assumed (baseline/data/gpus.csv)",
    };
    Figure::new(a.unit.device_usd, "USD", Provenance::Estimated, source).into()
}

/// The lines of an account that are compared.
pub fn lines(books: &ChipBooks) -> Vec<(&'static str, Vec<Cell>)> {
    let accounts: Vec<&Account> = [&books.books.chip].into_iter().chain(&books.books.gpus).collect();
    let each = |get: &dyn Fn(&Account) -> Cell| accounts.iter().map(|account| get(account)).collect();
    let eur = |a: &Account| {
        let value = eur_per_mtoken(&books.books.assumptions, a);
        Figure::new(value, "EUR/Mtoken", a.usd_per_mtoken.provenance, "the same at the assumed rate")
    };
    let answer = |yes: bool| Cell::from(if yes { "yes" } else { "no" });
    let mut out: Vec<(&'static str, Vec<Cell>)> = vec![
        ("each user sees, tokens/s", each(&|a| speed(a, a.unit.tokens_per_s_per_user, "tokens/s"))),
        ("one unit's full queue, tokens/s", each(&|a| speed(a, a.unit.tokens_per_s, "tokens/s"))),
        ("one unit's users", each(&|a| a.unit.users_at_once.into())),
        ("one unit's power, W", each(&|a| speed(a, a.unit.device_w, "W"))),
        ("one unit's price, USD", each(&|a| price(a))),
        ("units on the site", each(&|a| a.units.into())),
        ("site, tokens/s", each(&|a| a.site_tokens_per_s.clone().into())),
        ("site, tokens a year", each(&|a| a.tokens_per_year.clone().into())),
        ("capital, USD", each(&|a| a.capital_usd.clone().into())),
        ("cost a year, USD", each(&|a| a.yearly_usd.clone().into())),
        ("J/token, device", each(&|a| a.device_j_per_token.clone().into())),
        ("J/token, meter", each(&|a| a.site_j_per_token.clone().into())),
        ("USD a million tokens", each(&|a| a.usd_per_mtoken.clone().into())),
        ("EUR a million tokens", each(&|a| eur(a).into())),
        ("g CO2e a million, use", each(&|a| a.operational_g_per_mtoken.clone().into())),
        ("g CO2e a million, making", each(&|a| a.embodied_g_per_mtoken.clone().into())),
    ];
    if books.books.demand.max_token_latency_ms.is_some() {
        out.push(("meets the latency asked", each(&|a| answer(a.meets_latency))));
    }
    out
}

/// Break-even and the price of being wrong, in words.
pub fn sentences(books: &ChipBooks) -> Vec<String> {
    let b = &books.books;
    let mut out = Vec::new();
    for c in &b.comparisons {
        let ratio = c.usd_per_mtoken_ratio.value;
        let verdict = if ratio < 1.0 {
            format!("on the full site a token costs 1/{} of the GPU's", number(1.0 / ratio))
        } else {
            format!("on the full site a token costs {} times the GPU's", number(ratio))
        };
        let even = match &c.break_even_tokens_per_year {
            Some(tokens) => format!("the chip is the cheaper from {} tokens a year", number(tokens.value)),
            None => "the chip is the cheaper at no volume".into(),
        };
        out.push(format!("Against {}: {even}; {verdict}.", c.gpu));
    }
    let w = &b.wrong;
    let mut wrong = format!(
        "Price of being wrong: a new model costs {} USD of masks and engineers, {} USD of cards for the whole site and {} weeks",
        number(w.respin_usd.value),
        number(w.cards_usd.value),
        number(w.respin_weeks.value)
    );
    if let Some(reload) = &w.gpu_reload_s {
        wrong += &match reload.value {
            s if s < 1.0 => "; a GPU reloads in less than a second".to_owned(),
            s => format!("; a GPU reloads in {} s", number(s)),
        };
    }
    out.push(match &w.parity_changes_per_year {
        Some(changes) => format!("{wrong}. At {} changes a year both cost the same.", number(changes.value)),
        None => format!("{wrong}."),
    });
    out
}
