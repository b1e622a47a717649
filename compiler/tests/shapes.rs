//! Chips by shape: counts against an independent sum, structure against what the compiler builds from weights.

#[macro_use]
#[path = "../../models/tests/goldens/architectures.rs"]
mod architectures;

use hardwire_compiler::shape::{self, Shape, ShapeChip};
use hardwire_compiler::{Options, compile};
use hardwire_models::Checkpoint;
use hardwire_netlist::unit::{Fixed, MatrixSpec};
use hardwire_netlist::{Fabric, Netlist, UnitKind, census};
use hardwire_sim::timing;
use std::path::{Path, PathBuf};

fn from(json: &str) -> Shape {
    Shape::from_json(json.as_bytes(), "test", Path::new("config.json")).unwrap()
}

fn chip(json: &str, options: &Options) -> ShapeChip {
    shape::plan(&from(json), options).unwrap()
}

const LLAMA_8B: &str = r#"{"model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 128256, "max_position_embeddings": 131072}"#;

#[test]
fn llama_8b_has_its_published_parameters() {
    let c = chip(LLAMA_8B, &Options::default());
    let (hidden, ffn, kv, vocab, layers) = (4096u64, 14336, 1024, 128_256, 32);
    let independent = 2 * vocab * hidden + layers * (2 * hidden * hidden + 2 * hidden * kv + 3 * hidden * ffn + 2 * hidden) + hidden;
    assert_eq!(independent, 8_030_261_248);
    assert_eq!(c.parameters(), independent);
    // Gains are not weights of the fabric; all else is.
    assert_eq!(c.total().weights, independent - (2 * layers + 1) * hidden);
    c.netlist.validate().unwrap();
    assert!(c.modelled_only().is_empty());
}

#[test]
fn published_sizes_of_other_families() {
    // Totals as their model cards give them, to the precision they give.
    for (json, billions, slack) in [
        (
            r#"{"model_type": "gpt_oss", "hidden_size": 2880, "intermediate_size": 2880, "num_hidden_layers": 36, "num_attention_heads": 64,
            "num_key_value_heads": 8, "head_dim": 64, "vocab_size": 201088, "max_position_embeddings": 131072, "num_local_experts": 128,
            "num_experts_per_tok": 4, "sliding_window": 128}"#,
            116.83,
            0.02,
        ),
        (
            r#"{"model_type": "gpt_oss", "hidden_size": 2880, "intermediate_size": 2880, "num_hidden_layers": 24, "num_attention_heads": 64,
            "num_key_value_heads": 8, "head_dim": 64, "vocab_size": 201088, "max_position_embeddings": 131072, "num_local_experts": 32,
            "num_experts_per_tok": 4, "sliding_window": 128}"#,
            20.91,
            0.02,
        ),
        (
            r#"{"model_type": "qwen3", "hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 36, "num_attention_heads": 32,
            "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936, "max_position_embeddings": 40960}"#,
            8.19,
            0.005,
        ),
        (
            r#"{"model_type": "qwen2", "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24, "num_attention_heads": 14,
            "num_key_value_heads": 2, "head_dim": 64, "vocab_size": 151936, "max_position_embeddings": 32768, "tie_word_embeddings": true}"#,
            0.494,
            0.001,
        ),
        (
            r#"{"model_type": "gemma3_text", "hidden_size": 1152, "intermediate_size": 6912, "num_hidden_layers": 26, "num_attention_heads": 4,
            "num_key_value_heads": 1, "head_dim": 256, "vocab_size": 262144, "max_position_embeddings": 32768, "sliding_window": 512}"#,
            1.0,
            0.001,
        ),
        (
            r#"{"model_type": "bitnet", "hidden_size": 2560, "intermediate_size": 6912, "num_hidden_layers": 30, "num_attention_heads": 20,
            "num_key_value_heads": 5, "head_dim": 128, "vocab_size": 128256, "max_position_embeddings": 4096, "tie_word_embeddings": true}"#,
            2.41,
            0.01,
        ),
    ] {
        let c = chip(json, &Options::default());
        let got = c.parameters() as f64 * 1e-9;
        assert!((got - billions).abs() < slack, "{}: {got} against {billions}", c.shape.config.architecture);
    }
}

#[test]
fn experts_are_all_there_and_only_the_chosen_work() {
    let json = r#"{"model_type": "gpt_oss", "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 100, "max_position_embeddings": 512, "num_local_experts": 8,
        "num_experts_per_tok": 2, "sliding_window": 16}"#;
    let c = chip(json, &Options::default());
    let attention = 64 * 64 * 2 + 64 * 32 * 2;
    let expert = 3 * 64 * 64;
    assert_eq!(c.total().weights, 2 * 100 * 64 + 2 * (attention + 64 * 8 + 8 * expert));
    assert_eq!(c.active_weights(), 100 * 64 + 2 * (attention + 64 * 8 + 2 * expert));
    assert!(c.modelled_only().is_empty());
}

const HYBRID: &str = r#"{"model_type": "qwen3_5_text", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 100, "max_position_embeddings": 4096,
    "linear_conv_kernel_dim": 4, "linear_key_head_dim": 8, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
    "linear_value_head_dim": 8}"#;

#[test]
fn linear_attention_keeps_a_state_of_constant_size() {
    let with = |context| chip(HYBRID, &Options { context: Some(context), ..Options::default() });
    let (short, long) = (with(512), with(4096));
    // Three layers: a matrix of 24 bits an element for each value head, and three inputs of 24 bits for each channel of the convolutions.
    let linear = 3 * 24 * (4 * 8 * 8 + (2 * 2 * 8 + 4 * 8) * 3);
    let cache = |positions: u64| 2 * (16 * 8 + 5) * 2 * positions;
    assert_eq!(short.state_bits(), linear + cache(512));
    assert_eq!(long.state_bits(), linear + cache(4096));
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/goldens").join(name)
}

/// The whole point: from weights and from the shape alone, the same chip. Every architecture's tiny checkpoint, from its folder and, where
/// it has one, its GGUF file, against the chip planned from the bare `config.json`, or from the file's header.
fn same_chip(name: &str) {
    let folder = folder(name);
    let mut sources = vec![(folder.clone(), folder.join("config.json"))];
    let gguf = folder.join("model.gguf");
    if gguf.exists() {
        sources.push((gguf.clone(), gguf));
    }
    for (weights, config) in sources {
        let mut checkpoint = Checkpoint::open(&weights).unwrap();
        // The whole context of models whose rotations change on the way to it.
        let context = if name == "phi3_long" { 64 } else { checkpoint.config().context as u32 };
        checkpoint.lengthen(context as usize).unwrap();
        let options = Options { context: Some(context), ..Options::default() };
        let dir = tempfile::tempdir().unwrap();
        let built = compile(&checkpoint, &options, &dir.path().join("chip"), &|_| {}).unwrap();
        let planned = shape::plan(&Shape::open(&config).unwrap(), &options).unwrap();
        same_netlist(&weights.display().to_string(), built.netlist(), &planned.netlist);
        assert_eq!(planned.parameters(), checkpoint.config().parameters);
    }
}

architectures!(same_chip);

/// Accumulators and totals are told without codes, never narrower than proven, and by no more bits than these wider.
const ACC_BITS: u8 = 1;
const TOT_BITS: u8 = 2;
/// A configuration does not say how large weights are, so binary points may lie elsewhere by so many bits. They cost nothing: no port,
/// bit of ROM or cycle depends on one. These checkpoints are drawn with embeddings four times and rows a fifth larger than usual.
const POINT_BITS: i16 = 5;
/// A kept ternary scale is as wide as its number: a power of two in 2 bits, any other bfloat16 in up to 9, which is what is told.
const TERNARY_SCALE_BITS: u8 = 7;

#[track_caller]
fn same_netlist(source: &str, built: &Netlist, planned: &Netlist) {
    let paths = |n: &Netlist| n.units().map(|(_, u)| u.path.clone()).collect::<Vec<_>>();
    assert_eq!(paths(built), paths(planned), "{source}");
    assert_eq!((built.lanes, &built.stations, &built.tables), (planned.lanes, &planned.stations, &planned.tables), "{source}");
    for ((a, b), (c, d)) in built.units().zip(planned.units()) {
        let what = format!("{source}: {}", b.path);
        assert_eq!((built.inputs(a), b.station, b.out_len, b.expert), (planned.inputs(c), d.station, d.out_len, d.expert), "{what}");
        same_format(&what, b.out, d.out);
        let (mut one, mut other) = (b.kind.clone(), d.kind.clone());
        blank(&mut one);
        blank(&mut other);
        assert_eq!(one, other, "{what}");
        let (rom, told_rom) = (census::unit(built, a).rom_bits, census::unit(planned, c).rom_bits);
        let (UnitKind::Mvm(proven), UnitKind::Mvm(told)) = (&b.kind, &d.kind) else {
            assert_eq!(rom, told_rom, "{what}");
            continue;
        };
        let (m, t) = (&proven.matrix, &told.matrix);
        let wider = t.scale_bits.checked_sub(m.scale_bits).expect("a scale is told as wide as it may be");
        assert!(wider == 0 || m.code_bits == 2 && wider <= TERNARY_SCALE_BITS, "{what}: {m:?} against {t:?}");
        assert_eq!(told_rom - rom, u64::from(wider) * u64::from(m.outputs) * u64::from(m.inputs.div_ceil(m.group)), "{what}");
        let within = |proven: u8, told: u8, most: u8| (proven..=proven + most).contains(&told);
        assert!(within(proven.acc_bits, told.acc_bits, ACC_BITS), "{what}: {} against {}", told.acc_bits, proven.acc_bits);
        assert!(within(proven.tot_bits, told.tot_bits, TOT_BITS + wider), "{what}: {} against {}", told.tot_bits, proven.tot_bits);
    }
    for position in [0, 7, 63] {
        assert_eq!(timing::token(built, position), timing::token(planned, position), "{source} at {position}");
    }
}

#[track_caller]
fn same_format(what: &str, built: Fixed, planned: Fixed) {
    assert_eq!(built.bits, planned.bits, "{what}");
    assert!((built.frac - planned.frac).abs() <= POINT_BITS, "{what}: {} fractional bits against {}", built.frac, planned.frac);
}

/// Takes out of a specification what weights decide: widths that are compared by themselves, and what follows from binary points.
fn blank(kind: &mut UnitKind) {
    let bare = |f: &mut Fixed| f.frac = 0;
    let matrix = |m: &mut MatrixSpec| (m.scale_bits, m.offset_bits) = (0, 0);
    match kind {
        UnitKind::Embed(e) => {
            matrix(&mut e.matrix);
            e.positions.iter_mut().for_each(matrix);
        }
        UnitKind::Mvm(m) => {
            matrix(&mut m.matrix);
            (m.acc_bits, m.tot_bits) = (0, 0);
        }
        UnitKind::RmsNorm(n) => {
            bare(&mut n.input);
            (n.epsilon, n.shift) = (0, 0);
        }
        UnitKind::RowFeed(f) => bare(&mut f.input),
        UnitKind::Conv(c) => {
            bare(&mut c.input);
            c.shift = 0;
        }
        UnitKind::Decay(d) => {
            bare(&mut d.input);
            d.shift = 0;
        }
        UnitKind::Delta(d) => [&mut d.state, &mut d.q, &mut d.k, &mut d.v].into_iter().for_each(bare),
        UnitKind::Rope(r) => bare(&mut r.input),
        UnitKind::Attention(a) => {
            [&mut a.q, &mut a.k, &mut a.v].into_iter().for_each(bare);
            a.score_shift = 0;
        }
        UnitKind::GatedAct(g) => {
            bare(&mut g.gate);
            g.up.iter_mut().for_each(bare);
            g.shift = 0;
            if let hardwire_netlist::unit::Activation::SwigluClamped { gate_limit, up_limit } = &mut g.activation {
                (*gate_limit, *up_limit) = (0, 0);
            }
        }
        UnitKind::Route(r) => {
            bare(&mut r.logits);
            r.score_shift = 0;
        }
        UnitKind::Mix(m) => bare(&mut m.input),
        _ => {}
    }
}

#[test]
fn shapes_that_cannot_be_are_refused_by_field() {
    for (change, field) in [
        (("\"llama\"", "\"mamba\""), "model_type"),
        (("\"hidden_size\": 4096", "\"hidden_size\": 0"), "hidden size"),
        (("\"num_hidden_layers\": 32", "\"num_hidden_layers\": 9999999"), "layer count"),
        (("\"num_key_value_heads\": 8", "\"num_key_value_heads\": 7"), "key-value head count"),
        (("\"head_dim\": 128", "\"head_dim\": 127"), "head size"),
        // Sixteen million values in a kilobyte of text: refused before anything of that size is made.
        (("\"intermediate_size\": 14336", "\"intermediate_size\": 16777216"), "feed-forward size"),
        (("\"hidden_size\": 4096", "\"hidden_size\": 1048576"), "layer count"),
        (("\"num_hidden_layers\": 32", "\"num_hidden_layers\": 4096"), "layer count"),
        (("\"vocab_size\": 128256", "\"vocab_size\": 0"), "vocabulary size"),
    ] {
        let error = Shape::from_json(LLAMA_8B.replace(change.0, change.1).as_bytes(), "x", Path::new("c.json")).unwrap_err().to_string();
        assert!(error.contains("c.json") && error.contains(field), "{field}: {error}");
    }
}

/// No operator has a stand-in: what a shape asks for has a unit, or is refused by name.
#[test]
fn a_convolution_that_no_unit_computes_is_refused_by_name() {
    assert!(chip(HYBRID, &Options::default()).modelled_only().is_empty());
    let five = HYBRID.replace("\"linear_conv_kernel_dim\": 4", "\"linear_conv_kernel_dim\": 5");
    let error = shape::plan(&from(&five), &Options::default()).unwrap_err().to_string();
    assert!(error.contains("layers.0.linear_attn.q_conv1d") && error.contains("5 taps"), "{error}");
}

/// The model's own bits at their least, their most, without a scale a group, and experts in metal, which no chip may have.
#[test]
fn options_are_refused_alike_with_and_without_weights() {
    let folder = folder("qwen3_moe_all");
    let (checkpoint, shape) = (Checkpoint::open(&folder).unwrap(), Shape::open(&folder).unwrap());
    let dir = tempfile::tempdir().unwrap();
    let rule = |text: &str| vec![text.parse().unwrap()];
    for (n, options) in [
        Options { bits: Some(5), ..Options::default() },
        Options { context: Some(65), ..Options::default() },
        Options { lanes: Some(6), ..Options::default() },
        Options { group: Some(24), tile_rows: Some(16), ..Options::default() },
        Options { users: Some(1 << 16), ..Options::default() },
        Options { users: Some(0), ..Options::default() },
        Options { fabric: rule("mlp.experts.*.gate_proj=8"), ..Options::default() },
        Options { fabric: rule("mlp.router=64"), ..Options::default() },
        Options { fabric: rule("mlp.gate=64"), bits: Some(8), group: Some(16), ..Options::default() },
        Options { scale_bits: Some(5), offset_bits: Some(6), bits: Some(3), ..Options::default() },
        Options { node: Some("N5".into()), fabric: rule("mlp.experts.*.down_proj=16"), ..Options::default() },
    ]
    .into_iter()
    .enumerate()
    {
        let built = compile(&checkpoint, &options, &dir.path().join(n.to_string()), &|_| {}).map(|_| ()).map_err(|e| e.to_string());
        let planned = shape::plan(&shape, &options).map(|_| ()).map_err(|e| e.to_string());
        assert_eq!(built, planned, "{options:?}");
    }
}

/// Every constant of the data file is printed in `docs/process.md`, with its source.
#[test]
fn the_page_about_constants_has_every_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let data = std::fs::read_to_string(root.join("data/technology.toml")).unwrap();
    let page = std::fs::read_to_string(root.join("../docs/process.md")).unwrap();
    for line in data.lines().filter(|l| l.contains("source = ")) {
        let name = line.split('=').next().unwrap().trim();
        let source = line.split("source = \"").nth(1).unwrap().split('"').next().unwrap();
        assert!(page.lines().any(|l| l.starts_with(&format!("| `{name}` |")) && l.contains(source)), "{name} from {source}");
    }
}

/// Where nothing is asked, group columns hold what they hold in no more area and no more cycles than tiles; tiles hold the rest.
#[test]
fn group_columns_are_chosen_where_they_win() {
    let tiled = chip(LLAMA_8B, &Options { tile_rows: Some(256), ..Options::default() });
    let open = chip(LLAMA_8B, &Options::default());
    let mut matrices = 0;
    for (id, u) in open.netlist.units() {
        let UnitKind::Mvm(m) = &u.kind else { continue };
        assert_eq!(m.fabric, Fabric::Group, "{}", u.path);
        assert!(m.fabric.played_cycles(&m.matrix, m.shape) <= 256, "{}", u.path);
        let logic = |c: &ShapeChip| c.census_of(c.netlist.find(&u.path).unwrap()).transistors() - c.census_of(id).rom_bits;
        assert!(logic(&open) < logic(&tiled), "{}", u.path);
        matrices += 1;
    }
    assert_eq!(matrices, 7 * 32 + 1);
    let latency = |c: &ShapeChip| timing::token(&c.netlist, 0).latency_cycles;
    assert!(latency(&open) <= latency(&tiled), "{} and {} cycles", latency(&open), latency(&tiled));
    let transistors = |c: &ShapeChip| c.total().transistors();
    assert!(transistors(&open) < transistors(&tiled), "{} and {} transistors", transistors(&open), transistors(&tiled));
    // Short inputs, and what group columns cannot hold.
    let narrow = LLAMA_8B.replace("4096", "1024").replace("14336", "2048").replace("_heads\": 32", "_heads\": 8");
    let fabrics = |c: &ShapeChip| -> Vec<Fabric> {
        let of = |u: &hardwire_netlist::Unit| if let UnitKind::Mvm(m) = &u.kind { Some(m.fabric) } else { None };
        c.netlist.units().filter_map(|(_, u)| of(u)).collect()
    };
    assert!(fabrics(&chip(&narrow, &Options::default())).iter().all(|&f| f == Fabric::Tile));
    assert!(fabrics(&chip(LLAMA_8B, &Options { group: Some(128), ..Options::default() })).iter().all(|&f| f == Fabric::Tile));
}

#[test]
fn a_fold_shares_logic_and_keeps_what_each_layer_has() {
    use hardwire_compiler::folding::Fold;
    let fold = |json: &str, fold| chip(json, &Options { fold: Some(fold), ..Options::default() });
    let single = fold(LLAMA_8B, Fold::Layers(1));
    let all = fold(LLAMA_8B, Fold::All);
    assert_eq!((single.netlist.ring(), all.netlist.ring()), (64, 2));
    assert_eq!(all.total().weights, single.total().weights);
    assert_eq!(all.state_bits(), single.state_bits());
    let own = |c: &ShapeChip| c.total().rom_bits as f64;
    assert!((own(&all) / own(&single) - 1.0).abs() < 1e-3, "tables alone are shared: {} {}", own(&all), own(&single));
    // Of 32 layers one is left, beside the head.
    let adders = |c: &ShapeChip| c.total().full_adders;
    assert!(adders(&all) * 9 < adders(&single), "{} of {} full adders", adders(&all), adders(&single));
    all.netlist.validate().unwrap();
    // What fits a die is not known here.
    let error = shape::plan(&from(LLAMA_8B), &Options { fold: Some(Fold::Auto), ..Options::default() }).unwrap_err().to_string();
    assert!(error.contains("fold") && error.contains("hardwire plan"), "{error}");
    // Five of six layers have a window and a rope table of their own: both are read by layer.
    let gemma = r#"{"model_type": "gemma3_text", "hidden_size": 640, "intermediate_size": 2048, "num_hidden_layers": 20,
        "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 256, "vocab_size": 4096, "max_position_embeddings": 32768,
        "sliding_window": 512, "sliding_window_pattern": 6}"#;
    let c = fold(gemma, Fold::All);
    assert_eq!((c.netlist.ring(), c.netlist.fold(), c.netlist.token_rounds()), (2, 20, 20));
    let six = fold(gemma, Fold::Layers(6));
    assert_eq!((six.netlist.ring(), six.netlist.fold(), six.netlist.place(six.netlist.decoder_stations())), (8, 5, 8));
    // Three of four layers have a delta rule: two kinds of attention and one feed-forward.
    let hybrid = r#"{"model_type": "qwen3_5", "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 8, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 100, "max_position_embeddings": 512, "full_attention_interval": 4,
        "linear_conv_kernel_dim": 4, "linear_key_head_dim": 16, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
        "linear_value_head_dim": 16, "rms_norm_eps": 1e-6}"#;
    let c = fold(hybrid, Fold::All);
    let of = |path: &str| c.netlist.rounds(c.netlist.unit(c.netlist.find(path).unwrap()).station);
    assert_eq!(
        (c.netlist.ring(), of("layers.0.linear_attn.out_proj"), of("layers.3.self_attn.o_proj"), of("layers.7.mlp.down_proj")),
        (3, 6, 2, 8)
    );
    assert_eq!(c.total().weights, fold(hybrid, Fold::Layers(1)).total().weights);
    assert_eq!(c.state_bits(), fold(hybrid, Fold::Layers(1)).state_bits());
}
