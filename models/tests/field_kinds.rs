//! What files from the field have that a specification does not promise, a kind a test, in files made here. The public report that a case
//! came from stands beside it; the rules are those of `docs/checkpoints.md`.

mod common;

use common::*;
use hardwire_models::{Checkpoint, Dtype, FloatModel, RopeScaling};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

/// A folder of the tiny model, changed.
fn folder(edit: impl FnOnce(&mut Value, &mut Vec<Stored>)) -> TempDir {
    let folder = tempdir().unwrap();
    let (mut config, mut tensors) = (config(), tensors());
    edit(&mut config, &mut tensors);
    write_folder(folder.path(), &config, &safetensors(&tensors));
    folder
}

fn opened(edit: impl FnOnce(&mut Value, &mut Vec<Stored>)) -> Checkpoint {
    Checkpoint::open(folder(edit).path()).unwrap()
}

fn stored(name: &str, dtype: &str, shape: &[usize], size: usize) -> Stored {
    let count: usize = shape.iter().product();
    Stored { name: name.into(), dtype: dtype.into(), shape: shape.to_vec(), bytes: vec![0; count * size] }
}

/// The logits after one token.
fn logits(checkpoint: &Checkpoint) -> Vec<f32> {
    let model = FloatModel::new(checkpoint).unwrap();
    model.forward(&mut model.start(), 5).unwrap()
}

fn gguf(edit: impl FnOnce(&mut Gguf)) -> Checkpoint {
    let folder = tempdir().unwrap();
    let mut file = Gguf::tiny();
    edit(&mut file);
    Checkpoint::open(&file.write(folder.path())).unwrap()
}

/// huggingface/transformers#24581 (masks), #6868 (position ids); cos and sin of early Llama conversions.
#[test]
fn buffers_of_any_type_and_shape_are_passed_over() {
    let plain = opened(|_, _| {});
    let at = "model.layers.0.self_attn";
    let checkpoint = opened(|_, t| {
        for (i, (dtype, size)) in [("I64", 8), ("I32", 4), ("U8", 1), ("BOOL", 1), ("F16", 2), ("U16", 2)].into_iter().enumerate() {
            t.push(stored(&format!("model.{i}.position_ids"), dtype, &[1, 16], size));
        }
        t.push(stored(&format!("{at}.bias"), "BOOL", &[1, 1, 16, 16], 1));
        t.push(stored(&format!("{at}.masked_bias"), "F32", &[], 4));
        t.push(stored(&format!("{at}.rotary_emb.inv_freq"), "F64", &[8], 8));
        t.push(stored(&format!("{at}.rotary_emb.cos_cached"), "BF16", &[1, 1, 16, 16], 2));
        t.push(stored(&format!("{at}.k_cache"), "F32", &[0, 16], 4));
        t.push(stored("model.unused", "F8_E4M3", &[0], 1));
    });
    assert_eq!((checkpoint.digest(), checkpoint.tensor_names()), (plain.digest(), plain.tensor_names()));
    // Beside them, what could be a weight is still none.
    let with = |name: &str, dtype: &str, shape: &[usize], size| folder(|_, t| t.push(stored(name, dtype, shape, size)));
    refused(with(&format!("{at}.bias"), "F32", &[32], 4).path(), &["self_attn.bias", "no place"]);
    refused(with("model.counts", "I64", &[4], 8).path(), &["model.counts", "I64"]);
    refused(with(&format!("{at}.q_proj.qweight"), "I32", &[4, 32], 4).path(), &["qweight", "AWQ or GPTQ"]);
    refused(with(&format!("{at}.q_proj.weight.absmax"), "F32", &[4], 4).path(), &["absmax", "bitsandbytes"]);
}

/// Float64 exports of scientific code, and of small models of textbooks.
#[test]
fn doubles_are_rounded_once() {
    let wide = opened(|_, t| {
        for tensor in t {
            let (values, _) = tensor.bytes.as_chunks::<4>();
            tensor.bytes = values.iter().flat_map(|b| f64::from(f32::from_le_bytes(*b)).to_le_bytes()).collect();
            tensor.dtype = "F64".into();
        }
    });
    assert_eq!(wide.tensor("model.norm.weight").unwrap().dtype, Dtype::F64);
    assert_eq!(logits(&wide), logits(&opened(|_, _| {})));
    let huge = opened(|_, t| {
        let norm = &mut t[1];
        (norm.dtype, norm.bytes) = ("F64".into(), 1e300f64.to_le_bytes().repeat(HIDDEN));
    });
    let error = FloatModel::new(&huge).err().expect("a refusal").to_string();
    assert_says(&error, &["model.norm.weight", "inf"]);
}

/// `module.` of data parallelism, `_orig_mod.` of `torch.compile`, `base_model.model.` of PEFT, `language_model.` of what also sees.
#[test]
fn a_checkpoint_lies_whole_under_any_prefix() {
    let untied = |c: &mut Value, t: &mut Vec<Stored>| {
        c["tie_word_embeddings"] = json!(false);
        let bytes = weights(&[VOCAB, HIDDEN], 99);
        t.push(Stored { name: "lm_head.weight".into(), dtype: "F32".into(), shape: vec![VOCAB, HIDDEN], bytes });
    };
    let plain = opened(untied).digest();
    for (body, head) in [
        ("", ""),
        ("module.model.", "module."),
        ("_orig_mod.model.", "_orig_mod."),
        ("module._orig_mod.model.", "module._orig_mod."),
        ("language_model.model.", "language_model."),
        ("model.language_model.", ""),
        ("base_model.model.model.", "base_model.model."),
        ("decoder.", "decoder."),
    ] {
        let checkpoint = opened(|c, t| {
            untied(c, t);
            for tensor in t {
                tensor.name = match tensor.name.strip_prefix("model.") {
                    Some(rest) => format!("{body}{rest}"),
                    None => format!("{head}{}", tensor.name),
                };
            }
        });
        assert_eq!(checkpoint.digest(), plain, "{body:?}");
    }
    let both = folder(|_, t| t.push(stored("visual.blocks.0.weight", "F32", &[2, 2], 4)));
    refused(both.path(), &["visual.blocks.0.weight", "no place"]);
}

/// huggingface/transformers#42612, #46456: a tied flag is a wish, the tensors are the fact.
#[test]
fn a_tied_head_that_differs_is_a_head() {
    let head = |seed: usize| Stored {
        name: "lm_head.weight".into(),
        dtype: "F32".into(),
        shape: vec![VOCAB, HIDDEN],
        bytes: weights(&[VOCAB, HIDDEN], seed),
    };
    // The embedding is tensor 0, drawn with that seed.
    let same = opened(|_, t| t.push(head(0)));
    assert!(same.config().tied_embeddings && same.warnings().is_empty());
    let other = opened(|_, t| t.push(head(3)));
    assert!(!other.config().tied_embeddings && other.config().parameters > same.config().parameters);
    assert_says(&other.warnings()[0], &["tie_word_embeddings", "lm_head.weight"]);
    assert_ne!(logits(&other), logits(&same));
    // Stored the other way round, the head is the embedding.
    let alone = opened(|_, t| t[0].name = "lm_head.weight".into());
    assert_eq!(alone.digest(), same.digest());
}

/// vllm-project/vllm#4180; meta-llama/llama3#299.
#[test]
fn a_text_ends_where_any_file_says() {
    let folder = folder(|c, _| c["eos_token_id"] = json!(2));
    let write = |name: &str, value: Value| std::fs::write(folder.path().join(name), value.to_string()).unwrap();
    let ends = || Checkpoint::open(folder.path()).unwrap().config().eos.clone();
    assert_eq!(ends(), [2]);
    write("generation_config.json", json!({"eos_token_id": [2, 27, -1, 900], "top_p": 0.9}));
    assert_eq!(ends(), [2, 27]);
    let added = json!({"id": 9, "content": "<|im_end|>", "special": true});
    write("tokenizer.json", json!({"added_tokens": [added], "model": {"type": "BPE", "vocab": {"<s>": 7, "a": 3}, "merges": []}}));
    write("tokenizer_config.json", json!({"eos_token": {"content": "<|im_end|>"}, "bos_token": "<s>"}));
    assert_eq!(ends(), [2, 27, 9]);
    assert_eq!(Checkpoint::open(folder.path()).unwrap().config().bos, Some(7));
    // A file that transformers makes do without is a warning.
    std::fs::write(folder.path().join("generation_config.json"), "{").unwrap();
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    assert_eq!(checkpoint.config().eos, [2, 9]);
    assert_says(&checkpoint.warnings()[0], &["generation_config.json"]);
}

/// stefan-it/german-gpt2#9 (class defaults left in), `-1` of early Llama files, `Infinity` of vllm-project/vllm#42959.
#[test]
fn ids_and_numbers_that_cannot_be_are_passed_over() {
    let checkpoint = opened(|c, _| {
        c["bos_token_id"] = json!(128_000);
        c["eos_token_id"] = json!([-1, 2, 128_001]);
        c["pad_token_id"] = json!(-1);
    });
    assert_eq!((checkpoint.config().bos, &checkpoint.config().eos[..]), (None, &[2][..]));
    assert_eq!(checkpoint.warnings().len(), 4);
    let written = |edit: &dyn Fn(String) -> String| {
        let folder = folder(|_, _| {});
        std::fs::write(folder.path().join("config.json"), edit(config().to_string())).unwrap();
        Checkpoint::open(folder.path())
    };
    let plain = opened(|_, _| {}).digest();
    let odd = written(&|text| text.replacen('{', r#"{"a": NaN, "b": [-Infinity, Infinity], "c": "NaN \" Infinity", "#, 1));
    assert_eq!(odd.unwrap().digest(), plain);
    assert_eq!(written(&|text| text.replace(',', ",\r\n\t")).unwrap().digest(), plain);
    let twice = written(&|text| text.replacen('{', r#"{"rope_theta": 77.0, "#, 1));
    assert_eq!(twice.unwrap().digest(), plain);
    let bom = written(&|text| format!("\u{FEFF}{text}")).unwrap_err().to_string();
    assert_says(&bom, &["config.json", "byte order mark"]);
    let read = written(&|text| text.replacen("10000.0", "Infinity", 1)).unwrap_err().to_string();
    assert_says(&read, &["rope_theta", "Infinity"]);
    // A window in the file of a family without windows is another family's field.
    let stray = opened(|c, _| c["sliding_window"] = json!(4));
    assert_eq!(stray.digest(), plain);
    assert_says(&stray.warnings()[0], &["sliding_window 4"]);
}

/// `modeling_rope_utils.py` of transformers 5; sgl-project/sglang#14772; deepseek-ai's `mscale`.
#[test]
fn one_order_for_ropes_numbers() {
    let rope = |edit: &dyn Fn(&mut Value)| opened(|c, _| edit(c)).config().rope[0].clone();
    assert_eq!(rope(&|c| c["rope_parameters"] = json!({"rope_type": "default", "rope_theta": 5e5})).theta, 5e5);
    let both = rope(&|c| {
        c["rope_parameters"] = json!({"rope_type": "linear", "factor": 2.0, "rope_theta": 7e5});
        c["rope_scaling"] = json!({"type": "linear", "factor": 4.0});
    });
    assert_eq!((both.theta, both.scaling), (10_000.0, Some(RopeScaling::Linear { factor: 4.0 })));
    let empty = rope(&|c| {
        c["rope_parameters"] = json!({"rope_type": "linear", "factor": 2.0});
        c["rope_scaling"] = json!({});
    });
    assert_eq!(empty.scaling, Some(RopeScaling::Linear { factor: 2.0 }));
    assert_eq!(rope(&|c| c["rope_scaling"] = json!({"type": "dynamic", "factor": 2.0})).scaling, None);
    let yarn = |value: Value, outer: Option<usize>| {
        let table = rope(&|c| {
            c["rope_scaling"] = value.clone();
            outer.iter().for_each(|&n| c["original_max_position_embeddings"] = json!(n));
        });
        match table.scaling {
            Some(RopeScaling::Yarn { original_context, attention_factor, fast, .. }) => (original_context, attention_factor, fast),
            other => panic!("{other:?}"),
        }
    };
    let stretch = |m: f64| 0.1 * m * 4f64.ln() + 1.0;
    assert_eq!(yarn(json!({"type": "yarn", "factor": 4.0, "beta_fast": null}), None), (16, stretch(1.0), 32.0));
    let named = json!({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8});
    assert_eq!((yarn(named.clone(), None).0, yarn(named, Some(4)).0), (8, 4));
    let mscale = json!({"rope_type": "yarn", "factor": 4.0, "mscale": 2.0, "mscale_all_dim": 0.5});
    assert_eq!(yarn(mscale, None).1, stretch(2.0) / stretch(0.5));
    // One alone says nothing, nor does zero.
    assert_eq!(yarn(json!({"rope_type": "yarn", "factor": 4.0, "mscale": 2.0, "mscale_all_dim": 0}), None).1, stretch(1.0));
    assert_eq!(yarn(json!({"rope_type": "yarn", "factor": 4.0, "attention_factor": 0.7}), None).1, 0.7);
    // Given as null, the factor is the ratio of the contexts.
    let ratio = json!({"rope_type": "yarn", "factor": null, "original_max_position_embeddings": 4});
    assert_eq!(yarn(ratio, None).1, stretch(1.0));
}

/// `configuration_mistral.py` and its like: what a file leaves out is its class's.
#[test]
fn absent_sizes_are_the_class_s_own() {
    let parse = |text: Value| hardwire_models::ModelConfig::from_json(text.to_string().as_bytes(), "c".as_ref()).unwrap();
    let mistral = parse(json!({"model_type": "mistral", "hidden_size": 64, "intermediate_size": 8, "num_hidden_layers": 1}));
    assert_eq!((mistral.heads, mistral.kv_heads, mistral.vocab, mistral.eos[0]), (32, 8, 32_000, 2));
    // Null is not absent.
    let null = parse(json!({"model_type": "mistral", "hidden_size": 64, "num_key_value_heads": null}));
    assert_eq!((null.kv_heads, null.ffn), (32, 14_336));
    let gpt2 = parse(json!({"model_type": "gpt2"}));
    assert_eq!((gpt2.parameters, gpt2.eos[0]), (124_439_808, 50_256));
}

/// lmstudio-ai/lms#347; git-lfs's pointers in clones without it.
#[test]
fn files_are_known_by_what_they_hold() {
    let folder = tempdir().unwrap();
    let blob = folder.path().join("sha256-6f0c");
    std::fs::rename(Gguf::tiny().write(folder.path()), &blob).unwrap();
    let by_file = Checkpoint::open(&blob).unwrap().digest();
    assert_eq!(Checkpoint::open(folder.path()).unwrap().digest(), by_file);
    Gguf::tiny().write(folder.path());
    refused(folder.path(), &["2 GGUF files"]);
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
    let lfs = tempdir().unwrap();
    write_folder(lfs.path(), &config(), pointer.as_bytes());
    refused(lfs.path(), &["model.safetensors", "Git LFS", "git lfs pull"]);
    std::fs::write(&blob, pointer).unwrap();
    refused(&blob, &["sha256-6f0c", "Git LFS"]);
}

/// ggml-org/llama.cpp#7432 and `llama-vocab.cpp`: end tokens by name, types that lie, ids that point nowhere.
#[test]
fn gguf_texts_end_where_llama_cpp_ends_them() {
    let named = |names: &[(usize, &'static str)]| {
        let names = names.to_vec();
        move |f: &mut Gguf| {
            let mut tokens: Vec<String> = ["<unk>", "<s>", "</s>"].map(String::from).into();
            tokens.extend((0..=255u8).map(|b| format!("<0x{b:02X}>")));
            tokens.extend(["▁", "a", "b", "c", "ab", "▁a", "▁ab", "abc", "bc"].map(String::from));
            names.iter().for_each(|(at, name)| tokens[*at] = name.to_string());
            f.set("tokenizer.ggml.tokens", 9, array(8, tokens.iter().map(|t| text(t))));
        }
    };
    assert_eq!(gguf(|_| {}).config().eos, [2]);
    // Its type says it is a word.
    let turns = gguf(named(&[(266, "<|im_end|>"), (267, "<|fim_pad|>")]));
    assert_eq!(turns.config().eos, [2, 267, 266]);
    assert_eq!(turns.tokenizer().unwrap().unwrap().encode("<|im_end|>").unwrap(), [1, 266]);
    // With channels, <|end|> ends a message only.
    let channels = gguf(named(&[(265, "<|end|>"), (266, "<|return|>"), (267, "<|call|>")]));
    assert_eq!(channels.config().eos, [2, 266, 267]);
    let nowhere = gguf(|f| {
        f.set_u32("tokenizer.ggml.eos_token_id", 9999);
        f.set("tokenizer.ggml.padding_token_id", 5, (-1i32).to_le_bytes().into());
        f.remove("tokenizer.ggml.bos_token_id");
    });
    assert_eq!((nowhere.config().bos, nowhere.config().eos.clone(), nowhere.warnings().len()), (Some(1), vec![2], 2));
}

/// huggingface/transformers#32136: Phi-3's special tokens swallow what follows; ggml-org/llama.cpp#8228: runs of spaces of one score.
#[test]
fn gguf_special_tokens_match_as_llama_cpp_matches_them() {
    let encode = |edit: &dyn Fn(&mut Gguf), text: &str| gguf(|f| edit(f)).tokenizer().unwrap().unwrap().encode(text).unwrap();
    let phi = |f: &mut Gguf| f.set_text("general.name", "Phi-3-mini");
    assert_eq!(encode(&|_| {}, "</s> \nab"), [1, 2, 259, 259, 13, 263]);
    assert_eq!(encode(&phi, "</s> \nab"), [1, 2, 265]);
    assert_eq!(encode(&phi, "<s> ab"), [1, 1, 259, 265]);
    let runs = |f: &mut Gguf| {
        let mut tokens: Vec<String> = ["<unk>", "<s>", "</s>"].map(String::from).into();
        tokens.extend((0..=255u8).map(|b| format!("<0x{b:02X}>")));
        tokens.extend(["▁", "a", "▁▁", "▁▁▁", "b", "c", "d", "e", "f"].map(String::from));
        f.set("tokenizer.ggml.tokens", 9, array(8, tokens.iter().map(|t| text(t))));
        let score = |i: usize| if matches!(i, 261 | 262) { -1000f32 } else { -(i as f32) };
        f.set("tokenizer.ggml.scores", 9, array(6, (0..VOCAB).map(|i| score(i).to_le_bytes().to_vec())));
        f.set_bool("tokenizer.ggml.add_space_prefix", false);
    };
    assert_eq!(encode(&runs, "a    a"), [1, 260, 262, 259, 260]);
    assert_eq!(encode(&runs, "a     a"), [1, 260, 262, 261, 260]);
}

/// Keys as `llama-arch.cpp` lists them: what is not known is refused by name, unless it says nothing.
#[test]
fn gguf_keys_are_known_or_refused() {
    let bad = |edit: &dyn Fn(&mut Gguf), parts: &[&str]| {
        let folder = tempdir().unwrap();
        let mut file = Gguf::tiny();
        edit(&mut file);
        refused(&file.write(folder.path()), parts);
    };
    let float = |f: &mut Gguf, key: &str, value: f32| f.set(key, 6, value.to_le_bytes().into());
    bad(&|f| f.set_u32("llama.no_such_thing", 1), &["llama.no_such_thing", "models without it"]);
    bad(&|f| f.set_bool("llama.attention.causal", false), &["attention.causal", "false"]);
    bad(&|f| float(f, "llama.final_logit_softcapping", 30.0), &["final_logit_softcapping", "30"]);
    bad(&|f| float(f, "llama.logit_scale", 0.5), &["logit_scale"]);
    bad(&|f| f.set_u32("llama.attention.sliding_window", 4), &["sliding_window", "4"]);
    bad(&|f| f.set_text("general.type", "adapter"), &["general.type", "adapter"]);
    let plain = gguf(|_| {}).digest();
    let quiet = gguf(|f| {
        f.set_bool("llama.attention.causal", true);
        f.set_u32("llama.attention.sliding_window", 4096);
        f.set_bool("llama.use_parallel_residual", false);
        f.set_bool("llama.rope.scaling.finetuned", true);
        f.set_u32("llama.expert_shared_count", 0);
        float(f, "llama.residual_scale", 1.0);
        f.set("llama.attention.head_count_kv", 9, array(5, [1i32.to_le_bytes().to_vec()]));
        f.set_text("quantize.imatrix.file", "some.dat");
        f.set_text("general.license", "mit");
    });
    assert_eq!(quiet.digest(), plain);
}

/// ggml-org/llama.cpp PR 2268 and 2772: a factor without a type is linear; an attention factor stands alone.
#[test]
fn gguf_ropes_scale_as_in_llama_cpp() {
    let scaling = |edit: &dyn Fn(&mut Gguf)| gguf(|f| edit(f)).config().rope[0].scaling.clone();
    let float = |f: &mut Gguf, key: &str, value: f32| f.set(&format!("llama.rope.{key}"), 6, value.to_le_bytes().into());
    let four = Some(RopeScaling::Linear { factor: 4.0 });
    assert_eq!(scaling(&|f| float(f, "scaling.factor", 4.0)), four);
    assert_eq!(scaling(&|f| float(f, "scale_linear", 4.0)), four);
    assert_eq!(scaling(&|f| float(f, "scaling.factor", 0.0)), None);
    let none = |f: &mut Gguf| {
        float(f, "scaling.factor", 4.0);
        f.set_text("llama.rope.scaling.type", "none");
    };
    assert_eq!(scaling(&none), None);
    let factors = |factor: f64, attention_factor| Some(RopeScaling::Factors { factors: vec![factor; 8], attention_factor, long: None });
    assert_eq!(scaling(&|f| float(f, "scaling.attn_factor", 0.5)), factors(1.0, 0.5));
    let both = |f: &mut Gguf| {
        float(f, "scaling.attn_factor", 0.5);
        float(f, "scaling.factor", 4.0);
    };
    assert_eq!(scaling(&both), factors(4.0, 0.5));
    let yarn = |f: &mut Gguf| {
        both(f);
        f.set_text("llama.rope.scaling.type", "yarn");
    };
    match scaling(&yarn) {
        Some(RopeScaling::Yarn { factor, original_context, attention_factor, .. }) => {
            assert_eq!((factor, original_context, attention_factor), (4.0, 16, 0.5 * (0.1 * 4f64.ln() + 1.0)));
        }
        other => panic!("{other:?}"),
    }
}

/// microsoft/onnxruntime-extensions#890: tokens that only `tokenizer_config.json` and its relatives know.
#[test]
fn tokens_beside_the_tokenizer_are_added() {
    let folder = folder(|_, _| {});
    let write = |name: &str, value: Value| std::fs::write(folder.path().join(name), value.to_string()).unwrap();
    let encode = |text: &str| Checkpoint::open(folder.path()).unwrap().tokenizer().unwrap().unwrap().encode(text).unwrap();
    write(
        "tokenizer.json",
        json!({"added_tokens": [], "model": {"type": "BPE", "vocab": {"a": 0, "<": 1, "|": 2, ">": 3, "<|x|>": 4}, "merges": []}}),
    );
    assert_eq!(encode("a<|>a"), [0, 1, 2, 3, 0]);
    write("tokenizer_config.json", json!({"additional_special_tokens": ["<|x|>", "<|y|>"], "eos_token": "<|z|>"}));
    // In the vocabulary it keeps its id; others follow after all: the named one first.
    assert_eq!(encode("a<|x|>a<|y|><|z|>"), [0, 4, 0, 6, 5]);
    write("tokenizer_config.json", json!({"added_tokens_decoder": {"5": {"content": "<|y|>", "rstrip": true, "special": true}}}));
    assert_eq!(encode("<|y|>  a"), [5, 0]);
    // A token past the embedding is a matter of the text that has it.
    write("tokenizer_config.json", json!({"added_tokens_decoder": {"900": {"content": "<|far|>", "special": true}}}));
    assert_eq!(encode("a"), [0]);
}

/// Folders of before `tokenizer.json`: `vocab.json` with `merges.txt`, and SentencePiece's own file.
#[test]
fn tokenizers_are_built_from_their_parts() {
    let folder = folder(|_, _| {});
    let path = |name: &str| folder.path().join(name);
    let tokens = json!({"a": 0, "b": 1, "Ġ": 2, "ab": 3, "Ġab": 4, "1": 5, "11": 6});
    std::fs::write(path("vocab.json"), tokens.to_string()).unwrap();
    std::fs::write(path("merges.txt"), "#version: 0.2\na b\nĠ ab\n1 1\n").unwrap();
    let encode = |text: &str| Checkpoint::open(folder.path()).unwrap().tokenizer().unwrap().unwrap().encode(text).unwrap();
    assert_eq!(encode("ab ab11"), [3, 4, 6]);
    std::fs::write(path("tokenizer_config.json"), json!({"tokenizer_class": "Qwen2TokenizerFast"}).to_string()).unwrap();
    assert_eq!(encode("ab11"), [3, 5, 5]);
    let settings = json!({"tokenizer_class": "GPT2Tokenizer", "add_bos_token": true, "bos_token": "b"});
    std::fs::write(path("tokenizer_config.json"), settings.to_string()).unwrap();
    assert_eq!(encode("a"), [1, 0]);
    std::fs::write(path("merges.txt"), "a b c\n").unwrap();
    let error = Checkpoint::open(folder.path()).unwrap().tokenizer().unwrap_err().to_string();
    assert_says(&error, &["merges.txt", "line 1"]);

    // The same pieces as the GGUF file's give the same ids.
    for name in ["vocab.json", "merges.txt", "tokenizer_config.json"] {
        std::fs::remove_file(path(name)).unwrap();
    }
    let field = |number: u8, kind: u8, content: &[u8]| [&[number << 3 | kind][..], content].concat();
    let bytes = |number: u8, content: &[u8]| field(number, 2, &[&[content.len() as u8][..], content].concat());
    let mut pieces: Vec<(String, f32, u8)> = vec![("<unk>".into(), 0.0, 2), ("<s>".into(), 0.0, 3), ("</s>".into(), 0.0, 3)];
    pieces.extend((0..=255u8).map(|b| (format!("<0x{b:02X}>"), 0.0, 6)));
    let words = ["▁", "a", "b", "c", "ab", "▁a", "▁ab", "abc", "bc"];
    pieces.extend(words.iter().enumerate().map(|(i, word)| (word.to_string(), -(i as f32), 1)));
    let piece = |(text, score, kind): &(String, f32, u8)| {
        bytes(1, &[bytes(1, text.as_bytes()), field(2, 5, &score.to_le_bytes()), field(3, 0, &[*kind])].concat())
    };
    let mut model: Vec<u8> = pieces.iter().flat_map(piece).collect();
    model.extend(bytes(2, &field(3, 0, &[2])));
    model.extend(bytes(3, &[field(3, 0, &[1]), field(4, 0, &[0])].concat()));
    std::fs::write(path("tokenizer.model"), &model).unwrap();
    assert_eq!(encode("abc"), [1, 265, 262]);
    assert_eq!(encode("</s>é"), [1, 2, 259, 3 + 0xC3, 3 + 0xA9]);
    model.truncate(model.len() - 5);
    std::fs::write(path("tokenizer.model"), &model).unwrap();
    assert!(Checkpoint::open(folder.path()).unwrap().tokenizer().is_err());
}
