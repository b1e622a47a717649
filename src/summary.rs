//! Figures as a terminal shows them.

use crate::out::one_line;
use crate::report::number;
use crate::table::{Cell, Table};
use crate::words::{errors, verdict};
use hardwire_baseline::headline::Side;
use hardwire_netlist::Figure;
use hardwire_study::chip::{ChipFigures, SpeedAt};
use hardwire_study::compare::{Comparison, InFlight};
use hardwire_study::efficiency::{Efficiencies, Efficiency};
use hardwire_study::memory::Memory;
use std::collections::BTreeMap;
use std::fmt::Write;

fn at_middle(f: &ChipFigures) -> Option<&SpeedAt> {
    f.speed.iter().find(|s| s.context == f.energy.context)
}

/// The chip in a dozen lines.
pub fn chip(f: &ChipFigures) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "{name:<26}{}", one_line(&value));
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
            "{} at {} bits{}",
            number(f.census.weights as f64),
            number(f.quality.bits_per_weight),
            f.quality.kept.as_ref().map_or(String::new(), |k| format!(", {} of {} matrices exact", k.lossless, f.quality.matrices))
        ),
    );
    if let Some(k) = f.quality.kept.as_ref().filter(|k| k.lossless < f.quality.matrices) {
        let worst = k.worst_relative_square_error;
        line("least exact", format!("{}: {}, relative square error {worst:.1e}", k.worst_tensor, k.worst_coding));
    }
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
            "energy, one user",
            format!("{} µJ a token, {} W, estimated", number(s.j_per_token_single_user.value * 1e6), number(s.power_single_user_w)),
        );
    }
    let c = &f.compare;
    let queue = |q: &InFlight| {
        let (all, joules) = (number(q.tokens_per_s.value), number(q.j_per_token.value * 1e6));
        format!("{all} tokens/s with {} in flight, {joules} µJ a token, {} W", q.users, number(q.power_w.value))
    };
    let asked = format!("requests of {} tokens in and {} out", c.prompt_tokens, c.output_tokens);
    line("full queue", format!("{}; {asked}", queue(&c.chip.as_built)));
    if c.chip.all_busy.users > c.chip.as_built.users {
        line("", format!("{} with a cache for as many", queue(&c.chip.all_busy)));
    }
    for p in &f.first_token {
        line(&format!("first token of {}", p.prompt), format!("{} µs, simulated", number(p.time_us.value)));
    }
    out + &efficiencies(&c.chip.efficiency)
}

/// What a joule, a square millimetre and a million tokens are to a chip in use, and where its area goes.
pub fn efficiencies(e: &Efficiencies) -> String {
    let mut out = String::new();
    for (name, of) in [("one user, for", &e.one_user), ("full queue, for", &e.full_queue)] {
        let _ = writeln!(out, "{name:<26}{}", efficiency(of));
    }
    let _ = writeln!(out, "{:<26}{}", "area", shares(&e.area_shares));
    out
}

/// One way of use in one line.
pub fn efficiency(e: &Efficiency) -> String {
    let cost = e.eur_per_mtoken.map_or(String::new(), |eur| format!(" or {} EUR (books)", number(eur)));
    format!(
        "a joule {} tokens, a mm² {} tokens/s, a million tokens {} J{cost}; {} % of the power is leakage",
        number(e.tokens_per_j),
        number(e.tokens_per_s_per_mm2),
        number(e.j_per_mtoken),
        number(e.leakage_share * 100.0)
    )
}

/// Shares, the largest first.
fn shares(of: &BTreeMap<&'static str, f64>) -> String {
    let mut parts: Vec<_> = of.iter().collect();
    parts.sort_by(|a, b| b.1.total_cmp(a.1));
    parts.into_iter().map(|(name, share)| format!("{name} {:.0} %", share * 100.0)).collect::<Vec<_>>().join(", ")
}

/// One user, a full queue and one of long prompts, chip and devices, at the wall.
fn queues(b: &Comparison) -> String {
    let mut table = Table::new(&["at the wall", "in", "out", "machine", "users", "tokens/s each", "tokens/s all", "W", "mJ a token"]);
    for q in &b.queues {
        for side in q.chips.iter().chain(&q.gpus) {
            let asked: [Cell; 3] = [q.load.name.into(), q.load.prompt_tokens.into(), q.load.output_tokens.into()];
            table.row(asked.into_iter().chain(at_the_wall(side)));
        }
    }
    table.text()
}

/// A machine under a load: its name, users, tokens/s of each and of all, watts, millijoules a token.
pub fn at_the_wall(side: &Side) -> [Cell; 6] {
    let (each, all) = (side.tokens_per_s_per_user.into(), side.tokens_per_s.into());
    [side.machine.as_str().into(), side.users.into(), each, all, side.wall_w.into(), side.mj_per_token.into()]
}

/// Chip against every device that holds the model: one user, then a full queue, then what to make of it.
pub fn comparison(b: &Comparison) -> String {
    let (unit, per_j) = b.chip.energy_unit();
    let mut one = Table::new(&["one user each", "tokens/s", "ceiling", unit, "W", "chip is faster", "run as"]);
    let energy = |f: &Figure| Cell::from(f.value * per_j);
    let c = &b.chip;
    one.row([
        "this chip".into(),
        c.tokens_per_s.value.into(),
        Cell::Empty,
        energy(&c.j_per_token),
        c.power_w.value.into(),
        Cell::Empty,
        "".into(),
    ]);
    for g in &b.gpus {
        let s = &g.single;
        one.row([
            g.device.as_str().into(),
            s.tokens_per_s.value.into(),
            s.ceiling_tokens_per_s.value.into(),
            energy(&s.j_per_token),
            s.power_w.value.into(),
            format!("{} x", number(g.user_speed_ratio)).into(),
            s.serving_mode.as_str().into(),
        ]);
    }
    let mut queue = Table::new(&["a full queue each", "users", "tokens/s", "each sees", unit, "W", "run as"]);
    let chips = [("this chip as built", &c.as_built), ("this chip, all busy", &c.all_busy)];
    for (name, f) in chips.into_iter().take(if c.all_busy.users > c.as_built.users { 2 } else { 1 }) {
        let (all, each) = (f.tokens_per_s.value.into(), f.tokens_per_s_per_user.value.into());
        queue.row([name.into(), f.users.into(), all, each, energy(&f.j_per_token), f.power_w.value.into(), "".into()]);
    }
    for g in &b.gpus {
        let s = &g.saturated;
        let (all, each) = (s.tokens_per_s.value.into(), s.tokens_per_s_per_user.value.into());
        queue.row([
            g.device.as_str().into(),
            s.users.into(),
            all,
            each,
            energy(&s.j_per_token),
            s.power_w.value.into(),
            s.serving_mode.as_str().into(),
        ]);
    }
    let mut out = one.text() + "\n" + &queue.text() + "\n" + &queues(b) + "\n" + &efficiencies(&c.efficiency) + "\n";
    for l in &b.left_out {
        let _ = writeln!(out, "left out: {}", one_line(&l.reason));
    }
    if let Some(fit) = &b.measured {
        let _ = writeln!(
            out,
            "measured: {} at {} GB/s ({} of its datasheet) and {} µs a token beside; fits its own rows within {:.1} %",
            one_line(&fit.gpu_info),
            number(fit.bandwidth_gb_per_s.value),
            number(fit.bandwidth_fraction.value),
            number(fit.fixed_us_per_token.value),
            fit.mape_percent
        );
    }
    for sentence in verdict(b) {
        let _ = writeln!(out, "{}", one_line(&sentence));
    }
    let _ = writeln!(
        out,
        "One user at context {}; the queue reads {} tokens and writes {} a request. Chip: cycles simulated, energy estimated. GPUs: estimated.\n{} \
         See docs/baseline.md.",
        b.context,
        b.prompt_tokens,
        b.output_tokens,
        errors(b)
    );
    out
}

/// What a model takes of memory and what devices make of it.
pub fn memory(m: &Memory) -> String {
    let devices: Vec<&str> = m.rows.first().iter().flat_map(|r| &r.devices).map(|d| d.device.as_str()).collect();
    let mut head = vec!["bits a weight".to_owned(), "weights, GB".into(), "smallest device that holds it".into()];
    head.extend(devices.iter().flat_map(|d| [format!("{d}, ceiling"), "tokens/s".into()]));
    let rows = m.rows.iter().map(|r| {
        let mut row = vec![Cell::from(r.bits), r.weights_gb.into(), r.smallest_device.as_deref().unwrap_or("none, split it").into()];
        row.extend(r.devices.iter().flat_map(|d| [Cell::from(d.ceiling_tokens_per_s.clone()), d.tokens_per_s.clone().into()]));
        row
    });
    let mut out = Table::of(head, rows.collect()).text();
    let cache: Vec<String> = m.cache.iter().map(|c| format!("{} GB at {}", number(c.gb), c.context)).collect();
    let _ = writeln!(out, "KV cache of one user, 16 bits: {}", cache.join(", "));
    let _ = writeln!(
        out,
        "one user at context {}; ceiling: bandwidth over the bytes of a token; tokens/s: estimated (docs/baseline.md)",
        m.context
    );
    out
}
