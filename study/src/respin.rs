//! The same die with other weights: what room for them costs, and which stored bits they change.

use crate::price::prices;
use crate::sources::die_area_mm2_of;
use crate::{Error, Result};
use hardwire_baseline::economics::{Assumption, Input};
use hardwire_compiler::shape::{self, Shape};
use hardwire_compiler::{Margin, Options, technology};
use hardwire_netlist::diff::{self, Bits, TensorBits};
use hardwire_netlist::{Chip, Figure};
use rayon::prelude::*;
use serde::Serialize;

/// Area that the margin of `options` takes of a die of this shape, beside one without; `None` without margin.
///
/// # Errors
/// Those of a plan.
pub fn price_of_margin(shape: &Shape, options: &Options) -> Result<Option<Figure>> {
    // Bits shared out under a budget are not planned without weights, and no margin changes how many there are.
    let options = Options { average_bits: None, ..options.clone() };
    if options.margin == Margin::default() {
        return Ok(None);
    }
    let area = |options: &Options| -> Result<Figure> {
        let chip = shape::plan(shape, options)?;
        Ok(die_area_mm2_of(&chip.floorplan(&technology::node(&chip.plan.node)?)))
    };
    let (with, without) = (area(&options)?, area(&Options { margin: Margin::default(), ..options.clone() })?);
    Ok(Some(Figure { value: with.value - without.value, ..with }))
}

/// What is in ROM on two chips of one die.
#[derive(Clone, Debug, Serialize)]
pub struct StoredBits {
    pub all: Bits,
    pub tensors: Vec<TensorBits>,
}

/// Counts the stored bits that differ, tensor by tensor and ROM by ROM.
///
/// # Errors
/// The first unit whose silicon differs: then the two share no die.
pub fn stored_bits(a: &Chip, b: &Chip) -> Result<StoredBits> {
    if let Some(other) = diff::silicon(a.netlist(), b.netlist()) {
        return Err(Error::asked("not of one die", other.to_string()));
    }
    let units: Vec<_> = a.netlist().units().map(|(id, _)| id).collect();
    let tensors: Vec<TensorBits> = units.into_par_iter().flat_map_iter(|id| diff::bits(a, b, id)).collect();
    Ok(StoredBits { all: tensors.iter().map(|t| t.all).sum(), tensors })
}

/// What the masks of a program cost at a node, and how long chips of it take to come: USD a die, and weeks.
///
/// # Errors
/// A node that has no prices.
pub fn masks(node: &str) -> Result<[Assumption; 2]> {
    let prices = prices(node)?;
    Ok([Input::RespinMasksUsd, Input::RespinWeeks].map(|input| prices.get(input).clone()))
}
