//! The essay's claims one by one: what it says, what we compute, what others measured, and a verdict.
//!
//! "The Token Factory" (4 May 2026) asks how token factories earn money and why that is a question of hardware. Every figure of ours
//! is computed here and now from the baseline, or from the plan of a chip; every one of others names its source and date.

use crate::{Result, published};
use hardwire_baseline::gpu::{self, Device, Link, LinkClass, ModelShape, Parallel, Stack, WeightFormat, Workload};
use hardwire_baseline::headline::{HC1_ANNOUNCED, Headline, Queue, Side, headline};
use serde::Serialize;

/// What a claim comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Holds,
    /// True under a condition that the row names.
    HoldsInPart,
    DoesNotHold,
    /// Nobody has published what would decide it.
    Open,
}

/// One claim.
#[derive(Clone, Debug, Serialize)]
pub struct Claim {
    pub number: u32,
    pub claimed: &'static str,
    pub ours: String,
    pub measured_elsewhere: &'static str,
    pub verdict: Verdict,
    pub because: &'static str,
    pub source: &'static str,
}

/// The page: the claims, and the queues that most of them come down to.
#[derive(Clone, Debug, Serialize)]
pub struct Essay {
    pub claims: Vec<Claim>,
    pub headline: Headline,
}

/// Grid of France in 2025, gCO2e/kWh (RTE, Bilan electrique 2025).
const FRANCE_G_PER_KWH: f64 = 19.6;
/// Grid of Germany in 2025, gCO2e/kWh (Umweltbundesamt 2025).
const GERMANY_G_PER_KWH: f64 = 344.0;
/// Bits of a weight at 4 bits with a scale for 32.
const FOUR_BITS: f64 = 4.5;

/// Tokens/s to one user.
fn one_user(device: &Device, model: &ModelShape, context: u32, parallel: Parallel, stack: Stack) -> Result<f64> {
    let workload = Workload::new(1, context, 0).on(stack);
    Ok(gpu::decode(device, model, &workload, parallel)?.tokens_per_s_per_user.value)
}

/// A 27 B model in the shape of Gemma 3's, dense, with every layer attending to all: Qwen's 27 B differs in its state layers.
fn dense_27b() -> Result<ModelShape> {
    let shape = gpu::model_shape("Gemma-3-27B")?;
    Ok(ModelShape { name: "27 B".into(), window_layers: 0, window_tokens: 0, kv_heads: 8, ..shape }.quantized(
        FOUR_BITS,
        WeightFormat::Block,
        16.0,
    ))
}

/// Every claim, answered.
pub fn essay() -> Result<Essay> {
    let headline = headline()?;
    let l40s = gpu::find("L40S")?;
    let ceiling = l40s.ceiling_tokens_per_s(14e9);
    let model = dense_27b()?;
    let on_l40s = one_user(&l40s, &model, 1000, Parallel::ONE, Stack::LlamaCpp)?;
    let llama = |device: &Device| {
        one_user(
            device,
            &gpu::model_shape("Llama-3.1-8B")?.quantized(FOUR_BITS, WeightFormat::Block, 16.0),
            0,
            Parallel::ONE,
            Stack::LlamaCpp,
        )
    };

    let studio = gpu::find("Apple M3 Ultra")?;
    let seventy = gpu::model_shape("Llama-3.3-70B")?.quantized(FOUR_BITS, WeightFormat::Block, 16.0);
    let linked = |class, bandwidth_gb_per_s| Device { link: Link { class, bandwidth_gb_per_s }, ..studio.clone() };
    let remote = linked(LinkClass::Infiniband, 10.0);
    let tcp = linked(LinkClass::Ethernet, 10.0);
    let one_studio = one_user(&studio, &model, 1000, Parallel::ONE, Stack::LlamaCpp)?;
    let four_tcp = one_user(&tcp, &model, 1000, Parallel::tensor(4), Stack::LlamaCpp)?;
    let four_remote = one_user(&remote, &model, 1000, Parallel::tensor(4), Stack::LlamaCpp)?;
    let four_layers = one_user(&tcp, &model, 1000, Parallel::pipeline(4), Stack::LlamaCpp)?;

    let h100 = gpu::find("H100 SXM")?;
    let fp8 = gpu::model_shape("Llama-3.1-8B")?.quantized(8.0, WeightFormat::Fp8, 8.0);
    let crossover = gpu::decode(&h100, &fp8, &Workload::new(1, 64, 0), Parallel::ONE)?.crossover_batch.value;
    let exceeds = model.weight_bytes() / model.kv_bytes(1000.0);
    let full = &headline.queues[2];
    let chat = &headline.queues[1];
    let mj = |side: &Side| side.mj_per_token;
    let chip_mj = |queue: &Queue| queue.chip.as_ref().map_or(f64::NAN, mj);
    let ours_hc1 = published::all()?.into_iter().find(|c| c.chip.contains("HC1"));
    let ours_speed = ours_hc1.iter().flat_map(|c| &c.rows).find(|r| r.metric.starts_with("tokens/s")).map_or(f64::NAN, |r| r.ours);
    let reported = 1e6 / headline.hc1.interval_us.value;
    let one_gpu = headline.queues[0].gpu.tokens_per_s_per_user;
    let crossing = match headline.crossovers.first().and_then(|c| c.users) {
        Some(users) => format!("on a chat mix eight B200 take less energy a token than ten cards from {users} users at once on"),
        None => "on a chat mix eight B200 take more energy a token at any number of users".into(),
    };

    let claims = vec![
        Claim {
            number: 1,
            claimed: "decode speed is about memory bandwidth over the model's size; compute hardly matters; prefill is the opposite",
            ours: format!("one user: yes. An H100 at FP8 is bound by its memory up to {crossover:.0} users at once, by its products above"),
            measured_elsewhere: "ML.ENERGY v3: Llama-3.1-8B on an H100 takes 7.3 ms a token for 8 users, 62.9 ms for 691",
            verdict: Verdict::HoldsInPart,
            because: "it holds for few users; a full queue is bound by products, cache reads and the host",
            source: "gpu_measured_2026.csv, 2026-02-27",
        },
        Claim {
            number: 2,
            claimed: "L40S (864 GB/s) and a 27 B model at 4 bits (14 GB): a ceiling near 60 tokens/s, 30 to 60 observed",
            ours: format!("ceiling {ceiling:.1} tokens/s; with llama.cpp and 1,000 tokens cached {on_l40s:.0}"),
            measured_elsewhere: "L40S, Llama-3-8B at 16 bits (16 GB): 43.4 tokens/s of a ceiling of 54 (XiongjieDai, 2024-05-12)",
            verdict: Verdict::Holds,
            because: "four fifths of the ceiling are usual; with scales the weights are 15 GB",
            source: "baseline/data/gpu_measured.csv",
        },
        Claim {
            number: 3,
            claimed: "one Mac Studio makes some 30 tokens/s, four chained together 40 to 50, not 120",
            ours: format!(
                "27 B at 4 bits: one {one_studio:.0}; four by matrices over TCP {four_tcp:.0}, over a link of InfiniBand's latency {four_remote:.0}; four by layers {four_layers:.0}"
            ),
            measured_elsewhere: "Mac Studio M3 Ultra alone: 19.9 tokens/s of DeepSeek-R1 at 4 bits (geerlingguy, 2025-12-18); no row of four in the tables",
            verdict: Verdict::HoldsInPart,
            because: "by layers one user gains nothing, over TCP he loses; 40 to 50 needs matrices split over a link of a few microseconds",
            source: "NCCL src/graph/tuning.cc for latencies; TCP hop estimated at 30 us",
        },
        Claim {
            number: 4,
            claimed: "70 B at 4 bits needs about 35 GB, more than one consumer card",
            ours: format!("{:.1} GB with scales, before any cache", seventy.weight_bytes() * 1e-9),
            measured_elsewhere: "Llama-3-70B Q4_K_M is a file of 42.5 GB (XiongjieDai, 2024-05-12)",
            verdict: Verdict::Holds,
            because: "no consumer card of 2026 has more than 32 GB",
            source: "gpus.csv",
        },
        Claim {
            number: 5,
            claimed: "16-bit 54 GB become 14 GB at 4 bits, nearly indistinguishable for many uses",
            ours: format!(
                "{:.1} GB at 4.5 bits, scales included; `hardwire evaluate` measures what a coding costs",
                27e9 * FOUR_BITS / 8.0 * 1e-9
            ),
            measured_elsewhere: "Q4_K_M files are 4.85 bits a weight (llama.cpp tools/quantize)",
            verdict: Verdict::HoldsInPart,
            because: "the size holds but for scales; quality depends on model and task",
            source: "docs/quantization.md",
        },
        Claim {
            number: 6,
            claimed: "the KV cache grows with context and users and can exceed the weights; 8 or 4 bits for it recover room and speed",
            ours: format!(
                "27 B at 4 bits: as many bytes as its weights at {exceeds:.0} users of 1,000 tokens with a 16-bit cache, twice as many at 8 bits"
            ),
            measured_elsewhere: "TensorRT-LLM: Llama-3.3-70B FP4 on a B200 makes 6,920 tokens/s at 1,000/1,000, 274 at 32,768/1,024",
            verdict: Verdict::Holds,
            because: "cache reads are what long contexts cost",
            source: "NVIDIA/TensorRT-LLM perf-overview @03e27c7d",
        },
        Claim {
            number: 7,
            claimed: "two cards of equal memory: the one with more bandwidth wins",
            ours: format!(
                "RTX 4090 (1,008 GB/s) {:.0} tokens/s of an 8 B model at 4 bits, RTX 3090 (936) {:.0}",
                llama(&gpu::find("RTX 4090")?)?,
                llama(&gpu::find("RTX 3090")?)?
            ),
            measured_elsewhere: "127.7 and 111.7 tokens/s of Llama-3-8B Q4_K_M (XiongjieDai, 2024-05-12)",
            verdict: Verdict::HoldsInPart,
            because: "for one user; with many, and with prompts, products decide",
            source: "baseline/data/gpu_measured.csv",
        },
        Claim {
            number: 8,
            claimed: "a data centre is a factory from watts to tokens: tokens per watt and per unit of capital decide",
            ours: format!(
                "at the wall, MLPerf's summaries: eight B200 {:.0} mJ a token, ten HC1 cards {:.0}; a chat mix {:.0} and {:.0}",
                mj(&full.gpu),
                chip_mj(full),
                mj(&chat.gpu),
                chip_mj(chat)
            ),
            measured_elsewhere: "eight B200 at the wall: 64.2 mJ (MLPerf v5.1 5.1-0062, 2025-09)",
            verdict: Verdict::Holds,
            because: "and the load decides which machine leads; `hardwire books` has the capital",
            source: "gpu_energy.csv; hc1_telemetry.csv",
        },
        Claim {
            number: 9,
            claimed: "a small open model (27 B) serves 95 % of uses at an order of magnitude less than frontier API cost at scale",
            ours: "the cost side only: `hardwire books` against prices of the same model; what share of uses it serves is not computed"
                .into(),
            measured_elsewhere: "Qwen3.6-27B: 0.47 and 3.19 USD a million in and out at OVHcloud, 0.285 and 2.40 at OpenRouter (models.dev, 2026-07-02)",
            verdict: Verdict::Open,
            because: "no measurement of the 95 % is published",
            source: "anomalyco/models.dev@f3fc692",
        },
        Claim {
            number: 10,
            claimed: "sovereignty is hardware, supply chain and energy: French nuclear power is cheap, steady and low in carbon; chips come from Taiwan by Dutch machines",
            ours: format!(
                "a million tokens of the chat mix on ten cards take {:.1} Wh at the wall: {:.2} g of CO2 in France, {:.2} in Germany; on eight B200 {:.2} and {:.2}",
                chip_mj(chat) / 3.6,
                chip_mj(chat) / 3600.0 * FRANCE_G_PER_KWH,
                chip_mj(chat) / 3600.0 * GERMANY_G_PER_KWH,
                mj(&chat.gpu) / 3600.0 * FRANCE_G_PER_KWH,
                mj(&chat.gpu) / 3600.0 * GERMANY_G_PER_KWH
            ),
            measured_elsewhere: "19.6 g/kWh in France (RTE, 2025), 344 in Germany (Umweltbundesamt, 2025); EU non-household electricity 0.19 EUR/kWh (Eurostat, 2025-10-29)",
            verdict: Verdict::HoldsInPart,
            because: "low in carbon: yes; cheap: not by the tariffs of industry; the die, masks and memory are made outside France for chip and GPU alike",
            source: "RTE Bilan electrique 2025; Umweltbundesamt 2025; Eurostat",
        },
        Claim {
            number: 11,
            claimed: "Taalas HC1: 17,000 tokens/s for one user, nearly 10 times the state of the art, 20 times cheaper to build, a tenth of the power",
            ours: format!(
                "our plan of it {ours_speed:.0} tokens/s; its service reports {reported:.0} of the announced {HC1_ANNOUNCED:.0}; eight B200 give one user {one_gpu:.0}; {crossing}"
            ),
            measured_elsewhere: "69.5 to 70.5 us a token since September 2026 (chatjimmy.ai's own timers); Cerebras 1,800 tokens/s; 250 W a card at the wall of a server of ten",
            verdict: Verdict::HoldsInPart,
            because: "one user: yes, at five sixths of what was announced; a tenth of the power only against GPUs with few users; full GPUs take less energy a token; 20 times cheaper is the maker's word",
            source: "hc1_telemetry.csv; Next Platform 2026-02-19; services.csv",
        },
        Claim {
            number: 12,
            claimed: "a new model in about two months by changing only top metal masks, against two years and hundreds of millions",
            ours: "a respin buys two to four masks a die and every card again: `hardwire books` prices it by changes a year".into(),
            measured_elsewhere: "HNLPU estimates 18.5 to 37 million USD a respin and 6 to 8 weeks (arXiv 2508.16151v2); no Taalas figure found",
            verdict: Verdict::Open,
            because: "one product has shipped; its second is announced and not measured",
            source: "hardwired_chips.csv, 2026",
        },
        Claim {
            number: 13,
            claimed: "open: does it scale to larger models, and what do frequent respins cost at production volume",
            ours: "`hardwire plan` splits a model over dies; `hardwire books` has the tornado over changes a year".into(),
            measured_elsewhere: "DeepSeek-R1 at 12,382 tokens/s is simulated by its maker; HC2's target is 20 billion weights a chip (The Register, 2026-08-06)",
            verdict: Verdict::Open,
            because: "nothing larger than 8 billion weights was measured",
            source: "hardwired_chips.csv, 2026",
        },
    ];
    Ok(Essay { claims, headline })
}
