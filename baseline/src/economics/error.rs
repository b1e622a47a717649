//! What can be wrong with the books' inputs, said with its place.

use thiserror::Error;

use crate::gpu::GpuError;

/// Every refusal of [`crate::economics`].
#[derive(Debug, Error)]
pub enum EconomicsError {
    /// A figure outside the range that has a meaning.
    #[error("{owner}: field `{field}` is {value}, expected {expected}")]
    Field { owner: String, field: String, value: String, expected: String },

    /// An input file that cannot be read.
    #[error("{file}: {detail}; hint: {hint}")]
    File { file: String, detail: String, hint: &'static str },

    /// A name that the table does not have.
    #[error("{file}: unknown {what} `{name}`; hint: one of {known}")]
    Unknown { file: String, what: &'static str, name: String, known: String },

    /// A die that no wafer or reticle takes.
    #[error("{name}: a die of {die_mm2} mm2 is past the reticle's {limit_mm2} mm2; hint: split the model over more dies")]
    Reticle { name: String, die_mm2: f64, limit_mm2: f64 },

    /// A site too small for one unit.
    #[error("{name}: one unit takes {unit_kw:.2} kW at the meter, the site has {site_kw:.2} kW; hint: raise `site_mw`")]
    SiteTooSmall { name: String, unit_kw: f64, site_kw: f64 },

    /// The GPU side refused.
    #[error(transparent)]
    Gpu(#[from] GpuError),
}

/// Refuses anything that is not a finite number within `low..=high`.
pub(crate) fn within(owner: &str, field: &str, value: f64, low: f64, high: f64) -> Result<(), EconomicsError> {
    if value.is_finite() && (low..=high).contains(&value) {
        return Ok(());
    }
    let expected = match (low, high) {
        (f64::MIN_POSITIVE, f64::MAX) => "a finite number above 0".to_owned(),
        (low, f64::MAX) => format!("a finite number of at least {low}"),
        (f64::MIN_POSITIVE, high) => format!("above 0 and at most {high}"),
        (low, high) => format!("between {low} and {high}"),
    };
    Err(EconomicsError::Field { owner: owner.into(), field: field.into(), value: value.to_string(), expected })
}

/// Refuses anything that is not a finite number above zero.
pub(crate) fn positive(owner: &str, field: &str, value: f64) -> Result<(), EconomicsError> {
    within(owner, field, value, f64::MIN_POSITIVE, f64::MAX)
}
