//! `hardwire inspect`: what a checkpoint holds, or what a chip is made of.

use super::source::Source;
use crate::cli::{Global, Inspect};
use crate::figures::figures;
use crate::summary;
use anyhow::Result;
use hardwire_models::Checkpoint;
use serde_json::json;

pub fn run(args: &Inspect, global: &Global) -> Result<()> {
    match Source::open(&args.source)? {
        Source::Chip(chip) => {
            let figures = figures(&chip)?;
            if global.json {
                println!("{}", serde_json::to_string_pretty(&figures)?)
            } else {
                print!("{}", summary::chip(&figures))
            }
            Ok(())
        }
        Source::Checkpoint(checkpoint) => inspect_checkpoint(&checkpoint, global),
    }
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
