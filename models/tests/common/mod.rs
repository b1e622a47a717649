//! A tiny valid model in both file formats, taken apart so that tests can break one piece.

#![allow(dead_code)] // each test binary uses its own part

use std::path::{Path, PathBuf};

use hardwire_models::{Checkpoint, FloatModel};
use serde_json::{Value, json};

pub const HIDDEN: usize = 32;
pub const FFN: usize = 64;
pub const KV: usize = 16;
/// Three special tokens, 256 bytes, and a few words.
pub const VOCAB: usize = 268;

/// Name in safetensors, name in GGUF, shape; one layer, tied head.
pub const TENSORS: [(&str, &str, &[usize]); 11] = [
    ("model.embed_tokens.weight", "token_embd.weight", &[VOCAB, HIDDEN]),
    ("model.norm.weight", "output_norm.weight", &[HIDDEN]),
    ("model.layers.0.input_layernorm.weight", "blk.0.attn_norm.weight", &[HIDDEN]),
    ("model.layers.0.self_attn.q_proj.weight", "blk.0.attn_q.weight", &[HIDDEN, HIDDEN]),
    ("model.layers.0.self_attn.k_proj.weight", "blk.0.attn_k.weight", &[KV, HIDDEN]),
    ("model.layers.0.self_attn.v_proj.weight", "blk.0.attn_v.weight", &[KV, HIDDEN]),
    ("model.layers.0.self_attn.o_proj.weight", "blk.0.attn_output.weight", &[HIDDEN, HIDDEN]),
    ("model.layers.0.post_attention_layernorm.weight", "blk.0.ffn_norm.weight", &[HIDDEN]),
    ("model.layers.0.mlp.gate_proj.weight", "blk.0.ffn_gate.weight", &[FFN, HIDDEN]),
    ("model.layers.0.mlp.up_proj.weight", "blk.0.ffn_up.weight", &[FFN, HIDDEN]),
    ("model.layers.0.mlp.down_proj.weight", "blk.0.ffn_down.weight", &[HIDDEN, FFN]),
];

/// Small numbers that differ from tensor to tensor.
pub fn weights(shape: &[usize], seed: usize) -> Vec<u8> {
    let count: usize = shape.iter().product();
    (0..count).flat_map(|i| (((i * 7 + seed * 13) % 17) as f32 / 64.0 - 0.125).to_le_bytes()).collect()
}

/// `config.json` of the tiny model.
pub fn config() -> Value {
    json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama",
        "hidden_size": HIDDEN, "intermediate_size": FFN, "num_hidden_layers": 1,
        "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": VOCAB,
        "max_position_embeddings": 16, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "hidden_act": "silu", "tie_word_embeddings": true, "bos_token_id": 1, "eos_token_id": [2],
    })
}

/// One tensor of a safetensors file.
pub struct Stored {
    pub name: String,
    pub dtype: String,
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
}

pub fn tensors() -> Vec<Stored> {
    TENSORS
        .iter()
        .enumerate()
        .map(|(seed, (name, _, shape))| Stored {
            name: name.to_string(),
            dtype: "F32".into(),
            shape: shape.to_vec(),
            bytes: weights(shape, seed),
        })
        .collect()
}

/// The bytes of a safetensors file.
pub fn safetensors(tensors: &[Stored]) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::<u8>::new());
    for t in tensors {
        let start = data.len();
        data.extend(&t.bytes);
        let entry = json!({
            "dtype": t.dtype, "shape": t.shape, "data_offsets": [start, data.len()],
        });
        header.insert(t.name.clone(), entry);
    }
    let header = Value::Object(header).to_string().into_bytes();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    file.extend(data);
    file
}

/// Write a folder of the tiny model.
pub fn write_folder(folder: &Path, config: &Value, weights: &[u8]) {
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    std::fs::write(folder.join("model.safetensors"), weights).unwrap();
}

/// A GGUF file in pieces.
#[derive(Clone)]
pub struct Gguf {
    pub magic: [u8; 4],
    pub version: u32,
    /// Key, value type, value bytes.
    pub pairs: Vec<(String, u32, Vec<u8>)>,
    /// Name, extents in file order (innermost first), type number, bytes.
    pub tensors: Vec<(String, Vec<u64>, u32, Vec<u8>)>,
    pub alignment: usize,
}

pub fn text(value: &str) -> Vec<u8> {
    let mut out = (value.len() as u64).to_le_bytes().to_vec();
    out.extend(value.as_bytes());
    out
}

/// An array value: element type and elements already encoded.
pub fn array(kind: u32, elements: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let elements: Vec<_> = elements.into_iter().collect();
    let mut out = kind.to_le_bytes().to_vec();
    out.extend((elements.len() as u64).to_le_bytes());
    out.extend(elements.concat());
    out
}

impl Gguf {
    /// The tiny model with a SentencePiece tokenizer.
    pub fn tiny() -> Gguf {
        let mut file = Gguf { magic: *b"GGUF", version: 3, pairs: vec![], tensors: vec![], alignment: 32 };
        file.set_text("general.architecture", "llama");
        for (key, value) in [
            ("context_length", 16),
            ("embedding_length", HIDDEN),
            ("block_count", 1),
            ("feed_forward_length", FFN),
            ("attention.head_count", 2),
            ("attention.head_count_kv", 1),
            ("rope.dimension_count", 16),
            ("vocab_size", VOCAB),
        ] {
            file.set_u32(&format!("llama.{key}"), value as u32);
        }
        file.set("llama.attention.layer_norm_rms_epsilon", 6, 1e-5f32.to_le_bytes().into());
        file.set_text("tokenizer.ggml.model", "llama");
        let mut tokens: Vec<String> = ["<unk>", "<s>", "</s>"].map(String::from).into();
        tokens.extend((0..=255u8).map(|b| format!("<0x{b:02X}>")));
        tokens.extend(["▁", "a", "b", "c", "ab", "▁a", "▁ab", "abc", "bc"].map(String::from));
        assert_eq!(tokens.len(), VOCAB);
        let kind = |i: usize| [2i32, 3, 3].get(i).copied().unwrap_or(if i < 259 { 6 } else { 1 });
        let score = |i: usize| if i < 259 { 0.0f32 } else { 259.0 - i as f32 };
        let key = |part: &str| format!("tokenizer.ggml.{part}");
        file.set(&key("tokens"), 9, array(8, tokens.iter().map(|t| text(t))));
        let types = (0..VOCAB).map(|i| kind(i).to_le_bytes().to_vec());
        file.set(&key("token_type"), 9, array(5, types));
        let scores = (0..VOCAB).map(|i| score(i).to_le_bytes().to_vec());
        file.set(&key("scores"), 9, array(6, scores));
        for (part, id) in [("bos_token_id", 1), ("eos_token_id", 2), ("unknown_token_id", 0)] {
            file.set_u32(&key(part), id);
        }
        for (seed, (_, name, shape)) in TENSORS.iter().enumerate() {
            let extents = shape.iter().rev().map(|&n| n as u64).collect();
            file.tensors.push((name.to_string(), extents, 0, weights(shape, seed)));
        }
        file
    }

    /// Set a key's value, replacing what it had.
    pub fn set(&mut self, key: &str, kind: u32, value: Vec<u8>) {
        self.remove(key);
        self.pairs.push((key.into(), kind, value));
    }

    pub fn set_u32(&mut self, key: &str, value: u32) {
        self.set(key, 4, value.to_le_bytes().into());
    }

    pub fn set_text(&mut self, key: &str, value: &str) {
        self.set(key, 8, text(value));
    }

    pub fn set_bool(&mut self, key: &str, value: bool) {
        self.set(key, 7, vec![value.into()]);
    }

    pub fn set_texts(&mut self, key: &str, values: &[&str]) {
        self.set(key, 9, array(8, values.iter().map(|v| text(v))));
    }

    pub fn remove(&mut self, key: &str) {
        self.pairs.retain(|(k, ..)| k != key);
    }

    pub fn tensor(&mut self, name: &str) -> &mut (String, Vec<u64>, u32, Vec<u8>) {
        self.tensors.iter_mut().find(|t| t.0 == name).unwrap()
    }

    /// Everything before the tensors' bytes.
    pub fn header(&self) -> Vec<u8> {
        let mut out = self.magic.to_vec();
        out.extend(self.version.to_le_bytes());
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.pairs.len() as u64).to_le_bytes());
        for (key, kind, value) in &self.pairs {
            out.extend(text(key));
            out.extend(kind.to_le_bytes());
            out.extend(value);
        }
        let mut offset = 0;
        for (name, extents, kind, bytes) in &self.tensors {
            out.extend(text(name));
            out.extend((extents.len() as u32).to_le_bytes());
            extents.iter().for_each(|n| out.extend(n.to_le_bytes()));
            out.extend(kind.to_le_bytes());
            out.extend((offset as u64).to_le_bytes());
            offset = (offset + bytes.len()).next_multiple_of(self.alignment);
        }
        out
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = self.header();
        for (.., bytes) in &self.tensors {
            out.resize(out.len().next_multiple_of(self.alignment), 0);
            out.extend(bytes);
        }
        out
    }

    pub fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join("tiny.gguf");
        std::fs::write(&path, self.bytes()).unwrap();
        path
    }
}

/// Opening `path` fails, and the message holds every one of `parts`.
#[track_caller]
pub fn refused(path: &Path, parts: &[&str]) {
    let message = Checkpoint::open(path).expect_err("a refusal").to_string();
    assert_says(&message, parts);
}

#[track_caller]
pub fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
    assert!(message.len() < 1000, "an essay: {message}");
}

/// Use everything a checkpoint offers; any outcome but a panic is fine.
pub fn exercise(path: &Path) -> bool {
    let Ok(checkpoint) = Checkpoint::open(path) else {
        return false;
    };
    if let Ok(Some(tokenizer)) = checkpoint.tokenizer() {
        let ids = tokenizer.encode("ab c\u{e9}").unwrap_or_default();
        tokenizer.decode(&ids);
    }
    if let Ok(model) = FloatModel::new(&checkpoint) {
        let mut state = model.start();
        let _ = model.forward(&mut state, 1);
    }
    checkpoint.digest();
    true
}

/// A small deterministic generator (Marsaglia's xorshift64).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}
