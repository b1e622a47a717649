//! `hardwire inspect`: what a checkpoint holds, what a chip is made of, or one weight of it down to its bits in ROM.

use super::source::Source;
use crate::cli::{Global, Inspect};
use crate::out::{self, one_line, out, outln};
use crate::summary::{self, memory as memory_text};
use crate::table::Table;
use anyhow::{Context, Result, bail};
use hardwire_models::{Checkpoint, KnownShape, ModelConfig, config_from_file};
use hardwire_netlist::Chip;
use hardwire_netlist::silicon::{Silicon, bit_text};
use hardwire_study::books::Site;
use hardwire_study::chip::{figures, shape_of_config};
use hardwire_study::compare::Against;
use hardwire_study::memory::memory;
use hardwire_study::subject::Subject;
use serde::Serialize;
use serde_json::json;

pub fn run(args: &Inspect, global: &Global) -> Result<()> {
    if args.at.is_none() && !args.source.exists() {
        let name = args.source.to_string_lossy();
        if let Some(shape) = KnownShape::find(&name) {
            return inspect_shape(shape.name, &shape.source(), &shape.config()?, global);
        }
    }
    if args.at.is_none() && args.source.extension().is_some_and(|e| e == "json") {
        let name = args.source.file_stem().unwrap_or_default().to_string_lossy();
        let source = args.source.display().to_string();
        return inspect_shape(&name, &source, &config_from_file(&args.source)?, global);
    }
    match (Source::open(&args.source)?, &args.at) {
        (Source::Chip(chip), Some(at)) => inspect_weight(&chip, at, global),
        (Source::Checkpoint(_), Some(_)) => {
            bail!("{}: --at needs a chip folder, and this is a checkpoint; compile it first", args.source.display())
        }
        (Source::Chip(chip), None) => {
            let figures = figures(&Subject::of(&chip), &Against::default(), Site::bundled()?)?;
            if global.json {
                out::json(&figures)?
            } else {
                out!("{}", summary::chip(&figures))
            }
            Ok(())
        }
        (Source::Checkpoint(checkpoint), None) => inspect_checkpoint(&checkpoint, global),
    }
}

/// One weight: its number system, and where its bits stand in ROM.
fn inspect_weight(chip: &Chip, at: &str, global: &Global) -> Result<()> {
    let (silicon, n, k) = Silicon::find(chip, at)?;
    let (m, w) = (silicon.matrix, silicon.weight(n, k));
    let rom = silicon.address(n, k).context("the weight lies outside its matrix")?;
    let bits = bit_text(w.stored, m.code_bits);
    let offset = (m.offset_bits > 0).then_some(w.offset);
    if global.json {
        let mut all = json!({
            "unit": silicon.path(), "tensor": m.tensor, "row": w.row, "column": w.k, "output": w.n, "code": w.code, "value": w.value,
            "group": w.k / m.group, "scale": w.scale, "shift": w.shift, "weight": w.real, "stored_bits": bits,
            "rom_file": rom.file, "rom_line": rom.line, "rom_bit": rom.bit,
        });
        if let Some(offset) = offset {
            all["offset"] = offset.into();
        }
        out::json(&all)?;
        return Ok(());
    }
    outln!("tensor       {}", one_line(&m.tensor));
    outln!("index        [{}, {}] of [{}, {}]", w.row, w.k, m.outputs, m.inputs);
    if w.n != w.row {
        outln!("output       {} of the unit: the two elements of a rotation stand side by side on the chip", w.n);
    }
    outln!("code         {}", w.code);
    outln!("value        {:+}", w.value);
    outln!("scale        {} (group {})", w.scale, w.k / m.group);
    if let Some(offset) = offset {
        outln!("offset       {offset}");
    }
    outln!("shift        {}", w.shift);
    outln!("weight       {:+.6e}", w.real);
    outln!("stored bits  {bits} (most significant first{})", if silicon.wired() { "; wires, no vias" } else { "" });
    outln!("ROM          {}", rom.file);
    outln!("line         {} (from 0)", rom.line);
    outln!("lowest bit   {} (from the lowest of the word)", rom.bit);
    Ok(())
}

/// Tensors of one kind: those whose names differ in numbers alone.
#[derive(Serialize)]
struct Kind {
    tensors: usize,
    name: String,
    dtypes: Vec<String>,
    shape: String,
    weights: u64,
}

fn kinds(checkpoint: &Checkpoint) -> Result<Vec<Kind>> {
    let mut out: Vec<Kind> = Vec::new();
    for name in checkpoint.tensor_names() {
        let t = checkpoint.tensor(&name)?;
        let parts = name.split('.').map(|part| if part.bytes().all(|b| b.is_ascii_digit()) { "*" } else { part });
        let (name, dtype) = (parts.collect::<Vec<_>>().join("."), t.dtype.to_string());
        let shape = t.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" x ");
        let weights = t.shape.iter().map(|&n| n as u64).product::<u64>();
        match out.iter_mut().find(|k| k.name == name && k.shape == shape) {
            Some(k) => {
                k.tensors += 1;
                k.weights += weights;
                if !k.dtypes.contains(&dtype) {
                    k.dtypes.push(dtype);
                }
            }
            None => out.push(Kind { tensors: 1, name, dtypes: vec![dtype], shape, weights }),
        }
    }
    Ok(out)
}

fn inspect_checkpoint(checkpoint: &Checkpoint, global: &Global) -> Result<()> {
    let config = checkpoint.config();
    let memory = memory(&shape_of_config(checkpoint.name(), config))?;
    let kinds = kinds(checkpoint)?;
    if global.json {
        let mut tensors = Vec::new();
        for name in checkpoint.tensor_names() {
            let t = checkpoint.tensor(&name)?;
            tensors.push(json!({"name": name, "shape": t.shape, "dtype": t.dtype.to_string()}));
        }
        let all = json!({"name": checkpoint.name(), "config": config, "digest": checkpoint.digest(), "memory": memory, "kinds": kinds,
            "tensors": tensors});
        out::json(&all)?;
        return Ok(());
    }
    print_config(checkpoint.name(), &checkpoint.source().to_string(), config)?;
    outln!("tokenizer: {}\n", if checkpoint.tokenizer_json()?.is_some() { "in the file" } else { "none" });
    out!("{}", memory_text(&memory));
    let mut table = Table::new(&["tensors", "of kind", "stored as", "shape", "weights"]);
    for k in &kinds {
        table.row([
            (k.tensors as u32).into(),
            k.name.as_str().into(),
            k.dtypes.join(", ").into(),
            k.shape.as_str().into(),
            (k.weights as f64).into(),
        ]);
    }
    out!("\n{}", table.text());
    Ok(())
}

/// A model without weights: a `config.json`, or a bundled shape.
fn inspect_shape(name: &str, source: &str, config: &ModelConfig, global: &Global) -> Result<()> {
    let memory = memory(&shape_of_config(name, config))?;
    if global.json {
        out::json(&json!({"name": name, "config": config, "memory": memory}))?;
        return Ok(());
    }
    print_config(name, source, config)?;
    out!("\n{}", memory_text(&memory));
    Ok(())
}

fn print_config(name: &str, source: &str, config: &ModelConfig) -> Result<()> {
    let (name, source) = (one_line(name), one_line(source));
    outln!("{name} ({source}), {}, {} parameters", config.architecture, config.parameters);
    outln!(
        "{} layers, hidden {}, feed-forward {}, heads {} over {} of {}, vocabulary {}, context {}",
        config.layers,
        config.hidden,
        config.ffn,
        config.heads,
        config.kv_heads,
        config.head_dim,
        config.vocab,
        config.context
    );
    Ok(())
}
