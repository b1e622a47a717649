//! Families that are refused, and what of them no operator here computes.

/// Families as `model_type` and GGUF's `general.architecture` name them (without `_text` and the like after it), and what is missing.
const MISSING: [(&[&str], &str); 17] = [
    (&["llama4"], "attention in chunks, a temperature that grows with the position, norms without gain, and experts whose input is scaled"),
    (&["ministral3"], "scores whose scale grows with the position (llama_4_scaling_beta)"),
    (
        &["deepseek_v2", "deepseek_v3", "deepseek_v32", "deepseek2", "kimi_k2", "minicpm3", "glm4_moe_lite"],
        "multi-head latent attention: keys and values from one narrow vector",
    ),
    (&["deepseek_v4", "deepseek4"], "compressed and sparse attention"),
    (&["lfm2", "lfm2_moe", "lfm2moe", "lfm2_vl"], "the product of two vectors, around a convolution"),
    (&["falcon_h1", "falcon-h1", "granitemoehybrid", "granitehybrid", "nemotron_h", "bamba", "mamba2", "zamba2"], "the state of Mamba-2"),
    (&["mamba", "jamba", "falcon_mamba"], "the state of Mamba"),
    (&["rwkv6", "rwkv7"], "the state of RWKV"),
    (
        &["ernie4_5_moe", "ernie4_5-moe", "glm4_moe", "glm4moe", "dots1", "hunyuan_v1_moe", "hunyuan-moe"],
        "a bias on the choice of experts, or experts that always work without a gate",
    ),
    (&["gemma2"], "soft caps on scores and logits"),
    (&["gemma3n", "gemma4"], "embeddings of each layer's own, and keys and values that layers share"),
    (
        &["cohere", "cohere2", "command-r", "gptj", "gpt_neox", "gptneox", "falcon", "phi", "phi2"],
        "attention and feed-forward side by side",
    ),
    (&["exaone4"], "layers of two kinds whose norms stand after them"),
    (
        &["glm4", "hunyuan_v1_dense", "hunyuan-dense"],
        "norms of queries and keys after the rotation, or a rotation of neighbours in part of a head",
    ),
    (&["mixtral", "olmoe", "qwen2_moe", "qwen2moe", "phimoe", "granitemoe"], "the names and the routing of its experts"),
    (&["bloom", "mpt"], "ALiBi: scores that fall with the distance"),
    (&["bert", "roberta", "t5", "bart", "whisper"], "an encoder: attention to what comes after"),
];

/// What is missing of a family that is known and refused.
pub(crate) fn of(name: &str) -> Option<&'static str> {
    let stem = name.strip_suffix("_text").unwrap_or(name);
    MISSING.iter().find(|(names, _)| names.contains(&stem)).map(|(_, what)| *what)
}

/// What to read instead of a family, behind what is missing of it.
pub(crate) fn instead(name: &str, supported: String) -> String {
    match of(name) {
        Some(what) => format!("other families (of {name} is missing: {what}): {supported}"),
        None => supported,
    }
}
