//! Shapes without weights: known models' parameter counts, RoPE scaling, the operator graph.

mod common;

use std::path::Path;

use common::*;
use hardwire_models::{Architecture, Checkpoint, ModelConfig, Op, OpGraph, Port, RowOrder, config_from_file};
use serde_json::json;
use tempfile::tempdir;

fn parse(value: serde_json::Value) -> ModelConfig {
    ModelConfig::from_json(value.to_string().as_bytes(), Path::new("config.json")).unwrap()
}

fn llama(extra: serde_json::Value) -> ModelConfig {
    let mut config = config();
    config.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    parse(config)
}

/// Counts as published on the models' cards, or of their safetensors files.
#[test]
fn known_models_have_their_published_sizes() {
    let shapes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/shapes");
    if !shapes.exists() {
        eprintln!("skipped: {} is absent", shapes.display());
        return;
    }
    use Architecture::*;
    for (name, architecture, parameters) in [
        ("Llama-3.1-8B", Llama, 8_030_261_248),
        ("Llama-3.2-3B", Llama, 3_212_749_824),
        ("Llama-3.2-1B", Llama, 1_235_814_400),
        ("TinyLlama-1.1B", Llama, 1_100_048_384),
        ("SmolLM2-135M", Llama, 134_515_008),
        ("stories15M", Llama, 15_191_712),
        ("Mistral-7B-v0.3", Mistral, 7_248_023_552),
        ("Qwen2.5-0.5B", Qwen2, 494_032_768),
        ("Qwen2.5-7B", Qwen2, 7_615_616_512),
        ("Qwen3-0.6B", Qwen3, 596_049_920),
        ("Qwen3-8B", Qwen3, 8_190_735_360),
        ("Qwen3-32B", Qwen3, 32_762_123_264),
        ("gemma-3-270m", Gemma3, 268_098_176),
        ("gemma-3-1b", Gemma3, 999_885_952),
        ("BitNet-b1.58-2B-4T", BitNet, 2_412_820_480),
        ("gpt-oss-20b", GptOss, 20_914_757_184),
        ("gpt-oss-120b", GptOss, 116_829_156_672),
    ] {
        let config = config_from_file(&shapes.join(format!("{name}.json"))).unwrap();
        assert_eq!((config.architecture, config.parameters), (architecture, parameters), "{name}");
    }
    // By shape only: its text part, 27 B without the vision tower.
    let config = config_from_file(&shapes.join("Qwen3.5-27B.json")).unwrap();
    assert_eq!((config.architecture, config.layers, config.plan.iter().filter(|l| l.linear).count()), (Qwen35, 64, 48));
    assert!((26.5e9..27.5e9).contains(&(config.parameters as f64)), "{}", config.parameters);
}

#[test]
fn absent_fields_take_transformers_defaults() {
    let mut value = config();
    let object = value.as_object_mut().unwrap();
    for field in ["num_key_value_heads", "rope_theta", "tie_word_embeddings", "hidden_act", "eos_token_id", "architectures"] {
        object.remove(field);
    }
    object.insert("bos_token_id".into(), json!(null));
    let config = parse(value);
    assert_eq!((config.kv_heads, config.head_dim, config.rope[0].theta), (2, 16, 10_000.0));
    assert!(!config.tied_embeddings && config.bos.is_none() && config.eos == [2]);
    // transformers 5 keeps the base beside the scaling.
    let mut value = common::config();
    value.as_object_mut().unwrap().remove("rope_theta");
    value["rope_parameters"] = json!({"rope_type": "default", "rope_theta": 5e5});
    assert_eq!(parse(value).rope[0].theta, 5e5);
}

#[test]
fn frequencies_follow_each_scaling() {
    let close = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-12, "{a} against {b}");
    let plain = llama(json!({})).rope_tables().remove(0);
    assert_eq!(plain.len(), 8);
    plain.iter().enumerate().for_each(|(i, f)| close(*f, 10f64.powf(-(i as f64) / 2.0)));
    let linear = llama(json!({"rope_scaling": {"type": "linear", "factor": 4.0}})).rope_tables().remove(0);
    linear.iter().zip(&plain).for_each(|(a, b)| close(*a, b / 4.0));

    // Llama 3.1 8B: transformers' _compute_llama3_parameters evaluated in float64 by Python.
    let llama3 = llama(json!({
        "head_dim": 128, "rope_theta": 500000.0,
        "rope_scaling": {
            "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
        },
    }))
    .rope_tables()
    .remove(0);
    for (pair, expected) in [(1, 0.8146172338565447), (29, 0.002166570763503359), (31, 0.0008567514129196321), (36, 7.78465527393245e-05)] {
        close(llama3[pair], expected);
    }
}

#[test]
fn gguf_divisors_divide_the_frequencies() {
    let folder = tempdir().unwrap();
    let mut file = Gguf::tiny();
    let divisors: Vec<u8> = (1..=8).flat_map(|d| (d as f32).to_le_bytes()).collect();
    file.tensors.push(("rope_freqs.weight".into(), vec![8], 0, divisors));
    let checkpoint = Checkpoint::open(&file.write(folder.path())).unwrap();
    let plain = llama(json!({})).rope_tables().remove(0);
    for (i, (ours, plain)) in checkpoint.config().rope_tables()[0].iter().zip(&plain).enumerate() {
        assert_eq!(*ours, plain / (i + 1) as f64);
    }
    assert!(!checkpoint.tensor_names().iter().any(|name| name.contains("rope")));
}

fn graph() -> OpGraph {
    OpGraph::from_config(&llama(json!({"num_hidden_layers": 2})), RowOrder::Half).unwrap()
}

#[test]
fn the_graph_is_llama_in_order() {
    let graph = graph();
    let paths: Vec<&str> = graph.topological_order().iter().map(|n| graph.graph[*n].path.as_str()).collect();
    assert_eq!(paths.len(), 1 + 2 * 15 + 2);
    assert_eq!((paths[0], paths[paths.len() - 2], paths[paths.len() - 1]), ("embed_tokens", "norm", "lm_head"));
    for (path, inputs) in [
        ("layers.0.self_attn.attention", vec!["layers.0.self_attn.q_rope", "layers.0.self_attn.k_rope", "layers.0.self_attn.v_proj"]),
        ("layers.0.self_attn.add", vec!["embed_tokens", "layers.0.self_attn.o_proj"]),
        ("layers.1.mlp.act", vec!["layers.1.mlp.gate_proj", "layers.1.mlp.up_proj"]),
        ("layers.1.mlp.add", vec!["layers.1.self_attn.add", "layers.1.mlp.down_proj"]),
        ("norm", vec!["layers.1.mlp.add"]),
    ] {
        let node = graph.find(path).unwrap();
        let found: Vec<&str> = graph.inputs(node).iter().map(|n| graph.graph[*n].path.as_str()).collect();
        assert_eq!(found, inputs, "{path}");
    }
    let layer: Vec<&str> = paths[1..8].iter().map(|path| path.rsplit('.').next().unwrap()).collect();
    assert_eq!(layer, ["input_layernorm", "q_proj", "k_proj", "v_proj", "q_rope", "k_rope", "attention"]);
    let Op::Linear { weight, .. } = &graph.graph[graph.output].op else { panic!("the head is no matrix") };
    assert_eq!(weight, "model.embed_tokens.weight");
    assert_eq!(graph.weights().len(), 2 + 2 * 9);
    let text = serde_json::to_string(&graph).unwrap();
    assert_eq!(serde_json::to_string(&serde_json::from_str::<OpGraph>(&text).unwrap()).unwrap(), text);
}

#[test]
fn graphs_that_do_not_fit_are_refused() {
    let broken = |edit: &dyn Fn(&mut OpGraph), parts: &[&str]| {
        let mut graph = graph();
        edit(&mut graph);
        assert_says(&graph.validate().unwrap_err().to_string(), parts);
    };
    let path = "layers.0.mlp.down_proj";
    let node = |g: &mut OpGraph, path: &str| g.find(path).unwrap();
    let resize = |g: &mut OpGraph, path: &str| {
        let at = node(g, path);
        g.graph[at].width = 31;
    };
    let rename = |g: &mut OpGraph| {
        let at = node(g, "norm");
        g.graph[at].path = path.into();
    };
    broken(&|g| resize(g, path), &[path, "output width is 31; expected 32"]);
    broken(&|g| resize(g, "norm"), &["norm", "[32]", "[31]"]);
    broken(&rename, &[path, "another node"]);
    broken(
        &|g| {
            let _ = g.graph.add_edge(g.output, g.find(path).unwrap(), Port(1));
        },
        &["cycle"],
    );
    broken(
        &|g| {
            let _ = g.graph.add_edge(g.find(path).unwrap(), g.output, Port(0));
        },
        &["lm_head", "fed twice"],
    );
    broken(
        &|g| {
            let _ = g.graph.add_edge(g.find(path).unwrap(), g.output, Port(1));
        },
        &["lm_head", "[32, 32]"],
    );
    broken(
        &|g| {
            let _ = g.graph.remove_edge(g.graph.edge_indices().next().unwrap());
        },
        &["input widths"],
    );
}
