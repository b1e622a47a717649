//! Published chips from their published design choices alone, with the constants every other chip gets: what we say of them beside what
//! was published. No constant is fitted to any of them; a miss stands, with the likeliest reason for it.

use crate::Result;
use crate::plan::{self, Cut, Figures, Process, Range, Setting};
use hardwire_compiler::Options;
use hardwire_compiler::fabric::{FabricChoice, Rule};
use hardwire_compiler::folding::Fold;
use hardwire_compiler::shape::{self, Shape, ShapeChip};
use hardwire_netlist::{Fabric, Figure};
use serde::Serialize;
use std::path::Path;

/// One figure, published and ours.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub metric: &'static str,
    pub unit: &'static str,
    pub published: f64,
    pub ours: f64,
    pub low: f64,
    pub high: f64,
    /// `ours / published - 1`.
    pub error: f64,
    /// The published figure lies between our low and high.
    pub within: bool,
    pub reason: &'static str,
}

#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    pub chip: &'static str,
    pub model: &'static str,
    /// The published choices we describe it by.
    pub choices: &'static str,
    pub source: &'static str,
    /// What in our description has no Verilog.
    pub modelled_only: Vec<&'static str>,
    pub rows: Vec<Row>,
}

struct Described {
    chip: ShapeChip,
    node: &'static str,
    clock_mhz: Option<(f64, f64, f64)>,
    setting: Setting,
}

const LLAMA_8B: &str = r#"{"model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 128256, "max_position_embeddings": 131072}"#;
const GPT_OSS_120B: &str = r#"{"model_type": "gpt_oss", "hidden_size": 2880, "intermediate_size": 2880, "num_hidden_layers": 36,
    "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 64, "vocab_size": 201088, "max_position_embeddings": 131072,
    "num_local_experts": 128, "num_experts_per_tok": 4, "sliding_window": 128, "quantization_config": {"quant_method": "mxfp4"}}"#;

/// All comparisons.
pub fn all() -> Result<Vec<Comparison>> {
    Ok(vec![hc1()?, hnlpu()?, roma()?, hc1_reported()?])
}

fn described(json: &str, name: &str, options: Options) -> Result<ShapeChip> {
    let shape = Shape::from_json(json.as_bytes(), name, Path::new(name))?;
    Ok(shape::plan(&shape, &options)?)
}

fn range(d: &Described) -> Result<Range> {
    let mut process = Process::node(d.node)?;
    if let Some((low, value, high)) = d.clock_mhz {
        let f = Figure { value, ..process.technology.clock_mhz.clone() };
        process.technology.clock_mhz = f.between(low, high);
    }
    plan::range(&d.chip, &process, &d.setting)
}

type Pick = fn(&Figures) -> f64;

fn row(r: &Range, metric: &'static str, unit: &'static str, published: f64, pick: Pick, reason: &'static str) -> Row {
    let (ours, a, b) = (pick(&r.middle), pick(&r.low), pick(&r.high));
    let (low, high) = (a.min(b), a.max(b));
    Row { metric, unit, published, ours, low, high, error: ours / published - 1.0, within: (low..=high).contains(&published), reason }
}

/// What chips that serve one user at a time have in common here: all layers of a kind share one set of arithmetic, 256 lanes wide. How HC1
/// and ROMA arrange theirs is unpublished; both are described alike, and by the fabric's defaults in all else.
fn one_engine(options: Options) -> Options {
    Options { users: Some(1), fold: Some(Fold::All), lanes: Some(256), ..options }
}

fn hc1_options() -> Options {
    let context = Some(hardwire_baseline::headline::HC1_POSITIONS);
    one_engine(Options { bits: Some(3), context, node: Some("N6".into()), ..Options::default() })
}

/// Taalas HC1. Clock and fabric are unpublished.
fn hc1() -> Result<Comparison> {
    let options = hc1_options();
    let chip = described(LLAMA_8B, "Llama-3.1-8B", options)?;
    let modelled_only = chip.modelled_only();
    let setting = Setting { dies: 1, cut: Cut::Pipeline, context: 1536, users: 1, extra_sram_bits: 0, extra_mm2: 0.0 };
    let r = range(&Described { chip, node: "N6", clock_mhz: None, setting })?;
    Ok(Comparison {
        chip: "Taalas HC1",
        model: "Llama-3.1-8B",
        choices: "N6, one die, 3-bit weights, one user, 6,144 positions in on-die SRAM, 1k prompt and 1k answer; ours: all layers share one set of arithmetic, 256 lanes",
        source: "taalas.com; Next Platform 2026-02-19; data/hardwired_chips.csv",
        modelled_only,
        rows: vec![
            row(
                &r,
                "die area",
                "mm2",
                815.0,
                |e| e.area_mm2,
                "ours is counted, not placed: cells at a planned use, no interface but the token port; what theirs holds beside the model is unpublished",
            ),
            row(
                &r,
                "transistors",
                "",
                53e9,
                |e| e.transistors,
                "6.6 a weight published; ours: a bit of ROM counted as one, the cache, and one group column for every output of a layer and up to 8,192 of its inputs",
            ),
            row(
                &r,
                "tokens/s, one user",
                "tokens/s",
                16_960.0,
                |e| e.tokens_per_s_single_user,
                "their clock and the width of their streams are unpublished; ours is 1 GHz with a fifth left to wires, none of which is placed",
            ),
            row(
                &r,
                "power, one user",
                "W",
                200.0,
                |e| e.power_single_user_w,
                "published is the whole card (200 to 250 W): conversion, memory and fan included; ours is the die",
            ),
            row(&r, "energy a token, one user", "J", 0.0118, |e| e.j_per_token_single_user, "as power and speed"),
        ],
    })
}

/// HC1 as its own service reports it: the decode interval against the context, the first token, the card at the wall.
fn hc1_reported() -> Result<Comparison> {
    let reported = hardwire_baseline::headline::hc1()?;
    let options = hc1_options();
    let chip = described(LLAMA_8B, "Llama-3.1-8B", options)?;
    let modelled_only = chip.modelled_only();
    let process = Process::node("N6")?;
    let at = |context| {
        let setting = Setting { dies: 1, cut: Cut::Pipeline, context, users: 1, extra_sram_bits: 0, extra_mm2: 0.0 };
        plan::range(&chip, &process, &setting)
    };
    // The shortest and the longest context that replies ended at, and a prompt of the telemetry's mean length.
    let (short, long, prompt) = (at(41)?, at(354)?, at(21)?);
    let interval = |e: &Figures| 1e6 / e.tokens_per_s_single_user;
    Ok(Comparison {
        chip: "Taalas HC1, as its service reports it",
        model: "Llama-3.1-8B",
        choices: "as above",
        source: "chatjimmy.ai's server timers, 2026-09 and 2026-10 (baseline/data/hc1_telemetry.csv); client limit of 6,144 tokens",
        modelled_only,
        rows: vec![
            row(
                &short,
                "time of a token at 41",
                "us",
                reported.interval_us.value,
                interval,
                "their interval is flat over these contexts: attention hides in it; their clock is unpublished",
            ),
            row(
                &long,
                "time of a token at 354",
                "us",
                reported.interval_us.value,
                interval,
                "ours grows with the context, sixteen positions a cycle; theirs does not",
            ),
            row(
                &prompt,
                "first token of 20",
                "ms",
                reported.first_token_ms.value,
                |e| e.first_token_ms,
                "theirs holds the service's fixed cost; ours takes the prompt's tokens round the ring, a few at a time",
            ),
            row(
                &long,
                "power of a card at the wall",
                "W",
                hardwire_baseline::headline::HC1_SERVER_W / f64::from(hardwire_baseline::headline::HC1_CARDS),
                |e| e.power_single_user_w,
                "theirs is a tenth of a server: host, conversion and fans; ours is the die",
            ),
            row(&long, "die area with 6,144 positions", "mm2", 815.0, |e| e.area_mm2, "as above"),
        ],
    })
}

/// HNLPU, arXiv 2508.16151v2: metal embedding, every layer over sixteen chips.
fn hnlpu() -> Result<Comparison> {
    // The blocks' scales are powers of two: in metal they are which column of the tree a wire enters, so an output has one sum.
    let options = Options {
        group: Some(1 << 20),
        context: Some(2048),
        users: Some(1),
        act_bits: Some(8),
        fabric: vec![Rule { matrix: None, choice: FabricChoice::of(Fabric::Metal) }],
        node: Some("N5".into()),
        ..Options::default()
    };
    let chip = described(GPT_OSS_120B, "gpt-oss-120b", options)?;
    let modelled_only = chip.modelled_only();
    // 320 MB of attention buffer a chip, eight HBM interfaces of LLMCompass's 10.45 mm2 at 7 nm, N5 logic at 0.55 of it.
    let (buffer_bits, hbm_mm2) = (16 * 320 * 8_000_000, 16.0 * 8.0 * 10.45 * 0.55);
    let setting = Setting { dies: 16, cut: Cut::Tensor, context: 2048, users: 216, extra_sram_bits: buffer_bits, extra_mm2: hbm_mm2 };
    let r = range(&Described { chip, node: "N5", clock_mhz: Some((1000.0, 1000.0, 1000.0)), setting })?;
    Ok(Comparison {
        chip: "HNLPU",
        model: "gpt-oss-120B",
        choices: "N5, 1 GHz, sixteen dies, metal embedding of FP4, every layer over all dies by CXL (128 GB/s, 100 ns), 216 tokens in flight, 320 MB of buffer and eight HBM stacks a die",
        source: "arXiv 2508.16151v2",
        modelled_only,
        rows: vec![
            row(
                &r,
                "area, all dies",
                "mm2",
                13_232.0,
                |e| e.area_mm2,
                "cells only, no wires of the embedding; they count the array at 0.0785 um2 a weight after layout, denser than our synthesis of the same style",
            ),
            row(&r, "one die", "mm2", 827.08, |e| e.area_mm2 / 16.0, "as all dies"),
            row(
                &r,
                "tokens/s, one user",
                "tokens/s",
                249_960.0 / 216.0,
                |e| e.tokens_per_s_single_user,
                "published: 83 % of a token's time is CXL traffic; we charge only two all-reduces a station, none of their HBM and no contention",
            ),
            row(
                &r,
                "tokens/s, aggregate",
                "tokens/s",
                249_960.0,
                |e| e.tokens_per_s_aggregate,
                "theirs is bound by traffic on shared links, ours by one all-reduce at a time",
            ),
            row(
                &r,
                "power, aggregate",
                "W",
                16.0 * 308.39,
                |e| e.power_aggregate_w,
                "dies only, 6,900 W with the system; HBM (63 W), links (50 W) and buffer (86 W) of each die run all the time there, ours only for a token's events",
            ),
            row(&r, "energy a token, aggregate", "J", 16.0 * 308.39 / 249_960.0, |e| e.j_per_token_aggregate, "as power"),
        ],
    })
}

/// ROMA, arXiv 2503.12988: ROM with compute fused, 7 nm, 500 MHz.
fn roma() -> Result<Comparison> {
    let options =
        one_engine(Options { bits: Some(2), context: Some(4096), act_bits: Some(8), node: Some("N7".into()), ..Options::default() });
    let chip = described(LLAMA_8B, "Llama-3-8B", options)?;
    let modelled_only = chip.modelled_only();
    let setting = Setting { dies: 1, cut: Cut::Pipeline, context: 256, users: 1, extra_sram_bits: 16 * 8_000_000, extra_mm2: 0.0 };
    let r = range(&Described { chip, node: "N7", clock_mhz: Some((500.0, 500.0, 500.0)), setting })?;
    Ok(Comparison {
        chip: "ROMA",
        model: "Llama-3-8B",
        choices: "N7, 500 MHz, one die, 2-bit weights in ROM, 288 MB of SRAM (4,096 positions) and 16 MB for activations, one user at 256 positions; ours: all layers share one set of arithmetic, 256 lanes",
        source: "arXiv 2503.12988",
        modelled_only,
        rows: vec![
            row(
                &r,
                "die area",
                "mm2",
                503.7,
                |e| e.area_mm2,
                "they fuse few multipliers with dense ROM macros; ours has group columns of 32 inputs for every output of a layer",
            ),
            row(&r, "ROM", "GB", 1.86, |e| e.rom_bits / 8e9, "we keep the embedding in ROM too, and scales for every 32 weights"),
            row(
                &r,
                "tokens/s, one user",
                "tokens/s",
                20_078.0,
                |e| e.tokens_per_s_single_user,
                "their reads a cycle are unpublished; ours takes 32 rows of every matrix in each, an element of streams on 256 lanes",
            ),
            row(
                &r,
                "power, one user",
                "W",
                33.1,
                |e| e.power_single_user_w,
                "ours reads and clocks the station at work alone; they gate by ROM block",
            ),
            row(&r, "energy a token, one user", "J", 0.00165, |e| e.j_per_token_single_user, "as power and speed"),
        ],
    })
}
