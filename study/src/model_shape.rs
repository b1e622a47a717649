//! A model as a GPU would run it: of a chip, or of a configuration.

use hardwire_baseline::gpu::{ModelShape, WeightFormat};
use hardwire_models::ModelConfig;
use hardwire_netlist::{Structure, UnitKind};
use std::collections::BTreeMap;

/// The model that a chip holds, at the bits a weight it holds them in, with 16-bit keys and values.
pub fn model_shape(chip: &Structure) -> ModelShape {
    let (m, netlist) = (&chip.model, &chip.netlist);
    let parameters = m.parameters as f64;
    let (mut of_experts, mut routes) = (BTreeMap::<u32, f64>::new(), BTreeMap::new());
    let mut windows = Vec::new();
    for (_, unit) in netlist.units() {
        match &unit.kind {
            UnitKind::Route(route) => drop(routes.insert(unit.station, route)),
            UnitKind::Mvm(mvm) if unit.expert.is_some() => *of_experts.entry(unit.station).or_default() += mvm.matrix.weights() as f64,
            UnitKind::Attention(attention) => windows.extend(attention.window),
            UnitKind::Delta(delta) => {
                windows.push(state_window(u64::from(delta.values()) * u64::from(delta.key_dim), m.kv_heads, m.head_dim))
            }
            _ => {}
        }
    }
    // Weights of experts that do not work on a token.
    let rest = |(station, weights): (&u32, &f64)| {
        routes.get(station).map_or(0.0, |r| weights * (1.0 - f64::from(r.active) / f64::from(r.experts)))
    };
    let resting: f64 = of_experts.iter().map(rest).sum();
    let route = routes.values().next();
    ModelShape {
        name: m.name.clone(),
        parameters,
        active_parameters: parameters - resting,
        layers: m.layers,
        hidden: m.hidden,
        heads: m.heads,
        kv_heads: m.kv_heads,
        head_dim: m.head_dim,
        vocab: m.vocab,
        tied_embeddings: !chip.matrices().any(|(_, x)| x.tensor == "lm_head.weight"),
        experts: route.map_or(0, |r| r.experts),
        experts_per_token: route.map_or(0, |r| r.active),
        context_limit: m.model_context,
        window_layers: windows.len() as u32,
        window_tokens: windows.iter().max().copied().unwrap_or(0),
        expert_layers: routes.len() as u32,
        latent_cache: 0,
        dense_bits: 0.0,
        weight_bits: chip.bits_per_weight(),
        weight_format: WeightFormat::Block,
        kv_bits: 16.0,
    }
}

/// The window that a layer with a state of so many elements is told as: the tokens whose keys and values the state has room for.
fn state_window(elements: u64, kv_heads: u32, head_dim: u32) -> u32 {
    let cached = 2 * u64::from(kv_heads) * u64::from(head_dim);
    u32::try_from(elements.div_ceil(cached.max(1))).unwrap_or(u32::MAX)
}

/// The model that `config` describes, with 16-bit weights, keys and values.
pub fn shape_of_config(name: &str, config: &ModelConfig) -> ModelShape {
    let (experts, active, width) = config.experts.as_ref().map_or((0, 0, 0), |e| (e.count, e.active, e.ffn));
    let expert_layers = config.plan.iter().filter(|l| l.experts).count();
    // Gate, up and down of every expert that does not work on a token.
    let resting = (3 * config.hidden * width * (experts - active) * expert_layers) as f64;
    let state = config.linear.as_ref().map(|l| {
        let elements = l.value_heads as u64 * l.key_dim as u64 * l.value_dim as u64;
        state_window(elements, config.kv_heads as u32, config.head_dim as u32)
    });
    let windows: Vec<u32> = config.plan.iter().filter_map(|l| if l.linear { state } else { l.window.map(|w| w as u32) }).collect();
    let parameters = config.parameters as f64;
    ModelShape {
        name: name.into(),
        parameters,
        active_parameters: parameters - resting,
        layers: config.layers as u32,
        hidden: config.hidden as u32,
        heads: config.heads as u32,
        kv_heads: config.kv_heads as u32,
        head_dim: config.head_dim as u32,
        vocab: config.vocab as u32,
        tied_embeddings: config.tied_embeddings,
        experts: experts as u32,
        experts_per_token: active as u32,
        context_limit: config.context as u32,
        window_layers: windows.len() as u32,
        window_tokens: windows.iter().max().copied().unwrap_or(0),
        expert_layers: expert_layers as u32,
        latent_cache: 0,
        dense_bits: 0.0,
        weight_bits: 16.0,
        weight_format: WeightFormat::Float16,
        kv_bits: 16.0,
    }
}
