//! Where the chip's error comes from, layer by layer: the residual stream on the chip beside the float model's, and beside chips that differ in
//! one thing only.
//!
//! - weights: the float model with the chip's weights, beside the float model;
//! - activations: the chip, beside one whose matrices take 16-bit activations;
//! - KV: that one, beside one that also keeps 12-bit keys and values;
//! - tables: that one, beside the float model with the chip's weights: what is left to tables, fixed-point formats and clamps.

use crate::{Error, Result};
use hardwire_compiler::chip_weights;
use hardwire_models::{Checkpoint, FloatModel, Op};
use hardwire_netlist::{Chip, UnitKind};
use hardwire_sim::engine::Engine;
use serde::Serialize;
use std::collections::BTreeMap;

/// Error energy over signal energy of the residual after one addition, by cause.
#[derive(Clone, Debug, Serialize)]
pub struct Layer {
    pub path: String,
    /// Chip beside float.
    pub total: f64,
    pub weights: f64,
    pub activations: f64,
    pub kv: f64,
    pub tables: f64,
    /// Values clamped by the units since the last addition.
    pub saturations: u64,
}

/// Streams by path, `[tokens, width]`.
type Streams = BTreeMap<String, Vec<f64>>;

/// Traces the first tokens of a text through `chip`, which was compiled from `checkpoint`.
pub fn trace(checkpoint: &Checkpoint, chip: &Chip, ids: &[u32]) -> Result<Vec<Layer>> {
    if chip.model().digest != checkpoint.digest() {
        let what = format!("made from another checkpoint than {}; trace it beside its own", checkpoint.source());
        return Err(Error::file(&chip.folder, what));
    }
    let graph = checkpoint.graph();
    let order: Vec<_> = graph.topological_order().into_iter().map(|id| &graph.graph[id]).collect();
    let kept = |path: &str| order.iter().any(|n| n.path == path && matches!(n.op, Op::Add));
    let float = FloatModel::new(checkpoint)?;
    let mut exact = Streams::new();
    float.forward_probed(&mut float.start(), ids, &mut |path, v| {
        if kept(path) {
            exact.insert(path.into(), v.iter().map(|&x| f64::from(x)).collect());
        }
    })?;
    let mut weights = Streams::new();
    let ours = float.with_matrices(&mut |path| chip_weights(checkpoint, chip, path))?;
    ours.forward_probed(&mut ours.start(), ids, &mut |path, v| {
        if kept(path) {
            weights.insert(path.into(), v.iter().map(|&x| f64::from(x)).collect());
        }
    })?;
    let (full, clamps) = on_chip(chip, ids, &kept)?;
    let (wide, _) = on_chip(&widened(chip, false)?, ids, &kept)?;
    let (widest, _) = on_chip(&widened(chip, true)?, ids, &kept)?;
    let mut layers = Vec::new();
    let mut clamped = 0;
    for node in order {
        clamped += clamps.get(&node.path).copied().unwrap_or(0);
        let Some(signal) = exact.get(&node.path) else { continue };
        let energy: f64 = signal.iter().map(|x| x * x).sum();
        let apart = |a: &Streams, b: &Streams| -> Result<f64> {
            let of = |s: &'_ Streams| s.get(&node.path).cloned().ok_or_else(|| Error::asked(&node.path, "the chip has no such unit"));
            Ok(of(a)?.iter().zip(of(b)?).map(|(x, y)| (x - y) * (x - y)).sum::<f64>() / energy.max(f64::MIN_POSITIVE))
        };
        layers.push(Layer {
            path: node.path.clone(),
            total: apart(&full, &exact)?,
            weights: apart(&weights, &exact)?,
            activations: apart(&full, &wide)?,
            kv: apart(&wide, &widest)?,
            tables: apart(&widest, &weights)?,
            saturations: std::mem::take(&mut clamped),
        });
    }
    Ok(layers)
}

/// Streams of the kept units as real numbers, and what every unit clamped.
fn on_chip(chip: &Chip, ids: &[u32], kept: &dyn Fn(&str) -> bool) -> Result<(Streams, BTreeMap<String, u64>)> {
    let engine = Engine::new(chip);
    let mut state = engine.start();
    let mut out = Streams::new();
    engine.block_probed(&mut state, 0, ids, &mut |_, id, values| {
        let unit = chip.netlist().unit(id);
        if kept(&unit.path) {
            out.entry(unit.path.clone()).or_default().extend(values.iter().map(|&x| unit.out.value(i64::from(x))));
        }
    })?;
    let clamps = chip.netlist().units().zip(&state.saturations).map(|((_, u), n)| (u.path.clone(), *n)).collect();
    Ok((out, clamps))
}

/// The same chip with 16-bit activations into its matrices, and with `kv` into its cache 12-bit keys and values.
fn widened(chip: &Chip, kv: bool) -> Result<Chip> {
    let mut wide = Chip::open(&chip.folder)?;
    for unit in wide.structure.netlist.graph.node_weights_mut() {
        match &mut unit.kind {
            UnitKind::RowFeed(s) => {
                s.act_bits = 16;
                unit.out.bits = 16;
            }
            UnitKind::Mvm(s) => {
                let more = 16 - s.act_bits;
                (s.act_bits, s.acc_bits, s.tot_bits) = (16, s.acc_bits + more, s.tot_bits + more);
            }
            UnitKind::Attention(s) => {
                s.act_bits = 16;
                if kv {
                    s.kv_bits = 12;
                }
            }
            _ => {}
        }
    }
    Ok(wide)
}
