//! What can be wrong with a compilation: the checkpoint, the plan, or the folder.

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Checkpoint(#[from] hardwire_models::Error),
    #[error(transparent)]
    Chip(#[from] hardwire_netlist::Error),
    #[error("option {option}: {what}")]
    Option { option: &'static str, what: String },
    #[error("{path}: {what}")]
    Model { path: String, what: String },
    /// A part of a compilation that does not belong to the others.
    #[error("{folder}: {what}")]
    Shard { folder: String, what: String },
    /// The die of another chip has no room for these weights.
    #[error("{path}: {what}")]
    Die { path: String, what: String },
}

impl Error {
    pub(crate) fn option(option: &'static str, what: impl Into<String>) -> Self {
        Error::Option { option, what: what.into() }
    }

    /// `what` needs more bits than the base die has.
    pub(crate) fn fit(path: &str, what: &str, needs: u32, has: u32, margin: &str) -> Self {
        let more = needs.saturating_sub(has);
        let what = format!(
            "{what} need {needs} bits, and the base die has {has}: a base compiled with {more} more of --margin {margin} would take them"
        );
        Error::Die { path: path.into(), what }
    }

    pub(crate) fn model(path: &str, what: impl Into<String>) -> Self {
        Error::Model { path: path.into(), what: what.into() }
    }
}
