//! Which assumption matters: each at its low and its high, all others where they are.

use serde::Serialize;

use super::assumptions::{Assumptions, Input};
use super::books::{Books, books, on_node};
use super::error::EconomicsError;
use super::option::{ChipOption, Demand, GpuOption};

/// The figure whose sensitivity is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    ChipUsdPerMtoken,
    GpuUsdPerMtoken,
    /// Chip cost over GPU cost: below 1 the chip is the cheaper.
    CostRatio,
    BreakEvenTokensPerYear,
}

/// One input's effect.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bar {
    pub input: Input,
    pub unit: String,
    pub source: String,
    pub low: f64,
    pub high: f64,
    /// The metric with the input at its low, and at its high; absent where the metric does not exist there.
    pub at_low: Option<f64>,
    pub at_high: Option<f64>,
}

impl Bar {
    /// Width of the bar; infinite where the metric ceases to exist at one end.
    pub fn span(&self) -> f64 {
        match (self.at_low, self.at_high) {
            (Some(low), Some(high)) => (high - low).abs(),
            (None, None) => 0.0,
            _ => f64::INFINITY,
        }
    }
}

/// A metric with every input at its value, and its bars from the widest to the narrowest.
#[derive(Clone, Debug, Serialize)]
pub struct Tornado {
    pub metric: Metric,
    pub gpu: String,
    pub at_value: Option<f64>,
    pub bars: Vec<Bar>,
}

/// The sensitivity of `metric` for `chip` against one kind of GPU. Inputs that leave the metric alone are left out.
pub fn tornado(
    assumptions: &Assumptions,
    demand: &Demand,
    chip: &ChipOption,
    gpu: &GpuOption,
    metric: Metric,
) -> Result<Tornado, EconomicsError> {
    let assumptions = on_node(assumptions, chip)?;
    let gpus = std::slice::from_ref(gpu);
    let at = |assumptions: &Assumptions| Ok(read(&books(assumptions, demand, chip, gpus)?, metric));
    let mut bars = Vec::new();
    for (input, assumption) in &assumptions.inputs {
        if assumption.low >= assumption.high {
            continue;
        }
        let end = |value| -> Result<Option<f64>, EconomicsError> {
            match at(&assumptions.with(*input, value)?) {
                // A site too small for one unit has no metric; it is not a malformed question.
                Err(EconomicsError::SiteTooSmall { .. }) => Ok(None),
                other => other,
            }
        };
        let bar = Bar {
            input: *input,
            unit: assumption.unit.clone(),
            source: assumption.source.clone(),
            low: assumption.low,
            high: assumption.high,
            at_low: end(assumption.low)?,
            at_high: end(assumption.high)?,
        };
        if bar.span() > 0.0 {
            bars.push(bar);
        }
    }
    // The map's order settles ties, so the same question has the same answer.
    bars.sort_by(|a, b| b.span().total_cmp(&a.span()));
    Ok(Tornado { metric, gpu: gpu.device.name.clone(), at_value: at(&assumptions)?, bars })
}

fn read(books: &Books, metric: Metric) -> Option<f64> {
    let (gpu, comparison) = (books.gpus.first()?, books.comparisons.first()?);
    match metric {
        Metric::ChipUsdPerMtoken => Some(books.chip.usd_per_mtoken.value),
        Metric::GpuUsdPerMtoken => Some(gpu.usd_per_mtoken.value),
        Metric::CostRatio => Some(comparison.usd_per_mtoken_ratio.value),
        Metric::BreakEvenTokensPerYear => comparison.break_even_tokens_per_year.as_ref().map(|tokens| tokens.value),
    }
}
