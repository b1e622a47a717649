//! Chips by shape: counts against an independent sum, structure against what the compiler builds from weights.

use hardwire_compiler::shape::{self, Shape, ShapeChip};
use hardwire_compiler::{Options, compile};
use hardwire_models::Checkpoint;
use hardwire_models::synthetic::Synthetic;
use hardwire_netlist::{UnitKind, census};
use std::path::Path;

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
            "num_key_value_heads": 5, "head_dim": 128, "vocab_size": 128256, "max_position_embeddings": 4096}"#,
            2.41,
            0.01,
        ),
    ] {
        let c = chip(json, &Options::default());
        let got = c.parameters() as f64 * 1e-9;
        assert!((got - billions).abs() < slack, "{}: {got} against {billions}", c.shape.family);
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

#[test]
fn linear_attention_keeps_a_state_of_constant_size() {
    let json = |context: u32| {
        format!(
            r#"{{"model_type": "qwen3_5_text", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4, "num_attention_heads": 4,
            "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 100, "max_position_embeddings": {context}, "linear_conv_kernel_dim": 4,
            "linear_key_head_dim": 8, "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_value_head_dim": 8}}"#
        )
    };
    let with = |context| chip(&json(4096), &Options { context: Some(context), ..Options::default() });
    let (short, long) = (with(512), with(4096));
    let linear = 3 * 16 * (4 * 8 * 8 + (2 * 2 * 8 + 4 * 8) * 3);
    let cache = |positions: u64| 2 * (16 * 8 + 5) * 2 * positions;
    assert_eq!(short.state_bits(), linear + cache(512));
    assert_eq!(long.state_bits(), linear + cache(4096));
}

/// The whole point: from weights and from the shape alone, the same structure.
#[test]
fn a_llama_by_shape_is_the_llama_from_weights() {
    let json = r#"{"model_type": "llama", "hidden_size": 256, "intermediate_size": 704, "num_hidden_layers": 2, "num_attention_heads": 8,
        "num_key_value_heads": 4, "vocab_size": 1000, "max_position_embeddings": 1024, "tie_word_embeddings": true}"#;
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config.json");
    std::fs::write(&config, json).unwrap();
    Synthetic::default().write(&config, &dir.path().join("model"), &|_, _| {}).unwrap();
    let checkpoint = Checkpoint::open(&dir.path().join("model")).unwrap();
    let built = compile(&checkpoint, &Options::default(), &dir.path().join("x.chip"), &|_| {}).unwrap();
    let by_shape = chip(json, &Options::default());
    let paths =
        |n: &hardwire_netlist::Netlist| n.units().map(|(_, u)| (u.path.clone(), u.station, u.kind.name(), u.out_len)).collect::<Vec<_>>();
    assert_eq!(paths(built.netlist()), paths(&by_shape.netlist));
    for ((a, _), (b, u)) in built.netlist().units().zip(by_shape.netlist.units()) {
        let (a, b) = (census::unit(built.netlist(), a), by_shape.unit_census(b));
        assert_eq!((a.weights, a.rom_bits), (b.weights, b.rom_bits), "{}", u.path);
        if let UnitKind::Mvm(_) = u.kind {
            let near = |x: u64, y: u64| (x as f64 / y as f64 - 1.0).abs() < 0.08;
            assert!(near(b.flops, a.flops) && near(b.full_adders, a.full_adders), "{}: {b:?} against {a:?}", u.path);
        }
    }
    assert_eq!(by_shape.parameters(), checkpoint.config().parameters);
}

#[test]
fn shapes_that_cannot_be_are_refused_by_field() {
    for (change, field) in [
        (("\"llama\"", "\"mamba\""), "model_type"),
        (("\"hidden_size\": 4096", "\"hidden_size\": 0"), "hidden_size"),
        (("\"num_hidden_layers\": 32", "\"num_hidden_layers\": 9999999"), "num_hidden_layers"),
        (("\"num_key_value_heads\": 8", "\"num_key_value_heads\": 7"), "num_key_value_heads"),
        (("\"head_dim\": 128", "\"head_dim\": 127"), "head_dim"),
        (("\"vocab_size\": 128256,", ""), "vocab_size"),
    ] {
        let error = Shape::from_json(LLAMA_8B.replace(change.0, change.1).as_bytes(), "x", Path::new("c.json")).unwrap_err().to_string();
        assert!(error.contains("c.json") && error.contains(field), "{field}: {error}");
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
