//! Everything a report says about a chip, gathered once: each figure with its unit, provenance and source.
//!
//! The terminal, the JSON and the HTML all print these; none computes a figure of its own.

use crate::Result;
use crate::books::{self, ChipBooks, Question, Site};
use crate::compare::{self, Against, Comparison};
use crate::load;
use crate::sources::{ENERGY, TIMING, die_area_mm2, simulated};
use crate::subject::Subject;
use hardwire_netlist::Fabric;
use hardwire_netlist::floorplan::BlockKind;
use hardwire_netlist::{Activity, Census, Figure, Provenance, Structure, census};
use hardwire_sim::{energy, timing};
use serde::Serialize;
use std::collections::BTreeMap;

/// The model as the GPU baseline sees it.
pub use crate::model_shape::{model_shape, shape_of_config};

/// Version of the JSON report. Raised when a field changes its meaning or goes.
pub const SCHEMA: u32 = 4;

#[derive(Serialize)]
pub struct ChipFigures {
    pub schema: u32,
    pub model: hardwire_netlist::ModelInfo,
    pub node: String,
    /// From a shape alone: nothing of its weights is known, and widths that codes prove are estimated.
    pub planned: bool,
    pub die: Die,
    pub census: Census,
    pub units: Vec<KindCount>,
    pub quality: Quality,
    pub clock_mhz: Figure,
    /// Single-user and aggregate speed against context.
    pub speed: Vec<SpeedAt>,
    pub first_token: Vec<FirstToken>,
    pub energy: EnergyFigures,
    /// GPUs that read their weights for every token, one user and a full queue.
    pub compare: Comparison,
    /// The token factory's books; absent where they cannot be drawn up.
    pub books: Option<ChipBooks>,
    pub books_refused: Option<String>,
}

#[derive(Serialize)]
pub struct Die {
    pub area_mm2: Figure,
    /// Dies it is made as; width and height are those of all on one.
    pub dies: u32,
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
    pub bits_per_weight: f64,
    /// Absent where there are no weights.
    #[serde(flatten)]
    pub kept: Option<Kept>,
}

/// What quantizing kept of the weights.
#[derive(Serialize)]
pub struct Kept {
    /// Matrices that are exactly the checkpoint's.
    pub lossless: usize,
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
    /// Crossing between dies.
    pub links_pj: f64,
    pub by_kind_pj: BTreeMap<&'static str, f64>,
    pub events: Activity,
}

/// Gathers the figures of `subject`, compared with the devices of `against`, with the books of `site`.
pub fn figures(subject: &Subject<'_>, against: &Against, site: Site) -> Result<ChipFigures> {
    let (s, rates) = (subject.structure, subject.rates());
    let total = census::total(&s.netlist);
    let compare = compare::compare(subject, against, &site.assumptions)?;
    let middle = compare.context;
    let at = if subject.planned() { energy::token_of_alike } else { energy::token };
    let at = at(&s.netlist, &s.technology, middle - 1);
    // A die no node's costs are known for still has a report.
    let question = Question::against(subject, site, &compare, against);
    let (books, books_refused) = match question.and_then(|question| books::books(subject, &question)) {
        Ok(books) => (Some(books), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Ok(ChipFigures {
        schema: SCHEMA,
        model: s.model.clone(),
        node: s.technology.node.clone(),
        planned: subject.planned(),
        die: die(subject, &total),
        census: total,
        units: kinds(s),
        quality: quality(s),
        clock_mhz: s.technology.clock_mhz.clone(),
        first_token: prompts(subject.positions)
            .map(|prompt| FirstToken { prompt, time_us: simulated(rates.prompt_s(prompt) * 1e6, "us", TIMING) })
            .collect(),
        speed: contexts(subject.positions, middle).into_iter().map(|c| speed_at(subject, c)).collect(),
        energy: EnergyFigures {
            context: middle,
            leakage_pj: rates.leakage_w() * rates.single_s(middle) * 1e12,
            links_pj: rates.links_j() * 1e12,
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

pub fn speed_at(subject: &Subject<'_>, context: u32) -> SpeedAt {
    let rates = subject.rates();
    let users = rates.stations();
    let one = load::one_user(rates, context);
    let decode = load::decode_tokens_per_s(rates, users, context);
    SpeedAt {
        context,
        latency_cycles: timing::token(&subject.structure.netlist, context - 1).latency_cycles,
        tokens_per_s_single_user: simulated(one.tokens_per_s, "tokens/s", TIMING),
        tokens_per_s_aggregate: simulated(decode, "tokens/s", TIMING),
        users_for_aggregate: users,
        j_per_token_single_user: Figure::new(one.j_per_token, "J/token", Provenance::Estimated, ENERGY),
        power_single_user_w: one.power_w,
        power_aggregate_w: rates.switching_j(context) * decode + rates.leakage_w(),
    }
}

fn die(subject: &Subject<'_>, total: &Census) -> Die {
    let (plan, technology) = (&subject.structure.floorplan, &subject.structure.technology);
    let mut by_kind_mm2 = BTreeMap::new();
    for b in &plan.blocks {
        *by_kind_mm2.entry(block_kind(b.kind)).or_default() += b.rect.area_um2() * 1e-6;
    }
    let area_mm2 = die_area_mm2(subject.structure);
    let area = area_mm2.value;
    Die {
        area_mm2,
        dies: subject.dies,
        width_mm: plan.die.width_nm() as f64 * 1e-6,
        height_mm: plan.die.height_nm() as f64 * 1e-6,
        by_kind_mm2,
        by_cells_mm2: technology.area_split_um2(total).map(|(name, um2)| (name, um2 * 1e-6)).into(),
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

fn kinds(chip: &Structure) -> Vec<KindCount> {
    let mut out: Vec<KindCount> = Vec::new();
    for (id, u) in chip.netlist.built_units() {
        let c = census::unit(&chip.netlist, id);
        let area_mm2 = chip.technology.area_um2(&c) * 1e-6;
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

fn quality(chip: &Structure) -> Quality {
    let worst = chip.quality.iter().max_by(|a, b| a.relative_square_error.total_cmp(&b.relative_square_error));
    Quality {
        matrices: chip.matrices().count(),
        bits_per_weight: chip.bits_per_weight(),
        kept: worst.map(|worst| Kept {
            lossless: chip.quality.iter().filter(|q| q.lossless).count(),
            worst_relative_square_error: worst.relative_square_error,
            worst_tensor: worst.tensor.clone(),
            worst_coding: worst.coding.clone(),
        }),
    }
}
