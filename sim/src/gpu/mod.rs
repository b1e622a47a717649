//! The GPU baseline: what a device that fetches its weights for every token achieves.
//!
//! In order:
//! 1. [`device`]: what datasheets offer, as data with sources.
//! 2. [`shape`]: what is asked, a model's shape, a workload, a split over devices.
//! 3. [`calibration`]: what software achieves of a datasheet, a few knobs.
//! 4. [`step`]: one pass through the model, operator by operator; [`link`]: what a split costs; [`capacity`]: what fits.
//! 5. [`decode`](mod@decode): tokens a second and energy of one batch.
//!
//! `docs/baseline.md` has the formulas, the fit and its errors. Nothing of our chip may come in here.

pub mod calibration;
pub mod capacity;
pub mod decode;
pub mod device;
mod error;
pub mod link;
pub mod power;
pub mod shape;
pub mod step;

pub use calibration::{Achieved, Calibration, Knob};
pub use capacity::{Capacity, capacity};
pub use decode::{DecodeEstimate, PrefillEstimate, crossover_batch, decode, decode_achieved, decode_with, prefill, prefill_achieved};
pub use device::{Device, Link, LinkClass, MemoryClass, PriceRange, devices, devices_from_file, find, find_in};
pub use error::GpuError;
pub use power::{EnergySplit, Power};
pub use shape::{ModelShape, Parallel, Stack, WeightFormat, Workload};
pub use step::{Bound, StepTimes, StepWork};
