//! The one error of this crate. The window shows these; nothing here prints.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Chip(#[from] hardwire_netlist::Error),
    #[error("{path}: {source}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{path}: no PNG could be written: {source}")]
    Png { path: PathBuf, source: png::EncodingError },
    #[error("{path}: {what}")]
    Place { path: String, what: String },
    #[error("size of {width} x {height} pixels: each side must be between 64 and 8192")]
    Size { width: u32, height: u32 },
    #[error("no window: {0}; hint: --screenshot FILE paints a picture without one")]
    Window(String),
    #[error("the view still changes after {0} seconds")]
    Unsettled(u64),
}
