//! Figures of the GPU baseline that can be checked by hand.

use hardwire_baseline::gpu::{self, ModelShape, Parallel, WeightFormat, Workload};

/// Llama-3.1-8B with FP8 weights and cache (shape: its config.json).
fn llama_8b() -> ModelShape {
    ModelShape {
        name: "Llama-3.1-8B".into(),
        parameters: 8.03e9,
        active_parameters: 8.03e9,
        layers: 32,
        hidden: 4096,
        heads: 32,
        kv_heads: 8,
        head_dim: 128,
        vocab: 128_256,
        tied_embeddings: false,
        experts: 0,
        experts_per_token: 0,
        context_limit: 131_072,
        window_layers: 0,
        window_tokens: 0,
        expert_layers: 0,
        latent_cache: 0,
        dense_bits: 0.0,
        weight_bits: 8.0,
        weight_format: WeightFormat::Fp8,
        kv_bits: 8.0,
    }
}

#[test]
fn l40s_reads_14_gb_at_most_61_7_times_a_second() {
    let ceiling = gpu::find("L40S").unwrap().ceiling_tokens_per_s(14e9);
    assert!((ceiling - 61.7).abs() < 0.05, "{ceiling}");
}

#[test]
fn seventy_billion_weights_at_4_bits_are_35_gb() {
    let model = ModelShape { parameters: 70e9, active_parameters: 70e9, ..llama_8b() };
    assert_eq!(model.quantized(4.0, WeightFormat::Block, 8.0).weight_bytes(), 35e9);
}

#[test]
fn llama_8b_caches_64_kib_a_token_at_8_bits() {
    assert_eq!(llama_8b().kv_bytes_per_token(), 65_536.0);
}

#[test]
fn no_estimate_passes_its_ceiling() {
    for device in gpu::devices().unwrap() {
        let workload = Workload::new(1, 512, 512);
        let Ok(estimate) = gpu::decode(&device, &llama_8b(), &workload, Parallel::ONE) else { continue };
        assert!(estimate.tokens_per_s_per_user.value < estimate.ceiling_tokens_per_s_per_user.value, "{}", device.name);
        assert!(estimate.power_w.value <= device.tdp_w, "{}", device.name);
    }
}
