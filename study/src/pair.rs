//! A chip and a GPU that serve together, beside each of them alone.
//!
//! - [`disaggregated`]: the GPU reads prompts, the chip writes answers; keys and values go over a link;
//! - [`speculative`]: the chip drafts, the GPU verifies at 16 bits; the output is exactly the GPU's.
//!
//! Prices are the books', the site filled with both kinds in the proportion in which they keep up with each other.

pub mod disaggregated;
pub mod speculative;

pub use disaggregated::{Disaggregated, disaggregated};
pub use speculative::{DraftAcceptance, Speculative, speculative};

use crate::Result;
use crate::compare::Baseline;
use hardwire_baseline::economics::{Assumptions, Demand, Joint, Unit, joint};
use hardwire_baseline::gpu::HostLink;
use hardwire_netlist::{Figure, Provenance};
use serde::Serialize;

/// The GPU beside the chip, the link between the two, and what both cost.
pub struct Partner {
    pub gpu: Baseline,
    pub link: HostLink,
    /// Silicon at the chip's node.
    pub assumptions: Assumptions,
}

/// One way of serving. Tokens are output tokens.
#[derive(Clone, Debug, Serialize)]
pub struct Served {
    /// Of the prompt, on an idle machine; absent where prompts are not counted.
    pub first_token_ms: Option<Figure>,
    pub tokens_per_s_per_user: Figure,
    /// Of one unit: the chip, the GPU, or the kind of the two that `units` names with its part of the other.
    pub tokens_per_s: Figure,
    /// Chips and GPUs at full load, hosts and cooling left out.
    pub j_per_token: Figure,
    /// At the meter of a site of the books.
    pub site_j_per_token: Figure,
    pub usd_per_mtoken: Figure,
    pub eur_per_mtoken: Figure,
}

const PAIR: &str = "chip and GPU models put together (docs/baseline.md)";

fn estimated(value: f64, unit: &str) -> Figure {
    Figure::new(value, unit, Provenance::Estimated, PAIR)
}

/// The books of `units` as a way of serving: what a user sees, and what one unit makes of tokens.
fn served(
    assumptions: &Assumptions,
    demand: &Demand,
    units: &[Unit],
    first_token_s: Option<f64>,
    tokens_per_s_per_user: f64,
    tokens_per_s: f64,
) -> Result<Served> {
    let books: Joint = joint(assumptions, demand, units)?;
    Ok(Served {
        first_token_ms: first_token_s.map(|s| estimated(s * 1e3, "ms")),
        tokens_per_s_per_user: estimated(tokens_per_s_per_user, "tokens/s"),
        tokens_per_s: estimated(tokens_per_s, "tokens/s"),
        j_per_token: estimated(units.iter().map(|u| u.device_w / u.tokens_per_s).sum(), "J/token"),
        site_j_per_token: books.site_j_per_token,
        usd_per_mtoken: books.usd_per_mtoken,
        eur_per_mtoken: books.eur_per_mtoken,
    })
}
