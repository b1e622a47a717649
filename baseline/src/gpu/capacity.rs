//! What fits: weights plus cached keys and values against memory.

use serde::Serialize;

use super::device::Device;
use super::error::GpuError;
use super::shape::{ModelShape, Parallel, Workload};

/// Memory of a group of devices against what a workload keeps in it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Capacity {
    pub weights_gb: f64,
    pub cache_gb_per_sequence: f64,
    pub available_gb: f64,
    /// Most sequences of the workload's context that fit.
    pub max_batch: u32,
}

/// What fits of `model` and `workload` on `parallel` devices.
pub fn capacity(device: &Device, model: &ModelShape, workload: &Workload, parallel: Parallel) -> Capacity {
    let cache_ways = model.cache_ways(parallel.tensor) * parallel.pipeline * parallel.data;
    let repeats = f64::from(parallel.devices()) / f64::from(cache_ways);
    // Every attention-parallel rank holds all weights outside the experts.
    let outside = (model.parameters - model.expert_parameters()) * model.outer_bits() / 8.0;
    let weights_gb = (model.weight_bytes() + f64::from(parallel.data - 1) * outside) * 1e-9;
    let cache_gb = model.kv_bytes(f64::from(workload.context_tokens.max(1))) * repeats * 1e-9;
    let available_gb = workload.available_gb(device.memory_gb * f64::from(parallel.devices()), weights_gb);
    let room = ((available_gb - weights_gb) / cache_gb).max(0.0);
    // `as` saturates, which is what a batch past u32 should do.
    let max_batch = room.floor() as u32;
    Capacity { weights_gb, cache_gb_per_sequence: cache_gb, available_gb, max_batch }
}

/// [`capacity`], refused where the workload's batch does not fit.
pub fn check_capacity(device: &Device, model: &ModelShape, workload: &Workload, parallel: Parallel) -> Result<Capacity, GpuError> {
    let capacity = capacity(device, model, workload, parallel);
    if workload.batch <= capacity.max_batch {
        return Ok(capacity);
    }
    let needed_gb = capacity.weights_gb + capacity.cache_gb_per_sequence * f64::from(workload.batch);
    Err(GpuError::DoesNotFit {
        model: model.name.clone(),
        device: device.name.clone(),
        devices: parallel.devices(),
        batch: workload.batch,
        context_tokens: workload.context_tokens,
        needed_gb,
        available_gb: capacity.available_gb,
        devices_needed: devices_needed(device, workload, capacity.weights_gb, needed_gb),
        batch_that_fits: capacity.max_batch,
    })
}

/// Devices whose memory together holds weights and cache, however they are split.
fn devices_needed(device: &Device, workload: &Workload, weights_gb: f64, needed_gb: f64) -> u64 {
    // What a device more adds is alike from the first that leaves room on.
    let with_room = (weights_gb / device.memory_gb).ceil().max(1.0);
    let room = workload.available_gb(with_room * device.memory_gb, weights_gb);
    let further = ((needed_gb - room) / (device.memory_gb * workload.memory_fraction)).ceil().max(0.0);
    (with_room + further) as u64
}
