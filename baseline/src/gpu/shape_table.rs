//! Shapes of models whose speed was published, so that their rows can be predicted.

use serde::Deserialize;

use super::error::GpuError;
use super::shape::{ModelShape, WeightFormat};

const BUNDLED: &str = include_str!("../../data/model_shapes.csv");

#[derive(Deserialize)]
struct Row {
    name: String,
    parameters: f64,
    active_parameters: f64,
    layers: u32,
    hidden: u32,
    heads: u32,
    kv_heads: u32,
    head_dim: u32,
    vocab: u32,
    tied_embeddings: bool,
    experts: u32,
    experts_per_token: u32,
    context_limit: u32,
    window_layers: u32,
    window_tokens: u32,
    expert_layers: u32,
    latent_cache: u32,
    dense_bits: f64,
}

/// The bundled shapes, at 16-bit weights and cache; [`ModelShape::quantized`] changes those. Sources stand in the table.
pub fn model_shapes() -> Result<Vec<ModelShape>, GpuError> {
    let mut reader = csv::Reader::from_reader(BUNDLED.as_bytes());
    let mut shapes = Vec::new();
    for row in reader.deserialize::<Row>() {
        let row = row.map_err(|error| GpuError::File {
            file: "model_shapes.csv".into(),
            detail: error.to_string(),
            hint: "restore the bundled table",
        })?;
        let shape = ModelShape {
            name: row.name,
            parameters: row.parameters,
            active_parameters: row.active_parameters,
            layers: row.layers,
            hidden: row.hidden,
            heads: row.heads,
            kv_heads: row.kv_heads,
            head_dim: row.head_dim,
            vocab: row.vocab,
            tied_embeddings: row.tied_embeddings,
            experts: row.experts,
            experts_per_token: row.experts_per_token,
            context_limit: row.context_limit,
            window_layers: row.window_layers,
            window_tokens: row.window_tokens,
            expert_layers: row.expert_layers,
            latent_cache: row.latent_cache,
            dense_bits: row.dense_bits,
            weight_bits: 16.0,
            weight_format: WeightFormat::Float16,
            kv_bits: 16.0,
        };
        shape.check()?;
        shapes.push(shape);
    }
    Ok(shapes)
}

/// The bundled shape of that name, ignoring case.
pub fn model_shape(name: &str) -> Result<ModelShape, GpuError> {
    let shapes = model_shapes()?;
    let known = shapes.iter().map(|shape| shape.name.as_str()).collect::<Vec<_>>().join(", ");
    let found = shapes.iter().find(|shape| shape.name.eq_ignore_ascii_case(name.trim()));
    found.cloned().ok_or_else(|| GpuError::UnknownModel { name: name.into(), known })
}
