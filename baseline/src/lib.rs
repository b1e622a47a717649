//! What a chip is held against: devices that fetch their weights for every token, and the books of a token factory.
//!
//! - [`gpu`]: decode, prefill, saturated serving and power of GPUs, validated against published measurements.
//! - [`economics`]: what a token costs on units of any kind, given their speed, power and price.
//! - [`mod@headline`]: one user, a full queue and a prompt-heavy one at the wall, beside a hardwired chip as its service reports it.
//!
//! Nothing of ours is imported: a chip comes in as plain numbers. Formulas, fit and errors: `docs/baseline.md`.
//!
//! ```
//! use hardwire_baseline::gpu::{self, Parallel, Workload};
//!
//! let device = gpu::find("H100 SXM")?;
//! let model = gpu::model_shape("Llama-3.1-8B")?;
//! let one = gpu::decode(&device, &model, &Workload::new(1, 1000, 1000), Parallel::ONE)?;
//! // No software passes bandwidth over bytes.
//! assert!(one.tokens_per_s.value < one.ceiling_tokens_per_s_per_user.value);
//! # Ok::<(), gpu::GpuError>(())
//! ```

pub mod economics;
pub mod gpu;
pub mod headline;

pub use hardwire_figure::{Figure, Provenance};

/// Bytes of a table that a user gives: a thousand times the largest bundled one.
pub(crate) const MOST_TABLE: u64 = 64 << 20;
