//! Figures as a terminal shows them.

use crate::figures::{ChipFigures, SpeedAt};
use crate::report::number;
use std::fmt::Write;

fn at_middle(f: &ChipFigures) -> Option<&SpeedAt> {
    f.speed.iter().find(|s| s.context == f.energy.context)
}

/// The chip in a dozen lines.
pub fn chip(f: &ChipFigures) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "{name:<26}{value}");
    };
    let m = &f.model;
    line("model", format!("{}: {} parameters, {} layers of {}", m.name, m.parameters, m.layers, m.hidden));
    line(
        "die",
        format!(
            "{} mm² in {} ({} by {} mm), {}",
            number(f.die.area_mm2.value),
            f.node,
            number(f.die.width_mm),
            number(f.die.height_mm),
            f.die.area_mm2.provenance
        ),
    );
    line(
        "weights",
        format!(
            "{} at {} bits, {} of {} matrices exact",
            number(f.census.weights as f64),
            number(f.quality.bits_per_weight),
            f.quality.lossless,
            f.quality.matrices
        ),
    );
    line("ROM / SRAM", format!("{}bit / {}bit", number(f.census.rom_bits as f64), number(f.census.sram_bits as f64)));
    line("transistors", format!("{}, {}", number(f.die.transistors.value), f.die.transistors.provenance));
    if let Some(s) = at_middle(f) {
        line(
            "one user",
            format!(
                "{} tokens/s at context {} ({} cycles at {} MHz), simulated",
                number(s.tokens_per_s_single_user.value),
                s.context,
                s.latency_cycles,
                number(f.clock_mhz.value)
            ),
        );
        line(
            "aggregate",
            format!("{} tokens/s with {} users in flight, simulated", number(s.tokens_per_s_aggregate.value), s.users_for_aggregate),
        );
        line(
            "energy, one user",
            format!("{} µJ a token, {} W, estimated", number(s.j_per_token_single_user.value * 1e6), number(s.power_single_user_w)),
        );
    }
    for p in &f.first_token {
        line(&format!("first token of {}", p.prompt), format!("{} µs, simulated", number(p.time_us.value)));
    }
    out
}

/// Chip against every device that holds the model.
pub fn comparison(f: &ChipFigures) -> String {
    let mut out = String::new();
    let Some(s) = at_middle(f) else { return out };
    let _ =
        writeln!(out, "{:<24}{:>14}{:>14}{:>14}{:>10}{:>12}", "one user each", "ceiling tok/s", "tokens/s", "mJ/token", "speed", "energy");
    let _ = writeln!(
        out,
        "{:<24}{:>14}{:>14}{:>14}",
        "this chip",
        "",
        number(s.tokens_per_s_single_user.value),
        number(s.j_per_token_single_user.value * 1e3)
    );
    for g in &f.gpus {
        let _ = writeln!(
            out,
            "{:<24}{:>14}{:>14}{:>14}{:>10}{:>12}",
            g.device,
            number(g.ceiling_tokens_per_s.value),
            number(g.tokens_per_s.value),
            number(g.j_per_token.value * 1e3),
            format!("1/{}", number(g.speed_ratio)),
            format!("{} x", number(g.energy_ratio))
        );
    }
    let _ = writeln!(
        out,
        "chip at context {}: cycles simulated, energy estimated; GPUs estimated (docs/baseline.md), one user, llama.cpp",
        s.context
    );
    out
}
