//! `hardwire models`: the shapes of published models that the program knows by name.

use crate::cli::Global;
use crate::out::{self, out};
use crate::report::number;
use crate::table::Table;
use anyhow::Result;
use hardwire_models::SHAPES;
use serde_json::json;

pub fn run(global: &Global) -> Result<()> {
    if global.json {
        let mut all = Vec::new();
        for shape in SHAPES {
            all.push(json!({"name": shape.name, "source": shape.source(), "config": shape.config()?}));
        }
        out::json(&all)?;
        return Ok(());
    }
    let mut table = Table::new(&["model", "parameters", "layers", "hidden", "context", "source of the shape"]);
    for shape in SHAPES {
        let c = shape.config()?;
        table.row([
            shape.name.into(),
            number(c.parameters as f64).into(),
            (c.layers as u32).into(),
            c.hidden.to_string().into(),
            c.context.to_string().into(),
            shape.source().into(),
        ]);
    }
    out!("{}", table.text());
    Ok(())
}
