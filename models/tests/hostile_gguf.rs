//! Broken GGUF files: each fault is one error that names the file and the field.

mod common;

use common::*;
use hardwire_models::{Checkpoint, Dtype, FloatModel};
use tempfile::tempdir;

/// The tiny file with one piece changed is refused in these words.
fn broken(edit: impl FnOnce(&mut Gguf), parts: &[&str]) {
    let folder = tempdir().unwrap();
    let mut file = Gguf::tiny();
    edit(&mut file);
    refused(&file.write(folder.path()), &[&["tiny.gguf"], parts].concat());
}

/// The tiny file with some bytes changed is refused in these words.
fn broken_bytes(edit: impl FnOnce(&mut Vec<u8>), parts: &[&str]) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    let mut bytes = Gguf::tiny().bytes();
    edit(&mut bytes);
    std::fs::write(&path, bytes).unwrap();
    refused(&path, &[&["tiny.gguf"], parts].concat());
}

/// The tiny file opens, but its tokenizer is refused in these words.
fn broken_tokenizer(edit: impl FnOnce(&mut Gguf), parts: &[&str]) {
    let folder = tempdir().unwrap();
    let mut file = Gguf::tiny();
    edit(&mut file);
    let checkpoint = Checkpoint::open(&file.write(folder.path())).unwrap();
    let message = checkpoint.tokenizer().unwrap_err().to_string();
    assert_says(&message, &[&["tiny.gguf"], parts].concat());
}

#[test]
fn the_unbroken_file_opens_runs_and_speaks() {
    let folder = tempdir().unwrap();
    let path = Gguf::tiny().write(folder.path());
    let checkpoint = Checkpoint::open(&path).unwrap();
    assert_eq!(checkpoint.name(), "tiny");
    assert_eq!(checkpoint.config().parameters, 17_888);
    assert!(exercise(&path));
    let tokenizer = checkpoint.tokenizer().unwrap().unwrap();
    // <s>; then best score first: "ab" before "▁a", then "▁ab" before "abc"; c stays alone.
    assert_eq!(tokenizer.encode("abc").unwrap(), [1, 265, 262]);
    assert_eq!(tokenizer.encode("").unwrap(), [1]);
    assert_eq!(tokenizer.encode("é").unwrap(), [1, 259, 3 + 0xC3, 3 + 0xA9]);
    assert_eq!(tokenizer.decode(&[1, 265, 262, 3 + 0xC3, 3 + 0xA9, 2]), "abcé");
}

#[test]
fn other_alignments_and_types_open() {
    let folder = tempdir().unwrap();
    let mut file = Gguf::tiny();
    file.alignment = 64;
    file.set_u32("general.alignment", 64);
    // Q8_0: scale 1 (f16 0x3C00), every code 1.
    let tensor = file.tensor("blk.0.attn_q.weight");
    tensor.2 = 8;
    tensor.3 = [&[0x00, 0x3C][..], &[1; 32]].concat().repeat(32);
    let checkpoint = Checkpoint::open(&file.write(folder.path())).unwrap();
    let q = checkpoint.tensor("model.layers.0.self_attn.q_proj.weight").unwrap();
    assert_eq!((q.dtype, q.shape.as_slice()), (Dtype::Q8_0, &[32, 32][..]));
    assert_eq!(q.to_f32().unwrap(), [1.0; 1024]);
}

#[test]
fn headers_that_lie() {
    broken(|f| f.magic = *b"GGML", &["magic", "GGML", "\"GGUF\""]);
    broken(|f| f.version = 1, &["version", "1", "version 3"]);
    broken(|f| f.version = 3u32.swap_bytes(), &["version", "little-endian"]);
    broken_bytes(|b| b[8..16].fill(0xFF), &["tensor count", "at most"]);
    broken_bytes(|b| b[16..24].copy_from_slice(&(1u64 << 40).to_le_bytes()), &["metadata count"]);
    broken_bytes(|b| b[24..32].fill(0x7F), &["metadata key: string length", "at most"]);
    broken_bytes(|b| b[32] = 0xFF, &["metadata key", "UTF-8"]);
    broken_bytes(|b| b.truncate(3), &["magic", "truncated"]);
    broken_bytes(|b| b.truncate(b.len() - 1), &["blk.0.ffn_down.weight", "data", "truncated"]);
    broken_bytes(|b| b.clear(), &["0 bytes"]);
    broken(|f| f.set("x", 13, vec![]), &["metadata x", "value type 13"]);
    broken(|f| f.set("x", 7, vec![2]), &["metadata x", "boolean"]);
    broken(|f| f.set("x", 9, array(99, [])), &["metadata x", "value type 99"]);
    broken(|f| f.pairs.push(f.pairs[0].clone()), &["general.architecture", "a second one"]);
    let nested = (0..9).fold(array(0, []), |inner, _| array(9, [inner]));
    broken(|f| f.set("x", 9, nested), &["metadata x", "nested"]);
    let long = [&8u32.to_le_bytes()[..], &u64::MAX.to_le_bytes()].concat();
    broken(|f| f.set("x", 9, long), &["metadata x: array length", "at most"]);
    broken(|f| f.set_u32("general.alignment", 0), &["general.alignment", "power of two"]);
    broken(|f| f.set_u32("general.alignment", 48), &["general.alignment", "48"]);
}

#[test]
fn tensors_that_do_not_fit() {
    let q = "blk.0.attn_q.weight";
    let hf = "model.layers.0.self_attn.q_proj.weight";
    broken(|f| f.tensor(q).1 = vec![64, 16], &[hf, "[16, 64]", "[32, 32]"]);
    broken(|f| f.tensor(q).1 = vec![], &[q, "0 dimensions"]);
    broken(|f| f.tensor(q).1 = vec![1; 5], &[q, "5 dimensions"]);
    broken(|f| f.tensor(q).1 = vec![32, 0], &[q, "positive extent"]);
    broken(|f| f.tensor(q).1 = vec![1 << 62, 1 << 62], &[q, "shape"]);
    broken(|f| f.tensor(q).1 = vec![1 << 40, 1], &[q, "data", "truncated"]);
    broken(|f| f.tensor(q).1 = vec![32, 40], &["offset", "no overlap"]);
    for (kind, name) in [(16, "an IQ type"), (40, "type number 40"), (77, "type number 77"), (4, "number 4")] {
        broken(|f| f.tensor(q).2 = kind, &[q, "dtype", name, "supported: F32"]);
    }
    broken(|f| f.tensor(q).2 = 12, &[q, "shape", "256-value Q4_K blocks"]);
    broken(|f| f.tensors.retain(|t| t.0 != q), &[hf, "missing"]);
    broken(|f| f.tensor(q).0 = "blk.0.attn_rot.weight".into(), &["attn_rot", "no place"]);
    broken(|f| f.tensor(q).0 = "blk.00.attn_q.weight".into(), &["blk.00", "no place"]);
    broken(|f| f.tensor(q).0 = "blk.0.attn_k.weight".into(), &["k_proj", "a second one"]);
    // Offsets stay aligned to 32 in the file when the declared alignment is twice that.
    broken(|f| f.set_u32("general.alignment", 4096), &["offset", "multiple of the alignment 4096"]);

    let folder = tempdir().unwrap();
    let mut file = Gguf::tiny();
    file.tensor(q).3[8..12].copy_from_slice(&f32::NEG_INFINITY.to_le_bytes());
    let checkpoint = Checkpoint::open(&file.write(folder.path())).unwrap();
    let message = FloatModel::new(&checkpoint).err().expect("a refusal").to_string();
    assert_says(&message, &["tiny.gguf", hf, "row 0, column 2", "-inf"]);
}

#[test]
fn metadata_that_cannot_be() {
    let set = |key: &str, value: u32, parts: &[&str]| broken(|f| f.set_u32(key, value), parts);
    broken(|f| f.set_text("general.architecture", "mamba"), &["mamba", "the state of Mamba", "arcee, ernie4_5"]);
    broken(|f| f.set_text("general.architecture", "deepseek2"), &["deepseek2", "multi-head latent attention"]);
    broken(|f| f.remove("general.architecture"), &["general.architecture", "nothing"]);
    broken(|f| f.remove("llama.block_count"), &["llama.block_count", "nothing"]);
    broken(|f| f.set_text("llama.block_count", "1"), &["llama.block_count", "\"1\""]);
    set("llama.block_count", u32::MAX, &["layer count"]);
    set("llama.block_count", 2, &["model.layers.1.", "missing"]);
    set("llama.attention.head_count", 0, &["head_count"]);
    set("llama.attention.head_count_kv", 3, &["key-value head count"]);
    set("llama.attention.key_length", 8, &["rope.dimension_count", "all values"]);
    set("llama.attention.value_length", 8, &["value_length", "the key length"]);
    set("llama.rope.dimension_count", 8, &["rope.dimension_count", "all values"]);
    set("llama.expert_count", 8, &["expert_count", "dense"]);
    set("llama.vocab_size", 9999, &["embed_tokens", "9999"]);
    set("llama.attention.scale", 1, &["attention.scale"]);
    set("split.count", 2, &["split.count", "hint"]);
    broken(|f| f.set_text("llama.rope.scaling.type", "ntk"), &["ntk", "none, linear"]);
    broken(|f| f.tensors.push(("rope_freqs.weight".into(), vec![4], 0, weights(&[4], 1))), &["RoPE factors", "8 values"]);
}

/// The tiny file as one of another architecture.
fn named(architecture: &str, edit: impl FnOnce(&mut Gguf)) -> impl FnOnce(&mut Gguf) {
    move |file| {
        file.set_text("general.architecture", architecture);
        for (key, ..) in &mut file.pairs {
            if let Some(rest) = key.strip_prefix("llama.") {
                *key = format!("{architecture}.{rest}");
            }
        }
        edit(file);
    }
}

#[test]
fn other_architectures_miss_what_is_theirs() {
    broken(named("qwen2", |_| {}), &["self_attn.q_proj.bias", "missing"]);
    broken(named("qwen2", |f| f.set_u32("qwen2.attention.sliding_window", 8)), &["qwen2.attention.sliding_window", "8"]);
    broken(named("qwen3moe", |_| {}), &["qwen3moe.expert_count", "nothing"]);
    let experts = |active: u32| {
        move |f: &mut Gguf| {
            f.set_u32("qwen3moe.expert_count", 4);
            f.set_u32("qwen3moe.expert_used_count", active);
        }
    };
    broken(named("qwen3moe", experts(5)), &["experts per token", "5"]);
    broken(named("qwen3moe", experts(2)), &["missing", "layers.0"]);
    let factors = |name: &str, count: u64| (format!("rope_factors_{name}.weight"), vec![count], 0, weights(&[count as usize], 1));
    broken(named("phi3", |f| f.tensors.push(factors("short", 8))), &["RoPE factors", "short ones alone", "rope_factors_long.weight"]);
    broken(named("phi3", |f| f.tensors.push(factors("long", 8))), &["RoPE factors", "long ones alone"]);
    let long = |count: u64| {
        move |f: &mut Gguf| {
            f.set_u32("phi3.rope.scaling.original_context_length", 8);
            f.tensors.extend([factors("short", 8), factors("long", count)]);
        }
    };
    broken(named("phi3", long(4)), &["RoPE factors"]);
}

#[test]
fn tokenizers_that_would_give_other_ids() {
    let key = |part: &str| format!("tokenizer.ggml.{part}");
    broken_tokenizer(|f| f.set_text(&key("model"), "rwkv"), &["rwkv", "llama, gpt2"]);
    broken_tokenizer(|f| f.remove(&key("scores")), &["scores", "nothing"]);
    broken_tokenizer(|f| f.remove(&key("token_type")), &["256 byte tokens"]);
    broken_tokenizer(|f| f.set(&key("token_type"), 9, array(5, [])), &["0 types", "268"]);
    broken_tokenizer(|f| f.set(&key("scores"), 9, array(6, [])), &["0 scores", "268"]);
    let equal = || (0..VOCAB).map(|_| 0f32.to_le_bytes().to_vec());
    broken_tokenizer(|f| f.set(&key("scores"), 9, array(6, equal())), &["distinct scores"]);
    let normal = || (0..VOCAB).map(|_| 1i32.to_le_bytes().to_vec());
    broken_tokenizer(|f| f.set(&key("token_type"), 9, array(5, normal())), &["256 byte tokens"]);
    let byte_level = |pre: &str, merges: &[&str], parts: &[&str]| {
        broken_tokenizer(
            |f| {
                f.set_text(&key("model"), "gpt2");
                f.set_texts(&key("merges"), merges);
                f.set_text(&key("pre"), pre);
            },
            parts,
        );
    };
    byte_level("no-such", &["a b"], &["tokenizer.ggml.pre", "no-such", "llama-bpe"]);
    byte_level("smollm", &["a x"], &["merges", "a x"]);
    byte_level("smollm", &["ab"], &["merges", "\"ab\""]);
    byte_level("smollm", &["a b", "a b"], &["merges", "twice"]);
    let twice = |f: &mut Gguf| f.set_texts(&key("tokens"), &["a"; VOCAB]);
    broken_tokenizer(twice, &["tokens", "\"a\" as both 0 and 1", "unique"]);
    broken(|f| f.set_texts(&key("tokens"), &["a"; VOCAB + 1]), &["269 tokens", "268 rows"]);
}

/// Truncations everywhere and flipped bytes in the header: an error or a model, never a panic.
#[test]
fn no_mutation_panics() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    let good = Gguf::tiny();
    let (header, good) = (good.header().len(), good.bytes());
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    let (mut opened, mut closed) = (0, 0);
    for round in 0..3000 {
        let mut file = good.clone();
        if round % 5 == 0 {
            file.truncate(random.below(file.len()));
        } else {
            for _ in 0..1 + random.below(4) {
                let at = random.below(header);
                file[at] = match random.below(4) {
                    0 => 0,
                    1 => 0xFF,
                    2 => file[at] ^ 1 << random.below(8),
                    _ => random.below(256) as u8,
                };
            }
        }
        std::fs::write(&path, &file).unwrap();
        *(if exercise(&path) { &mut opened } else { &mut closed }) += 1;
    }
    assert!(opened > 100 && closed > 1000, "{opened} opened, {closed} refused");
}

#[test]
fn hybrids_miss_what_is_theirs() {
    let heads = |inner: u32, values: u32, groups: u32| {
        move |f: &mut Gguf| {
            for (part, value) in
                [("inner_size", inner), ("time_step_rank", values), ("group_count", groups), ("state_size", 8), ("conv_kernel", 4)]
            {
                f.set_u32(&format!("qwen35.ssm.{part}"), value);
            }
        }
    };
    broken(named("qwen35", |_| {}), &["qwen35.ssm.inner_size", "nothing"]);
    broken(named("qwen35", heads(64, 0, 2)), &["qwen35.ssm.time_step_rank", "0"]);
    broken(named("qwen35", heads(64, 3, 1)), &["qwen35.ssm.time_step_rank", "divisor of the inner size 64"]);
    broken(named("qwen35", heads(64, 4, 0)), &["linear_num_key_heads", "0"]);
    broken(named("qwen35", heads(64, 4, 3)), &["linear_num_key_heads", "divisor of the 4 value heads"]);
    broken(named("qwen35", heads(64, 4, 2)), &["missing", "layers.0"]);
    let further = |layers: u32| move |f: &mut Gguf| f.set_u32("qwen35.nextn_predict_layers", layers);
    broken(named("qwen35", further(9)), &["qwen35.block_count", "0"]);
    broken(named("llama", |f| f.set_u32("llama.nextn_predict_layers", 1)), &["llama.nextn_predict_layers"]);
}

/// A decay above one would let a state grow without end.
#[test]
fn a_speed_of_decay_has_its_sign() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/qwen3_5/model.gguf");
    let rate = Checkpoint::open(&file).unwrap().tensor("model.layers.0.linear_attn.A_log").unwrap().to_f32().unwrap()[0];
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes.windows(4).position(|b| b == rate.to_le_bytes()).unwrap();
    bytes[at..at + 4].copy_from_slice(&(-rate).to_le_bytes());
    let dir = tempfile::tempdir().unwrap();
    let changed = dir.path().join("model.gguf");
    std::fs::write(&changed, bytes).unwrap();
    let error = FloatModel::new(&Checkpoint::open(&changed).unwrap()).err().expect("a refusal").to_string();
    common::assert_says(&error, &["A_log", "a speed of decay, negative"]);
}
