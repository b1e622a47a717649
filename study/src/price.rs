//! What a token costs: every command's answer is the books' account of one site full of a chip.

use crate::Result;
use crate::load::{FullQueue, Request};
use hardwire_baseline::Provenance;
use hardwire_baseline::economics::{Account, Assumptions, ChipOption, Demand, EconomicsError, Input, account, chip_unit};
use hardwire_compiler::technology::Corner;

/// People served unless asked: more than any one machine holds, so that all are saturated.
pub const SERVED: u32 = 100_000;

/// What the books are asked for `request`.
pub(crate) fn demand(request: Request, users: u32, max_token_latency_ms: Option<f64>) -> Demand {
    Demand { prompt_tokens: request.prompt, output_tokens: request.output, users, max_token_latency_ms }
}

/// The books' account of a site full of `chip`, serving `request` to everyone.
///
/// # Errors
/// A die past the reticle; prices that mean nothing.
pub(crate) fn account_of(prices: &Assumptions, request: Request, chip: &ChipOption) -> Result<Account, EconomicsError> {
    let demand = demand(request, SERVED, None);
    account(prices, &demand, &chip_unit(prices, &demand, chip)?)
}

/// The bundled prices at a node's wafers, defects and masks.
///
/// # Errors
/// A node that has no prices.
pub fn prices(node: &str) -> Result<Assumptions> {
    Ok(Assumptions::defaults()?.at_node(node)?)
}

/// `prices` with the silicon at one end of its ranges.
pub(crate) fn corner(prices: &Assumptions, corner: Corner) -> Result<Assumptions> {
    let mut out = prices.clone();
    for input in [Input::WaferUsd, Input::DefectsPerCm2, Input::MaskSetUsd, Input::RespinMasksUsd] {
        let range = prices.get(input);
        let value = match corner {
            Corner::Low => range.low,
            Corner::Middle => range.value,
            Corner::High => range.high,
        };
        out = out.with(input, value)?;
    }
    Ok(out)
}

/// A chip as the books take it: `dies` equal dies of `area_mm2` together, under a full queue.
pub(crate) fn chip_option(
    name: &str,
    node: &str,
    (area_mm2, dies): (f64, u32),
    queue: &FullQueue,
    idle_w: f64,
    source: String,
) -> ChipOption {
    ChipOption {
        name: name.into(),
        node: node.into(),
        die_mm2: area_mm2 / f64::from(dies),
        dies,
        power_w: queue.power_w,
        idle_w,
        decode_tokens_per_s: queue.decode_tokens_per_s,
        prompt_tokens_per_s: queue.prompt_tokens_per_s,
        users_at_once: queue.users,
        provenance: Provenance::Simulated,
        source,
    }
}
