//! The GPU baseline: what a device that fetches its weights for every token achieves.
//!
//! In order:
//! 1. [`device`]: what datasheets offer, as data with sources.
//! 2. [`shape`]: what is asked, a model's shape, a workload, a split over devices.
//! 3. [`calibration`]: what software achieves of a datasheet, a few knobs.
//! 4. [`step`]: one pass through the model, operator by operator; [`link`]: what a split costs; [`capacity`]: what fits.
//! 5. [`decode`](mod@decode): one batch; [`serve`](mod@serve): a full queue; [`power`]: watts and joules.
//! 6. [`validate`](mod@validate): all of it against published measurements; [`llama_bench`]: against the user's own; `refit`: the constants from the rows; `peers`: how others do.
//! 7. [`speculate`](mod@speculate): drafts that something else makes, verified; [`host_link`]: what lies between the two.
//! 8. [`service`]: accelerators known only by what they serve.
//!
//! `docs/baseline.md` has the formulas, the fit and its errors. Nothing of our chip may come in here.

pub mod calibration;
pub mod capacity;
pub mod decode;
pub mod device;
mod error;
pub mod host_link;
pub mod link;
pub mod llama_bench;
pub mod measured;
mod measured_energy;
mod peers;
pub mod power;
mod predict;
mod refit;
mod rows;
mod search;
pub mod serve;
pub mod service;
pub mod shape;
mod shape_table;
pub mod speculate;
pub mod step;
pub mod validate;

pub use calibration::{Achieved, Calibration, Knob, PowerCosts};
pub use capacity::{Capacity, capacity};
pub use decode::{DecodeEstimate, PrefillEstimate, crossover_batch, decode, decode_achieved, decode_with, prefill, prefill_achieved};
pub use device::{Device, Link, LinkClass, MemoryClass, PriceRange, devices, devices_from_file, find, find_in};
pub use error::{GpuError, toml_detail};
pub use host_link::{HostLink, host_links};
pub use llama_bench::{BenchRow, FittedRow, MeasuredFit, fit_measured};
pub use measured::{Class, Measured, measured, parse_measured};
pub use measured_energy::{Boundary, MeasuredEnergy, measured_energy, parse_measured_energy};
pub use peers::{Peer, peers};
pub use power::{EnergySplit, Power, Wall, wall};
pub use refit::{Fit, LeftOut, Whole, leave_each_out, leave_out, refit};
pub use serve::{ServeEstimate, serve, serve_split};
pub use service::{Service, services};
pub use shape::{ModelShape, Parallel, Stack, WeightFormat, Workload};
pub use shape_table::{model_shape, model_shapes};
pub use speculate::{Draft, Speculated, speculate, speculate_queue};
pub use step::{Bound, StepTimes, StepWork};
pub use validate::{
    EnergyOutcome, EnergyValidation, Family, Half, Outcome, SetAside, Summary, Validation, validate, validate_energy, validate_energy_rows,
    validate_rows,
};
