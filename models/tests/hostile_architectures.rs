//! Broken checkpoints of every architecture: what one of them alone can get wrong, and every field of every configuration.

mod common;

use std::path::{Path, PathBuf};

use common::*;
use hardwire_models::{Checkpoint, FloatModel};
use safetensors::SafeTensors;
use serde_json::{Value, json};
use tempfile::tempdir;

const NAMES: [&str; 17] = [
    "bitnet",
    "bitnet_packed",
    "gemma3",
    "gpt2",
    "gpt_oss",
    "gpt_oss_mxfp4",
    "granite",
    "llama",
    "mistral",
    "olmo2",
    "phi3",
    "phi3_long",
    "phi3_partial",
    "qwen2",
    "qwen3",
    "qwen3_moe",
    "smollm3",
];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(name)
}

fn config_of(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(golden(name).join("config.json")).unwrap()).unwrap()
}

fn tensors_of(name: &str) -> Vec<Stored> {
    let file = std::fs::read(golden(name).join("model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&file).unwrap();
    let stored = |(name, t): (String, safetensors::tensor::TensorView)| Stored {
        name,
        dtype: format!("{:?}", t.dtype()),
        shape: t.shape().to_vec(),
        bytes: t.data().to_vec(),
    };
    file.tensors().into_iter().map(stored).collect()
}

/// A golden checkpoint with one field of its configuration set is refused.
#[track_caller]
fn field(name: &str, field: &str, value: Value, parts: &[&str]) {
    let folder = tempdir().unwrap();
    let mut config = config_of(name);
    config[field] = value;
    write_folder(folder.path(), &config, &std::fs::read(golden(name).join("model.safetensors")).unwrap());
    refused(folder.path(), parts);
}

/// A golden checkpoint whose tensors `edit` broke.
fn edited(name: &str, edit: impl FnOnce(&mut Vec<Stored>)) -> tempfile::TempDir {
    let folder = tempdir().unwrap();
    let mut tensors = tensors_of(name);
    edit(&mut tensors);
    write_folder(folder.path(), &config_of(name), &safetensors(&tensors));
    folder
}

fn of<'a>(tensors: &'a mut [Stored], name: &str) -> &'a mut Stored {
    tensors.iter_mut().find(|t| t.name == name).unwrap()
}

#[test]
fn what_changes_the_computation_is_refused() {
    field("gemma3", "final_logit_softcapping", json!(30.0), &["final_logit_softcapping", "30"]);
    field("gemma3", "use_bidirectional_attention", json!(true), &["use_bidirectional_attention"]);
    field("gpt2", "scale_attn_by_inverse_layer_idx", json!(true), &["scale_attn_by_inverse_layer_idx"]);
    field("gpt2", "activation_function", json!("quick_gelu"), &["activation_function", "quick_gelu"]);
    field("gpt_oss", "quantization_config", json!({"quant_method": "awq"}), &["quant_method", "awq", "mxfp4"]);
    field("llama", "attention_multiplier", json!(0.5), &["attention_multiplier", "0.5"]);
    field("granite", "sliding_window", json!(8), &["sliding_window"]);
    field("llama", "rope_parameters", json!({"rope_type": "llama3", "factor": 2.0}), &["low_freq_factor", "nothing"]);
    field("mistral", "layer_types", json!(["chunked_attention", "full_attention"]), &["layer_types"]);
    field("olmo2", "clip_qkv", json!(8.0), &["clip_qkv"]);
    field("qwen3", "partial_rotary_factor", json!(0.5), &["partial_rotary_factor", "0.5"]);
    field("qwen3", "layer_types", json!(["linear_attention", "full_attention"]), &["layer_types", "linear_attention"]);
    field("smollm3", "num_local_experts", json!(8), &["num_local_experts"]);
}

#[test]
fn numbers_that_cannot_be_are_named() {
    field("gemma3", "sliding_window", json!(0), &["sliding window", "0"]);
    field("gemma3", "layer_types", json!(["full_attention"]), &["layer_types", "1 names", "3, one a layer"]);
    field("gemma3", "query_pre_attn_scalar", json!(0), &["score scale"]);
    field("gemma3", "head_dim", json!(15), &["head size", "even"]);
    field("gpt2", "n_embd", json!(33), &["n_head", "divisor of n_embd 33"]);
    field("gpt_oss", "num_experts_per_tok", json!(5), &["experts per token", "5", "the 4 experts"]);
    field("gpt_oss", "num_local_experts", json!(1u64 << 40), &["expert count"]);
    let mut rope = config_of("phi3")["rope_parameters"].clone();
    rope["partial_rotary_factor"] = json!(1.5);
    field("phi3", "rope_parameters", rope, &["partial_rotary_factor", "1.5"]);
    field("granite", "residual_multiplier", json!(0.0), &["norm epsilon", "inf"]);
    field("granite", "embedding_multiplier", json!(-12.0), &["embedding scale", "-20"]);
    field("granite", "logits_scaling", json!(0), &["logit scale", "inf"]);
    field("qwen3_moe", "num_experts_per_tok", json!(0), &["experts per token"]);
    field("qwen3_moe", "num_hidden_layers", json!(4096), &["missing"]);
    field("smollm3", "no_rope_layers", json!([1]), &["no_rope_layers", "1 values"]);
    field("gpt_oss", "swiglu_limit", json!(-7.0), &["clamped SwiGLU", "limit -7"]);
    let mut yarn = config_of("gpt_oss")["rope_parameters"].clone();
    yarn["beta_fast"] = json!(0.5);
    field("gpt_oss", "rope_parameters", yarn, &["beta_fast", "above beta_slow"]);
    let mut long = config_of("phi3")["rope_parameters"].clone();
    long["short_factor"] = json!([1.0, 2.0]);
    field("phi3", "rope_parameters", long.clone(), &["RoPE factors", "4 values"]);
    long["short_factor"] = json!([1.0, 2.0, 0.0, 1.0]);
    field("phi3", "rope_parameters", long, &["RoPE factors", "positive"]);
    // The factors of longer texts, though no text may be so long.
    let with = |part: &str, value: Value| {
        let mut rope = config_of("phi3_long")["rope_parameters"].clone();
        rope[part] = value;
        rope
    };
    field("phi3_long", "rope_parameters", with("long_factor", json!(null)), &["long_factor", "nothing", "a list of numbers"]);
    field("phi3_long", "rope_parameters", with("long_factor", json!([1.0, 2.0])), &["long RoPE factors", "2", "4 values"]);
    field("phi3_long", "rope_parameters", with("long_factor", json!([1.0, 2.0, 0.0, 3.0])), &["long RoPE factors", "positive"]);
    field("phi3_long", "original_max_position_embeddings", json!(0), &["context length", "0"]);
}

#[test]
fn joined_tensors_must_be_whole() {
    field("gpt_oss", "num_local_experts", json!(3), &["experts.down_proj", "[4, 32, 32]", "[3, 32, 32]"]);
    field("qwen3_moe", "num_local_experts", json!(5), &["mlp.gate.weight", "[5, 32]"]);
    let folder = edited("phi3", |t| of(t, "model.layers.0.self_attn.qkv_proj.weight").shape = vec![32, 64]);
    refused(folder.path(), &["qkv_proj", "[32, 64]", "[64, 32]"]);
    let folder = edited("phi3", |t| {
        let bytes = vec![0; 32 * 32 * 2];
        let name = "model.layers.0.self_attn.q_proj.weight".into();
        t.push(Stored { name, dtype: "BF16".into(), shape: vec![32, 32], bytes });
    });
    refused(folder.path(), &["q_proj", "a second one", "qkv_proj"]);
    let folder = edited("gpt2", |t| t.retain(|t| t.name != "transformer.h.1.attn.c_attn.bias"));
    refused(folder.path(), &["layers.1.self_attn.q_proj.bias", "missing"]);
    let folder = edited("qwen3_moe", |t| t.retain(|t| !t.name.contains("experts.2.up_proj")));
    refused(folder.path(), &["experts.2.up_proj", "missing"]);
    let folder = edited("gpt_oss", |t| t.retain(|t| !t.name.ends_with("sinks")));
    refused(folder.path(), &["layers.0.self_attn.sinks", "missing"]);
    let folder =
        edited("gemma3", |t| of(t, "model.layers.1.self_attn.q_norm.weight").name = "model.layers.1.self_attn.g_norm.weight".into());
    refused(folder.path(), &["q_norm", "missing"]);
}

#[test]
fn mxfp4_halves_belong_together() {
    let at = "model.layers.0.mlp.experts.down_proj";
    let (blocks, scales) = (format!("{at}_blocks"), format!("{at}_scales"));
    let folder = edited("gpt_oss_mxfp4", |t| t.retain(|t| t.name != scales));
    refused(folder.path(), &[&blocks, "U8"]);
    let folder = edited("gpt_oss_mxfp4", |t| t.retain(|t| t.name != blocks));
    refused(folder.path(), &[&scales, "U8"]);
    let folder = edited("gpt_oss_mxfp4", |t| of(t, &scales).shape = vec![4, 1, 32]);
    refused(folder.path(), &[&scales, "a scale for each"]);
    // 255 is the scale that is no number: of the second expert's row 3.
    let folder = edited("gpt_oss_mxfp4", |t| of(t, &scales).bytes[32 + 3] = 255);
    let error = FloatModel::new(&Checkpoint::open(folder.path()).unwrap()).err().expect("a refusal").to_string();
    assert_says(&error, &["experts.1.down_proj.weight", "row 3", "NaN"]);
}

#[test]
fn packed_ternary_weights_are_three_values_and_a_scale() {
    let at = "model.layers.1.mlp.up_proj.weight";
    let scale = format!("{at}_scale");
    let folder = edited("bitnet_packed", |t| t.retain(|t| t.name != scale));
    refused(folder.path(), &[at, "U8"]);
    let folder = edited("bitnet_packed", |t| of(t, at).shape = vec![32, 16]);
    refused(folder.path(), &[at, "U8"]);
    let run = |edit: &dyn Fn(&mut Vec<Stored>), parts: &[&str]| {
        let folder = edited("bitnet_packed", edit);
        let error = FloatModel::new(&Checkpoint::open(folder.path()).unwrap()).err().expect("a refusal").to_string();
        assert_says(&error, parts);
    };
    // The highest two bits of the byte at row 2: of output 3 * 16 + 2.
    run(&|t| of(t, at).bytes[2 * 32 + 7] |= 0xC0, &[at, "row 50", "the code 3"]);
    run(&|t| of(t, &scale).bytes = vec![0xC0, 0x7F], &[at, "row 0", "NaN"]);
    field("bitnet_packed", "quantization_config", json!({"quant_method": "bitnet"}), &["linear_class", "nothing", "autobitlinear"]);
}

#[test]
fn weights_that_are_no_numbers_are_found_within_joined_tensors() {
    // Row 5 of [inputs, outputs], column 70: the value projection's output 70 - 64, input 5.
    let folder = edited("gpt2", |t| {
        let at = (5 * 96 + 70) * 2;
        of(t, "transformer.h.0.attn.c_attn.weight").bytes[at..at + 2].copy_from_slice(&[0xC0, 0x7F]);
    });
    let error = FloatModel::new(&Checkpoint::open(folder.path()).unwrap()).err().expect("a refusal").to_string();
    assert_says(&error, &["layers.0.self_attn.v_proj.weight", "row 6, column 5", "NaN"]);
}

/// Every field of every configuration, set to what it should not be: an error or a model, never a panic.
#[test]
fn no_configuration_panics() {
    let values = [json!(0), json!(3), json!(1u64 << 40), json!(-1.5), json!("x"), json!(null), json!([0]), json!(true)];
    let (mut opened, mut closed) = (0, 0);
    for name in NAMES {
        let folder = tempdir().unwrap();
        let weights = std::fs::read(golden(name).join("model.safetensors")).unwrap();
        let whole = config_of(name);
        for key in whole.as_object().unwrap().keys() {
            for value in &values {
                let mut config = whole.clone();
                config[key] = value.clone();
                write_folder(folder.path(), &config, &weights);
                *(if exercise(folder.path()) { &mut opened } else { &mut closed }) += 1;
            }
        }
    }
    assert!(closed > 1000 && opened > 500, "{opened} opened, {closed} refused");
}
