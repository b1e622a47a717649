//! Where a chip stands and who asks there, as typed.

use clap::Args as ClapArgs;
use std::path::PathBuf;

/// What the books assume of a site.
#[derive(ClapArgs, Debug, Clone, Default)]
#[command(next_help_heading = "The site")]
pub struct Site {
    /// TOML over the bundled assumptions: `utilisation = 0.8`, or a table of value, low, high, unit, source.
    #[arg(long, value_name = "FILE")]
    pub assumptions: Option<PathBuf>,
    /// A country's electricity: us, france, germany or italy [default: us].
    #[arg(long)]
    pub preset: Option<String>,
    /// Slowest token anyone accepts, milliseconds [default: any].
    #[arg(long)]
    pub latency_ms: Option<f64>,
    /// Months between two models: every respin remakes the cards [default: the assumptions', 12].
    #[arg(long, value_name = "N")]
    pub respin_months: Option<f64>,
    /// Model whose API prices the tokens sell at [default: the chip's own].
    #[arg(long, value_name = "MODEL")]
    pub sold_as: Option<String>,
    #[command(flatten)]
    pub country: Country,
}

/// A country that asks.
#[derive(ClapArgs, Debug, Clone, Default)]
#[command(next_help_heading = "A country's fleet")]
pub struct Country {
    /// Millions of people: cards, racks, megawatts and euros of a fleet that serves them all.
    #[arg(long, value_name = "MILLIONS")]
    pub citizens: Option<f64>,
    /// Questions a day of each.
    #[arg(long, value_name = "N", default_value_t = 10.0, requires = "citizens")]
    pub questions: f64,
    /// A day's load: CSV with a column `share_of_peak` and a row an hour; without --citizens it sets how much of its time the site is
    /// used [default: for a fleet the program's, an assumption].
    #[arg(long, value_name = "FILE")]
    pub day: Option<PathBuf>,
}
