//! One user, a full queue and a prompt-heavy full queue, at the wall: eight B200 as predicted beside ten HC1 cards as their own
//! service reports them.
//!
//! Taalas HC1 comes in as plain numbers: the timers that its public service returned with each reply (`data/hc1_telemetry.csv`), its
//! context limit and its server's power, each cited. A hardwired card serves one user at a time and streams prompts token by token;
//! a token of a prompt takes at most what the first token takes over the tokens before it (18 to 22: a fixed cost hides in it).

use serde::{Deserialize, Serialize};

use crate::gpu::{self, Calibration, Device, GpuError, ModelShape, Parallel, Stack, WeightFormat, Workload, wall};
use crate::{Figure, Provenance};

const TELEMETRY: &str = include_str!("../data/hc1_telemetry.csv");
/// Prompt and reply together, tokens: the service's client constant, and 8,000 refused where 6,025 were taken (sernik77/Jimmy,
/// 2026-09-22).
pub const HC1_POSITIONS: u32 = 6144;
/// Ten cards and their host at the wall, W (Next Platform, 2026-02-19).
pub const HC1_SERVER_W: f64 = 2500.0;
pub const HC1_CARDS: u32 = 10;
/// Announced for one user, tokens/s (Taalas, Next Platform 2026-02-19).
pub const HC1_ANNOUNCED: f64 = 16_960.0;
/// Replies shorter than this say little of an interval, tokens.
const SHORTEST_REPLY: f64 = 9.0;
/// NVFP4: 4 bits and an 8-bit scale for 16 weights.
const FP4_BITS: f64 = 4.5;

/// One reply of HC1's public service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reply {
    pub date: String,
    pub prefill_tokens: f64,
    pub ttft_ms: f64,
    pub decode_tokens: f64,
    /// Tokens of the reply but the first over the time after it, µs.
    #[serde(rename = "us_per_decode_interval_derived")]
    pub interval_us: f64,
    pub source: String,
}

/// HC1 as its service reports it.
#[derive(Clone, Debug, Serialize)]
pub struct Hc1 {
    pub replies: Vec<Reply>,
    /// Between two tokens of a reply.
    pub interval_us: Figure,
    pub first_token_ms: Figure,
    /// At most, of a token of a prompt.
    pub prompt_token_us: Figure,
}

/// HC1's telemetry, summed up.
pub fn hc1() -> Result<Hc1, GpuError> {
    let mut reader = csv::Reader::from_reader(TELEMETRY.as_bytes());
    let replies: Result<Vec<Reply>, _> = reader.deserialize().collect();
    let replies = replies.map_err(|e| GpuError::File {
        file: "hc1_telemetry.csv".into(),
        detail: e.to_string(),
        hint: "restore the bundled table",
    })?;
    let mean = |of: &dyn Fn(&Reply) -> f64, keep: &dyn Fn(&Reply) -> bool| {
        let kept: Vec<f64> = replies.iter().filter(|r| keep(r)).map(of).collect();
        kept.iter().sum::<f64>() / kept.len() as f64
    };
    let all = |_: &Reply| true;
    let first_ms = mean(&|r| r.ttft_ms, &all);
    // The one record of March ran faster; the service's state since September is what can be bought.
    let long = |r: &Reply| r.decode_tokens > SHORTEST_REPLY && r.date.as_str() >= "2026-09";
    let measured =
        |value, unit: &str| Figure::new(value, unit, Provenance::Measured, "server timers of chatjimmy.ai, 2026 (hc1_telemetry.csv)");
    Ok(Hc1 {
        interval_us: measured(mean(&|r| r.interval_us, &long), "us"),
        first_token_ms: measured(first_ms, "ms"),
        prompt_token_us: measured(first_ms * 1e3 / mean(&|r| r.prefill_tokens, &all), "us"),
        replies,
    })
}

/// What is asked.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Load {
    pub name: &'static str,
    /// One user, or as many as there is room for.
    pub full: bool,
    pub prompt_tokens: u32,
    pub output_tokens: u32,
}

/// A chat service: mean prompt and output of a public one's users (ML.ENERGY v3 lm-arena-chat; outputs 350 to 930 by model, prompts
/// about 150 as fitted).
pub const CHAT: Load = Load { name: "full queue, chat mix", full: true, prompt_tokens: 150, output_tokens: 400 };
/// Long documents and short answers: where a chip that streams its prompts may lose.
pub const PROMPT_HEAVY: Load = Load { name: "full queue, prompt-heavy", full: true, prompt_tokens: 8192, output_tokens: 512 };
/// MLPerf's Llama-3.1-8B task: articles and their summaries.
const SUMMARIES: Load = Load { name: "full queue, MLPerf summaries", full: true, prompt_tokens: 778, output_tokens: 128 };

/// The loads of the headline.
pub const LOADS: [Load; 5] = [
    Load { name: "one user", full: false, ..CHAT },
    CHAT,
    SUMMARIES,
    Load { name: "full queue, prompt-heavy, what HC1 holds", full: true, prompt_tokens: 5632, output_tokens: 512 },
    PROMPT_HEAVY,
];

/// A machine under a load, at the wall.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    pub machine: String,
    pub users: u32,
    /// Output tokens of each user, prompts of others in between.
    pub tokens_per_s_per_user: f64,
    pub tokens_per_s: f64,
    pub wall_w: f64,
    pub mj_per_token: f64,
}

impl Side {
    /// `users` users who get `tokens_per_s` together for `wall_w`.
    pub fn at_the_wall(machine: String, users: u32, tokens_per_s: f64, wall_w: f64) -> Side {
        let tokens_per_s_per_user = tokens_per_s / f64::from(users);
        Side { machine, users, tokens_per_s_per_user, tokens_per_s, wall_w, mj_per_token: wall_w / tokens_per_s * 1e3 }
    }
}

/// Both machines under one load; a refusal is an answer.
#[derive(Clone, Debug, Serialize)]
pub struct Queue {
    pub load: Load,
    pub gpu: Side,
    pub chip: Result<Side, String>,
}

/// Published energies of a full queue that the tool must come out at.
#[derive(Clone, Debug, Serialize)]
pub struct Anchor {
    pub what: &'static str,
    pub published_mj: f64,
    pub ours_mj: f64,
    pub source: &'static str,
}

/// The whole headline.
#[derive(Clone, Debug, Serialize)]
pub struct Headline {
    pub model: String,
    pub hc1: Hc1,
    pub queues: Vec<Queue>,
    pub anchors: Vec<Anchor>,
    pub crossovers: Vec<Crossover>,
}

/// Where GPUs and cards take the same energy a token under a full load of the cards.
#[derive(Clone, Debug, Serialize)]
pub struct Crossover {
    pub load: Load,
    /// Users on the GPUs from which they take no more; none where they always take more.
    pub users: Option<u32>,
}

/// Eight B200 and ten HC1 cards under every load of [`LOADS`].
pub fn headline() -> Result<Headline, GpuError> {
    let hc1 = hc1()?;
    let calibration = Calibration::bundled()?;
    let device = gpu::find("B200 SXM")?;
    let model = gpu::model_shape("Llama-3.1-8B")?.quantized(FP4_BITS, WeightFormat::Fp4, 8.0);
    let mut queues = Vec::new();
    for load in LOADS {
        queues.push(Queue { load, gpu: gpus(&calibration, &device, &model, load, u32::MAX)?, chip: cards(&hc1, load) });
    }
    let decode_only = Load { name: "tokens alone", full: true, prompt_tokens: 0, output_tokens: 512 };
    let alone = cards(&hc1, decode_only).map_or(f64::NAN, |side| side.mj_per_token);
    let summaries = gpus(&calibration, &device, &model, SUMMARIES, u32::MAX)?.mj_per_token;
    let anchors = vec![
        Anchor {
            what: "8 x B200, Llama-3.1-8B, MLPerf offline",
            published_mj: 64.2,
            ours_mj: summaries,
            source: "MLPerf v5.1 5.1-0062, 2025-09: 9,436 W at the wall / 146,960 tokens/s",
        },
        Anchor {
            what: "10 HC1 cards, every card busy, no prompts counted",
            published_mj: 17.6,
            ours_mj: alone,
            source: "2,500 W (Next Platform 2026-02-19) / 10 x 14,200 tokens/s (telemetry, 2026-09)",
        },
    ];
    let mut crossovers = Vec::new();
    for load in LOADS.into_iter().filter(|load| load.full) {
        let Ok(chip) = cards(&hc1, load) else { continue };
        crossovers.push(Crossover { load, users: crossover(&calibration, &device, &model, load, &chip)? });
    }
    Ok(Headline { model: model.name, hc1, queues, anchors, crossovers })
}

/// Fewest users on the GPUs at which they take no more energy a token than the cards, where there are such.
fn crossover(calibration: &Calibration, device: &Device, model: &ModelShape, load: Load, chip: &Side) -> Result<Option<u32>, GpuError> {
    let with = |most: u32| gpus(calibration, device, model, load, most);
    let cheaper = |most: u32| Ok::<bool, GpuError>(with(most)?.mj_per_token <= chip.mj_per_token);
    let (mut low, mut high) = (0, gpu::serve::SERVER_MAX_BATCH);
    if !cheaper(high)? {
        return Ok(None);
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if cheaper(middle)? { high = middle } else { low = middle }
    }
    Ok(Some(with(high)?.users))
}

/// Eight B200 in one server, with at most `most` users a group of them.
fn gpus(calibration: &Calibration, device: &Device, model: &ModelShape, load: Load, most: u32) -> Result<Side, GpuError> {
    const DEVICES: u32 = 8;
    let (users, all, devices_w) = if load.full {
        let workload = Workload::new(most, load.prompt_tokens, load.output_tokens).on(Stack::MlPerf);
        let queue = gpu::serve(calibration, device, model, &workload, DEVICES, None)?;
        (queue.batch * queue.replicas, queue.tokens_per_s.value, queue.power_w.value)
    } else {
        let workload = Workload::new(1, load.prompt_tokens, load.output_tokens).on(Stack::Server);
        let one = gpu::decode_with(calibration, device, model, &workload, Parallel::tensor(DEVICES))?;
        (1, one.tokens_per_s.value, one.power_w.value)
    };
    let wall_w = wall(calibration, device, DEVICES, devices_w).total_w();
    Ok(Side::at_the_wall(format!("{DEVICES} x {}", device.name), users, all, wall_w))
}

/// Ten HC1 cards in one server, each with one user and his prompt; one card of them for one user, at its share of the server's power.
fn cards(hc1: &Hc1, load: Load) -> Result<Side, String> {
    let positions = load.prompt_tokens + load.output_tokens;
    if positions > HC1_POSITIONS {
        return Err(format!("{positions} positions asked, HC1 holds {HC1_POSITIONS}"));
    }
    let prompt_s = f64::from(load.prompt_tokens) * hc1.prompt_token_us.value * 1e-6;
    let output_s = f64::from(load.output_tokens) * hc1.interval_us.value * 1e-6;
    let cards = if load.full { HC1_CARDS } else { 1 };
    // One user's speed is that of his tokens; a full queue pays for prompts as well.
    let busy_s = output_s + if load.full { prompt_s } else { 0.0 };
    let tokens_per_s = f64::from(load.output_tokens) / busy_s * f64::from(cards);
    let wall_w = HC1_SERVER_W * f64::from(cards) / f64::from(HC1_CARDS);
    Ok(Side::at_the_wall(format!("{cards} x Taalas HC1"), cards, tokens_per_s, wall_w))
}
