//! Layers that share silicon: formats and widths planned for all of them, the scalar reference and the fast engine on the same values, counts
//! of one set of arithmetic with every layer's ROM and cache, and what cannot share refused by name.

mod common;

use common::rtl::{self, Draw, Small};
use hardwire_compiler::folding::Fold;
use hardwire_compiler::shape::{self, Shape};
use hardwire_compiler::{Options, compile};
use hardwire_models::Checkpoint;
use hardwire_netlist::{Chip, Netlist, UnitKind, census};
use hardwire_sim::timing::{self, Fed};
use hardwire_study::plan;

const SMALL: Small = Small { hidden: 24, ffn: 20, layers: 5, heads: 4, kv_heads: 2, head_dim: 4, vocab: 19, context: 12 };

fn small(fold: Fold) -> (Chip, tempfile::TempDir) {
    held(fold, &[])
}

fn held(fold: Fold, fabrics: &[&str]) -> (Chip, tempfile::TempDir) {
    let fabric = fabrics.iter().map(|f| f.parse().unwrap()).collect();
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = rtl::checkpoint(&SMALL, &mut Draw(40), &dir.path().join("checkpoint"));
    common::chip(&checkpoint, &Options { fabric, ..rtl::folded(fold, 2) })
}

#[test]
fn silicon_has_the_logic_of_one_layer_and_the_rom_of_all() {
    logic_of_one_layer(&[]);
    logic_of_one_layer(&["group"]);
}

fn logic_of_one_layer(fabrics: &[&str]) {
    let small = |fold| held(fold, fabrics);
    let (single, _a) = small(Fold::Layers(1));
    assert!(!single.netlist().is_folded());
    for (fold, built) in [(Fold::Layers(2), 3), (Fold::Layers(4), 2), (Fold::All, 1)] {
        let (chip, _b) = small(fold);
        let n = chip.netlist();
        assert_eq!((n.ring(), n.decoder_stations()), (2 * built, 2 * SMALL.layers as u32));
        assert_eq!(n.built_stations().len() as u32, 2 * built + 2);
        // The map of units, both ways.
        for (id, u) in n.units() {
            let all = n.worked(id);
            assert_eq!(all.len() as u32, n.rounds(u.station));
            assert_eq!(all[n.nth(u.station) as usize], id);
            assert!(all.iter().all(|&w| n.built(w) == all[0] && n.unit(w).hardware() == u.hardware()), "{}", u.path);
        }
        let total = census::total(n);
        assert_eq!(total, n.built_units().map(|(id, _)| census::unit(n, id)).sum());
        // Every layer's own: what each would have were it built alone, with the widths they share.
        let mut alone = n.clone();
        alone.ring = None;
        let own = census::total(&alone);
        assert_eq!(total.weights, own.weights);
        let tables = |kind: &UnitKind| matches!(kind, UnitKind::GatedAct(_) | UnitKind::Attention(_) | UnitKind::RmsNorm(_));
        let shared: u64 = alone.units().filter(|(_, u)| !tables(&u.kind)).map(|(id, _)| census::unit(&alone, id).rom_bits).sum();
        let folded: u64 = n.built_units().filter(|(_, u)| !tables(&u.kind)).map(|(id, _)| census::unit(n, id).rom_bits).sum();
        assert_eq!(folded, shared, "bits of codes, scales, shifts");
        let cache = |n: &hardwire_netlist::Netlist| {
            n.units()
                .filter_map(|(_, u)| match &u.kind {
                    UnitKind::Attention(a) => Some(a.kv_cache_bits()),
                    _ => None,
                })
                .sum::<u64>()
        };
        assert!(total.sram_bits >= cache(n) && total.sram_bits < own.sram_bits);
        for (a, b) in [(total.flops, own.flops), (total.full_adders, own.full_adders), (total.mux2, own.mux2)] {
            assert!(
                a * SMALL.layers as u64 >= b && a < b * (u64::from(built) + 1) / SMALL.layers as u64 + b / 4,
                "{a} of {b} for {built} layers"
            );
        }
        assert!(chip.structure.floorplan.die.area_um2() < single.structure.floorplan.die.area_um2());
        assert_eq!(chip.structure.floorplan.regions.len() as u32, 2 * built + 2);
        common::same_everywhere(&chip, &[1, 3, 0, 5]);
    }
}

#[test]
fn one_token_takes_what_it_took_and_several_share_the_ring() {
    let (chip, _a) = small(Fold::All);
    let n = chip.netlist();
    let mut alone = n.clone();
    alone.ring = None;
    for pos in [0, 5, 11] {
        assert_eq!(timing::token(n, pos).latency_cycles, timing::token(&alone, pos).latency_cycles);
    }
    assert_eq!(timing::generate(n, 1, 6), timing::generate(&alone, 1, 6), "one token at a time never waits");
    // A prompt overlaps less in a ring than in a pipeline.
    assert!(timing::generate(n, 6, 1) > timing::generate(&alone, 6, 1));
    let feed: Vec<Fed> = (0..6).map(|i| Fed { user: 0, wanted: i == 5 }).collect();
    for netlist in [n, &alone] {
        let served: Vec<u64> = timing::serve(netlist, &feed, 4).iter().map(|o| o.cycle).collect();
        assert_eq!(served, timing::generate(netlist, 6, 4));
    }
    // Two users keep both stations busy, more change nothing for long.
    let interval = |users| timing::aggregate_interval(n, 12, users);
    assert!(interval(2) < interval(1) * 3 / 4 && interval(8) <= interval(2), "{} {} {}", interval(1), interval(2), interval(8));
}

/// Every architecture: layers that differ in windows, rope tables or whether they turn at all share silicon; those of other kinds have it beside
/// them in the ring, and tokens pass it.
#[test]
fn architectures_fold() {
    // Stations built of those in the graph, and the most that one works.
    for (name, built, fold) in [
        ("llama", 2, 2),
        ("mistral", 2, 2),
        ("qwen2", 2, 2),
        ("qwen2_full", 2, 2),
        ("qwen3", 2, 2),
        ("qwen3_moe", 3, 2),
        ("qwen3_moe_all", 2, 2),
        ("qwen3_next", 3, 2),
        ("qwen3_5", 3, 4),
        ("qwen3_5_whole", 3, 2),
        ("qwen3_5_moe", 3, 2),
        ("gemma3", 2, 3),
        ("gpt_oss", 2, 2),
        ("gpt_oss_alpha", 2, 2),
        ("gpt_oss_mxfp4", 2, 2),
        ("gpt2", 2, 2),
        ("gpt2_erf", 2, 2),
        ("granite", 2, 2),
        ("olmo2", 2, 2),
        ("phi3", 2, 2),
        ("phi3_long", 2, 2),
        ("phi3_partial", 2, 2),
        ("smollm3", 2, 4),
        ("bitnet", 2, 2),
        ("bitnet_packed", 2, 2),
    ] {
        let (checkpoint, golden) = common::golden(name);
        let prompt = &golden.prompt[..golden.prompt.len().min(4)];
        for (asked, built, fold) in [(Fold::All, built, fold), (Fold::Layers(1), 2 * checkpoint.config().layers as u32, 1)] {
            let (chip, _guard) = common::chip(&checkpoint, &Options { fold: Some(asked), ..Options::default() });
            let n = chip.netlist();
            assert_eq!((n.ring(), n.fold(), n.is_folded()), (built, fold, fold > 1), "{name}");
            common::same_everywhere(&chip, prompt);
            let shape = checkpoint.shape();
            let planned = shape::plan(shape, &Options { fold: Some(asked), ..Options::default() }).unwrap();
            let stations = |n: &Netlist| n.stations.iter().map(|s| s.path.clone()).collect::<Vec<_>>();
            assert_eq!(stations(&planned.netlist), stations(n), "{name}");
        }
    }
}

/// The way of a token past what is of another kind, and what it costs.
#[test]
fn tokens_pass_silicon_of_another_kind() {
    let (checkpoint, _) = common::golden("qwen3_5");
    let (chip, _a) = common::chip(&checkpoint, &Options { fold: Some(Fold::All), ..Options::default() });
    let n = chip.netlist();
    let passed: Vec<u32> = (1..=n.decoder_stations()).filter(|&s| n.passes(s)).collect();
    // Delta rule, feed-forward, attention: the attention is passed in three rounds, the delta rule in one.
    let paths = |stations: &[u32]| stations.iter().map(|&s| n.stations[s as usize].path.clone()).collect::<Vec<_>>();
    assert_eq!(paths(&n.built_stations()), ["embed", "layers.0.attn", "layers.0.mlp", "layers.3.attn", "head"]);
    assert_eq!(paths(&passed), ["round-0.layers.3.attn", "round-1.layers.3.attn", "round-3.layers.0.attn"]);
    let beats = u64::from(checkpoint.config().hidden as u32).div_ceil(u64::from(n.lanes));
    let token = timing::token(n, 2);
    assert!(passed.iter().all(|&s| token.stations[s as usize].latency_cycles == beats + 3));
    let text = n.to_text();
    assert_eq!(Netlist::from_text(&text).unwrap().to_text(), text);
}

fn refusal(checkpoint: &Checkpoint, options: &Options) -> String {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("chip");
    let error = compile(checkpoint, options, &target, &|_| {}).err().expect("a refusal").to_string();
    assert!(!target.exists());
    error
}

#[test]
fn what_cannot_share_is_refused_by_name() {
    // A window of a token must be read by layer, a table too long for the others cannot.
    let (checkpoint, _) = common::golden("gemma3");
    let (chip, _guard) = common::chip(&checkpoint, &Options { fold: Some(Fold::All), ..Options::default() });
    let mut n = chip.netlist().clone();
    let id = n.find("layers.1.self_attn.q_rope").unwrap();
    if let UnitKind::Rope(s) = &mut n.graph[id].kind {
        s.rotated -= 2;
    }
    let error = n.validate().unwrap_err().to_string();
    assert!(error.contains("layers.1.self_attn.q_rope") && error.contains("rotated"), "{error}");
    // Wires cannot be read a second time.
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = rtl::checkpoint(&SMALL, &mut Draw(40), &dir.path().join("checkpoint"));
    let metal = Options { fabric: vec!["o_proj=metal".parse().unwrap()], ..rtl::folded(Fold::All, 2) };
    let error = refusal(&checkpoint, &metal);
    assert!(
        error.contains("layers.1.self_attn.o_proj") && error.contains("fabric") && error.contains("a wire holds one weight"),
        "{error}"
    );
    // A codebook of each layer's own.
    let error = refusal(&checkpoint, &Options { fitted: true, ..rtl::folded(Fold::All, 2) });
    assert!(error.contains("layers.1.self_attn.q_proj") && error.contains("matrix.codebook"), "{error}");
    // A changed file.
    let (chip, _guard) = small(Fold::Layers(2));
    let mut n = chip.netlist().clone();
    for (ring, part) in [(0, "ring"), (10, "ring"), (3, "in the same silicon")] {
        n.ring = Some(ring);
        let error = n.validate().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    n.ring = chip.netlist().ring;
    let id = n.find("layers.4.mlp.down_proj").unwrap();
    if let UnitKind::Mvm(m) = &mut n.graph[id].kind {
        m.acc_bits += 1;
    }
    let error = n.validate().unwrap_err().to_string();
    assert!(error.contains("layers.4.mlp.down_proj") && error.contains("acc_bits") && error.contains("layers.1.mlp.down_proj"), "{error}");
}

/// A plan left to find its fold takes as few layers a silicon as fit a die, and says how many.
#[test]
fn a_plan_finds_its_fold() {
    let config = r#"{"model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 128256, "max_position_embeddings": 131072}"#;
    let plan = |config: &str, fold| {
        let shape = Shape::from_json(config.as_bytes(), "test", std::path::Path::new("config.json")).unwrap();
        plan::plan(&shape, &Options { fold: Some(fold), context: Some(1024), ..Options::default() }, None, None).unwrap()
    };
    let area = |p: &plan::Plan| p.all_stations_busy.area_mm2;
    let auto = plan(config, Fold::Auto);
    assert!(auto.fold > 1 && area(&auto) <= 858.0, "{} at fold {}", area(&auto), auto.fold);
    assert!(area(&plan(config, Fold::Layers(auto.fold / 2))) > 858.0);
    assert_eq!(plan(config, Fold::Layers(auto.fold)).census, auto.census);
    // With nothing asked for, the published context too; and the reason is told.
    let shape = Shape::from_json(config.as_bytes(), "test", std::path::Path::new("config.json")).unwrap();
    let open = plan::plan(&shape, &Options::default(), None, None).unwrap();
    assert!(open.fold > 1 && area(&open) <= 858.0 && open.at[0].figures.middle.dies == 1, "{} at fold {}", area(&open), open.fold);
    assert!(open.fold_reason.is_some_and(|r| r.contains("858")) && plan(config, Fold::Layers(2)).fold_reason.is_none());
    assert_eq!(plan::plan(&shape, &Options::default(), None, Some(4)).unwrap().fold, 1);
    let small = config.replace("4096", "512").replace("14336", "1024").replace("128,", "16,").replace("128256", "4096");
    assert_eq!(plan(&small, Fold::Auto).fold, 1);
    // What a compilation takes of the same shape.
    let compiled = |config: &str| {
        let shape = Shape::from_json(config.as_bytes(), "test", std::path::Path::new("config.json")).unwrap();
        plan::fold(&shape, &Options { context: Some(1024), ..Options::default() }).unwrap()
    };
    assert_eq!(compiled(config), (Fold::Layers(auto.fold), auto.fold_reason.clone()));
    assert_eq!(compiled(&small), (Fold::Layers(1), None));
}
