//! What can go wrong, by file, field or resource.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Netlist(#[from] hardwire_netlist::Error),
    #[error(transparent)]
    Compiler(#[from] hardwire_compiler::Error),
    #[error(transparent)]
    Models(#[from] hardwire_models::Error),
    #[error(transparent)]
    Verilog(#[from] hardwire_rtl_gen::Error),
    #[error("board {board}: {field}: {what}")]
    Board { board: String, field: &'static str, what: String },
    #[error("{board}: {what}")]
    DoesNotFit { board: String, what: String },
    #[error("option {option}: {what}")]
    Option { option: &'static str, what: String },
    #[error("{path}: {what}")]
    Data { path: &'static str, what: String },
    #[error("{tool}: {what}")]
    Tool { tool: String, what: String },
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error("the board: {0}")]
    Talk(String),
}
