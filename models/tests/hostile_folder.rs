//! Broken Hugging Face folders: each fault is one error that names the file and the field.

mod common;

use common::*;
use hardwire_models::{Checkpoint, FloatModel, ModelConfig};
use serde_json::{Value, json};
use tempfile::tempdir;

/// A folder whose config and tensors `edit` may break.
fn broken(edit: impl FnOnce(&mut Value, &mut Vec<Stored>), parts: &[&str]) {
    let folder = tempdir().unwrap();
    let (mut config, mut tensors) = (config(), tensors());
    edit(&mut config, &mut tensors);
    write_folder(folder.path(), &config, &safetensors(&tensors));
    refused(folder.path(), parts);
}

/// A folder whose safetensors bytes `edit` may break.
fn broken_file(edit: impl FnOnce(&mut Vec<u8>), parts: &[&str]) {
    let folder = tempdir().unwrap();
    let mut file = safetensors(&tensors());
    edit(&mut file);
    write_folder(folder.path(), &config(), &file);
    refused(folder.path(), &[&["model.safetensors"], parts].concat());
}

const Q_PROJ: &str = "model.layers.0.self_attn.q_proj.weight";

#[test]
fn the_unbroken_folder_opens_and_runs() {
    let folder = tempdir().unwrap();
    write_folder(folder.path(), &config(), &safetensors(&tensors()));
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    assert_eq!(checkpoint.config().parameters, 17_888);
    assert!(checkpoint.tokenizer().unwrap().is_none());
    let model = FloatModel::new(&checkpoint).unwrap();
    let mut state = model.start();
    let message = model.forward(&mut state, VOCAB as u32).unwrap_err().to_string();
    assert_says(&message, &["token 268", "below 268"]);
    for _ in 0..16 {
        model.forward(&mut state, 3).unwrap();
    }
    let message = model.forward(&mut state, 3).unwrap_err().to_string();
    assert_says(&message, &["position 16", "context of 16"]);
    let message = checkpoint.tensor("nothing.weight").unwrap_err().to_string();
    assert_says(&message, &["nothing.weight is missing"]);
}

#[test]
fn paths_that_are_no_checkpoint() {
    let folder = tempdir().unwrap();
    refused(&folder.path().join("absent"), &["absent", "cannot open"]);
    refused(folder.path(), &["no config.json", "Hugging Face folder"]);
    let file = folder.path().join("model.safetensors");
    std::fs::write(&file, b"x").unwrap();
    refused(&file, &["model.safetensors", "give the folder"]);
    std::fs::write(folder.path().join("config.json"), config().to_string()).unwrap();
    std::fs::remove_file(&file).unwrap();
    refused(folder.path(), &["weights", "model.safetensors.index.json", "hint"]);
    std::fs::write(&file, b"").unwrap();
    refused(folder.path(), &["model.safetensors", "0 bytes"]);
}

#[test]
fn headers_that_lie() {
    broken_file(|f| f.truncate(5), &["header", "5 bytes", "truncated"]);
    broken_file(|f| f.truncate(100), &["header length", "at most the 92 bytes"]);
    broken_file(|f| f.truncate(f.len() - 1), &["data", "truncated"]);
    broken_file(|f| f.push(0), &["data", "tail"]);
    broken_file(|f| f[..8].copy_from_slice(&90_000_000u64.to_le_bytes()), &["header length", "90000000"]);
    broken_file(|f| f[..8].fill(0xFF), &["header length", "18446744073709551615"]);
    broken_file(|f| f[8] = b'!', &["header", "JSON"]);
    broken_file(|f| f[9] = 0xFF, &["header", "UTF-8"]);
    broken_file(|f| f[..4].copy_from_slice(b"PK\x03\x04"), &["header length"]);
}

#[test]
fn tensors_that_do_not_fit() {
    broken(|_, t| t[3].shape = vec![16, 64], &[Q_PROJ, "[16, 64]", "[32, 32]", "self_attn.q_proj"]);
    broken(|_, t| t[3].shape = vec![32, 31], &["data_offsets", "shape"]);
    broken(|_, t| t[3].shape = vec![1 << 62, 8], &["model.safetensors", "header"]);
    broken(|_, t| drop(t.remove(3)), &[Q_PROJ, "missing", "[32, 32]"]);
    broken(|_, t| t[3].name = "model.layers.7.q.weight".into(), &["missing", Q_PROJ]);
    broken(
        |_, t| {
            let bytes = weights(&[16], 0);
            let name = "model.layers.0.self_attn.q_norm.weight".into();
            t.push(Stored { name, dtype: "F32".into(), shape: vec![16], bytes });
        },
        &["q_norm.weight", "no place in the llama"],
    );
    for dtype in ["I8", "U8", "F8_E4M3"] {
        broken(
            |_, t| {
                t[3].dtype = dtype.into();
                t[3].bytes = vec![0; 32 * 32];
            },
            &[Q_PROJ, "dtype", dtype, "supported: F32, F16, BF16"],
        );
    }
    broken(|_, t| t[3].dtype = "F33".into(), &["header", "F33"]);
}

#[test]
fn weights_that_are_no_numbers() {
    for (value, name) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf")] {
        let folder = tempdir().unwrap();
        let mut tensors = tensors();
        let at = (5 * HIDDEN + 7) * 4;
        tensors[3].bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        write_folder(folder.path(), &config(), &safetensors(&tensors));
        let checkpoint = Checkpoint::open(folder.path()).unwrap();
        let message = FloatModel::new(&checkpoint).err().expect("a refusal").to_string();
        assert_says(&message, &["model.safetensors", Q_PROJ, "row 5, column 7", name]);
    }
}

#[test]
fn configurations_that_cannot_be() {
    let set = |field: &str, value: Value, parts: &[&str]| {
        let all = [&["config.json"], parts].concat();
        broken(|c, _| c[field] = value, &all);
    };
    for (family, missing) in [
        ("mamba", "the state of Mamba"),
        ("falcon_h1", "the state of Mamba-2"),
        ("llama4_text", "attention in chunks"),
        ("deepseek_v3", "multi-head latent attention"),
        ("ministral3", "llama_4_scaling_beta"),
        ("lfm2", "around a convolution"),
        ("gemma2", "soft caps"),
    ] {
        set("model_type", json!(family), &["model_type", family, missing, "arcee, bitnet"]);
    }
    set("model_type", json!("unheard-of"), &["model_type", "supported: arcee, bitnet"]);
    set("model_type", json!(null), &["model_type", "nothing"]);
    set("architectures", json!(["LlamaForSequenceClassification"]), &["LlamaForCausalLM"]);
    set("hidden_act", json!("tanh"), &["hidden_act", "tanh", "silu"]);
    set("hidden_size", json!("32"), &["hidden_size", "a whole number"]);
    set("hidden_size", json!(-32), &["hidden_size", "-32"]);
    set("hidden_size", json!(null), &["hidden_size", "nothing"]);
    set("hidden_size", json!(33), &["num_attention_heads", "33"]);
    set("hidden_size", json!(1u64 << 60), &["hidden size"]);
    set("num_attention_heads", json!(0), &["num_attention_heads"]);
    set("num_hidden_layers", json!(1_000_000_000), &["layer count", "1000000000"]);
    set("num_key_value_heads", json!(3), &["key-value head count", "divisor"]);
    set("head_dim", json!(15), &["head size", "even"]);
    set("rms_norm_eps", json!(0), &["epsilon", "positive"]);
    set("rope_theta", json!(0.5), &["RoPE base"]);
    set("eos_token_id", json!("x"), &["eos_token_id", "token id"]);
    set("rope_scaling", json!({"type": "ntk", "factor": 2}), &["rope_scaling.rope_type", "ntk"]);
    set("rope_scaling", json!({"rope_type": "linear"}), &["rope_scaling.factor", "nothing"]);
    set("rope_scaling", json!({"rope_type": "linear", "factor": 0}), &["factor", "positive"]);
    set("rope_scaling", json!(3), &["rope_scaling", "an object"]);
    set("quantization_config", json!({"quant_method": "gptq"}), &["quantization_config", "gptq"]);
    set("tie_word_embeddings", json!(1), &["tie_word_embeddings", "true or false"]);
    broken(|c, _| c["tie_word_embeddings"] = json!(false), &["lm_head.weight", "missing"]);
    for text in ["", "[1]", "{", "\u{0}"] {
        let error = ModelConfig::from_json(text.as_bytes(), "c.json".as_ref()).unwrap_err();
        assert_says(&error.to_string(), &["c.json: JSON", "one JSON object"]);
    }
}

#[test]
fn shards_are_all_there_and_stay_in_the_folder() {
    let folder = tempdir().unwrap();
    let all = tensors();
    let (first, second) = all.split_at(5);
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    let index = |edit: &dyn Fn(&mut serde_json::Map<String, Value>)| {
        let mut map = serde_json::Map::new();
        for (i, t) in all.iter().enumerate() {
            map.insert(t.name.clone(), json!(if i < 5 { "a.safetensors" } else { "b.safetensors" }));
        }
        edit(&mut map);
        write("model.safetensors.index.json", json!({"weight_map": map}).to_string().as_bytes());
    };
    write("config.json", config().to_string().as_bytes());
    write("a.safetensors", &safetensors(first));
    index(&|_| {});
    refused(folder.path(), &["b.safetensors", "cannot open"]);
    write("b.safetensors", &safetensors(second));
    let sharded = Checkpoint::open(folder.path()).unwrap();

    let whole = tempdir().unwrap();
    write_folder(whole.path(), &config(), &safetensors(&all));
    assert_eq!(sharded.digest(), Checkpoint::open(whole.path()).unwrap().digest());

    for outside in ["../a.safetensors", "/a.safetensors", "x/a.safetensors", "..", ".", "", "./a"] {
        index(&|map| drop(map.insert("x".into(), json!(outside))));
        refused(folder.path(), &["index.json", "weight_map entry x", "same folder"]);
    }
    index(&|map| drop(map.insert("x".into(), json!("a.safetensors"))));
    refused(folder.path(), &["a.safetensors", "tensor x is missing", "index.json"]);
    index(&|map| drop(map.insert(Q_PROJ.into(), json!("b.safetensors"))));
    refused(folder.path(), &["b.safetensors", Q_PROJ, "missing"]);
    index(&|_| {});
    write("b.safetensors", &safetensors(&all[4..]));
    refused(folder.path(), &["b.safetensors", "a second one"]);
    write("model.safetensors.index.json", b"{}");
    refused(folder.path(), &["index.json", "weight_map"]);
}

#[test]
fn tokenizers_that_cannot_be_read() {
    let folder = tempdir().unwrap();
    write_folder(folder.path(), &config(), &safetensors(&tensors()));
    let says = |text: &str, parts: &[&str]| {
        std::fs::write(folder.path().join("tokenizer.json"), text).unwrap();
        let checkpoint = Checkpoint::open(folder.path()).unwrap();
        assert_says(&checkpoint.tokenizer().unwrap_err().to_string(), parts);
    };
    says("{", &["tokenizer.json", "JSON"]);
    says("{}", &["tokenizer"]);
    says(&json!({"model": {"type": "BPE", "vocab": {"<s>": 1}, "merges": ["a b"]}}).to_string(), &["tokenizer"]);
}

/// Truncations everywhere and flipped bytes in the header: an error or a model, never a panic.
#[test]
fn no_mutation_panics() {
    let folder = tempdir().unwrap();
    let good = safetensors(&tensors());
    let header = 8 + u64::from_le_bytes(*good.first_chunk().unwrap()) as usize;
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let (mut opened, mut closed) = (0, 0);
    for round in 0..1500 {
        let mut file = good.clone();
        if round % 5 == 0 {
            file.truncate(random.below(file.len()));
        } else {
            for _ in 0..1 + random.below(3) {
                let at = random.below(header);
                file[at] = random.below(256) as u8;
            }
        }
        write_folder(folder.path(), &config(), &file);
        *(if exercise(folder.path()) { &mut opened } else { &mut closed }) += 1;
    }
    assert!(closed > 1000 && opened + closed == 1500, "{opened} opened, {closed} refused");
}
