//! What can be wrong with an input of the GPU baseline, said with its place and a way out.

use thiserror::Error;

/// Every refusal of [`crate::gpu`]. Each names the file, row or field and what was expected.
#[derive(Debug, Error)]
pub enum GpuError {
    /// A device name that no entry carries.
    #[error("unknown device `{name}`; hint: one of {known}")]
    UnknownDevice { name: String, known: String },

    /// A link name that no entry carries.
    #[error("unknown link `{name}`; hint: one of {known}")]
    UnknownLink { name: String, known: String },

    /// A device name that several entries carry.
    #[error("`{name}` names several devices: {matches}; hint: give more of the name")]
    AmbiguousDevice { name: String, matches: String },

    /// A model name that no entry carries.
    #[error("unknown model `{name}`; hint: one of {known}, or give its shape")]
    UnknownModel { name: String, known: String },

    /// A field outside the range that has a meaning.
    #[error("{owner}: field `{field}` is {value}, expected {expected}")]
    Field { owner: String, field: &'static str, value: String, expected: &'static str },

    /// A row of a table that cannot be read.
    #[error("{file}, row {row}: field `{field}` is `{value}`, expected {expected}")]
    Row { file: String, row: usize, field: String, value: String, expected: &'static str },

    /// A cell of a file from outside.
    #[error("{file}, line {line}, column `{column}`: `{value}`, expected {expected}")]
    Cell { file: String, line: u64, column: String, value: String, expected: &'static str },

    /// A file that is not in its format at all.
    #[error("{file}: {detail}; hint: {hint}")]
    File { file: String, detail: String, hint: &'static str },

    /// More bytes than the memory holds.
    #[error(
        "{model} with {batch} sequences of {context_tokens} tokens needs {needed_gb:.1} GB and {devices} x {device} \
         offer {available_gb:.1} GB; hint: {devices_needed} devices would hold it, or at most {batch_that_fits} sequences"
    )]
    DoesNotFit {
        model: String,
        device: String,
        devices: u32,
        batch: u32,
        context_tokens: u32,
        needed_gb: f64,
        available_gb: f64,
        devices_needed: u64,
        batch_that_fits: u32,
    },

    /// A context that the model was not trained for.
    #[error("{model}: {tokens} tokens of context asked, {limit} is the model's limit; hint: shorten prompt or output")]
    PastContext { model: String, tokens: u64, limit: u32 },

    /// No batch meets the latency asked.
    #[error("{device}: the fastest token takes {fastest_ms:.3} ms, {target_ms:.3} ms was asked; hint: use more devices or fewer bits")]
    TooSlow { device: String, fastest_ms: f64, target_ms: f64 },

    /// Too few measurements to fit to.
    #[error("{file}: {have} usable rows of token generation, at least {need} needed; hint: run llama-bench with -n 128 on one model")]
    TooFewRows { file: String, have: usize, need: usize },

    /// A split over devices that the model's shape does not allow.
    #[error("{model}: cannot split {what} {have} ways over {ways} devices; hint: use at most {have}")]
    Split { model: String, what: &'static str, have: u32, ways: u32 },
}

/// What is wrong with a TOML text, in one line.
pub fn toml_detail(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().replace('\n', " ");
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {message}", before.matches('\n').count() + 1),
        None => message,
    }
}

/// Refuses anything that is not a finite number above zero.
pub(crate) fn positive(owner: &str, field: &'static str, value: f64) -> Result<(), GpuError> {
    within(owner, field, value, f64::MIN_POSITIVE, f64::MAX, "a finite number above 0")
}

/// Refuses anything that is not a finite number of at least zero.
pub(crate) fn not_negative(owner: &str, field: &'static str, value: f64) -> Result<(), GpuError> {
    within(owner, field, value, 0.0, f64::MAX, "a finite number of at least 0")
}

/// Refuses anything outside `(0, 1]`.
pub(crate) fn fraction(owner: &str, field: &'static str, value: f64) -> Result<(), GpuError> {
    within(owner, field, value, f64::MIN_POSITIVE, 1.0, "a fraction above 0 and at most 1")
}

fn within(owner: &str, field: &'static str, value: f64, low: f64, high: f64, expected: &'static str) -> Result<(), GpuError> {
    if value.is_finite() && (low..=high).contains(&value) {
        return Ok(());
    }
    Err(GpuError::Field { owner: owner.into(), field, value: value.to_string(), expected })
}
