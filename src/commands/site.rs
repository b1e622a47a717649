//! A site as the books take it, from what was typed.

use crate::cli;
use anyhow::{Result, bail};
use hardwire_baseline::economics::{Assumptions, Country, Day, Input};
use hardwire_netlist::input;
use hardwire_study::books::Site;

/// # Errors
/// A file that cannot be read, a preset that is unknown, a number that means nothing.
pub fn site(args: &cli::Site) -> Result<Site> {
    let mut site = Site::bundled()?;
    if let Some(path) = &args.assumptions {
        site.assumptions = Assumptions::from_toml(path)?;
    }
    if let Some(preset) = &args.preset {
        site.assumptions = site.assumptions.with_preset(preset)?;
    }
    if let Some(months) = args.respin_months {
        if !(months.is_finite() && months > 0.0) {
            bail!("--respin-months {months}: expected a number above 0");
        }
        site.assumptions = site.assumptions.set(Input::ModelChangesPerYear, 12.0 / months, &format!("--respin-months {months}"))?;
    }
    let day = day(&args.country)?;
    if let Some((day, file)) = &day {
        site.assumptions = site.assumptions.set(Input::Utilisation, day.mean(), &format!("--day {file}"))?;
    }
    if let Some(millions) = args.country.citizens {
        let day = day.map_or_else(Day::bundled, |(day, _)| Ok(day))?;
        site.country = Some(Country { citizens: millions * 1e6, questions_per_day: args.country.questions, day });
    }
    (site.latency_ms, site.sold_as) = (args.latency_ms, args.sold_as.clone());
    Ok(site)
}

/// The day that a file tells, with the file's name.
fn day(args: &cli::Country) -> Result<Option<(Day, String)>> {
    let Some(path) = &args.day else { return Ok(None) };
    let name = path.display().to_string();
    Ok(Some((Day::parse(&input::text(path, input::MOST_TEXT)?, &name)?, name)))
}
