//! The smallest thing a site buys of either kind: a chip set on its cards, or a machine of GPUs.

use crate::Provenance;
use serde::Serialize;

use super::assumptions::{Assumptions, Input};
use super::error::EconomicsError;
use super::option::{ChipOption, Demand, GpuOption};
use super::silicon::{good_die_usd, gross_dies, murphy_yield};
use crate::gpu::{self, Calibration, Device, Workload};

/// Which side of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Chip,
    Gpu,
}

/// One unit in plain numbers. Money, power and mass are those of the whole unit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unit {
    pub name: String,
    pub kind: Kind,
    /// Output tokens at full load, prompts read in between.
    pub tokens_per_s: f64,
    pub tokens_per_s_per_user: f64,
    pub users_at_once: u32,
    pub device_w: f64,
    pub idle_w: f64,
    pub host_w: f64,
    pub device_usd: f64,
    pub host_usd: f64,
    pub embodied_kg: f64,
    /// Design and first masks, for however many units.
    pub one_time_usd: f64,
    /// Masks and engineers of a new model, for however many units.
    pub change_usd: f64,
    /// Whether a new model needs new devices.
    pub replaced_on_change: bool,
    /// Cards of one unit: a die each, or a GPU each.
    pub cards: f64,
    /// Silicon of one die; absent for what is bought whole.
    pub silicon: Option<Silicon>,
    pub provenance: Provenance,
    pub source: String,
}

/// What one die of the chip costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Silicon {
    pub die_mm2: f64,
    pub gross_dies_per_wafer: f64,
    pub yield_fraction: f64,
    pub good_die_usd: f64,
    pub package_usd: f64,
    pub card_usd: f64,
}

/// The chip as a unit.
pub fn chip_unit(assumptions: &Assumptions, demand: &Demand, chip: &ChipOption) -> Result<Unit, EconomicsError> {
    chip.check()?;
    let at = |input| assumptions.value(input);
    let owner = format!("chip `{}`", chip.name);
    let defects = at(Input::DefectsPerCm2);
    let silicon = Silicon {
        die_mm2: chip.die_mm2,
        gross_dies_per_wafer: gross_dies(chip.die_mm2, at(Input::WaferMm)),
        yield_fraction: murphy_yield(chip.die_mm2, defects),
        good_die_usd: good_die_usd(&owner, chip.die_mm2, defects, at(Input::WaferMm), at(Input::WaferUsd))?,
        package_usd: at(Input::PackageUsd),
        card_usd: at(Input::CardUsd),
    };
    let dies = f64::from(chip.dies);
    let card_cost_usd = silicon.good_die_usd + silicon.package_usd + silicon.card_usd;
    let speed = at(Input::ChipSpeedFactor);
    // Fewer users than places in flight leave the others empty.
    let users = f64::from(chip.users_at_once.min(demand.users));
    let decode = chip.decode_tokens_per_s * speed * users / f64::from(chip.users_at_once);
    // While a prompt is read its slot makes no output: a request takes prompt time and output time.
    let (prompt, output) = (f64::from(demand.prompt_tokens), f64::from(demand.output_tokens));
    let request_s = prompt / (chip.prompt_tokens_per_s * speed) + output / decode;
    // Wafers carry their carbon whether their dies work or not.
    let die_kg = at(Input::WaferKgPerCm2) * chip.die_mm2 / 100.0 / silicon.yield_fraction;
    Ok(Unit {
        name: chip.name.clone(),
        kind: Kind::Chip,
        tokens_per_s: output / request_s,
        tokens_per_s_per_user: output / request_s / users,
        users_at_once: chip.users_at_once,
        device_w: chip.power_w * at(Input::ChipPowerFactor),
        idle_w: chip.idle_w * at(Input::ChipPowerFactor),
        host_w: at(Input::ChipHostW) * dies,
        device_usd: card_cost_usd * dies / (1.0 - at(Input::ChipGrossMargin)),
        host_usd: at(Input::ChipHostUsd) * dies,
        embodied_kg: (die_kg + at(Input::ChipCardEmbodiedKg)) * dies,
        // The dies of one model share all layers but the ones that hold weights (HNLPU's scheme).
        one_time_usd: at(Input::DesignNreUsd) + at(Input::MaskSetUsd) + (dies - 1.0) * at(Input::RespinMasksUsd),
        change_usd: at(Input::RespinEngineeringUsd) + dies * at(Input::RespinMasksUsd),
        replaced_on_change: true,
        cards: dies,
        silicon: Some(silicon),
        provenance: chip.provenance,
        source: chip.source.clone(),
    })
}

/// A machine of GPUs as a unit, saturated as far as users and latency target let it be.
pub fn gpu_unit(calibration: &Calibration, assumptions: &Assumptions, demand: &Demand, option: &GpuOption) -> Result<Unit, EconomicsError> {
    let device = &option.device;
    let workload = Workload::new(demand.users, demand.prompt_tokens, demand.output_tokens).on(option.stack);
    let speed = assumptions.value(Input::GpuSpeedFactor);
    // A machine that is faster by the factor meets a target that much tighter.
    let target_ms = demand.max_token_latency_ms.map(|target_ms| target_ms * speed);
    let served = gpu::serve(calibration, device, &option.model, &workload, option.devices, target_ms)?;
    let load = GpuLoad {
        tokens_per_s: served.tokens_per_s.value,
        tokens_per_s_per_user: served.tokens_per_s_per_user.value,
        users: served.batch.saturating_mul(served.replicas),
        power_w: served.power_w.value,
        source: served.tokens_per_s.source,
    };
    gpu_unit_under(assumptions, device, option.devices, &load)
}

/// What a machine of GPUs does for the tokens that it has a part in.
#[derive(Clone, Debug, PartialEq)]
pub struct GpuLoad {
    pub tokens_per_s: f64,
    pub tokens_per_s_per_user: f64,
    pub users: u32,
    /// All GPUs of it.
    pub power_w: f64,
    pub source: String,
}

/// A machine of `devices` GPUs as a unit, under a load that is known.
///
/// # Errors
/// A device without a price.
pub fn gpu_unit_under(assumptions: &Assumptions, device: &Device, devices: u32, load: &GpuLoad) -> Result<Unit, EconomicsError> {
    let at = |input| assumptions.value(input);
    let Some(price) = device.price else {
        return Err(EconomicsError::Field {
            owner: format!("device `{}`", device.name),
            field: "price_low_usd".into(),
            value: "missing".into(),
            expected: "a street price".into(),
        });
    };
    let (count, speed) = (f64::from(devices), at(Input::GpuSpeedFactor));
    let price_usd = price.low_usd + at(Input::GpuPricePosition) * (price.high_usd - price.low_usd);
    Ok(Unit {
        name: if devices == 1 { device.name.clone() } else { format!("{devices} x {}", device.name) },
        kind: Kind::Gpu,
        tokens_per_s: load.tokens_per_s * speed,
        tokens_per_s_per_user: load.tokens_per_s_per_user * speed,
        users_at_once: load.users,
        device_w: load.power_w * at(Input::GpuPowerFactor),
        idle_w: device.idle_w * count,
        host_w: at(Input::GpuHostW) * count,
        device_usd: price_usd * count,
        host_usd: at(Input::GpuHostUsd) * count,
        embodied_kg: at(Input::GpuEmbodiedKg) * count,
        one_time_usd: 0.0,
        change_usd: 0.0,
        replaced_on_change: false,
        cards: count,
        silicon: None,
        provenance: Provenance::Estimated,
        source: load.source.clone(),
    })
}
