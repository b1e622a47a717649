//! The books: chip against GPUs on one site, and the price of having hardwired the wrong model.

use crate::{Figure, Provenance};
use serde::Serialize;

use super::account::{Account, CostLine, account, cost_line};
use super::assumptions::{Assumptions, Input};
use super::error::EconomicsError;
use super::option::{ChipOption, Demand, GpuOption};
use super::unit::{Unit, chip_unit, gpu_unit};
use crate::gpu::{Calibration, GpuError};

/// Version of the books' JSON; raised when a field changes its meaning or goes.
pub const BOOKS_SCHEMA: u32 = 2;
/// Model changes a year that the price of being wrong is shown at.
const CHANGES_SHOWN: [f64; 6] = [0.0, 0.25, 0.5, 1.0, 2.0, 4.0];
const SOURCE: &str = "token factory books (docs/baseline.md)";

/// Everything the comparison says.
#[derive(Clone, Debug, Serialize)]
pub struct Books {
    pub schema: u32,
    pub assumptions: Assumptions,
    pub demand: Demand,
    pub chip: Account,
    pub gpus: Vec<Account>,
    /// GPUs that cannot serve the demand, and why.
    pub refused: Vec<Refusal>,
    /// One for each of `gpus`, in their order.
    pub comparisons: Vec<Comparison>,
    pub wrong: WrongPrice,
}

/// A GPU that cannot serve the demand.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Refusal {
    pub name: String,
    pub reason: String,
}

/// The chip against one GPU option. Ratios are chip over GPU.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    pub gpu: String,
    pub user_speed_ratio: Figure,
    /// Output tokens of one unit against those of one GPU unit: the side on which GPUs are strong.
    pub unit_tokens_ratio: Figure,
    pub j_per_token_ratio: Figure,
    pub usd_per_mtoken_ratio: Figure,
    pub carbon_ratio: Figure,
    /// Tokens a year from which the chip is the cheaper; absent where it never is.
    pub break_even_tokens_per_year: Option<Figure>,
}

/// The price of being wrong: a chip must be made again when its model goes out of use; a GPU reloads.
#[derive(Clone, Debug, Serialize)]
pub struct WrongPrice {
    /// Masks and engineers of one change.
    pub respin_usd: Figure,
    /// Cards of the whole site, made again for one change.
    pub cards_usd: Figure,
    /// From new weights to new cards.
    pub respin_weeks: Figure,
    /// Time in which one GPU machine reads the new weights over its host link, seconds.
    pub gpu_reload_s: Option<Figure>,
    pub points: Vec<ChangePoint>,
    /// Changes a year at which the chip costs what the cheapest GPU costs; absent where it never or always does.
    pub parity_changes_per_year: Option<Figure>,
}

/// Cost at one rate of model changes, the site full.
#[derive(Clone, Debug, Serialize)]
pub struct ChangePoint {
    pub changes_per_year: f64,
    pub chip_usd_per_mtoken: Figure,
    pub cheapest_gpu_usd_per_mtoken: Option<Figure>,
}

/// The books of `chip` against `gpus` for `demand`. The silicon costs are those of the chip's node.
pub fn books(assumptions: &Assumptions, demand: &Demand, chip: &ChipOption, gpus: &[GpuOption]) -> Result<Books, EconomicsError> {
    demand.check()?;
    let assumptions = on_node(assumptions, chip)?;
    let calibration = Calibration::bundled()?;
    let chip_unit = chip_unit(&assumptions, demand, chip)?;
    let chip = account(&assumptions, demand, &chip_unit)?;
    let mut accounts = Vec::new();
    let mut refused = Vec::new();
    for option in gpus {
        match gpu_unit(&calibration, &assumptions, demand, option) {
            Ok(unit) => accounts.push(account(&assumptions, demand, &unit)?),
            // A device that is too slow or too small is an answer; a malformed one is an error.
            Err(EconomicsError::Gpu(reason @ (GpuError::TooSlow { .. } | GpuError::DoesNotFit { .. } | GpuError::Split { .. }))) => {
                refused.push(Refusal { name: option.device.name.clone(), reason: reason.to_string() })
            }
            Err(other) => return Err(other),
        }
    }
    let comparisons = accounts.iter().map(|gpu| compare(&assumptions, &chip, gpu)).collect();
    let wrong = wrong(&assumptions, demand, &chip, &accounts, gpus)?;
    Ok(Books { schema: BOOKS_SCHEMA, demand: demand.clone(), chip, gpus: accounts, refused, comparisons, wrong, assumptions })
}

/// The assumptions with the silicon costs of the chip's node, but for what the user set.
pub(super) fn on_node(assumptions: &Assumptions, chip: &ChipOption) -> Result<Assumptions, EconomicsError> {
    if assumptions.node == chip.node { Ok(assumptions.clone()) } else { assumptions.clone().at_node(&chip.node) }
}

/// Tokens a year at which two cost lines meet, where the first has the larger fixed and the smaller running cost.
pub fn break_even_tokens(chip: CostLine, gpu: CostLine) -> Option<f64> {
    let saved_usd_per_token = gpu.usd_per_token - chip.usd_per_token;
    let extra_usd = chip.fixed_usd_per_year - gpu.fixed_usd_per_year;
    (saved_usd_per_token > 0.0).then(|| (extra_usd / saved_usd_per_token).max(0.0))
}

fn estimated(value: f64, unit: &str) -> Figure {
    Figure::new(value, unit, Provenance::Estimated, SOURCE)
}

fn compare(assumptions: &Assumptions, chip: &Account, gpu: &Account) -> Comparison {
    let ratio = |chip: f64, gpu: f64| estimated(chip / gpu, "chip / GPU");
    let carbon = |a: &Account| a.operational_g_per_mtoken.value + a.embodied_g_per_mtoken.value;
    let even = break_even_tokens(cost_line(assumptions, &chip.unit), cost_line(assumptions, &gpu.unit));
    Comparison {
        gpu: gpu.unit.name.clone(),
        user_speed_ratio: ratio(chip.unit.tokens_per_s_per_user, gpu.unit.tokens_per_s_per_user),
        unit_tokens_ratio: ratio(chip.unit.tokens_per_s, gpu.unit.tokens_per_s),
        j_per_token_ratio: ratio(chip.site_j_per_token.value, gpu.site_j_per_token.value),
        usd_per_mtoken_ratio: ratio(chip.usd_per_mtoken.value, gpu.usd_per_mtoken.value),
        carbon_ratio: ratio(carbon(chip), carbon(gpu)),
        break_even_tokens_per_year: even.map(|tokens| estimated(tokens, "tokens/year")),
    }
}

fn wrong(
    assumptions: &Assumptions,
    demand: &Demand,
    chip: &Account,
    gpus: &[Account],
    options: &[GpuOption],
) -> Result<WrongPrice, EconomicsError> {
    let cheapest = gpus.iter().map(|gpu| gpu.usd_per_mtoken.value).reduce(f64::min);
    let at = |changes: f64| chip_usd_per_mtoken(assumptions, demand, &chip.unit, changes);
    let mut points = Vec::new();
    for changes_per_year in CHANGES_SHOWN {
        points.push(ChangePoint {
            changes_per_year,
            chip_usd_per_mtoken: estimated(at(changes_per_year)?, "USD/Mtoken"),
            cheapest_gpu_usd_per_mtoken: cheapest.map(|usd| estimated(usd, "USD/Mtoken")),
        });
    }
    let parity = match cheapest {
        Some(gpu_usd) if at(0.0)? < gpu_usd && at(MOST_CHANGES)? > gpu_usd => {
            let (mut low, mut high) = (0.0, MOST_CHANGES);
            for _ in 0..60 {
                let middle = (low + high) / 2.0;
                if at(middle)? < gpu_usd { low = middle } else { high = middle }
            }
            Some(estimated(low, "1/year"))
        }
        _ => None,
    };
    let reload_s = options.iter().map(|option| option.model.weight_bytes() / (option.device.link.bandwidth_gb_per_s * 1e9));
    let weeks = assumptions.get(Input::RespinWeeks);
    Ok(WrongPrice {
        respin_usd: estimated(chip.unit.change_usd, "USD"),
        cards_usd: estimated(chip.units * chip.unit.device_usd, "USD"),
        respin_weeks: Figure::new(weeks.value, "weeks", Provenance::Cited, weeks.source.clone()).between(weeks.low, weeks.high),
        gpu_reload_s: reload_s.reduce(f64::max).map(|seconds| estimated(seconds, "s")),
        points,
        parity_changes_per_year: parity,
    })
}

/// Changes a year past which nobody would look: one a week.
const MOST_CHANGES: f64 = 52.0;

fn chip_usd_per_mtoken(assumptions: &Assumptions, demand: &Demand, unit: &Unit, changes_per_year: f64) -> Result<f64, EconomicsError> {
    let changed = assumptions.with(Input::ModelChangesPerYear, changes_per_year)?;
    Ok(account(&changed, demand, unit)?.usd_per_mtoken.value)
}
