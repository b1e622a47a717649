//! Area, speed, energy and cost of a chip by shape. Cycles come from the timing model that predicts the Verilog, counts from the census
//! of what is emitted; stand-ins add theirs. Single-user and aggregate are never mixed.

use hardwire_compiler::shape::ShapeChip;
use hardwire_compiler::technology::{self, Corner, Silicon};
use hardwire_netlist::{Census, Technology, activity};
use hardwire_sim::energy;
use hardwire_sim::timing;
use serde::Serialize;

/// Years a chip earns its cost back in, and what a kilowatt-hour costs: planning figures of a cost a million tokens.
pub const YEARS: f64 = 3.0;
pub const USD_PER_KWH: f64 = 0.10;

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
    pub good_dies_usd: f64,
    pub usd_per_mtoken: f64,
}

/// Low, middle and high: every constant at that end.
#[derive(Clone, Debug, Serialize)]
pub struct Range {
    pub low: Figures,
    pub middle: Figures,
    pub high: Figures,
}

/// [`figures`] at all three corners.
pub fn range(chip: &ShapeChip, technology: &Technology, silicon: &Silicon, setting: &Setting) -> Range {
    let at = |c| figures(chip, &technology::corner(technology, c), &technology::silicon_corner(silicon, c), setting);
    Range { low: at(Corner::Low), middle: at(Corner::Middle), high: at(Corner::High) }
}

/// The figures with the constants as they stand; a station's area has its share of the floorplan's wiring and pads.
pub fn figures(chip: &ShapeChip, technology: &Technology, silicon: &Silicon, setting: &Setting) -> Figures {
    let total = chip.total() + Census { sram_bits: setting.extra_sram_bits, ..Census::default() };
    let stations: Vec<f64> = (0..chip.netlist.stations.len() as u32).map(|s| technology.area_um2(&chip.station_census(s)) * 1e-6).collect();
    let cells: f64 = stations.iter().sum();
    let overhead = chip.floorplan(technology).die.area_um2() * 1e-6 / cells;
    let extra = technology.area_um2(&Census { sram_bits: setting.extra_sram_bits, ..Census::default() }) * 1e-6 + setting.extra_mm2;
    let area_mm2 = cells * overhead + extra;
    let largest = (0..stations.len()).max_by(|&a, &b| stations[a].total_cmp(&stations[b])).unwrap_or(0);
    let largest_die_mm2 = match setting.cut {
        Cut::Tensor => area_mm2 / f64::from(setting.dies),
        Cut::Pipeline => partition(&stations, setting.dies).into_iter().fold(0.0, f64::max) * overhead + extra / f64::from(setting.dies),
    };
    let time = times(chip, technology, silicon, setting);
    let switching = switching_pj(chip, technology, setting.context.saturating_sub(1)) * 1e-12 + time.link_j;
    let leakage_w = technology.leakage_w(&total);
    let (single_j, aggregate_j) = (switching + leakage_w * time.single_s, switching + leakage_w * time.interval_s);
    let good_dies_usd = f64::from(setting.dies) * silicon.good_die_usd(area_mm2 / f64::from(setting.dies));
    let tokens = YEARS * 365.25 * 86_400.0 / time.interval_s;
    Figures {
        dies: setting.dies,
        area_mm2,
        largest_die_mm2,
        largest_station_mm2: stations[largest] * overhead,
        largest_station: chip.netlist.stations[largest].path.clone(),
        state_mm2: technology.area_um2(&Census { sram_bits: chip.state_bits() + setting.extra_sram_bits, ..Census::default() }) * 1e-6,
        rom_bits: total.rom_bits as f64,
        transistors: total.transistors() as f64,
        clock_mhz: technology.clock_mhz.value,
        tokens_per_s_single_user: 1.0 / time.single_s,
        tokens_per_s_aggregate: 1.0 / time.interval_s,
        users: setting.users,
        first_token_ms: time.first_token_s * 1e3,
        switching_j: switching,
        leakage_w,
        j_per_token_single_user: single_j,
        j_per_token_aggregate: aggregate_j,
        power_single_user_w: single_j / time.single_s,
        power_aggregate_w: aggregate_j / time.interval_s,
        link_ns_per_token: time.link_s * 1e9,
        good_dies_usd,
        usd_per_mtoken: 1e6 * (good_dies_usd / tokens + aggregate_j / 3.6e6 * USD_PER_KWH),
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

struct Times {
    single_s: f64,
    interval_s: f64,
    first_token_s: f64,
    link_s: f64,
    link_j: f64,
}

/// Seconds a token takes alone, and between tokens with `setting.users` in flight.
fn times(chip: &ShapeChip, technology: &Technology, silicon: &Silicon, setting: &Setting) -> Times {
    let cycle_s = 1e-6 / technology.clock_mhz.value;
    let position = setting.context.saturating_sub(1);
    let token = timing::token(&chip.netlist, position);
    let beats = u64::from(chip.shape.hidden.div_ceil(chip.plan.lanes));
    let service = |s: &timing::StationTiming| (s.latency_cycles as i64 + chip.extra_cycles(s.station)).max(1) as u64;
    let latency: u64 = token.stations.iter().map(service).sum::<u64>() + 1;
    let exact = chip.standins.is_empty();
    let slowest = token.stations.iter().map(service).max().unwrap_or(1) + beats + 2;
    let bytes = f64::from(chip.shape.hidden) * 4.0;
    let wire_s = |bytes: f64| silicon.link_latency_ns.value * 1e-9 + bytes / (silicon.link_gb_per_s.value * 1e9);
    let dies = f64::from(setting.dies);
    // Link time and bytes of a token, and the link time that falls on one station.
    let (link_s, moved, on_station) = match setting.cut {
        // The residual from die to die, and the token back to the first.
        Cut::Pipeline if setting.dies > 1 => ((dies - 1.0) * wire_s(bytes) + wire_s(4.0), (dies - 1.0) * bytes, wire_s(bytes)),
        Cut::Tensor if setting.dies > 1 => {
            let side = dies.sqrt();
            // A reduce and a gather along rows, then along columns, of a vector in `side` parts; after each of two products a station.
            let all_reduce = 4.0 * (side - 1.0) * wire_s(bytes / side);
            let count = 2.0 * token.stations.len() as f64;
            (count * all_reduce, count * 2.0 * (dies - 1.0) / dies * bytes * dies, 2.0 * all_reduce)
        }
        _ => (0.0, 0.0, 0.0),
    };
    let single_s = latency as f64 * cycle_s + link_s;
    let users = setting.users.max(1);
    let flow = if exact { timing::aggregate_interval(&chip.netlist, setting.context, users) } else { slowest };
    let interval_s = (flow as f64 * cycle_s + on_station).max(single_s / f64::from(users));
    let prompt = position.max(1);
    let first = if exact && setting.dies == 1 {
        timing::first_token_cycles(&chip.netlist, prompt) as f64 * cycle_s
    } else {
        single_s + f64::from(prompt - 1) * (slowest as f64 * cycle_s + on_station)
    };
    Times { single_s, interval_s, first_token_s: first, link_s, link_j: moved * 8.0 * silicon.link_bit_pj.value * 1e-12 }
}

/// Switching energy of the token at `position`, the units that work on it counted once each.
fn switching_pj(chip: &ShapeChip, technology: &Technology, position: u32) -> f64 {
    let mut sum = energy::Split::default();
    for (id, _) in chip.netlist.units() {
        let events = match chip.standins.get(&id) {
            Some(standin) => standin.activity(),
            None => activity::unit(&chip.netlist, technology, id, position),
        };
        let one = energy::cost(technology, &events);
        for _ in 0..chip.repeat(id).active {
            sum += one;
        }
    }
    sum.total_pj()
}
