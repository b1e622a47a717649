//! Units that the smallest Llama has none of, in Verilator beside the scalar reference: chips of random weights are compiled and then
//! rebuilt with learned positions, LayerNorm, other activations, sinks, and experts behind a router.

mod common;

use common::rtl::{self, Draw, Small};
use hardwire_compiler::Options;
use hardwire_netlist::unit::{Activation, CentreSpec, Fixed, MixSpec, MvmSpec, RouteSpec};
use hardwire_netlist::{Chip, Netlist, Stream, Unit, UnitId, UnitKind};
use hardwire_rtl_gen::harness::Feed;
use hardwire_rtl_gen::{Options as EmitOptions, emit};
use hardwire_sim::timing;

const SHAPE: Small = Small { hidden: 24, ffn: 20, layers: 1, heads: 4, kv_heads: 2, head_dim: 4, vocab: 19, context: 12 };

/// Compiles, lets `change` rebuild it, and holds Verilog, scalar reference, fast engine and timing model against each other.
fn check(s: &Small, seed: u64, change: impl Fn(&mut Chip)) {
    if !rtl::has("verilator", "--version") {
        return;
    }
    let options =
        Options { lanes: Some(4), tile_rows: Some(16), tile_cols: Some(8), group: Some(8), pos_lanes: Some(2), ..Options::default() };
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = rtl::checkpoint(s, &mut Draw(seed), &dir.path().join("checkpoint"));
    let (mut chip, _guard) = common::chip(&checkpoint, &options);
    change(&mut chip);
    let (prompt, new) = (vec![1u32, 3, 0, 5], 6);
    common::same_everywhere(&chip, &prompt);
    let trace = rtl::run(&chip, &dir.path().join("rtl"), std::slice::from_ref(&prompt), new, true);
    rtl::compare(&chip, &trace, std::slice::from_ref(&prompt), new);
    let cycles: Vec<u64> = trace.tokens.iter().map(|t| t.cycle).collect();
    assert_eq!(cycles, timing::generate(chip.netlist(), prompt.len() as u32, new));
}

fn each(chip: &mut Chip, change: impl Fn(&mut Unit)) {
    chip.structure.netlist.graph.node_weights_mut().for_each(change);
}

/// Rebuilds a Llama as a GPT-2: positions from a table, centred norms with a bias, an activation without a gate; and sinks.
fn as_gpt2(chip: &mut Chip) {
    let n = &mut chip.structure.netlist;
    let gated: Vec<UnitId> = n.units().filter(|(_, u)| matches!(u.kind, UnitKind::GatedAct(_))).map(|(id, _)| id).collect();
    for id in gated {
        let up = n.graph.find_edge(n.inputs(id)[1], id).unwrap();
        n.graph.remove_edge(up);
    }
    // Gains serve as biases and as sinks: any integers do.
    each(chip, |u| match &mut u.kind {
        UnitKind::Embed(s) => s.positions = Some(s.matrix.clone()),
        UnitKind::RmsNorm(s) => {
            let (mantissa, shift) = CentreSpec::reciprocal(s.len);
            let bias = u.path.starts_with("layers").then_some(s.gain);
            (s.centre, s.shift) = (Some(CentreSpec { mantissa, shift, bias }), 22);
        }
        UnitKind::Attention(s) => s.sinks = Some(hardwire_netlist::ProgramId(gain_of(0))),
        UnitKind::GatedAct(s) => {
            (s.activation, s.shift) = (Activation::GeluTanh, s.shift - s.up.unwrap().frac);
            s.up = None;
        }
        _ => {}
    });
}

#[test]
fn learned_positions_layer_norms_sinks_and_an_ungated_activation() {
    check(&SHAPE, 21, as_gpt2);
}

/// A residual of few bits, of which LayerNorm makes 32: what it takes the mean from clamps at 32 bits, not at the residual's.
#[test]
fn layer_norms_of_a_narrow_residual() {
    if !rtl::has("iverilog", "-V") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = rtl::checkpoint(&SHAPE, &mut Draw(25), &dir.path().join("checkpoint"));
    let (mut chip, _guard) = common::chip(&checkpoint, &Options { lanes: Some(4), ..Options::default() });
    as_gpt2(&mut chip);
    let wide = chip.netlist().units().find(|(_, u)| matches!(u.kind, UnitKind::Embed(_))).unwrap().1.out;
    for bits in [24, 28, 29] {
        let narrow = Fixed { bits, ..wide };
        each(&mut chip, |u| {
            if u.out.frac == wide.frac && u.out.bits >= 24 {
                u.out = narrow;
            }
            if let UnitKind::RmsNorm(s) = &mut u.kind {
                s.input = narrow;
            }
        });
        let (prompt, rtl) = (vec![1u32, 3, 0, 5], dir.path().join(format!("rtl{bits}")));
        emit(&chip, &rtl, &EmitOptions { probe: true, ..EmitOptions::default() }).unwrap();
        rtl::compare(&chip, &rtl::run_icarus(&rtl, &Feed::prompt(0, &prompt), 2, true), &[prompt], 2);
    }
}

/// The first gain follows the matrices of a one-layer chip: embedding, q, k, v, o, gate, up, down, head.
fn gain_of(norm: u32) -> u32 {
    9 + norm
}

#[test]
fn squared_relu() {
    check(&SHAPE, 22, |chip| {
        each(chip, |u| {
            if let UnitKind::GatedAct(s) = &mut u.kind {
                s.activation = Activation::Relu2;
            }
        });
    });
}

/// Rebuilds a chip of several layers as one of a single layer, whose experts are the layers' feed-forward parts. The router is a key matrix.
fn with_experts(chip: &mut Chip, experts: u32, active: u32, of_all: bool, activation: Activation) {
    let old = std::mem::take(&mut chip.structure.netlist.graph);
    let find = |path: &str| old.node_weights().find(|u| u.path == path).unwrap().clone();
    let n = &mut chip.structure.netlist;
    n.stations.truncate(3);
    n.stations.push(hardwire_netlist::Station { path: "head".into(), layer: None });
    let add = |n: &mut Netlist, mut unit: Unit, station: u32, inputs: &[UnitId]| {
        unit.station = station;
        let id = n.graph.add_node(unit);
        for (port, &from) in (0..).zip(inputs) {
            n.graph.add_edge(from, id, Stream { port });
        }
        id
    };
    let x = add(n, find("embed_tokens"), 0, &[]);
    let at = |part: &str| format!("layers.0.{part}");
    let norm = add(n, find(&at("input_layernorm")), 1, &[x]);
    let feed = add(n, find(&at("input_layernorm.feed")), 1, &[norm]);
    let qkv = ["q_proj", "k_proj", "v_proj"].map(|p| add(n, find(&at(&format!("self_attn.{p}"))), 1, &[feed]));
    let q = add(n, find(&at("self_attn.q_rope")), 1, &[qkv[0]]);
    let k = add(n, find(&at("self_attn.k_rope")), 1, &[qkv[1]]);
    let attention = add(n, find(&at("self_attn.attention")), 1, &[q, k, qkv[2]]);
    let feed = add(n, find(&at("self_attn.attention.feed")), 1, &[attention]);
    let o = add(n, find(&at("self_attn.o_proj")), 1, &[feed]);
    let x = add(n, find(&at("self_attn.add")), 1, &[x, o]);

    let norm = add(n, find(&at("post_attention_layernorm")), 2, &[x]);
    let mut fed = find(&at("post_attention_layernorm.feed"));
    let mut waiting = fed.clone();
    fed.path = "router.feed".into();
    let fed = add(n, fed, 2, &[norm]);
    let mut router = find("layers.1.self_attn.k_proj");
    router.path = "router".into();
    let logits = router.out;
    let router = add(n, router, 2, &[fed]);
    let spec = RouteSpec { experts, active, of_all, logits, score_mantissa: 47274, score_shift: 15 + i32::from(logits.frac) - 16 };
    let unit = |path: &str, kind, out, out_len| Unit { path: path.into(), station: 2, kind, out, out_len, expert: None };
    let route = add(n, unit("route", UnitKind::Route(spec), RouteSpec::OUT, experts), 2, &[router]);
    if let UnitKind::RowFeed(s) = &mut waiting.kind {
        s.waits = true;
    }
    let waiting = add(n, waiting, 2, &[norm, route]);
    let mut parts = vec![route];
    for e in 0..experts {
        let of = |n: &mut Netlist, part: &str, inputs: &[UnitId]| {
            let mut u = find(&format!("layers.{e}.mlp.{part}"));
            u.expert = Some(e);
            if let UnitKind::GatedAct(s) = &mut u.kind {
                s.activation = activation;
            }
            add(n, u, 2, inputs)
        };
        let (gate, up) = (of(n, "gate_proj", &[waiting]), of(n, "up_proj", &[waiting]));
        let act = of(n, "act", &[gate, up]);
        let feed = of(n, "act.feed", &[act]);
        parts.push(of(n, "down_proj", &[feed]));
    }
    let residual: Fixed = n.unit(x).out;
    let mix = UnitKind::Mix(MixSpec { experts, active, input: residual, shared: false });
    let mix = add(n, unit("mix", mix, residual, find("embed_tokens").out_len), 2, &parts);
    let x = add(n, find(&at("mlp.add")), 2, &[x, mix]);

    let norm = add(n, find("norm"), 3, &[x]);
    let feed = add(n, find("norm.feed"), 3, &[norm]);
    let logits = add(n, find("lm_head"), 3, &[feed]);
    add(n, find("argmax"), 3, &[logits]);
    n.validate().unwrap();
    let tiles = |u: &Unit| matches!(&u.kind, UnitKind::Mvm(MvmSpec { matrix, .. }) if matrix.outputs == experts);
    assert!(n.graph.node_weights().any(tiles), "the router has an output an expert");
}

#[test]
fn experts_behind_a_router() {
    // Six experts: more than one comparison takes.
    let s = Small { layers: 6, heads: 3, kv_heads: 3, head_dim: 2, ..SHAPE };
    check(&s, 23, |chip| with_experts(chip, 6, 2, false, Activation::SwigluClamped { gate_limit: 1 << 13, up_limit: 1 << 12 }));
}

#[test]
fn expert_shares_of_all() {
    let s = Small { layers: 4, heads: 2, kv_heads: 2, head_dim: 2, ..SHAPE };
    check(&s, 24, |chip| with_experts(chip, 4, 3, true, Activation::Silu));
}
