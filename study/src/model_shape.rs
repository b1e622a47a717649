//! The model of a chip as a GPU would run it.

use hardwire_baseline::gpu::{ModelShape, WeightFormat};
use hardwire_netlist::Chip;

/// The model `chip` holds, at the bits a weight it holds them in, with 16-bit keys and values.
pub fn model_shape(chip: &Chip) -> ModelShape {
    let m = chip.model();
    let parameters = m.parameters as f64;
    let (mut bits, mut weights) = (0.0, 0.0);
    for (_, x) in chip.structure.matrices() {
        bits += x.bits_per_weight() * x.weights() as f64;
        weights += x.weights() as f64;
    }
    ModelShape {
        name: m.name.clone(),
        parameters,
        active_parameters: parameters,
        layers: m.layers,
        hidden: m.hidden,
        heads: m.heads,
        kv_heads: m.kv_heads,
        head_dim: m.head_dim,
        vocab: m.vocab,
        tied_embeddings: !chip.structure.matrices().any(|(_, x)| x.tensor == "lm_head.weight"),
        experts: 0,
        experts_per_token: 0,
        context_limit: m.model_context,
        window_layers: 0,
        window_tokens: 0,
        expert_layers: 0,
        latent_cache: 0,
        dense_bits: 0.0,
        weight_bits: if weights > 0.0 { bits / weights } else { 16.0 },
        weight_format: WeightFormat::Block,
        kv_bits: 16.0,
    }
}
