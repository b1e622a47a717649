//! `hardwire inspect`: what a checkpoint holds, what a chip is made of, or one weight of it down to its bits in ROM.

use super::source::Source;
use crate::cli::{Global, Inspect};
use crate::summary;
use anyhow::{Context, Result, bail};
use hardwire_models::Checkpoint;
use hardwire_netlist::Chip;
use hardwire_netlist::silicon::{Silicon, bit_text};
use hardwire_study::chip::figures;
use hardwire_study::compare::Against;
use serde_json::json;

pub fn run(args: &Inspect, global: &Global) -> Result<()> {
    match (Source::open(&args.source)?, &args.at) {
        (Source::Chip(chip), Some(at)) => inspect_weight(&chip, at, global),
        (Source::Checkpoint(_), Some(_)) => {
            bail!("{}: --at needs a chip folder, and this is a checkpoint; compile it first", args.source.display())
        }
        (Source::Chip(chip), None) => {
            let figures = figures(&chip, &Against::default())?;
            if global.json {
                println!("{}", serde_json::to_string_pretty(&figures)?)
            } else {
                print!("{}", summary::chip(&figures))
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
        println!("{}", serde_json::to_string_pretty(&all)?);
        return Ok(());
    }
    println!("tensor       {}", m.tensor);
    println!("index        [{}, {}] of [{}, {}]", w.row, w.k, m.outputs, m.inputs);
    if w.n != w.row {
        println!("output       {} of the unit: the two elements of a rotation stand side by side on the chip", w.n);
    }
    println!("code         {}", w.code);
    println!("value        {:+}", w.value);
    println!("scale        {} (group {})", w.scale, w.k / m.group);
    if let Some(offset) = offset {
        println!("offset       {offset}");
    }
    println!("shift        {}", w.shift);
    println!("weight       {:+.6e}", w.real);
    println!("stored bits  {bits} (most significant first{})", if silicon.wired() { "; wires, no vias" } else { "" });
    println!("ROM          {}", rom.file);
    println!("line         {} (from 0)", rom.line);
    println!("lowest bit   {} (from the lowest of the word)", rom.bit);
    Ok(())
}

fn inspect_checkpoint(checkpoint: &Checkpoint, global: &Global) -> Result<()> {
    let config = checkpoint.config();
    let mut tensors = Vec::new();
    for name in checkpoint.tensor_names() {
        let t = checkpoint.tensor(&name)?;
        tensors.push(json!({"name": name, "shape": t.shape, "dtype": t.dtype.to_string()}));
    }
    if global.json {
        let all = json!({"name": checkpoint.name(), "config": config, "digest": checkpoint.digest(), "tensors": tensors});
        println!("{}", serde_json::to_string_pretty(&all)?);
        return Ok(());
    }
    println!("{} ({}), {}, {} parameters", checkpoint.name(), checkpoint.source(), config.architecture, config.parameters);
    println!(
        "{} layers, hidden {}, feed-forward {}, heads {} over {} of {}, vocabulary {}, context {}",
        config.layers, config.hidden, config.ffn, config.heads, config.kv_heads, config.head_dim, config.vocab, config.context
    );
    for t in tensors {
        let shape: Vec<String> = t["shape"].as_array().into_iter().flatten().map(ToString::to_string).collect();
        println!("{:<8} {:>16}  {}", t["dtype"].as_str().unwrap_or(""), shape.join(" x "), t["name"].as_str().unwrap_or(""));
    }
    Ok(())
}
