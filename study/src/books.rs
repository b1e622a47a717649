//! The token factory's books for one chip: what is asked, the chip in plain numbers, the books and their tornado.

use crate::chip::{model_shape, seconds};
use crate::compare::Request;
use crate::{Error, Result};
use hardwire_baseline::Provenance;
use hardwire_baseline::economics::silicon::RETICLE_MM2;
use hardwire_baseline::economics::{self, Assumptions, Books, ChipOption, Demand, GpuOption, Metric, Tornado};
use hardwire_baseline::gpu::{self, Device, MemoryClass, Stack, WeightFormat};
use hardwire_netlist::{Chip, census};
use hardwire_sim::{energy, timing};
use serde::Serialize;

/// GPUs of the books unless asked: a data centre's usual, its newest, its cheap one.
const GPUS: [&str; 3] = ["H100 SXM", "B200 SXM", "L40S"];
/// People served unless asked: more than any one machine holds, so that all are saturated.
const USERS: u32 = 100_000;
/// Bits from which a model is worth 16 on a GPU.
const FP8_ENOUGH_BITS: f64 = 8.5;

/// Host power over chip power from which the card decides, not the chip.
const CARD_RULES: f64 = 5.0;

/// What the books are asked.
pub struct Question {
    pub assumptions: Assumptions,
    pub prompt: u32,
    pub output: u32,
    pub users: u32,
    pub latency_ms: Option<f64>,
    pub gpus: Vec<Device>,
}

impl Question {
    /// The bundled assumptions, the requests of the comparison, a full queue.
    pub fn defaults(chip: &Chip) -> Result<Question> {
        let request = Request::of(chip);
        Ok(Question {
            assumptions: Assumptions::defaults()?,
            prompt: request.prompt,
            output: request.output,
            users: USERS,
            latency_ms: None,
            gpus: GPUS.iter().map(|name| gpu::find(name)).collect::<Result<_, _>>()?,
        })
    }
}

/// The books and what to know of them.
#[derive(Serialize)]
pub struct ChipBooks {
    /// What was simplified on the way; said wherever the books are shown.
    pub notes: Vec<String>,
    pub books: Books,
    /// Chip cost over GPU cost against the first GPU that serves the demand.
    pub tornado: Option<Tornado>,
}

/// The books of `chip` for one question.
///
/// # Errors
/// A request longer than the cache, or figures that no books can be drawn up from.
pub fn books(chip: &Chip, question: &Question) -> Result<ChipBooks> {
    let positions = chip.model().context;
    if u64::from(question.prompt) + u64::from(question.output) > u64::from(positions) {
        return Err(Error::asked(
            format!("--prompt {} and --output {}", question.prompt, question.output),
            format!("this chip's cache holds {positions} positions; hint: ask less, or compile with --context"),
        ));
    }
    let mut notes = Vec::new();
    let demand = demand(chip, question, &mut notes);
    let option = chip_option(chip, question, &mut notes)?;
    let gpus: Vec<GpuOption> = question.gpus.iter().map(gpu_option).collect();
    let books = economics::books(&question.assumptions, &demand, &option, &gpus)?;
    let unit = &books.chip.unit;
    if unit.host_w > CARD_RULES * unit.device_w {
        notes.push(format!(
            "A card and {:.0} W of a host are counted for a die of {:.3} mm² that takes {:.3} W: so small a chip's books are its card's.",
            unit.host_w, option.die_mm2, unit.device_w
        ));
    }
    let compared = books.gpus.first().and_then(|account| gpus.iter().find(|gpu| gpu.device.name == account.unit.name));
    let tornado = compared.map(|gpu| economics::tornado(&question.assumptions, &demand, &option, gpu, Metric::CostRatio)).transpose()?;
    Ok(ChipBooks { notes, books, tornado })
}

/// A server with one device; a computer whose memory is its CPU's has llama.cpp only.
fn gpu_option(device: &Device) -> GpuOption {
    let stack = if device.memory_class == MemoryClass::Lpddr { Stack::LlamaCpp } else { Stack::Server };
    GpuOption { device: device.clone(), devices: 1, stack }
}

fn demand(chip: &Chip, question: &Question, notes: &mut Vec<String>) -> Demand {
    let shape = model_shape(chip);
    let model = if shape.weight_bits <= FP8_ENOUGH_BITS {
        notes.push(format!("GPUs hold the model in FP8 with an 8-bit cache; the chip holds it at {:.2} bits a weight.", shape.weight_bits));
        shape.quantized(8.0, WeightFormat::Fp8, 8.0)
    } else {
        notes.push("GPUs hold the model in 16 bits, as the chip's weights have more than 8.".into());
        shape.quantized(16.0, WeightFormat::Float16, 16.0)
    };
    Demand {
        model,
        prompt_tokens: question.prompt,
        output_tokens: question.output,
        users: question.users,
        max_token_latency_ms: question.latency_ms,
    }
}

/// The chip in the books' plain numbers, as many users in flight as its cache holds.
fn chip_option(chip: &Chip, question: &Question, notes: &mut Vec<String>) -> Result<ChipOption> {
    let (netlist, technology) = (chip.netlist(), &chip.structure.technology);
    let stations = netlist.stations.len() as u32;
    let users = chip.model().users.clamp(1, stations);
    let context = (question.prompt + question.output / 2).max(1);
    let at = energy::token(chip, context - 1);
    let single_s = seconds(chip, timing::token(netlist, context - 1).latency_cycles + 1);
    let interval_s = if users == 1 { single_s } else { seconds(chip, timing::aggregate_interval(netlist, context, users)) };
    let prompt_s = seconds(chip, timing::first_token_cycles(netlist, question.prompt.max(1)));
    let area_mm2 = chip.structure.floorplan.die.area_um2() * 1e-6;
    let dies = (area_mm2 / RETICLE_MM2).ceil().max(1.0);
    if dies > 1.0 {
        notes.push(format!(
            "{area_mm2:.0} mm² is past the reticle's {RETICLE_MM2:.0} mm²: counted as {dies:.0} equal dies, the links between them free. This favours the chip."
        ));
    }
    if users < stations {
        notes.push(format!(
            "The chip's cache holds {users} of the {stations} users it could have in flight; `compile --users {stations}` gives it room for all."
        ));
    }
    let node = match technology.node.as_str() {
        known @ ("N7" | "N6" | "N5") => known,
        other => {
            notes.push(format!("No silicon prices are known for {other}: those of N7 are used."));
            "N7"
        }
    };
    let leakage_w = technology.leakage_w(&census::total(netlist));
    let option = ChipOption {
        name: format!("{} chip", chip.model().name),
        node: node.into(),
        die_mm2: area_mm2 / dies,
        dies: dies as u32,
        power_w: at.joules(interval_s) / interval_s,
        idle_w: leakage_w,
        tokens_per_s_per_user: (1.0 / single_s).min(1.0 / (interval_s * f64::from(users))),
        tokens_per_s: 1.0 / interval_s,
        prompt_tokens_per_s: f64::from(question.prompt.max(1)) / prompt_s,
        users_at_once: users,
        provenance: Provenance::Simulated,
        source: format!("timing and energy models of this chip at context {context}, {users} user(s) in flight"),
    };
    option.check()?;
    Ok(option)
}
