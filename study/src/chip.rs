//! Everything a report says about a chip, gathered once: each figure with its unit, provenance and source.
//!
//! The terminal, the JSON and the HTML all print these; none computes a figure of its own.

use crate::Result;
use crate::books::{self, ChipBooks, Question};
use crate::compare::{self, Against, Comparison};
use crate::efficiency::{self, Efficiencies};
use crate::load::{self, Compiled, Rates, seconds};
use crate::sources::{ENERGY, TIMING, die_area_mm2, simulated};
use crate::subject::Subject;
use hardwire_netlist::Fabric;
use hardwire_netlist::floorplan::BlockKind;
use hardwire_netlist::{Activity, Census, Chip, Figure, Provenance, census};
use hardwire_sim::{energy, timing};
use serde::Serialize;
use std::collections::BTreeMap;

/// The model as the GPU baseline sees it.
pub use crate::model_shape::{model_shape, shape_of_config};

/// Version of the JSON report. Raised when a field changes its meaning or goes.
pub const SCHEMA: u32 = 3;

#[derive(Serialize)]
pub struct ChipFigures {
    pub schema: u32,
    pub model: hardwire_netlist::ModelInfo,
    pub node: String,
    pub die: Die,
    pub census: Census,
    pub units: Vec<KindCount>,
    pub quality: Quality,
    pub clock_mhz: Figure,
    /// Single-user and aggregate speed against context.
    pub speed: Vec<SpeedAt>,
    pub first_token: Vec<FirstToken>,
    pub energy: EnergyFigures,
    pub efficiency: Efficiencies,
    /// GPUs that read their weights for every token, one user and a full queue.
    pub compare: Comparison,
    /// The token factory's books; absent where they cannot be drawn up.
    pub books: Option<ChipBooks>,
    pub books_refused: Option<String>,
}

#[derive(Serialize)]
pub struct Die {
    pub area_mm2: Figure,
    pub width_mm: f64,
    pub height_mm: f64,
    /// Placed area by kind of block, mm².
    pub by_kind_mm2: BTreeMap<&'static str, f64>,
    /// Area of all units by what its cells are for, mm².
    pub by_cells_mm2: BTreeMap<&'static str, f64>,
    pub transistors: Figure,
    pub um2_per_weight: Figure,
}

#[derive(Serialize)]
pub struct KindCount {
    pub kind: &'static str,
    pub units: u64,
    pub area_mm2: f64,
    pub census: Census,
}

#[derive(Serialize)]
pub struct Quality {
    pub matrices: usize,
    pub lossless: usize,
    pub bits_per_weight: f64,
    /// Greatest over the matrices, with its tensor.
    pub worst_relative_square_error: f64,
    pub worst_tensor: String,
    /// What was made of that tensor.
    pub worst_coding: String,
}

#[derive(Serialize)]
pub struct SpeedAt {
    pub context: u32,
    pub latency_cycles: u64,
    pub tokens_per_s_single_user: Figure,
    /// Decode with every station busy; it takes a cache for as many sequences.
    pub tokens_per_s_aggregate: Figure,
    pub users_for_aggregate: u32,
    pub j_per_token_single_user: Figure,
    pub power_single_user_w: f64,
    pub power_aggregate_w: f64,
}

#[derive(Serialize)]
pub struct FirstToken {
    pub prompt: u32,
    pub time_us: Figure,
}

#[derive(Serialize)]
pub struct EnergyFigures {
    pub context: u32,
    pub split: energy::Split,
    pub leakage_pj: f64,
    pub by_kind_pj: BTreeMap<&'static str, f64>,
    pub events: Activity,
}

/// Gathers the figures of `chip`, compared with the devices of `against`, with the books' defaults.
pub fn figures(chip: &Chip, against: &Against) -> Result<ChipFigures> {
    let s = &chip.structure;
    let total = census::total(&s.netlist);
    let subject = Subject::of(chip);
    let compare = compare::compare(&subject, against)?;
    let middle = compare.context;
    let speed: Vec<SpeedAt> = contexts(s.model.context, middle).into_iter().map(|c| speed_at(chip, c)).collect();
    let at = energy::token(chip, middle - 1);
    // A die no node's costs are known for still has a report.
    let (books, books_refused) = match Question::against(&subject, &compare, against).and_then(|question| books::books(&subject, &question))
    {
        Ok(books) => (Some(books), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let die = die(chip, &total);
    Ok(ChipFigures {
        schema: SCHEMA,
        model: s.model.clone(),
        node: s.technology.node.clone(),
        efficiency: efficiency::efficiencies(die.area_mm2.value, &compare, books.as_ref()),
        die,
        census: total,
        units: kinds(chip),
        quality: quality(chip),
        clock_mhz: s.technology.clock_mhz.clone(),
        first_token: prompts(s.model.context)
            .map(|prompt| FirstToken {
                prompt,
                time_us: simulated(seconds(chip, timing::first_token_cycles(&s.netlist, prompt)) * 1e6, "us", TIMING),
            })
            .collect(),
        speed,
        energy: EnergyFigures {
            context: middle,
            leakage_pj: at.leakage_w * Compiled(chip).single_s(middle) * 1e12,
            split: at.split,
            by_kind_pj: at.by_kind_pj,
            events: at.events,
        },
        compare,
        books,
        books_refused,
    })
}

/// Powers of two up to the chip's context, the context itself, and the one everything is compared at.
fn contexts(most: u32, compared: u32) -> Vec<u32> {
    let mut out: Vec<u32> = (0..31).map(|i| 1u32 << i).take_while(|&c| c < most).chain([most, compared]).collect();
    out.sort_unstable();
    out.dedup();
    out
}

fn prompts(context: u32) -> impl Iterator<Item = u32> {
    [1, 16, 128, 512, 1024].into_iter().filter(move |&p| p < context)
}

pub fn speed_at(chip: &Chip, context: u32) -> SpeedAt {
    let rates = Compiled(chip);
    let users = rates.stations();
    let one = load::one_user(&rates, context);
    let decode = load::decode_tokens_per_s(&rates, users, context);
    SpeedAt {
        context,
        latency_cycles: timing::token(chip.netlist(), context - 1).latency_cycles,
        tokens_per_s_single_user: simulated(one.tokens_per_s, "tokens/s", TIMING),
        tokens_per_s_aggregate: simulated(decode, "tokens/s", TIMING),
        users_for_aggregate: users,
        j_per_token_single_user: Figure::new(one.j_per_token, "J/token", Provenance::Estimated, ENERGY),
        power_single_user_w: one.power_w,
        power_aggregate_w: rates.switching_j(context) * decode + rates.leakage_w(),
    }
}

fn die(chip: &Chip, total: &Census) -> Die {
    let plan = &chip.structure.floorplan;
    let mut by_kind_mm2 = BTreeMap::new();
    for b in &plan.blocks {
        *by_kind_mm2.entry(block_kind(b.kind)).or_default() += b.rect.area_um2() * 1e-6;
    }
    let area_mm2 = die_area_mm2(chip);
    let area = area_mm2.value;
    Die {
        area_mm2,
        width_mm: plan.die.width_nm() as f64 * 1e-6,
        height_mm: plan.die.height_nm() as f64 * 1e-6,
        by_kind_mm2,
        by_cells_mm2: chip.structure.technology.area_split_um2(total).map(|(name, um2)| (name, um2 * 1e-6)).into(),
        transistors: Figure::new(total.transistors() as f64, "transistors", Provenance::Estimated, "census times transistors a cell"),
        um2_per_weight: Figure::new(area * 1e6 / total.weights as f64, "um2/weight", Provenance::Estimated, "die area over weights held"),
    }
}

/// Name of a block kind in figures and legends.
pub fn block_kind(kind: BlockKind) -> &'static str {
    match kind {
        BlockKind::Matrix(Fabric::Tile) => "weight tiles",
        BlockKind::Matrix(fabric) => fabric.title(),
        BlockKind::EmbeddingRom => "embedding ROM",
        BlockKind::KvCache => "KV cache",
        BlockKind::Vector => "vector units",
        BlockKind::Io => "I/O ring",
    }
}

fn kinds(chip: &Chip) -> Vec<KindCount> {
    let mut out: Vec<KindCount> = Vec::new();
    for (id, u) in chip.netlist().built_units() {
        let c = census::unit(chip.netlist(), id);
        let area_mm2 = chip.structure.technology.area_um2(&c) * 1e-6;
        match out.iter_mut().find(|k| k.kind == u.kind.name()) {
            Some(k) => {
                k.units += 1;
                k.area_mm2 += area_mm2;
                k.census += c;
            }
            None => out.push(KindCount { kind: u.kind.name(), units: 1, area_mm2, census: c }),
        }
    }
    out
}

fn quality(chip: &Chip) -> Quality {
    let s = &chip.structure;
    let bits: f64 = s.matrices().map(|(_, m)| m.bits_per_weight() * m.weights() as f64).sum();
    let weights: u64 = s.matrices().map(|(_, m)| m.weights()).sum();
    let worst = s.quality.iter().max_by(|a, b| a.relative_square_error.total_cmp(&b.relative_square_error));
    Quality {
        matrices: s.quality.len(),
        lossless: s.quality.iter().filter(|q| q.lossless).count(),
        bits_per_weight: bits / weights as f64,
        worst_relative_square_error: worst.map_or(0.0, |q| q.relative_square_error),
        worst_tensor: worst.map_or(String::new(), |q| q.tensor.clone()),
        worst_coding: worst.map_or(String::new(), |q| q.coding.clone()),
    }
}
