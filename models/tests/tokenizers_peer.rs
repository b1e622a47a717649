//! Our tokenization against that of Hugging Face's Python package on random texts: every normalizer, pre-tokenizer and post-processor of the
//! library that is no random one, and the word splitting of every family of GGUF files, whose regular expressions another engine matches there.

mod common;

use std::process::Command;

use common::*;
use hardwire_models::{Checkpoint, Tokenizer};
use serde_json::{Value, json};
use tempfile::tempdir;

/// GPT-2's printable stand-ins for bytes (`bytes_to_unicode` of openai/gpt-2).
fn letters() -> Vec<String> {
    let plain = |b: u32| (33..=126).contains(&b) || (161..=172).contains(&b) || (174..=255).contains(&b);
    let mut next = 256;
    let mut letter = |b: u32| {
        let code = if plain(b) { b } else { next };
        next += u32::from(!plain(b));
        char::from_u32(code).unwrap().to_string()
    };
    (0..256).map(&mut letter).collect()
}

/// Merges of common pairs, so that where words are cut shows.
const PAIRS: [(&str, &str); 14] = [
    ("Ġ", "a"),
    ("h", "e"),
    ("l", "l"),
    ("he", "ll"),
    ("hell", "o"),
    ("Ġ", "Ġ"),
    ("1", "2"),
    ("12", "3"),
    ("Ċ", "Ċ"),
    ("'", "s"),
    (".", "."),
    ("Ã", "©"),
    ("o", "Ġ"),
    ("a", "1"),
];

fn model() -> Value {
    let mut tokens = vec!["<s>".to_owned(), "</s>".to_owned()];
    tokens.extend(letters());
    tokens.extend(PAIRS.iter().map(|(a, b)| format!("{a}{b}")));
    let vocab: serde_json::Map<String, Value> = tokens.into_iter().zip(0..).map(|(t, i): (String, u32)| (t, json!(i))).collect();
    let merges: Vec<Value> = PAIRS.iter().map(|(a, b)| json!([a, b])).collect();
    json!({"type": "BPE", "unk_token": null, "fuse_unk": false, "byte_fallback": false, "vocab": vocab, "merges": merges})
}

fn bytes() -> Value {
    json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true})
}

fn file(normalizer: Value, words: Value, post: Value) -> Value {
    let added = ["<s>", "</s>"].iter().zip(0..).map(|(text, id): (_, u32)| {
        json!({"id": id, "content": text, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true})
    });
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added.collect::<Vec<_>>(), "normalizer": normalizer,
        "pre_tokenizer": words, "post_processor": post, "decoder": bytes(), "model": model(),
    })
}

/// Files that differ in one part, and those that GGUF files of each family become.
fn files() -> Vec<(String, String)> {
    let after = |first: Value| json!({"type": "Sequence", "pretokenizers": [first, bytes()]});
    let normalizers = [
        json!({"type": "NFC"}),
        json!({"type": "NFD"}),
        json!({"type": "NFKC"}),
        json!({"type": "NFKD"}),
        json!({"type": "Nmt"}),
        json!({"type": "Lowercase"}),
        json!({"type": "StripAccents"}),
        json!({"type": "Strip", "strip_left": true, "strip_right": false}),
        json!({"type": "Prepend", "prepend": "a"}),
        json!({"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "}),
        json!({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true}),
        json!({"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}, {"type": "Lowercase"}]}),
    ];
    let words = [
        json!({"type": "Whitespace"}),
        json!({"type": "WhitespaceSplit"}),
        json!({"type": "BertPreTokenizer"}),
        json!({"type": "Digits", "individual_digits": true}),
        json!({"type": "Punctuation", "behavior": "Isolated"}),
        json!({"type": "UnicodeScripts"}),
        json!({"type": "CharDelimiterSplit", "delimiter": "o"}),
        json!({"type": "Metaspace", "replacement": "a", "prepend_scheme": "always", "split": true}),
        json!({"type": "Split", "pattern": {"String": "ll"}, "behavior": "MergedWithNext", "invert": false}),
    ];
    let begins = json!({
        "type": "TemplateProcessing", "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}},
        "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    });
    let posts = [
        bytes(),
        begins.clone(),
        json!({"type": "RobertaProcessing", "sep": ["</s>", 1], "cls": ["<s>", 0], "trim_offsets": true, "add_prefix_space": false}),
        json!({"type": "BertProcessing", "sep": ["</s>", 1], "cls": ["<s>", 0]}),
        json!({"type": "Sequence", "processors": [bytes(), begins]}),
    ];
    let mut files = Vec::new();
    let mut add = |name: &Value, normalizer, words, post| files.push((name.to_string(), file(normalizer, words, post).to_string()));
    normalizers.into_iter().for_each(|part| add(&part.clone(), part, bytes(), json!(null)));
    words.into_iter().for_each(|part| add(&part.clone(), json!(null), after(part), json!(null)));
    posts.into_iter().for_each(|part| add(&part.clone(), json!(null), bytes(), part));
    files.extend(FAMILIES.iter().map(|pre| ((*pre).to_owned(), gguf_tokenizer(pre))));
    files
}

/// One name of each splitting in `llama-vocab.cpp`, but for those with set operations, which the other engine writes otherwise.
const FAMILIES: [&str; 24] = [
    "default",
    "llama-bpe",
    "tekken",
    "chameleon",
    "minicpm5",
    "youtu",
    "dbrx",
    "jais-2",
    "deepseek-v3",
    "falcon",
    "command-r",
    "gpt-2",
    "qwen2",
    "deepseek-r1-qwen",
    "qwen35",
    "bloom",
    "viking",
    "gpt-4o",
    "tiny_aya",
    "superbpe",
    "bailingmoe",
    "seed-coder",
    "afmoe",
    "exaone-moe",
];

fn gguf_tokenizer(pre: &str) -> String {
    let vocab = model();
    let mut tokens: Vec<(&String, u64)> = vocab["vocab"].as_object().unwrap().iter().map(|(t, id)| (t, id.as_u64().unwrap())).collect();
    tokens.sort_by_key(|(_, id)| *id);
    let mut file = Gguf::tiny();
    file.remove("llama.vocab_size");
    let rows = tokens.len();
    let embedding = file.tensor("token_embd.weight");
    (embedding.1, embedding.3) = (vec![HIDDEN as u64, rows as u64], weights(&[rows, HIDDEN], 0));
    file.set("tokenizer.ggml.tokens", 9, array(8, tokens.iter().map(|(t, _)| text(t))));
    let kinds = (0..rows).map(|i| (if i < 2 { 3i32 } else { 1 }).to_le_bytes().to_vec());
    file.set("tokenizer.ggml.token_type", 9, array(5, kinds));
    file.set_texts("tokenizer.ggml.merges", &PAIRS.map(|(a, b)| format!("{a} {b}")).iter().map(String::as_str).collect::<Vec<_>>());
    file.set_text("tokenizer.ggml.model", "gpt2");
    file.set_text("tokenizer.ggml.pre", pre);
    file.set_u32("tokenizer.ggml.bos_token_id", 0);
    file.set_u32("tokenizer.ggml.eos_token_id", 1);
    let folder = tempdir().unwrap();
    let checkpoint = Checkpoint::open(&file.write(folder.path())).unwrap();
    String::from_utf8(checkpoint.tokenizer_json().unwrap().unwrap()).unwrap()
}

/// Loads each file and prints the ids of each text.
const PEER: &str = "
import json, sys
from tokenizers import Tokenizer
files, texts = json.load(open(sys.argv[1], encoding='utf-8'))
print(json.dumps([[Tokenizer.from_str(f).encode(t).ids for t in texts] for f in files]))
";

#[test]
fn ids_are_those_of_the_python_package() {
    let Some(python) = std::env::var_os("HARDWIRE_PYTHON") else {
        eprintln!("skipped: HARDWIRE_PYTHON is not set; it names a Python with the package tokenizers");
        return;
    };
    let has = Command::new(&python).args(["-c", "import tokenizers"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: {} has no package tokenizers", python.display());
        return;
    }
    let pieces = [
        "hello",
        "Hello",
        "HELLO",
        "wOrLd",
        " ",
        "  ",
        "   ",
        "\n",
        "\n\n",
        "\r\n",
        "\t",
        "'s",
        "'LL",
        "1",
        "12",
        "123",
        "1234567",
        "é",
        "e\u{301}",
        "ß",
        "日本語",
        "テスト",
        "한국어",
        "हिन्दी",
        "ไทย",
        "العربية",
        "،",
        "。",
        "!",
        "...",
        "$",
        "<=>",
        "😀",
        "①",
        "ﬁ",
        "\u{A0}",
        "\u{200B}",
        "ǅ",
        "<s>",
        "</s>",
        "a1",
        "x_y",
        "{z}",
        "`",
        "K",
    ];
    let mut random = Random(0x51ED_270B_9F2A_6E3D);
    let texts: Vec<String> = (0..300).map(|_| (0..1 + random.below(12)).map(|_| pieces[random.below(pieces.len())]).collect()).collect();
    let files = files();
    let folder = tempdir().unwrap();
    let input = folder.path().join("input.json");
    let contents: Vec<&String> = files.iter().map(|(_, file)| file).collect();
    std::fs::write(&input, json!([contents, texts]).to_string()).unwrap();
    let output = Command::new(&python).args(["-c", PEER]).arg(&input).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let peer: Vec<Vec<Vec<u32>>> = serde_json::from_slice(&output.stdout).unwrap();
    for ((name, file), peer) in files.iter().zip(&peer) {
        let ours = Tokenizer::from_json(file.as_bytes()).unwrap();
        for (text, peer) in texts.iter().zip(peer) {
            assert_eq!(&ours.encode(text).unwrap(), peer, "{name}: {text:?}");
        }
    }
}
