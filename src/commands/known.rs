//! A model without weights, as commands take it: a configuration, or the name of a known model.

use anyhow::Result;
use hardwire_models::{KnownShape, Shape};
use std::path::Path;

/// A model without weights: a `config.json` by any name, or a known model where no file has that name.
pub fn shape(source: &Path) -> Result<Option<Shape>> {
    if source.extension().is_some_and(|e| e == "json") {
        return Ok(Some(Shape::open(source)?));
    }
    let known = if source.exists() { None } else { KnownShape::find(&source.to_string_lossy()) };
    Ok(known.map(|known| Shape::from_json(known.json.as_bytes(), known.name, known.name.as_ref())).transpose()?)
}

/// What is planned: a known model by its name, or what [`Shape::open`] takes.
pub fn planned(source: &Path) -> Result<Shape> {
    Ok(shape(source)?.map_or_else(|| Shape::open(source), Ok)?)
}
