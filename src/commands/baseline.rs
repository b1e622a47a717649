//! `hardwire baseline`: the GPU side by itself, with its sources and its errors.

mod validation;

use crate::cli::{Baseline, BaselineCommand, Global, Predict};
use crate::out::{self, out};
use crate::report::number;
use crate::table::{Cell, Table};
use anyhow::{Result, bail};
use hardwire_baseline::Figure;
use hardwire_baseline::gpu::{self, Calibration, Device, ModelShape, Parallel, Stack, WeightFormat, Workload};
use hardwire_netlist::Chip;
use hardwire_study::chip::{model_shape, shape_of_config};
use serde::Serialize;
use std::path::Path;

/// Prompt and output unless asked, as vendors publish them.
const TOKENS: u32 = 1000;
const FP8_BITS: f64 = 8.0;
/// NVFP4 with its scales.
const FP4_BITS: f64 = 4.5;

pub fn run(args: &Baseline, global: &Global) -> Result<()> {
    match &args.what {
        BaselineCommand::Devices => show(global, args.csv, &gpu::devices()?, &devices(&gpu::devices()?, args.csv), services),
        BaselineCommand::Validate(validate) => validation::run(validate, args.csv, global),
        BaselineCommand::Predict(predict) => {
            let prediction = self::predict(predict)?;
            show(global, args.csv, &prediction, &predicted(&prediction), || Ok(footnote(&prediction)))
        }
    }
}

/// JSON, CSV, or a table and what follows it.
fn show(global: &Global, csv: bool, json: &impl Serialize, table: &Table, after: impl FnOnce() -> Result<String>) -> Result<()> {
    if global.json {
        out::json(json)?;
    } else if csv {
        out!("{}", table.csv()?);
    } else {
        out!("{}\n{}", table.text(), after()?);
    }
    Ok(())
}

/// In CSV with the columns a file of devices has, so that it can be edited and read back.
fn devices(devices: &[Device], whole: bool) -> Table {
    if !whole {
        let mut table = Table::new(&["device", "memory", "GB", "GB/s", "W", "16-bit T/s", "FP8 T/s", "FP4 T/s", "link", "USD"]);
        for d in devices {
            let price = d.price.map(|p| format!("{}-{}", number(p.low_usd), number(p.high_usd)));
            table.row([
                d.name.as_str().into(),
                d.memory_type.as_str().into(),
                d.memory_gb.into(),
                d.bandwidth_gb_per_s.into(),
                d.tdp_w.into(),
                d.bf16_dense_tflops.into(),
                d.fp8_dense_tflops.into(),
                d.fp4_dense_tflops.into(),
                d.link_name.as_str().into(),
                price.into(),
            ]);
        }
        return table;
    }
    let mut table = Table::new(&[
        "device",
        "memory_gb",
        "memory_type",
        "bandwidth_gb_per_s",
        "tdp_w",
        "bf16_dense_tflops",
        "fp8_dense_tflops",
        "int8_dense_tops",
        "fp4_dense_tflops",
        "vector_fp32_tflops",
        "idle_w",
        "link",
        "link_class",
        "link_gb_per_s",
        "node",
        "die_mm2",
        "price_low_usd",
        "price_high_usd",
        "price_note",
        "source",
        "source_added",
    ]);
    for d in devices {
        let class = format!("{:?}", d.link.class).to_lowercase();
        let text = |text: &str| Cell::from(text);
        table.row([
            text(&d.name),
            d.memory_gb.into(),
            text(&d.memory_type),
            d.bandwidth_gb_per_s.into(),
            d.tdp_w.into(),
            d.bf16_dense_tflops.into(),
            d.fp8_dense_tflops.into(),
            d.int8_dense_tops.into(),
            d.fp4_dense_tflops.into(),
            d.vector_fp32_tflops.into(),
            d.idle_w.into(),
            text(&d.link_name),
            class.into(),
            d.link.bandwidth_gb_per_s.into(),
            text(&d.node),
            text(&d.die_mm2),
            d.price.map(|p| p.low_usd).into(),
            d.price.map(|p| p.high_usd).into(),
            text(&d.price_note),
            text(&d.source),
            text(&d.source_added),
        ]);
    }
    table
}

/// Accelerators known by what they serve.
fn services() -> Result<String> {
    let mut table = Table::new(&["published service", "model", "tokens/s to one user", "source"]);
    for s in gpu::services()? {
        let source = s.tokens_per_s_per_user.source.as_str().into();
        table.row([s.name.as_str().into(), s.model.as_str().into(), s.tokens_per_s_per_user.value.into(), source]);
    }
    Ok(table.text() + "\nrates are dense datasheet rates, 10^12 a second; sources of every device: --json or --csv\n")
}

/// One model on one device.
#[derive(Serialize)]
struct Prediction {
    decode: gpu::DecodeEstimate,
    prefill: gpu::PrefillEstimate,
    /// A full queue, split the best way over as many devices.
    serve: gpu::ServeEstimate,
}

fn predict(args: &Predict) -> Result<Prediction> {
    let device = gpu::find(&args.device)?;
    let (base, positions) = shape(&args.model)?;
    let model = at_bits(&base, args.bits, &device)?;
    let half = positions.map_or(TOKENS, |positions| (positions / 2).clamp(1, TOKENS));
    let (prompt, output) = (args.context.unwrap_or(half), args.output.unwrap_or(half));
    let stack = if device.memory_class == gpu::MemoryClass::Lpddr { Stack::LlamaCpp } else { Stack::Server };
    let asked = Workload { context_tokens: prompt, ..Workload::new(args.batch, prompt, output).on(stack) };
    let parallel = Parallel::tensor(args.devices);
    let queue = Workload::new(u32::MAX, prompt, output).on(stack);
    Ok(Prediction {
        decode: gpu::decode(&device, &model, &asked, parallel)?,
        prefill: gpu::prefill(&device, &model, &asked, parallel)?,
        serve: gpu::serve(&Calibration::bundled()?, &device, &model, &queue, args.devices, None)?,
    })
}

/// A chip's model with the positions its cache holds, that of a configuration, or a known model.
fn shape(model: &str) -> Result<(ModelShape, Option<u32>)> {
    let path = Path::new(model);
    if path.is_dir() {
        let chip = Chip::open(path)?;
        return Ok((model_shape(&chip.structure), Some(chip.model().context)));
    }
    // Models of published measurements by their names; any other by its configuration.
    let (shape, positions) = match gpu::model_shape(model) {
        Ok(shape) => (shape, None),
        Err(unknown) => match super::known::shape(path)? {
            Some(shape) => (shape_of_config(&shape.name, &shape.config), u32::try_from(shape.config.context).ok()),
            None => return Err(unknown.into()),
        },
    };
    Ok((shape.quantized(FP8_BITS, WeightFormat::Fp8, 8.0), positions))
}

/// Native formats at their own bits where the device has them; else codes with scales at any bits.
fn at_bits(base: &ModelShape, bits: Option<f64>, device: &Device) -> Result<ModelShape> {
    let Some(bits) = bits else { return Ok(base.clone()) };
    if !(bits > 0.0 && bits <= 32.0) {
        bail!("--bits {bits}: expected above 0 and at most 32");
    }
    let (format, kv_bits) = match bits {
        FP8_BITS if device.fp8_dense_tflops.is_some() => (WeightFormat::Fp8, 8.0),
        FP4_BITS if device.fp4_dense_tflops.is_some() => (WeightFormat::Fp4, 8.0),
        16.0 => (WeightFormat::Float16, 16.0),
        _ => (WeightFormat::Block, 16.0),
    };
    Ok(base.quantized(bits, format, kv_bits))
}

fn predicted(p: &Prediction) -> Table {
    let mut table = Table::new(&["figure", "value", "unit"]);
    let mut line = |name: String, f: &Figure| table.row([name.into(), f.value.into(), f.unit.as_str().into()]);
    let (d, s) = (&p.decode, &p.serve);
    line("one user's ceiling, bandwidth over bytes".into(), &d.ceiling_tokens_per_s_per_user);
    line(format!("decode of {}, each user", d.workload.batch), &d.tokens_per_s_per_user);
    line(format!("decode of {}, all users", d.workload.batch), &d.tokens_per_s);
    line("time of a token".into(), &d.token_latency_ms);
    line("memory bandwidth used".into(), &d.bandwidth_utilisation);
    line("batch where compute takes over from memory".into(), &d.crossover_batch);
    line("power".into(), &d.power_w);
    line("energy".into(), &d.j_per_token);
    line(format!("first token of {}", d.workload.prompt_tokens), &p.prefill.first_token_ms);
    line("prompt reading".into(), &p.prefill.tokens_per_s);
    line(format!("full queue, {} users, all", s.batch * s.replicas), &s.tokens_per_s);
    line("full queue, each user".into(), &s.tokens_per_s_per_user);
    line("full queue, power".into(), &s.power_w);
    line("full queue, energy".into(), &s.j_per_token);
    table
}

fn footnote(p: &Prediction) -> String {
    let d = &p.decode;
    format!(
        "{} x {}, {}, {} tokens cached; {:.1} of {:.1} GB taken; bound by {}; all estimated (docs/baseline.md)\n",
        d.parallel.devices(),
        d.device,
        d.model,
        d.workload.context_tokens,
        d.capacity.weights_gb + d.capacity.cache_gb_per_sequence * f64::from(d.workload.batch),
        d.capacity.available_gb,
        format!("{:?}", d.bound).to_lowercase()
    )
}
