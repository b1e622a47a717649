//! Tokenizers: text in pieces, word splitting by `tokenizer.ggml.pre`, begin-token conventions,
//! damaged files.

mod common;

use common::*;
use hardwire_models::{Checkpoint, Tokenizer};
use serde_json::{Value, json};
use tempfile::tempdir;

fn open_gguf(file: &Gguf) -> Tokenizer {
    let folder = tempdir().unwrap();
    let checkpoint = Checkpoint::open(&file.write(folder.path())).unwrap();
    checkpoint.tokenizer().unwrap().unwrap()
}

fn pieces(tokenizer: &Tokenizer, ids: &[u32]) -> Vec<String> {
    let mut stream = tokenizer.stream();
    let mut out: Vec<String> = ids.iter().map(|&id| stream.push(id)).collect();
    out.push(stream.finish());
    out
}

#[test]
fn a_character_comes_whole_with_its_last_byte() {
    let tokenizer = open_gguf(&Gguf::tiny());
    let byte = |b: u8| 3 + u32::from(b);
    // é is C3 A9, 漢 is E6 BC A2: one after the other, then a letter.
    let ids = [265, byte(0xC3), byte(0xA9), byte(0xE6), byte(0xBC), byte(0xA2), 260];
    assert_eq!(pieces(&tokenizer, &ids), ["ab", "", "é", "", "", "漢", "a", ""]);
    // A begin token has no text, and the space before a text's first word is not part of it.
    assert_eq!(pieces(&tokenizer, &[1, 265, 2, 265]), ["", "ab", "", " ab", ""]);
    assert_eq!(pieces(&tokenizer, &[259, 265]), ["", " ab", ""]);
    // Bytes that are never a character are handed out in the end.
    assert_eq!(pieces(&tokenizer, &[265, byte(0xFF)]), ["ab", "", "\u{FFFD}"]);
    let broken = pieces(&tokenizer, &[byte(0xFF); 20]).concat();
    assert_eq!(broken.chars().count(), 20);
}

#[test]
fn any_tokens_stream_to_the_same_text() {
    let checkpoint = Checkpoint::bundled();
    let tokenizer = checkpoint.tokenizer().unwrap().unwrap();
    let mut random = Random(7);
    for _ in 0..50 {
        let words = ["King", "é", "漢字", "😀", "\n", " ", "  ", "<|endoftext|>", "Zoë", "1"];
        let text: String = (0..20).map(|_| words[random.below(words.len())]).collect();
        let ids = tokenizer.encode(&text).unwrap();
        assert_eq!(pieces(&tokenizer, &ids).concat(), tokenizer.decode(&ids));
        assert_eq!(tokenizer.decode(&ids), text.replace("<|endoftext|>", ""));
    }
}

/// A byte-level tokenizer over a few characters, with every digit pair and triple a token.
fn byte_level(pre: &str) -> Tokenizer {
    let mut tokens: Vec<String> = vec!["<|bos|>".into()];
    tokens.extend(["1", "2", "Ġ", "a", "'", "S", ".", "Ċ"].map(String::from));
    tokens.extend(["12", "121", "1212", "'S", "Ġa", "Ġ.", "..", "aĠ", "ĠĠ", "Ċa"].map(String::from));
    let merges = ["1 2", "12 1", "12 12", "' S", "Ġ a", "Ġ .", ". .", "a Ġ", "Ġ Ġ", "Ċ a"];
    let mut file = Gguf::tiny();
    let kinds = (0..tokens.len()).map(|i| (if i == 0 { 3i32 } else { 1 }).to_le_bytes().to_vec());
    file.set("tokenizer.ggml.token_type", 9, array(5, kinds));
    file.set("tokenizer.ggml.tokens", 9, array(8, tokens.iter().map(|t| text(t))));
    file.set_texts("tokenizer.ggml.merges", &merges);
    file.set_text("tokenizer.ggml.model", "gpt2");
    file.set_text("tokenizer.ggml.pre", pre);
    file.set_u32("tokenizer.ggml.bos_token_id", 0);
    file.set_u32("tokenizer.ggml.eos_token_id", 0);
    open_gguf(&file)
}

#[test]
fn each_pre_splits_words_its_own_way() {
    let words = |pre: &str, text: &str| {
        let tokenizer = byte_level(pre);
        let ids = tokenizer.encode(text).unwrap();
        let tokens: Vec<String> = ids.iter().map(|&id| tokenizer.token(id).unwrap()).collect();
        tokens.join("|")
    };
    // Numbers: whole, digit by digit, by threes from the left.
    assert_eq!(words("gpt-2", "1212"), "1212");
    assert_eq!(words("smollm", "1212"), "1|2|1|2");
    assert_eq!(words("starcoder", "1212"), "1|2|1|2");
    assert_eq!(words("qwen2", "1212"), "1|2|1|2");
    assert_eq!(words("llama-bpe", "1212"), "<|bos|>|121|2");
    assert_eq!(words("default", "1212"), "121|2");
    // A capital 'S is a suffix only where case does not count.
    assert_eq!(words("gpt-2", "a'S"), "a|'|S");
    assert_eq!(words("llama-v3", "a'S"), "<|bos|>|a|'S");
    assert_eq!(words("qwen2", "a'S"), "a|'S");
    // A space belongs to the word after it; two spaces are split before a word.
    assert_eq!(words("smollm", "a a"), "a|Ġa");
    assert_eq!(words("smollm", "a  a"), "a|Ġ|Ġa");
    assert_eq!(words("gpt-2", "a .."), "a|Ġ.|.");
    // Punctuation is cut from the space before it.
    assert_eq!(words("default", "a .."), "a|Ġ|..");
    // Llama 3 lets a line break nowhere into a word; GPT-2 neither.
    assert_eq!(words("llama3", "a\na"), "<|bos|>|a|Ċ|a");
    assert_eq!(words("gpt-2", "a\na"), "a|Ċ|a");
    // Special tokens written out are themselves.
    assert_eq!(words("gpt-2", "a<|bos|>a"), "a|<|bos|>|a");
}

#[test]
fn a_space_prefix_can_be_switched_off() {
    let mut file = Gguf::tiny();
    file.set_bool("tokenizer.ggml.add_space_prefix", false);
    file.set_bool("tokenizer.ggml.add_bos_token", false);
    let tokenizer = open_gguf(&file);
    assert_eq!(tokenizer.encode("ab").unwrap(), [263]);
    assert_eq!(tokenizer.decode(&[265]), " ab");
    file.set_bool("tokenizer.ggml.add_eos_token", true);
    assert_eq!(open_gguf(&file).encode("ab").unwrap(), [263, 2]);
}

#[test]
fn a_folder_says_whether_texts_begin_with_a_token() {
    let folder = tempdir().unwrap();
    write_folder(folder.path(), &config(), &safetensors(&tensors()));
    let encode = |post_processor: Value, settings: Option<Value>| {
        let tokenizer = json!({
            "version": "1.0", "post_processor": post_processor,
            "model": {"type": "BPE", "vocab": {"<s>": 1, "a": 3}, "merges": []},
        });
        std::fs::write(folder.path().join("tokenizer.json"), tokenizer.to_string()).unwrap();
        let path = folder.path().join("tokenizer_config.json");
        match settings {
            Some(settings) => std::fs::write(path, settings.to_string()).unwrap(),
            None => drop(std::fs::remove_file(path)),
        }
        let checkpoint = Checkpoint::open(folder.path()).unwrap();
        // The completed file alone carries the convention.
        let alone = Tokenizer::from_json(&checkpoint.tokenizer_json().unwrap().unwrap()).unwrap();
        alone.encode("a").unwrap()
    };
    // What stands beside the file adds no begin token, as in transformers 5; its own post-processor does.
    assert_eq!(encode(json!(null), None), [3]);
    assert_eq!(encode(json!(null), Some(json!({"add_bos_token": true, "bos_token": "<s>"}))), [3]);
    assert_eq!(encode(json!(null), Some(json!({"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>"}))), [3]);
    let begins = json!({
        "type": "TemplateProcessing", "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}},
        "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    });
    assert_eq!(encode(begins, Some(json!({"add_bos_token": false}))), [1, 3]);
    let own = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true});
    assert_eq!(encode(own, None), [3]);
}

/// What the library would panic on, or would encode differently each time.
#[test]
fn parts_that_cannot_be_trusted_are_refused() {
    let good: Value = serde_json::from_slice(&Checkpoint::bundled().tokenizer_json().unwrap().unwrap()).unwrap();
    let refused = |field: &str, value: Value, parts: &[&str]| {
        let mut file = good.clone();
        *file.pointer_mut(field).unwrap() = value;
        let error = Tokenizer::from_json(file.to_string().as_bytes()).unwrap_err();
        assert_says(&error.to_string(), &[&["tokenizer.json"], parts].concat());
    };
    refused("/model/type", json!("Unigram"), &["Unigram", "BPE"]);
    refused("/model/dropout", json!(0.1), &["dropout", "0.1"]);
    refused("/model/continuing_subword_prefix", json!("##"), &["continuing_subword_prefix"]);
    let charsmap = json!({"type": "Precompiled", "precompiled_charsmap": "AAAA"});
    refused("/normalizer", json!({"type": "Sequence", "normalizers": [charsmap]}), &["Precompiled"]);
    let strip = json!({"type": "Strip", "content": " ", "start": 0, "stop": 9});
    refused("/decoder", json!({"type": "Sequence", "decoders": [strip]}), &["Strip", "9"]);
    let merge = json!([["a", "no such token"]]);
    refused("/model/merges", merge, &["no such token"]);
    refused("/post_processor/special_tokens", json!({}), &["<|endoftext|>", "does not define"]);
    refused("/post_processor/single/1/Sequence/id", json!("B"), &["\"B\"", "only \"A\""]);
    Tokenizer::from_json(b"[]").unwrap_err();
}

/// Flipped bytes and truncations of a real `tokenizer.json`: an error or a tokenizer.
#[test]
fn no_damaged_file_panics() {
    let folder = tempdir().unwrap();
    let tiny = Checkpoint::open(&Gguf::tiny().write(folder.path())).unwrap();
    let files = [Checkpoint::bundled(), tiny].map(|c| c.tokenizer_json().unwrap().unwrap());
    let mut random = Random(0xD1B5_4A32_D192_ED03);
    let (mut read, mut refused) = (0, 0);
    for round in 0..6000 {
        let mut file = files[round % 2].clone();
        if round % 5 == 0 {
            file.truncate(random.below(file.len()));
        } else {
            for _ in 0..1 + random.below(3) {
                let at = random.below(file.len());
                file[at] = b' ' + random.below(95) as u8;
            }
        }
        match Tokenizer::from_json(&file) {
            Err(_) => refused += 1,
            Ok(tokenizer) => {
                read += 1;
                let ids = tokenizer.encode("Once upon a time, é!").unwrap_or_default();
                tokenizer.decode(&ids);
            }
        }
    }
    assert!(read > 2 && refused > 100, "{read} read, {refused} refused");
}
