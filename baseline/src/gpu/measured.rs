//! Published measurements, one row each, with what is needed to predict them: the program's own tables and files of the same columns.

use serde::{Deserialize, Serialize};

use super::error::GpuError;
use super::rows::{Rows, leading_count};
use super::shape::{ModelShape, Parallel, Stack, WeightFormat, Workload};
use super::shape_table::model_shape;

const BUNDLED: &str = include_str!("../../data/gpu_measured.csv");
const BUNDLED_2026: &str = include_str!("../../data/gpu_measured_2026.csv");

/// Mean prompt of GPQA Diamond with its instructions, tokens. Estimated: a question of four choices is about 200.
const GPQA_PROMPT: u32 = 250;
/// Output of a `llama-bench` or ollama row that does not say.
const BENCH_OUTPUT: u32 = 512;

/// What a row measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// One user.
    Single,
    /// A full queue.
    Serving,
    /// A fixed number of users.
    Batched,
    /// A service whose hardware does not fetch weights from a memory this model knows.
    Service,
}

/// One published measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub class: Class,
    pub device: String,
    pub devices: u32,
    pub model: String,
    pub quant: String,
    /// `llama-cpp`, `llama-cpp-2024`, `vllm`, `server`, `ml-perf` or `vendor`.
    pub stack: String,
    /// Sequences at once; empty where the server chose.
    pub batch: Option<u32>,
    pub prompt_tokens: u32,
    pub output_tokens: u32,
    pub tokens_per_s: f64,
    pub weight_bytes: Option<f64>,
    /// Why the row is shown and not judged; empty where it is judged.
    pub set_aside: String,
    pub source: String,
    pub provenance: String,
    pub note: String,
    /// Whether prompts are those of the published chat workload, whose length is a knob.
    #[serde(default)]
    pub chat: bool,
    /// How the devices share the model, where published.
    #[serde(default)]
    pub parallel: Option<Parallel>,
    /// Limit of the 99th percentile of the time between tokens, ms.
    #[serde(default)]
    pub latency_limit_ms: Option<f64>,
    /// Median time between tokens, ms, where published.
    #[serde(default)]
    pub token_latency_ms: Option<f64>,
    /// Requests of the run, where its source says them.
    #[serde(default)]
    pub requests: Option<u32>,
    /// Line of its file.
    #[serde(default)]
    pub line: u64,
}

/// The bundled measurements, in a fixed order.
pub fn measured() -> Result<Vec<Measured>, GpuError> {
    let mut reader = csv::Reader::from_reader(BUNDLED.as_bytes());
    let rows: Result<Vec<Measured>, _> = reader.deserialize().collect();
    let mut rows = rows.map_err(|error| GpuError::File {
        file: "gpu_measured.csv".into(),
        detail: error.to_string(),
        hint: "restore the bundled table",
    })?;
    for row in rows.iter_mut().filter(|row| row.source.contains("TensorRT-LLM")) {
        row.requests = bench_requests(row.prompt_tokens, row.output_tokens);
    }
    rows.extend(parse_measured(BUNDLED_2026, "gpu_measured_2026.csv")?);
    Ok(rows)
}

/// Measurements of a CSV text with the columns of the bundled `gpu_measured_2026.csv` (`device`, `model`, `quant`, `batch`,
/// `context` and `tok_s` at least); `file` is only named in errors.
pub fn parse_measured(text: &str, file: &str) -> Result<Vec<Measured>, GpuError> {
    let mut rows = Rows::open(text, file, &["device", "model", "quant", "batch", "context", "tok_s"])?;
    let mut out = Vec::new();
    while rows.next()? {
        let task = Task { context: rows.text("context"), source: rows.text("source"), note: rows.text("note"), split: rows.text("note") };
        let mut row = row(&rows, &task)?;
        row.tokens_per_s = rows.positive("tok_s")?;
        row.weight_bytes = rows.optional_positive("weight_bytes")?;
        row.token_latency_ms = after(&task.note, "median ITL ");
        out.push(row);
    }
    Ok(out)
}

/// What was run, in the words of its source.
pub(super) struct Task {
    pub context: String,
    pub source: String,
    pub note: String,
    /// Where the split over devices is told.
    pub split: String,
}

/// A row but for what it measured.
pub(super) fn row(rows: &Rows, task: &Task) -> Result<Measured, GpuError> {
    let (devices, device) = leading_count(&rows.required("device")?);
    // A dual card is two devices; their names elsewhere carry neither memory nor rack.
    let (devices, device) = match device.strip_suffix(" Dual 48G") {
        Some(one) => (devices.saturating_mul(2), one.to_owned()),
        None => (devices, device),
    };
    if devices == 0 {
        return Err(rows.refuse("device", "a count of at least 1 before `x`"));
    }
    let text = rows.required("batch")?;
    let batch = match text.parse::<f64>() {
        // `as` saturates; a batch past u32 is the queue that never ends.
        Ok(users) if users.is_finite() && users >= 0.5 => Some(users.round() as u32),
        Ok(_) => return Err(rows.refuse("batch", "a number above 0, or words for a full queue")),
        Err(_) => None,
    };
    let class = match batch {
        Some(1) => Class::Single,
        Some(_) => Class::Batched,
        None => Class::Serving,
    };
    let model = rows.required("model")?;
    let stack = stack(task, class);
    let (prompt_tokens, output_tokens) = lengths(task, &model).ok_or_else(|| {
        rows.refuse(
            if rows.has("context") { "context" } else { "workload" },
            "lengths such as `1000/1000 ISL/OSL`, `512+128` or `~615 OSL`, or an MLPerf scenario",
        )
    })?;
    Ok(Measured {
        class,
        devices,
        set_aside: set_aside(&device, &model, stack, task),
        latency_limit_ms: latency_limit_ms(task, &model),
        requests: task.source.contains("TensorRT-LLM").then(|| bench_requests(prompt_tokens, output_tokens)).flatten(),
        chat: task.context.contains("chat"),
        parallel: split(&task.split, devices, stack),
        device,
        model,
        quant: rows.required("quant")?,
        stack: stack.into(),
        batch,
        prompt_tokens,
        output_tokens,
        tokens_per_s: 0.0,
        weight_bytes: None,
        source: task.source.clone(),
        provenance: rows.text("provenance"),
        note: task.note.clone(),
        token_latency_ms: None,
        line: rows.line(),
    })
}

/// The software, as the source tells it.
fn stack(task: &Task, class: Class) -> &'static str {
    let (source, context) = (task.source.as_str(), task.context.as_str());
    let python = ["vLLM", "LLMBoost"].iter().any(|name| task.note.contains(name));
    if source.contains("ml-energy") || context.contains("chat") || context.contains("gpqa") {
        "vllm"
    } else if source.contains("mlcommons") || context.contains("MLPerf") {
        // Submissions on vLLM leave its front end out; they are not tuned as a vendor's are.
        if python { "server" } else { "ml-perf" }
    } else if source.contains("TensorRT-LLM") || context.contains("ISL/OSL") {
        "server"
    } else if class == Class::Single {
        "llama-cpp"
    } else {
        "vllm"
    }
}

/// Prompt and output of a workload.
fn lengths(task: &Task, model: &str) -> Option<(u32, u32)> {
    let context = task.context.trim();
    let pair = |text: &str, by: char| {
        let (prompt, output) = text.split_once(by)?;
        Some((prompt.trim().parse().ok()?, output.trim().parse().ok()?))
    };
    if let Some(output) = after(context, "~") {
        // `as` saturates, and the model's context refuses what is too long.
        let prompt = if context.contains("gpqa") || task.source.contains("gpqa") { GPQA_PROMPT } else { 0 };
        return Some((prompt, output as u32));
    }
    if context.contains("MLPerf") {
        return mlperf_lengths(model);
    }
    let first = context.split_whitespace().next().unwrap_or("");
    if let Some(found) = pair(first, '/').or_else(|| pair(first, '+')) {
        return Some(found);
    }
    if let Some(output) = first.strip_prefix("tg") {
        return Some((after(context, "@ d").map_or(0, |depth| depth as u32), output.parse().ok()?));
    }
    if let Some((_, most)) = pair(first, '-') {
        return Some((0, most / 2));
    }
    ["llama-bench", "single stream"].iter().any(|known| context.contains(known)).then_some((0, BENCH_OUTPUT))
}

/// Mean prompt and output of MLPerf's data sets.
///
/// OpenOrca 294 and 294 (mlcommons/inference_policies pull 304); LongBench and others of Llama-3.1-405B 9,428 and 684, CNN/DailyMail
/// 778 and at most 128 (mlcommons/inference, README of each model); DeepSeek-R1 3,880 out (the same); gpt-oss-120B's performance set
/// is low-effort summaries (mlcommons.org, March 2026) of unpublished length: 4,000 and 1,000 assumed.
fn mlperf_lengths(model: &str) -> Option<(u32, u32)> {
    Some(match model {
        "Llama-2-70B" => (294, 294),
        "Llama-3.1-405B" => (9428, 684),
        "Llama-3.1-8B" => (778, 128),
        "Mixtral-8x7B" => (345, 145),
        "DeepSeek-R1-671B" => (800, 3880),
        "gpt-oss-120B" => (4000, 1000),
        _ => return None,
    })
}

/// Requests of TensorRT-LLM's published runs by prompt and output ("Preparing a Dataset" in docs/source/performance/perf-overview.md @00f3768 and
/// docs/source/developer-guide/perf-overview.md @03e27c7).
fn bench_requests(prompt: u32, output: u32) -> Option<u32> {
    Some(match (prompt, output) {
        (128, 128) => 30_000,
        (128 | 500, 2000 | 2048) | (2048, 128) | (1000, 1000) | (1024, 1024) => 3000,
        (128, 4096) | (1000, 2000) | (2048, 2048) | (5000, 500) | (8192, 1024) | (1024, 8192) => 1500,
        (20_000, 2000) | (32_768, 1024) | (1024, 32_768) => 1000,
        _ => return None,
    })
}

/// MLPerf's limits of the 99th percentile of the time between tokens (mlcommons/inference_policies, inference_rules.adoc, recall).
fn latency_limit_ms(task: &Task, model: &str) -> Option<f64> {
    let server = task.context.contains("Server");
    let interactive = task.context.contains("Interactive");
    if !task.context.contains("MLPerf") || !(server || interactive) {
        return None;
    }
    Some(match (model, interactive) {
        ("Llama-2-70B" | "Mixtral-8x7B", false) => 200.0,
        ("Llama-2-70B", true) => 40.0,
        ("Llama-3.1-405B", false) => 175.0,
        ("Llama-3.1-8B", false) => 100.0,
        ("Llama-3.1-8B", true) => 30.0,
        ("DeepSeek-R1-671B", true) => 15.0,
        _ => 80.0,
    })
}

/// `TP2/DP1/EP1`, `DEP4`, `DEP2 PP2`, `TP2`, `PP2`.
fn split(text: &str, devices: u32, stack: &str) -> Option<Parallel> {
    let ways = |name: &str| {
        text.split(|c: char| !c.is_ascii_alphanumeric())
            .find_map(|word| word.strip_prefix(name)?.parse::<u32>().ok())
            .filter(|ways| *ways > 0)
    };
    if let Some(data) = ways("DEP") {
        return Some(Parallel { pipeline: ways("PP").unwrap_or(1), ..Parallel::data(data) });
    }
    match (ways("TP"), ways("PP"), ways("EP")) {
        // ML.ENERGY writes attention's degree as that of a replica; all its devices serve one model.
        (Some(_), _, Some(expert)) if stack == "vllm" => {
            Some(if expert > 1 { Parallel::experts(devices) } else { Parallel::tensor(devices) })
        }
        (tensor, pipeline, _) if tensor.is_some() || pipeline.is_some() => {
            Some(Parallel { pipeline: pipeline.unwrap_or(1), ..Parallel::tensor(tensor.unwrap_or(1)) })
        }
        _ if devices == 1 => Some(Parallel::ONE),
        _ => None,
    }
}

/// Why a row is not judged: what is known of its source's run.
fn set_aside(device: &str, model: &str, stack: &str, task: &Task) -> String {
    let reasoning = task.context.contains("gpqa") || task.source.contains("gpqa");
    let dense = ["Qwen3-8B", "Qwen3-14B", "Qwen3-32B"].contains(&model);
    if stack == "vllm" && reasoning && dense && device == "B200 SXM" {
        // Their time a token is the same for 8, 14 and 32 billion weights, four to six times that of the chat task, at a third of the power.
        return "the run was held up by its host: 33 to 44 ms a token whatever the model's size, at a third of the power".into();
    }
    String::new()
}

/// The number that follows `mark`.
pub(super) fn after(text: &str, mark: &str) -> Option<f64> {
    let rest = &text[text.find(mark)? + mark.len()..];
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    rest[..end].parse().ok().filter(|x: &f64| x.is_finite() && *x > 0.0)
}

impl Measured {
    pub fn stack(&self) -> Stack {
        match self.stack.as_str() {
            "llama-cpp" => Stack::LlamaCpp,
            "llama-cpp-2024" => Stack::LlamaCpp2024,
            "vllm" => Stack::Vllm,
            "ml-perf" => Stack::MlPerf,
            _ => Stack::Server,
        }
    }

    /// Device and model, software and split: rows that stand or fall together.
    pub fn family(&self) -> String {
        let count = if self.devices == 1 { String::new() } else { format!("{}x ", self.devices) };
        format!("{} | {} {} | {count}{}", self.stack, self.model, format!("{:?}", quant(&self.quant).0).to_lowercase(), self.device)
    }

    /// The model at the row's bits. Where the file's size is published it decides the bits, scales included.
    pub fn shape(&self) -> Result<ModelShape, GpuError> {
        let shape = model_shape(&self.model)?;
        let llama = matches!(self.stack(), Stack::LlamaCpp | Stack::LlamaCpp2024);
        let (format, nominal_bits) = quant(&self.quant);
        // gpt-oss ships its experts in MXFP4 whatever a file's name says; llama.cpp's files keep the rest at 8 bits and scales.
        let (format, nominal_bits) = if shape.dense_bits > 0.0 { (WeightFormat::Fp4, 4.25) } else { (format, nominal_bits) };
        let dense_bits = if llama && shape.dense_bits > 0.0 { 8.5 } else { shape.dense_bits };
        let sized = self.weight_bytes.filter(|_| shape.dense_bits == 0.0);
        let weight_bits = sized.map_or(nominal_bits, |bytes| bytes * 8.0 / shape.parameters);
        // llama.cpp and vLLM keep a 16-bit cache unless told otherwise; TensorRT-LLM's FP8 and FP4 recipes use an FP8 cache.
        let told = self.quant.contains("FP8 kv") || self.quant.starts_with("FP");
        let kv_bits = if self.stack() == Stack::MlPerf || (self.stack() == Stack::Server && told && !self.quant.starts_with("FP16")) {
            8.0
        } else {
            16.0
        };
        Ok(ModelShape { dense_bits, ..shape.quantized(weight_bits, format, kv_bits) })
    }

    /// The row as a workload, at the middle of its output; a chat's prompts are `chat_prompt` tokens.
    pub fn workload(&self, chat_prompt: f64) -> Workload {
        // Rounded to tokens.
        let prompt = if self.chat { chat_prompt.round() as u32 } else { self.prompt_tokens };
        let queue = Workload::new(self.batch.unwrap_or(u32::MAX), prompt, self.output_tokens).on(self.stack());
        Workload { requests: self.requests, ..queue }
    }
}

/// Format and nominal bits a weight of a quantization name. Super-block sizes are overridden by file sizes.
fn quant(name: &str) -> (WeightFormat, f64) {
    match name.split_whitespace().next().unwrap_or("") {
        "F16" | "FP16" | "BF16" => (WeightFormat::Float16, 16.0),
        "FP8" => (WeightFormat::Fp8, 8.0),
        // 4 bits and an 8-bit scale for 16 (NVFP4) or 32 (MXFP4) weights.
        "FP4" | "NVFP4" => (WeightFormat::Fp4, 4.5),
        "MXFP4" => (WeightFormat::Fp4, 4.25),
        "Q8_0" => (WeightFormat::Block, 8.5),
        "Q4_0" | "4-bit" => (WeightFormat::Block, 4.5),
        "UINT4" => (WeightFormat::Block, 4.25),
        _ => (WeightFormat::SuperBlock, 4.85),
    }
}
