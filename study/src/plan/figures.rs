//! Area, speed, energy and cost of a chip by shape. Cycles come from the timing model that predicts the Verilog, counts from the census
//! of what is emitted; stand-ins add theirs. Single-user and aggregate are never mixed.

use crate::efficiency::{Efficiencies, Made, area_shares, eur_per_mtoken};
use crate::load::{self, FullQueue, Rates, Request, users_in_flight};
use crate::{Error, Result, price};
use hardwire_baseline::economics::Assumptions;
use hardwire_compiler::shape::ShapeChip;
use hardwire_compiler::technology::{self, Corner, Silicon};
use hardwire_netlist::{Census, Technology};
use hardwire_sim::energy;
use hardwire_sim::timing;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a node is made of and costs.
#[derive(Clone, Debug)]
pub struct Process {
    pub technology: Technology,
    pub silicon: Silicon,
    pub prices: Assumptions,
}

impl Process {
    /// A node by name, with the bundled constants and prices.
    ///
    /// # Errors
    /// An unknown name; the message lists the known ones.
    pub fn node(name: &str) -> Result<Process> {
        Ok(Process { technology: technology::node(name)?, silicon: technology::silicon(name)?, prices: price::prices(name)? })
    }

    /// With every constant at one end of its range.
    fn corner(&self, corner: Corner) -> Result<Process> {
        Ok(Process {
            technology: technology::corner(&self.technology, corner),
            silicon: technology::silicon_corner(&self.silicon, corner),
            prices: price::corner(&self.prices, corner)?,
        })
    }
}

/// How a chip larger than a die is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// Whole stations in order, the residual crossing between dies.
    #[default]
    Pipeline,
    /// Every layer over all dies, with all-reduces after its matrix products.
    Tensor,
}

/// What a chip is put on.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub dies: u32,
    pub cut: Cut,
    /// Position at which speeds and energies are taken.
    pub context: u32,
    /// Sequences in flight for the aggregate.
    pub users: u32,
    /// SRAM and interfaces beyond the model's own, as a published design has them.
    pub extra_sram_bits: u64,
    pub extra_mm2: f64,
}

/// Figures of one chip at one corner of the constants.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    pub dies: u32,
    /// All dies together.
    pub area_mm2: f64,
    pub largest_die_mm2: f64,
    /// The station that takes most, which no partition can cut.
    pub largest_station_mm2: f64,
    pub largest_station: String,
    pub state_mm2: f64,
    pub rom_bits: f64,
    pub transistors: f64,
    pub clock_mhz: f64,
    pub tokens_per_s_single_user: f64,
    /// Output tokens of all users while no prompt is read.
    pub tokens_per_s_aggregate: f64,
    pub users: u32,
    /// One user whose prompt fills all but the last position, streamed through the stations.
    pub first_token_ms: f64,
    /// Switching of one token; leakage of all dies.
    pub switching_j: f64,
    pub leakage_w: f64,
    pub j_per_token_single_user: f64,
    pub j_per_token_aggregate: f64,
    pub power_single_user_w: f64,
    pub power_aggregate_w: f64,
    pub link_ns_per_token: f64,
    /// A full queue of the request that [`Request::within`] the cache gives, whatever the context above.
    pub full_queue: FullQueue,
    /// The books' figures for that queue: the good dies of one chip, and a million output tokens with masks, cards, hosts, building,
    /// electricity and idle hours. None where no wafer carries such a die.
    pub good_dies_usd: Option<f64>,
    pub usd_per_mtoken: Option<f64>,
    pub efficiency: Efficiencies,
}

/// Low, middle and high: every constant at that end.
#[derive(Clone, Debug, Serialize)]
pub struct Range {
    pub low: Figures,
    pub middle: Figures,
    pub high: Figures,
}

/// [`figures`] at all three corners.
///
/// # Errors
/// A price out of its range.
pub fn range(chip: &ShapeChip, process: &Process, setting: &Setting) -> Result<Range> {
    let at = |c| Ok::<_, Error>(figures(chip, &process.corner(c)?, setting));
    Ok(Range { low: at(Corner::Low)?, middle: at(Corner::Middle)?, high: at(Corner::High)? })
}

/// The figures with the constants as they stand; a station's area has its share of the floorplan's wiring and pads.
pub fn figures(chip: &ShapeChip, process: &Process, setting: &Setting) -> Figures {
    let technology = &process.technology;
    let total = chip.total() + Census { sram_bits: setting.extra_sram_bits, ..Census::default() };
    let built = chip.netlist.built_stations();
    let stations: Vec<f64> = built.iter().map(|&s| technology.area_um2(&chip.station_census(s)) * 1e-6).collect();
    let cells: f64 = stations.iter().sum();
    let overhead = chip.floorplan(technology).die.area_um2() * 1e-6 / cells;
    let extra = technology.area_um2(&Census { sram_bits: setting.extra_sram_bits, ..Census::default() }) * 1e-6 + setting.extra_mm2;
    let area_mm2 = cells * overhead + extra;
    let largest = (0..stations.len()).max_by(|&a, &b| stations[a].total_cmp(&stations[b])).unwrap_or(0);
    let largest_die_mm2 = match setting.cut {
        Cut::Tensor => area_mm2 / f64::from(setting.dies),
        Cut::Pipeline => partition(&stations, setting.dies).into_iter().fold(0.0, f64::max) * overhead + extra / f64::from(setting.dies),
    };
    let rates = Planned::new(chip, process, setting);
    let one = load::one_user(&rates, setting.context);
    let interval_s = rates.interval_s(setting.context, setting.users);
    let switching_j = rates.switching_j(setting.context);
    let aggregate_j = switching_j + rates.leakage_w * interval_s;
    let request = Request::within(chip.plan.context);
    let full_queue = load::full_queue(&rates, request, users_in_flight(&rates, setting.users));
    let source = format!("timing and energy models of this shape at context {}", request.context);
    let option = price::chip_option(&chip.shape.name, &technology.node, (area_mm2, setting.dies), &full_queue, rates.leakage_w, source);
    let account = price::account_of(&process.prices, request, &option).ok();
    let eur = account.as_ref().map(|a| eur_per_mtoken(&process.prices, a));
    let usual = load::one_user(&rates, request.context);
    let made = Made { area_mm2, leakage_w: rates.leakage_w };
    Figures {
        dies: setting.dies,
        area_mm2,
        largest_die_mm2,
        largest_station_mm2: stations[largest] * overhead,
        largest_station: chip.netlist.stations[built[largest] as usize].path.clone(),
        state_mm2: technology.area_um2(&Census { sram_bits: chip.state_bits() + setting.extra_sram_bits, ..Census::default() }) * 1e-6,
        rom_bits: total.rom_bits as f64,
        transistors: total.transistors() as f64,
        clock_mhz: technology.clock_mhz.value,
        tokens_per_s_single_user: one.tokens_per_s,
        tokens_per_s_aggregate: 1.0 / interval_s,
        users: setting.users,
        first_token_ms: rates.prompt_s(setting.context.saturating_sub(1).max(1)) * 1e3,
        switching_j,
        leakage_w: rates.leakage_w,
        j_per_token_single_user: one.j_per_token,
        j_per_token_aggregate: aggregate_j,
        power_single_user_w: one.power_w,
        power_aggregate_w: aggregate_j / interval_s,
        link_ns_per_token: rates.link().seconds * 1e9,
        efficiency: made.efficiencies(usual, &full_queue, eur, area_shares(technology, &total)),
        full_queue,
        good_dies_usd: account.as_ref().and_then(|a| a.unit.silicon).map(|s| s.good_die_usd * f64::from(setting.dies)),
        usd_per_mtoken: account.map(|a| a.usd_per_mtoken.value),
    }
}

/// Most dies a chip is cut into.
const MOST_DIES: u32 = 64;

/// The figures on as few dies as keep each within `limit_mm2`; on more than that none would, if the largest die is still over it.
pub fn fewest_dies(cut: Cut, limit_mm2: f64, on: &dyn Fn(u32) -> Figures) -> Figures {
    let one = on(1);
    let least = (one.area_mm2 / limit_mm2).ceil().clamp(1.0, f64::from(MOST_DIES)) as u32;
    let mut best = if least == 1 { one } else { on(least) };
    for dies in least + 1..=MOST_DIES {
        if best.largest_die_mm2 <= limit_mm2 || (cut == Cut::Pipeline && best.largest_station_mm2 > limit_mm2) {
            break;
        }
        best = on(dies);
    }
    best
}

/// Areas of `dies` runs of consecutive stations, the largest as small as can be.
pub fn partition(stations: &[f64], dies: u32) -> Vec<f64> {
    let fits = |limit: f64| -> Option<Vec<f64>> {
        let mut out = vec![0.0];
        for &s in stations {
            let last = out.len() - 1;
            if out[last] + s <= limit {
                out[last] += s;
            } else if s <= limit {
                out.push(s);
            } else {
                return None;
            }
        }
        (out.len() <= dies as usize).then_some(out)
    };
    let (mut low, mut high) = (0.0, stations.iter().sum::<f64>());
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if fits(middle).is_some() { high = middle } else { low = middle }
    }
    fits(high * (1.0 + 1e-9)).unwrap_or_default()
}

/// A planned chip's rates on its dies.
pub struct Planned<'a> {
    chip: &'a ShapeChip,
    process: &'a Process,
    setting: &'a Setting,
    leakage_w: f64,
}

/// What crossing between dies takes of a token.
#[derive(Default)]
struct Links {
    seconds: f64,
    joules: f64,
    /// The part of the time that falls on one station.
    on_station_s: f64,
}

impl<'a> Planned<'a> {
    pub fn new(chip: &'a ShapeChip, process: &'a Process, setting: &'a Setting) -> Planned<'a> {
        let total = chip.total() + Census { sram_bits: setting.extra_sram_bits, ..Census::default() };
        Planned { chip, process, setting, leakage_w: process.technology.leakage_w(&total) }
    }
}

impl Planned<'_> {
    fn link(&self) -> Links {
        let silicon = &self.process.silicon;
        let bytes = self.chip.shape.config.hidden as f64 * 4.0;
        let wire_s = |bytes: f64| silicon.link_latency_ns.value * 1e-9 + bytes / (silicon.link_gb_per_s.value * 1e9);
        let joules = |bytes: f64| bytes * 8.0 * silicon.link_bit_pj.value * 1e-12;
        let dies = f64::from(self.setting.dies);
        match self.setting.cut {
            _ if self.setting.dies <= 1 => Links::default(),
            // The residual from die to die in every round of the ring, and between rounds back to the first; at last the token to the first die.
            Cut::Pipeline => {
                let rounds = f64::from(self.chip.netlist.token_rounds());
                let crossings = rounds * dies - 1.0;
                Links {
                    seconds: crossings * wire_s(bytes) + wire_s(4.0),
                    joules: joules(crossings * bytes),
                    on_station_s: rounds * wire_s(bytes),
                }
            }
            Cut::Tensor => {
                let side = dies.sqrt();
                // A reduce and a gather along rows, then along columns, of a vector in `side` parts; after each of two products a station.
                let all_reduce = 4.0 * (side - 1.0) * wire_s(bytes / side);
                let count = 2.0 * self.chip.netlist.stations.len() as f64;
                Links {
                    seconds: count * all_reduce,
                    joules: joules(count * 2.0 * (dies - 1.0) / dies * bytes * dies),
                    on_station_s: 2.0 * all_reduce,
                }
            }
        }
    }

    fn cycle_s(&self) -> f64 {
        1e-6 / self.process.technology.clock_mhz.value
    }

    /// Cycles of a token alone, and of what the slowest station does for it with its hand-over, at `context`.
    fn cycles(&self, context: u32) -> (u64, u64) {
        let chip = self.chip;
        let token = timing::token(&chip.netlist, context.saturating_sub(1));
        let service = |s: &timing::StationTiming| s.latency_cycles;
        let beats = u64::from((chip.shape.config.hidden as u32).div_ceil(chip.plan.lanes));
        let latency = token.stations.iter().map(service).sum::<u64>() + 1;
        // What a built station does for a token in all its rounds.
        let mut busy: BTreeMap<u32, u64> = BTreeMap::new();
        for s in &token.stations {
            *busy.entry(chip.netlist.place(s.station)).or_default() += service(s) + beats + 2;
        }
        (latency, busy.into_values().max().unwrap_or(1))
    }
}

impl Rates for Planned<'_> {
    fn stations(&self) -> u32 {
        self.chip.netlist.built_stations().len() as u32
    }

    fn single_s(&self, context: u32) -> f64 {
        self.cycles(context).0 as f64 * self.cycle_s() + self.link().seconds
    }

    fn interval_s(&self, context: u32, users: u32) -> f64 {
        let users = users.max(1);
        let flow = timing::aggregate_interval(&self.chip.netlist, context, users);
        (flow as f64 * self.cycle_s() + self.link().on_station_s).max(self.single_s(context) / f64::from(users))
    }

    fn prompt_s(&self, prompt: u32) -> f64 {
        if self.setting.dies == 1 {
            return timing::first_token_cycles(&self.chip.netlist, prompt) as f64 * self.cycle_s();
        }
        let slowest = self.cycles(prompt + 1).1;
        self.single_s(prompt + 1) + f64::from(prompt - 1) * (slowest as f64 * self.cycle_s() + self.link().on_station_s)
    }

    fn switching_j(&self, context: u32) -> f64 {
        let token = energy::token_of_alike(&self.chip.netlist, &self.process.technology, context.saturating_sub(1));
        token.split.total_pj() * 1e-12 + self.links_j()
    }

    fn links_j(&self) -> f64 {
        self.link().joules
    }

    fn leakage_w(&self) -> f64 {
        self.leakage_w
    }
}
