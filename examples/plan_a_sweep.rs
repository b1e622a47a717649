//! Plans chips for a model's shape, no weights needed, and prints those that no other beats.
//!
//! `cargo run --release --example plan_a_sweep`

use hardwire_compiler::shape::Shape;
use hardwire_study::explore::{explore, target};
use std::error::Error;
use std::path::Path;

/// A Llama of 110 M parameters, as its `config.json` says it.
const CONFIG: &str = r#"{"model_type": "llama", "hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 12,
    "num_attention_heads": 12, "num_key_value_heads": 12, "vocab_size": 32000, "max_position_embeddings": 1024}"#;

/// A list in a field sweeps it.
const TARGET: &str = "node = [\"N7\", \"N5\"]\nbits = [3, 4]\ntile_rows = 256\nusers = 1\ncontext = 512\n";

pub fn main() -> Result<(), Box<dyn Error>> {
    let shape = Shape::from_json(CONFIG.as_bytes(), "small", Path::new("config.json"))?;
    let found = explore(&shape, &target::parse(TARGET, shape.config.context as u32)?, &|| {})?;
    for &i in &found.front {
        let (target, figures) = (&found.points[i].target, &found.points[i].figures);
        println!(
            "{} at {} bits: {:.0} mm², {:.0} tokens/s for one user, {:.2} µJ a token of a full queue, {} USD a million",
            target.node,
            target.bits,
            figures.area_mm2,
            figures.tokens_per_s_single_user,
            figures.full_queue.j_per_token * 1e6,
            figures.usd_per_mtoken.map_or("no".into(), |usd| format!("{usd:.4}")),
        );
    }
    for refusal in &found.refused {
        println!("{} at {} bits cannot be met: {}", refusal.target.node, refusal.target.bits, refusal.binds);
    }
    Ok(())
}
