//! `hardwire plan`: a chip from a bare `config.json`, no weights: counts, floorplan, cycles, energy, with low and high.

use crate::cli::{Global, Plan, Quantizing};
use crate::report::number;
use crate::scale::evaluate::{self, Cut, Evaluation, Range, Setting};
use anyhow::{Result, bail};
use hardwire_compiler::shape::{self, Shape, ShapeChip};
use hardwire_compiler::technology::{self, Silicon};
use serde_json::{Value, json};

pub fn run(args: &Plan, global: &Global) -> Result<()> {
    if args.options.quantizing != Quantizing::default() {
        bail!("a bare config.json has no weights to calibrate or share bits among: give --bits alone");
    }
    let start = std::time::Instant::now();
    let shape = Shape::from_file(&args.config)?;
    let chip = shape::plan(&shape, &super::compile::resolve(&args.options)?)?;
    let node = args.options.node.as_deref().unwrap_or("N6");
    let (technology, silicon) = (technology::node(node)?, technology::silicon(node)?);
    let on = |dies, context, users| Setting { dies, cut: args.cut, context, users, extra_sram_bits: 0, extra_mm2: 0.0 };
    let at = |dies| evaluate::evaluate(&chip, &technology, &silicon, &on(dies, chip.plan.context, chip.plan.users));
    let dies = dies(args, &silicon, &at)?;
    let setting = |context, users| on(dies, context, users);
    let contexts = contexts(chip.plan.context);
    let stations = chip.netlist.stations.len() as u32;
    let ranges: Vec<(u32, Range)> =
        contexts.iter().map(|&c| (c, evaluate::range(&chip, &technology, &silicon, &setting(c, chip.plan.users)))).collect();
    // What the stations could do if the cache held a sequence for each.
    let full = evaluate::evaluate(&chip, &technology, &silicon, &setting(chip.plan.context, stations));
    let floorplan = chip.floorplan(&technology);
    let all = json!({
        "config": args.config, "family": shape.family, "node": node, "parameters": chip.parameters(), "active_weights": chip.active_weights(),
        "census": chip.total(), "modelled_only": chip.modelled_only(), "state_bits": chip.state_bits(), "stations": stations,
        "units": chip.netlist.graph.node_count(), "blocks": floorplan.blocks.len(), "floorplan_conflict": floorplan.conflict(),
        "at": ranges.iter().map(|(c, r)| json!({"context": c, "figures": r})).collect::<Vec<Value>>(),
        "all_stations_busy": full, "wall_s": start.elapsed().as_secs_f64(),
    });
    if let Some(path) = &args.output {
        let structure = json!({"figures": all, "netlist": chip.netlist, "floorplan": floorplan});
        let partial = path.with_extension("partial");
        std::fs::write(&partial, serde_json::to_vec(&structure)?)?;
        std::fs::rename(&partial, path)?;
    }
    if global.json {
        println!("{}", serde_json::to_string_pretty(&all)?);
    } else {
        print(&chip, node, &ranges, &full, start.elapsed().as_secs_f64());
    }
    Ok(())
}

/// The dies asked for, or as few as keep each within the reticle.
///
/// # Errors
/// They do not hold it, or a station alone is over the reticle: by how much, and what would fit.
fn dies(args: &Plan, silicon: &Silicon, on: &dyn Fn(u32) -> Evaluation) -> Result<u32> {
    let limit = silicon.reticle_mm2.value;
    let fewest = evaluate::fewest_dies(args.cut, limit, on);
    if fewest.largest_die_mm2 > limit {
        bail!(
            "{}: die area: {} dies of at most {:.0} mm2, {} alone {:.0} mm2, and the reticle holds {limit}; {}",
            args.config.display(),
            fewest.dies,
            fewest.largest_die_mm2,
            fewest.largest_station,
            fewest.largest_station_mm2,
            match args.cut {
                Cut::Pipeline =>
                    "--cut tensor spreads a layer over dies; taller tiles (--tile-rows 1024), fewer --bits or less --context make it smaller",
                Cut::Tensor => "taller tiles (--tile-rows 1024), fewer --bits or less --context make it smaller",
            }
        );
    }
    match args.dies {
        None => Ok(fewest.dies),
        Some(dies) if dies >= fewest.dies || on(dies).largest_die_mm2 <= limit => Ok(dies),
        Some(dies) => bail!(
            "{}: {dies} dies of at most {:.0} mm2, more than the reticle of {limit} mm2; --dies {} would meet it",
            args.config.display(),
            on(dies).largest_die_mm2,
            fewest.dies
        ),
    }
}

/// Powers of four up to the context, and the context.
fn contexts(most: u32) -> Vec<u32> {
    let mut out: Vec<u32> = (4..).map(|i| 1u32 << (2 * i)).take_while(|&c| c < most).collect();
    out.push(most);
    out
}

fn print(chip: &ShapeChip, node: &str, ranges: &[(u32, Range)], full: &evaluate::Evaluation, wall_s: f64) {
    let line = |name: &str, value: String| println!("{name:<26}{value}");
    let span = |f: &dyn Fn(&evaluate::Evaluation) -> f64, r: &Range| {
        let (a, b) = (f(&r.low), f(&r.high));
        format!("{} ({} to {})", number(f(&r.middle)), number(a.min(b)), number(a.max(b)))
    };
    let Some((_, r)) = ranges.last() else { return };
    let s = &chip.shape;
    line("model", format!("{} ({}), {} parameters, {} a token", s.name, s.family, chip.parameters(), chip.active_weights()));
    line(
        "area",
        format!("{} mm² in {node}, {} {}", span(&|e| e.area_mm2, r), r.middle.dies, if r.middle.dies == 1 { "die" } else { "dies" }),
    );
    if r.middle.dies > 1 {
        line("largest die", format!("{} mm²", span(&|e| e.largest_die_mm2, r)));
    }
    line("largest station", format!("{}, {} mm²", r.middle.largest_station, span(&|e| e.largest_station_mm2, r)));
    line("KV cache and state", format!("{} mm², {} positions of {} users", span(&|e| e.state_mm2, r), chip.plan.context, chip.plan.users));
    line("transistors", format!("{}, estimated", number(r.middle.transistors)));
    for (context, r) in ranges {
        line(
            &format!("one user at {context}"),
            format!(
                "{} tokens/s, {} mJ a token, {} W",
                span(&|e| e.tokens_per_s_single_user, r),
                number(r.middle.j_per_token_single_user * 1e3),
                number(r.middle.power_single_user_w)
            ),
        );
        line(
            &format!("first token at {context}"),
            format!("{} ms, one user, prompt of {}", span(&|e| e.first_token_ms, r), (context - 1).max(1)),
        );
        line(
            &format!("aggregate at {context}"),
            format!(
                "{} tokens/s with {} in flight, {} mJ a token, {} W",
                span(&|e| e.tokens_per_s_aggregate, r),
                r.middle.users,
                number(r.middle.j_per_token_aggregate * 1e3),
                number(r.middle.power_aggregate_w)
            ),
        );
    }
    let saturated = format!(
        "{} tokens/s at {}, {} users, {} W",
        number(full.tokens_per_s_aggregate),
        chip.plan.context,
        full.users,
        number(full.power_aggregate_w)
    );
    line("all stations busy", format!("{saturated}; the cache holds {}", chip.plan.users));
    line(
        "silicon",
        format!("{} $ of good dies, {} $ a million tokens (aggregate)", span(&|e| e.good_dies_usd, r), span(&|e| e.usd_per_mtoken, r)),
    );
    if !chip.modelled_only().is_empty() {
        line("without Verilog", chip.modelled_only().join(", "));
    }
    eprintln!("cycles simulated, the rest estimated, from the shape alone in {wall_s:.2} s; low and high take every constant at that end");
}
