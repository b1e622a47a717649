//! A test for every folder here that transformers has written: `architectures!(check)` calls `check("llama")` and the rest, each in a test
//! of its own. Included by the tests of this package and of the root.

macro_rules! architectures {
    ($check:ident) => {
        architectures!($check: arcee, bitnet, bitnet_packed, ernie4_5, gemma3, gpt2, gpt2_erf, gpt_oss, gpt_oss_alpha, gpt_oss_mxfp4, granite, llama, mistral,
            mistral3, olmo2, olmo3, phi3, phi3_long, phi3_partial, qwen2, qwen2_5_vl, qwen2_full, qwen3, qwen3_5, qwen3_5_moe, qwen3_5_whole,
            qwen3_moe, qwen3_moe_all, qwen3_next, qwen3_vl, seed_oss, smollm3);
    };
    ($check:ident: $($name:ident),*) => { $(#[test] fn $name() { $check(stringify!($name)); })* };
}
