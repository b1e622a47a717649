//! What transformers 5's configuration classes take for common fields that a `config.json` leaves out.

use crate::config::Architecture;

/// One class's defaults. A field that says null is none of these: it is what the class makes of `None`.
pub(super) struct ClassDefaults {
    pub vocab: usize,
    pub hidden: usize,
    /// `None` where the width follows from another field.
    pub ffn: Option<usize>,
    pub layers: usize,
    pub heads: usize,
    /// As many as query heads if `None`.
    pub kv_heads: Option<usize>,
    pub context: usize,
    /// A context before scaling that counts even where `rope_parameters` names another (Phi-3).
    pub original_context: Option<usize>,
    pub bos: Option<u32>,
    pub eos: Option<u32>,
}

/// Read off the classes of transformers 5.24 (`configuration_*.py`).
pub(super) fn of(architecture: Architecture) -> ClassDefaults {
    let class = |sizes: [usize; 6], kv_heads, ends: [Option<u32>; 2]| {
        let [vocab, hidden, ffn, layers, heads, context] = sizes;
        let ffn = Some(ffn).filter(|&ffn| ffn > 0);
        let [bos, eos] = ends;
        ClassDefaults { vocab, hidden, ffn, layers, heads, kv_heads, context, original_context: None, bos, eos }
    };
    let (none, llama_ends) = ([None; 2], [Some(1), Some(2)]);
    match architecture {
        Architecture::Arcee => class([32_000, 2560, 18_432, 32, 32, 4096], None, [Some(128_000), Some(128_001)]),
        Architecture::BitNet => class([128_256, 2560, 6912, 30, 20, 2048], Some(5), [Some(128_000), Some(128_001)]),
        Architecture::Ernie45 => class([103_424, 1024, 3072, 18, 16, 131_072], Some(2), llama_ends),
        Architecture::Gemma3 => class([262_208, 2304, 9216, 26, 8, 131_072], Some(4), [Some(2), Some(1)]),
        Architecture::Gpt2 => class([50_257, 768, 0, 12, 12, 1024], None, [Some(50_256); 2]),
        Architecture::GptOss => class([201_088, 2880, 2880, 36, 64, 131_072], Some(8), none),
        Architecture::Granite | Architecture::Llama => class([32_000, 4096, 11_008, 32, 32, 2048], None, llama_ends),
        Architecture::Mistral => class([32_000, 4096, 14_336, 32, 32, 131_072], Some(8), llama_ends),
        Architecture::Olmo2 => class([50_304, 4096, 11_008, 32, 32, 2048], None, [None, Some(50_279)]),
        Architecture::Phi3 => {
            let phi3 = class([32_064, 3072, 8192, 32, 32, 4096], None, [Some(1), Some(32_000)]);
            ClassDefaults { original_context: Some(4096), ..phi3 }
        }
        Architecture::Qwen2 => class([151_936, 4096, 22_016, 32, 32, 32_768], Some(32), none),
        Architecture::Qwen3 => class([151_936, 4096, 22_016, 32, 32, 32_768], Some(32), none),
        Architecture::Qwen3Moe => class([151_936, 2048, 6144, 24, 32, 32_768], Some(4), none),
        Architecture::Qwen35 => class([248_320, 4096, 12_288, 32, 16, 32_768], Some(4), none),
        Architecture::Qwen35Moe => class([248_320, 2048, 0, 40, 16, 32_768], Some(2), none),
        Architecture::Qwen3Next => class([151_936, 2048, 5632, 48, 16, 32_768], Some(2), none),
        Architecture::SeedOss => class([155_136, 4096, 27_648, 64, 80, 524_288], Some(8), [Some(0), Some(2)]),
        Architecture::SmolLm3 => class([128_256, 2048, 11_008, 36, 16, 32_768], Some(4), [Some(128_000), Some(128_001)]),
    }
}
