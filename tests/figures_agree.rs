//! One figure, one value: every command is run on one chip, and each figure that several of them tell is the same in all.
//!
//! The cases are contradictions that were once there: the power, energy and speed of a full queue in `compare` and `books`, the
//! aggregate, the price of a token and of silicon, the GPU of the sentence in short, options that a chip cannot take.

mod cli;

use cli::hardwire;
use serde_json::Value;
use std::path::Path;
use std::sync::OnceLock;

/// All that the commands say of one chip.
struct Told {
    _dir: tempfile::TempDir,
    chip: String,
    inspect: Value,
    simulate: Value,
    compare: Value,
    books: Value,
    report: Value,
    plan: Value,
    /// The report of the planned chip.
    planned: Value,
    explore: Value,
}

/// Prompt of the simulation, one of those whose first token is told.
const PROMPT: usize = 16;

fn told() -> &'static Told {
    static TOLD: OnceLock<Told> = OnceLock::new();
    TOLD.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        let (chip, target) = (at("chip"), at("target.toml"));
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/checkpoints/tales/config.json").display().to_string();
        // The same chip by its shape: its users, context and tile height.
        std::fs::write(&target, "users = 3\ncontext = 512\ntile_rows = 256\ndies = 1\n").unwrap();
        run(&["compile", "tales", "-q", "--users", "3", "-o", &chip]);
        let ids = vec!["0"; PROMPT].join(",");
        Told {
            inspect: json(&["inspect", &chip]),
            simulate: json(&["simulate", &chip, "--ids", &ids, "-n", "3"]),
            compare: json(&["compare", &chip]),
            books: json(&["books", &chip]),
            report: json(&["report", &chip, "-o", &at("report")]),
            plan: json(&["plan", &config, "--users", "3"]),
            planned: json(&["report", &config, "--users", "3", "-o", &at("planned")]),
            explore: json(&["explore", &config, "--target", &target]),
            chip,
            _dir: dir,
        }
    })
}

#[track_caller]
fn run(args: &[&str]) -> String {
    let run = hardwire(args, &[]);
    assert!(run.ok(), "{args:?}: {}", run.stderr);
    run.stdout
}

#[track_caller]
fn json(args: &[&str]) -> Value {
    serde_json::from_str(&run(&[args, &["--json"]].concat())).unwrap_or_else(|e| panic!("{args:?}: {e}"))
}

/// The number at a JSON pointer, plain or as a figure.
#[track_caller]
fn number(of: &Value, pointer: &str) -> f64 {
    let value = of.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}"));
    value.as_f64().or_else(|| value["value"].as_f64()).unwrap_or_else(|| panic!("{pointer} is {value}"))
}

/// All are the same number; the slack is what sums in another order differ by.
#[track_caller]
fn same(values: &[f64]) {
    for value in values {
        assert!((value / values[0] - 1.0).abs() < 1e-9, "{values:?}");
    }
}

#[test]
fn a_full_queue_is_told_alike_everywhere() {
    let t = told();
    let books = |line: &str| number(&t.books, &format!("/books/chip/{line}"));
    let plan = |line: &str| number(&t.plan, &format!("/at/0/figures/middle/full_queue/{line}"));
    let compare = |line: &str| number(&t.compare, &format!("/chip/as_built/{line}"));
    same(&[compare("tokens_per_s"), books("unit/tokens_per_s"), plan("tokens_per_s")]);
    same(&[compare("tokens_per_s_per_user"), books("unit/tokens_per_s_per_user"), plan("tokens_per_s_per_user")]);
    same(&[compare("users"), books("unit/users_at_once"), plan("users"), 3.0]);
    same(&[compare("j_per_token"), books("device_j_per_token")]);
    same(&[compare("power_w"), books("unit/device_w")]);
    same(&[number(&t.compare, "/chip/idle_w"), books("unit/idle_w")]);
    // Energy and area follow from widths, which a shape bounds and weights prove.
    for line in ["j_per_token", "power_w"] {
        assert!((compare(line) / plan(line) - 1.0).abs() < 0.05, "{line}: {} and {}", compare(line), plan(line));
    }
    // `inspect` and `report` tell the comparison itself.
    for of in [&t.inspect, &t.report] {
        assert_eq!(of["compare"]["chip"], t.compare["chip"]);
        assert_eq!(of["compare"]["gpus"], t.compare["gpus"]);
    }
    assert_eq!(t.inspect, t.report);
}

/// At the wall: the comparison's own figures and the hosts, 50 W a card of the chip, 250 W a device of a server.
#[test]
fn queues_at_the_wall_are_the_comparison_with_hosts() {
    let t = told();
    let queue = |name: &str| t.compare["queues"].as_array().unwrap().iter().find(|q| q["load"]["name"] == name).unwrap();
    let gpu = t.compare["gpus"].as_array().unwrap().iter().find(|g| g["device"] == "H100 SXM").unwrap();
    for (name, chip, device) in [("one user", "/chip", "/single"), ("full queue", "/chip/as_built", "/saturated")] {
        let ours = &queue(name)["chips"][0];
        let theirs = queue(name)["gpus"].as_array().unwrap().iter().find(|g| g["machine"] == "H100 SXM").unwrap();
        for (side, of, at, host_w) in [(ours, &t.compare, chip, 50.0), (theirs, gpu, device, 250.0)] {
            same(&[number(side, "/tokens_per_s"), number(of, &format!("{at}/tokens_per_s"))]);
            same(&[number(side, "/wall_w"), number(of, &format!("{at}/power_w")) + host_w]);
            same(&[number(side, "/mj_per_token"), number(side, "/wall_w") / number(side, "/tokens_per_s") * 1e3]);
        }
    }
    // 512 positions in the proportion of 8,192 to 512; a chip pays for long prompts token by token.
    let heavy = queue("full queue, prompt-heavy");
    assert_eq!((&heavy["load"]["prompt_tokens"], &heavy["load"]["output_tokens"]), (&482.into(), &30.into()));
    let tokens = |of: &Value, side: &str| number(of, &format!("/{side}/0/tokens_per_s"));
    for side in ["chips", "gpus"] {
        assert!(tokens(heavy, side) < tokens(queue("full queue"), side), "{side}");
    }
}

#[test]
fn one_user_is_told_alike_everywhere() {
    let t = told();
    let at = t.report["compare"]["context"].as_u64().unwrap();
    let speed = t.report["speed"].as_array().unwrap().iter().find(|s| s["context"] == at).unwrap();
    same(&[number(speed, "/tokens_per_s_single_user"), number(&t.compare, "/chip/tokens_per_s")]);
    same(&[number(speed, "/j_per_token_single_user"), number(&t.compare, "/chip/j_per_token")]);
    same(&[number(speed, "/power_single_user_w"), number(&t.compare, "/chip/power_w")]);
    same(&[number(speed, "/tokens_per_s_aggregate"), number(&t.compare, "/chip/all_busy/decode_tokens_per_s")]);
    // The energy of the bars is the energy of the table.
    let split: f64 = t.report["energy"]["split"].as_object().unwrap().values().map(|v| v.as_f64().unwrap()).sum();
    same(&[(split + number(&t.report, "/energy/leakage_pj")) * 1e-12, number(speed, "/j_per_token_single_user")]);
    // The plan at a context of the report.
    let full = t.report["speed"].as_array().unwrap().last().unwrap();
    assert_eq!(full["context"], 512);
    let planned = t.plan["at"].as_array().unwrap().iter().find(|a| a["context"] == 512).unwrap();
    same(&[number(full, "/tokens_per_s_single_user"), number(planned, "/figures/middle/tokens_per_s_single_user")]);
    // What the chip took in a simulation.
    let first = t.report["first_token"].as_array().unwrap().iter().find(|f| f["prompt"] == PROMPT).unwrap();
    same(&[number(first, "/time_us"), number(&t.simulate, "/chip/first_token_us")]);
}

#[test]
fn a_token_has_one_price() {
    let t = told();
    // The books' formula on plan's area and energy; weights prove widths that the shape only bounds.
    let (books, plan) = (number(&t.books, "/books/chip/usd_per_mtoken"), number(&t.plan, "/at/0/figures/middle/usd_per_mtoken"));
    assert!((books / plan - 1.0).abs() < 0.02, "{books} and {plan}");
    let dies = [number(&t.books, "/books/chip/unit/silicon/good_die_usd"), number(&t.plan, "/at/0/figures/middle/good_dies_usd")];
    assert!((dies[0] / dies[1] - 1.0).abs() < 0.05, "{dies:?}");
    same(&[books, number(&t.report, "/books/books/chip/usd_per_mtoken")]);
    // Plan and exploration of one target are one chip.
    let point = &t.explore["points"][0]["figures"];
    let planned = t.plan["at"].as_array().unwrap().last().unwrap();
    assert_eq!(point, &planned["figures"]["middle"]);
    assert_eq!(t.explore["points"].as_array().unwrap().len(), 1);
}

#[test]
fn every_node_has_one_price_list() {
    for node in hardwire_compiler::technology::nodes() {
        let prices = hardwire_study::price::prices(&node).unwrap();
        assert_eq!(prices.node, node);
    }
    // No price stands beside the constants of the silicon.
    let constants = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("compiler/data/technology.toml")).unwrap();
    assert!(!constants.contains("_usd") && !constants.contains("defects"), "a price outside baseline/data/economics.toml");
}

#[test]
fn gpus_of_the_books_run_as_in_the_comparison() {
    let t = told();
    for account in t.report["books"]["books"]["gpus"].as_array().unwrap() {
        let name = account["unit"]["name"].as_str().unwrap();
        let row = t.compare["gpus"].as_array().unwrap().iter().find(|g| g["device"] == name).unwrap();
        same(&[number(row, "/saturated/tokens_per_s"), number(account, "/unit/tokens_per_s")]);
        same(&[number(row, "/saturated/tokens_per_s_per_user"), number(account, "/unit/tokens_per_s_per_user")]);
        same(&[number(row, "/saturated/power_w"), number(account, "/unit/device_w")]);
    }
    // In short: the device with a price that is fastest on a full queue is the one whose cost is told.
    let gpus = t.compare["gpus"].as_array().unwrap();
    let queue = |g: &&Value| number(g, "/saturated/tokens_per_s");
    let fastest = gpus.iter().filter(|g| g["priced"] == true).max_by(|a, b| queue(a).total_cmp(&queue(b))).unwrap();
    assert_eq!(t.report["books"]["books"]["comparisons"][0]["gpu"], fastest["device"]);
    assert_eq!(t.report["books"]["tornado"]["gpu"], fastest["device"]);
}

#[test]
fn a_chip_takes_no_compiler_options() {
    let chip = told().chip.as_str();
    for (command, option) in [
        (&["books", chip, "--bits", "3", "--node", "N5"][..], "--bits, --node"),
        (&["compare", chip, "--users", "12"], "--users"),
        (&["report", chip, "--tile-rows", "128"], "--tile-rows"),
        (&["simulate", chip, "--context", "64"], "--context"),
        (&["rtl", chip, "--module", "lm_head", "--rotate"], "--rotate"),
    ] {
        hardwire(command, &[]).refuses(&[option, "compile it again"]);
    }
}

#[test]
fn what_a_joule_and_a_square_millimetre_give_follows_from_speed_energy_and_area() {
    let t = told();
    let area = number(&t.report, "/die/area_mm2");
    let queue = "/compare/chip/as_built";
    let usual = |of: &Value, at: &str, case: &str, figure: &str| number(of, &format!("{at}/{case}/{figure}"));
    for (case, speed, energy, power) in [
        ("one_user", "/compare/chip/tokens_per_s".to_owned(), "/compare/chip/j_per_token".to_owned(), "/compare/chip/power_w".to_owned()),
        ("full_queue", format!("{queue}/tokens_per_s"), format!("{queue}/j_per_token"), format!("{queue}/power_w")),
    ] {
        let of = |figure: &str| usual(&t.inspect, "/compare/chip/efficiency", case, figure);
        let from = |pointer: &str| number(&t.report, pointer);
        same(&[of("tokens_per_j") * from(&energy), 1.0]);
        same(&[of("tokens_per_s_per_mm2") * area, from(&speed)]);
        same(&[of("j_per_mtoken"), from(&energy) * 1e6]);
        same(&[of("leakage_share") * from(&power), from("/compare/chip/idle_w")]);
        assert!((0.0..1.0).contains(&of("leakage_share")));
        // Every command tells the same; a plan's energy and area follow from widths that weights prove and a shape bounds.
        for figure in ["tokens_per_j", "tokens_per_s_per_mm2", "j_per_mtoken", "leakage_share"] {
            same(&[of(figure), usual(&t.compare, "/chip/efficiency", case, figure), usual(&t.books, "/efficiency", case, figure)]);
            let planned = usual(&t.plan, "/at/0/figures/middle/efficiency", case, figure);
            same(&[planned, usual(&t.explore, "/points/0/figures/efficiency", case, figure)]);
            same(&[planned, usual(&t.planned, "/compare/chip/efficiency", case, figure)]);
            assert!((planned / of(figure) - 1.0).abs() < 0.05, "{case} {figure}: {planned} and {}", of(figure));
        }
    }
    // One run, its prompt's time and joules among those of its output.
    let run = |figure: &str| number(&t.simulate, &format!("/chip/{figure}"));
    same(&[run("efficiency/tokens_per_j") * run("joules"), 3.0]);
    same(&[run("efficiency/tokens_per_s_per_mm2") * area * run("total_us") * 1e-6, 3.0]);
    same(&[run("efficiency/leakage_share") * run("joules"), number(&t.compare, "/chip/idle_w") * run("total_us") * 1e-6]);
    // Where the area goes.
    let shares = |of: &Value, at: &str| of.pointer(at).unwrap().as_object().unwrap().clone();
    let ours = shares(&t.compare, "/chip/efficiency/area_shares");
    assert_eq!(ours, shares(&t.books, "/efficiency/area_shares"));
    let cells = t.report["die"]["by_cells_mm2"].as_object().unwrap();
    let all: f64 = cells.values().map(|v| v.as_f64().unwrap()).sum();
    for (name, share) in &ours {
        same(&[share.as_f64().unwrap(), cells[name].as_f64().unwrap() / all]);
        let planned = number(&t.plan, &format!("/at/0/figures/middle/efficiency/area_shares/{name}"));
        assert!((planned - share.as_f64().unwrap()).abs() < 0.02, "{name}: {planned} and {share}");
    }
    let euro = number(&t.report, "/books/books/assumptions/inputs/usd_per_eur");
    let eur = |of: &Value, at: &str| number(of, &format!("{at}/full_queue/eur_per_mtoken"));
    let books = eur(&t.books, "/efficiency");
    same(&[books * euro, number(&t.books, "/books/chip/usd_per_mtoken")]);
    same(&[books, eur(&t.compare, "/chip/efficiency"), eur(&t.report, "/books/efficiency"), eur(&t.inspect, "/compare/chip/efficiency")]);
    let planned = eur(&t.plan, "/at/0/figures/middle/efficiency");
    same(&[planned, eur(&t.explore, "/points/0/figures/efficiency"), eur(&t.planned, "/books/efficiency")]);
    // Kinds of cells and kinds of units divide the same area.
    let cells: f64 = t.report["die"]["by_cells_mm2"].as_object().unwrap().values().map(|v| v.as_f64().unwrap()).sum();
    let units: f64 = t.report["units"].as_array().unwrap().iter().map(|u| u["area_mm2"].as_f64().unwrap()).sum();
    same(&[cells, units]);
}

/// Experts that rest switch nothing, and those that work are counted once: planned by its shape a mixture of experts takes the energy of
/// the compiled one, but for widths.
#[test]
fn a_mixture_of_experts_takes_the_same_energy_planned_and_compiled() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/tests/goldens/qwen3_moe");
    let (folder, config) = (golden.display().to_string(), golden.join("config.json").display().to_string());
    let of = |source: &str| number(&json(&["compare", source, "-q", "--fold", "1"]), "/chip/j_per_token");
    let (compiled, planned) = (of(&folder), of(&config));
    assert!((planned / compiled - 1.0).abs() < 0.1, "{planned} and {compiled}");
}
